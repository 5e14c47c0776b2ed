"""Batches and windows to one table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from .columns import TEXT, arrow_field, arrow_schema, arrow_type, convert, misfits
from .drift import EXAMPLES, Drift

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..reports.schemas import Column, Schema


def assemble(tables: Sequence[pa.Table], schema: Schema) -> pa.Table:
    """Put the windows of one pull together.

    Parameters
    ----------
    tables : sequence of pyarrow.Table
        In order; may be empty.
    schema : Schema
        Says which columns every table has, and which one is the time.

    Returns
    -------
    pyarrow.Table
        The catalogue's columns, then the others, null where a window lacks them: unexpected ones,
        which are text, and those of another payload version, which keep their type. Rows are in the
        order given, unless the report's time column goes back somewhere: then they are sorted by
        it, and rows of equal time keep their order. Nothing is copied when nothing has to be
        sorted.
    """
    table = stack(tables, schema)
    time = schema.time_column
    if time is None or _in_order(table.column(time)):
        return table
    return table.take(pc.sort_indices(table, sort_keys=[(time, "ascending")]))


def stack(parts: Sequence[pa.Table], schema: Schema) -> pa.Table:
    """Put tables below one another, in the order given.

    Parameters
    ----------
    parts : sequence of pyarrow.Table
        May differ in their unexpected columns.
    schema : Schema
        The columns to come first, present even when there is no part.

    Returns
    -------
    pyarrow.Table
    """
    expected = arrow_schema(schema)
    final = list(expected)
    for field in dict.fromkeys(field for part in parts for field in part.schema):
        known = [f for f in final if f.name == field.name]
        if not known:
            final.append(field)
        elif field.name not in expected.names and known[0].type != field.type:
            final[final.index(known[0])] = pa.field(field.name, TEXT)
    target = pa.schema(final, metadata=expected.metadata)
    if not final:  # rows without a column: `concat_tables` forgets their number
        batches = [batch for part in parts for batch in part.to_batches()]
        return pa.Table.from_batches(batches, target)
    tables = [fit(part, target) for part in parts]
    return pa.concat_tables(tables) if tables else target.empty_table()


def typed(table: pa.Table, known: Mapping[str, Column]) -> tuple[pa.Table, Drift]:
    """Give text the type that another payload version knows a column of this name to have.

    Parameters
    ----------
    table : pyarrow.Table
        Its times without a zone are in UTC.
    known : mapping of str to Column
        By name in the table.

    Returns
    -------
    pyarrow.Table
    Drift
        What did not fit.
    """
    drift = Drift()
    for at, field in enumerate(table.schema):
        column = known.get(field.name)
        if column and field.type != arrow_type(column):
            before = table.column(at)
            parts = [convert(part, column, "UTC") for part in before.chunks]
            after = pa.chunked_array(parts, arrow_type(column))
            table = table.set_column(at, arrow_field(column), after)
            if (lost := misfits(before, after)) is not None:
                examples = tuple(lost.unique()[:EXAMPLES].to_pylist())
                drift += Drift(unparsed={field.name: (len(lost), examples)})
    return table, drift


def fit(table: pa.Table, target: pa.Schema) -> pa.Table:
    """Return a table with the columns of `target`, null where it has none."""
    if table.schema.equals(target, check_metadata=True):
        return table
    columns = [
        table.column(field.name).cast(field.type)
        if field.name in table.column_names
        else pa.nulls(table.num_rows, field.type)
        for field in target
    ]
    return pa.Table.from_arrays(columns, schema=target)


def _in_order(times: pa.ChunkedArray) -> bool:
    """Tell whether times never go back; missing ones count as latest."""
    last = -(2**63)
    for part in times.chunks:
        if len(part):
            moments = part.cast(pa.int64()).fill_null(2**63 - 1).to_numpy()
            if moments[0] < last or (moments[1:] < moments[:-1]).any():
                return False
            last = moments[-1]
    return True
