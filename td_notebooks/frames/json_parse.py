"""A piece of JSON rows to columns, in pyarrow's hands."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.json as pajson

from .columns import TEXT, blank_to_null
from .feed import is_utf8
from .json_scan import Fraction, Whole

if TYPE_CHECKING:
    from ..reports.schemas import Column

_ITEMS = pa.list_(TEXT)
# How a person would call what JSON has, and what the parser is asked for.
WRITTEN: dict[type, str] = {
    str: "text",
    Whole: "numbers",
    Fraction: "numbers",
    bool: "true and false",
    list: "lists",
    dict: "objects",
}
EXPECTED = {
    None: "text",
    TEXT: "text",
    pa.int64(): "numbers",
    pa.float64(): "numbers",
    pa.bool_(): "true and false",
    _ITEMS: "lists",
}


def parse(rows: memoryview, fields: list[pa.Field], *, array: bool) -> pa.Table | None:
    """Parse a piece with pyarrow; None when it holds something else than asked for.

    That includes a key that was not seen before: pyarrow would make a column of every key of a row,
    so a piece whose rows all have keys of their own would take its size squared.
    """
    piece = b"".join((b'{"":[', rows, b"]}")) if array else bytes(rows)
    if array:
        fields = [pa.field("", pa.list_(pa.struct(fields)))]
    try:
        table = pajson.read_json(
            pa.BufferReader(piece),
            read_options=pajson.ReadOptions(block_size=len(piece) + 1, use_threads=False),
            parse_options=pajson.ParseOptions(
                explicit_schema=pa.schema(fields), unexpected_field_behavior="error"
            ),
        )
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):  # damaged, or written otherwise
        return None  # read row by row, it shows which
    if not is_utf8(piece):  # pyarrow.json does not look
        return None
    if array:
        if table.num_columns != 1 or table.num_rows != 1:
            return None
        structs = table.column(0).chunk(0).flatten()
        if structs.null_count:
            return None
        batch = pa.RecordBatch.from_struct_array(structs)
    else:
        batch = table.to_batches()[0]  # one block, one batch
    columns: dict[str, pa.Array] = {}
    for name, values in zip(batch.schema.names, batch.columns, strict=True):
        if values.null_count < len(values):
            is_text = pa.types.is_string(values.type) or pa.types.is_large_string(values.type)
            columns[name] = blank_to_null(values.cast(TEXT)) if is_text else values
    return table_of(columns, batch.num_rows)


def type_for(column: Column | None, marks: set[type]) -> pa.DataType | None:
    """Return the type to ask of the parser; None when it has none that keeps the spelling."""
    usual = usual_type(column)
    if marks == {str} or (column is None and not marks):
        return TEXT
    if marks == {bool}:
        return pa.bool_()
    if marks == {list}:
        return _ITEMS
    if marks == {Whole}:
        return usual if usual == pa.float64() else pa.int64()
    if marks and marks <= {Whole, Fraction}:
        return pa.float64() if column and column.kind != "text" else None
    return usual


def usual_type(column: Column | None) -> pa.DataType | None:
    """Return the type to ask of the parser for a column that keeps to the catalogue."""
    if column is None:
        return None
    if column.kind == "number" or column.encoding in ("day fraction", "fine day fraction"):
        return pa.float64()
    if column.kind == "integer" or column.encoding in ("seconds", "minutes"):
        return pa.int64()
    if column.encoding == "true/false":
        return pa.bool_()
    return _ITEMS if column.encoding == "json array" else TEXT


def table_of(columns: dict[str, pa.Array], rows: int) -> pa.Table:
    """Build a table that knows its rows even when it has no column."""
    if not columns:
        structs = pa.array([{}] * rows, pa.struct([]))
        return pa.Table.from_batches([pa.RecordBatch.from_struct_array(structs)])
    return pa.table(columns)
