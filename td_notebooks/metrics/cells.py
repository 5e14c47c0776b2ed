"""Rows sorted into cells, one for each combination of keys, and added up there.

Frames that are in memory are counted here, by numbers: a cell's number is worked out for all rows
at once, and adding up is then one pass. Engines that keep their rows elsewhere (DuckDB, Dask,
PySpark, lazy polars) group by themselves, so that only the result travels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import narwhals as nw
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .kinds import collected, encoded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from .kinds import Seconds

How = Literal["sum", "max"]
#: Numbers that cells may have for each row there is, before they are packed.
ROOM = 8


@dataclass(frozen=True, slots=True)
class Cells:
    """The cells that rows lie in.

    Attributes
    ----------
    number : ndarray
        The cell of each row.
    many : int
        How many numbers there are; not every one is taken.
    taken : ndarray
        The numbers of cells that have a row, in order.
    keys : pyarrow.Table
        The keys of those cells.
    """

    number: Seconds
    many: int
    taken: Seconds
    keys: pa.Table

    @classmethod
    def of(cls, keys: pa.Table) -> Cells:
        """Sort rows into cells by their keys, of which there is at least one."""
        rows = len(keys)
        number, many = np.zeros(rows, np.int64), 1
        for values in keys.columns:
            code, different = _coded(values)
            number = code.astype(np.int64) if many == 1 else number * different + code
            many *= different
            if many > ROOM * rows + 1024:
                used, number = np.unique(number, return_inverse=True)
                many = len(used)
        example = np.full(many, -1, np.int64)
        example[number] = np.arange(rows)
        taken = np.flatnonzero(example >= 0)
        return cls(number, many, taken, keys.take(pa.array(example[taken])))


def _coded(values: pa.ChunkedArray) -> tuple[NDArray[np.integer[Any]], int]:
    """Return a number for each distinct value, and how many numbers there may be."""
    if pa.types.is_int64(values.type) and len(values) and not values.null_count:
        numbers = values.to_numpy()
        low, high = int(numbers.min()), int(numbers.max())
        if high - low < ROOM * len(numbers):
            return numbers - low, high - low + 1
    code, distinct = encoded(values)
    return code, len(distinct)


def sorted_by(table: pa.Table, names: Sequence[str]) -> Seconds:
    """Return the places of a table's rows in the order of some columns, missing ones last."""
    plain = {
        name: values.dictionary_decode() if pa.types.is_dictionary(values.type) else values
        for name, values in ((name, table[name].combine_chunks()) for name in names)
    }
    order = pc.sort_indices(pa.table(plain), [(name, "ascending") for name in names])
    return np.asarray(order.to_numpy(), np.int64)


def tallied_here(keys: pa.Table, values: pa.Table, how: How) -> pa.Table:
    """Add up, or find the largest of, values in each cell; missing ones count for nothing.

    Parameters
    ----------
    keys, values : pyarrow.Table
        Of the same rows. The values are numbers; the sums of whole ones are whole.
    how : {"sum", "max"}

    Returns
    -------
    pyarrow.Table
        One row per combination of keys.
    """
    cells = Cells.of(keys)
    table = cells.keys
    for name in values.column_names:
        column = values[name].cast(pa.float64())
        if how == "sum":
            sums = np.bincount(cells.number, column.fill_null(0.0).to_numpy(), cells.many)
            whole = not pa.types.is_floating(values[name].type)
            result = pa.array(sums[cells.taken].astype(np.int64 if whole else np.float64))
        else:
            largest = np.full(cells.many, -np.inf)
            np.maximum.at(largest, cells.number, column.fill_null(-np.inf).to_numpy())
            result = pa.array(largest[cells.taken], mask=np.isneginf(largest[cells.taken]))
        table = table.append_column(name, result)
    return table


def added_up(values: pa.ChunkedArray, cell: Seconds, many: int) -> NDArray[np.float64]:
    """Add up numbers in each of `many` cells; missing ones count for nothing."""
    numbers = np.nan_to_num(values.cast(pa.float64()).fill_null(0).to_numpy())
    return np.bincount(cell, numbers, many).astype(np.float64)


def tallied_there(
    frame: nw.LazyFrame[Any], keys: Sequence[str], values: Sequence[str], how: How
) -> pa.Table:
    """Return the same of a frame whose engine groups by itself."""
    every = nw.col(*values)
    return collected(frame.group_by(*keys).agg(every.sum() if how == "sum" else every.max()))


def distinct_in(cell: Seconds, many: int, value: NDArray[np.integer[Any]]) -> Seconds:
    """Count the distinct values in each cell.

    Parameters
    ----------
    cell : ndarray
    many : int
        How many cells there are.
    value : ndarray
        Of the same length as `cell`, numbers from 0 on.
    """
    different = int(value.max(initial=0)) + 1
    pairs = np.sort(cell * different + value)
    first = np.concatenate([np.ones(min(1, len(pairs)), bool), pairs[1:] != pairs[:-1]])
    found: Seconds = np.bincount(pairs[first] // different, minlength=many)
    return found
