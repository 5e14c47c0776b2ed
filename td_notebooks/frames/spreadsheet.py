"""Tables for spreadsheets: Excel workbooks, and CSV that a spreadsheet does not take for formulas.

A workbook holds what the report holds. Text is a cell of text, whatever it looks like: a phone
number, ``007`` and ``=SUM(1)`` stay as they are, and so they do when somebody edits the cell. What
Excel has no room for is written as text or in one more column, never shortened:

- Excel knows no time zones. Times are dates in UTC, and their cells say so; a time finer than a
  millisecond, or before March 1900, is ISO text.
- Excel shows fifteen digits. Longer whole numbers are text.
- A cell holds 32,767 characters, as UTF-16 counts them. A longer text goes on in the column beside
  it: ``notes``, then ``notes (2)``.
- A sheet has 1,048,576 rows. For more there is an error before anything is written.

Limits: "Excel specifications and limits", support.microsoft.com. Formulas in CSV: "CSV Injection",
owasp.org.
"""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.compute as pc

from ..beside import beside
from ..errors import ConfigError
from ..extras import needed

SHEET_ROWS = 1_048_576  # the header is one of them
SHEET_COLUMNS = 16_384

# What a spreadsheet may take for the start of a formula, with what it may skip before it; some take
# full-width signs as well. A text that starts with apostrophes already gets one more, so that
# taking the first one away gives every text back.
_FORMULA = (
    r"^'*(?:[\t\r\n]|[\s\x00\x0b\x{a0}\x{3000}\x{feff}]*[=+\-@\x{ff1d}\x{ff0b}\x{ff0d}\x{ff20}])"
)


def neutralise(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Put an apostrophe before every text that a spreadsheet could take for a formula.

    Those are the texts whose first character, blanks apart, is ``=``, ``+``, ``-``, ``@`` or the
    full-width form of one, and those that start with a tab or a line end. Phone numbers such as
    ``+18443265295`` are among them. Numbers and times are left alone, so ``-5`` stays a number.

    Parameters
    ----------
    batch : pyarrow.RecordBatch

    Returns
    -------
    pyarrow.RecordBatch
        To undo it, take the first apostrophe from each text that starts with apostrophes and a
        formula.
    """
    columns = [_neutral(c) if _is_text(c.type) else c for c in map(plain, batch.columns)]
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)


def plain(column: Any) -> Any:
    """Return a column whose text is text: not a dictionary of categories, nor a view of text."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        kind, column = kind.value_type, column.cast(kind.value_type)
    return column.cast(pa.large_string()) if pa.types.is_string_view(kind) else column


def _neutral(text: pa.Array) -> pa.Array:
    found = pc.match_substring_regex(text, _FORMULA)
    if not pc.any(found).as_py():
        return text
    apostrophe, nothing = pa.scalar("'", text.type), pa.scalar("", text.type)
    return pc.if_else(found, pc.binary_join_element_wise(apostrophe, text, nothing), text)


def check_sheet(table: pa.Table) -> None:
    """Complain about a table that no sheet can hold.

    Raises
    ------
    ConfigError
        It has more rows or columns than a sheet.
    """
    for have, limit, what in (
        (table.num_rows, SHEET_ROWS - 1, "rows below its header"),
        (table.num_columns, SHEET_COLUMNS, "columns"),
    ):
        if have > limit:
            raise ConfigError(
                f"A sheet of Excel has {limit:,} {what}; the report has {have:,}.",
                hint="Write .parquet or .csv, or ask for a shorter span.",
            )


def write_xlsx(table: pa.Table, target: BinaryIO | str | PathLike[str]) -> None:
    """Write a table to an Excel workbook, some thousand rows at a time.

    Parameters
    ----------
    table : pyarrow.Table
        Times are written in UTC, durations in the seconds that they are.
    target : path or BinaryIO
        A path is written beside it first, then renamed.

    Raises
    ------
    ConfigError
        The package for it is not installed (``pip install 'td_notebooks[excel]'``), or the table
        has more rows or columns than a sheet; nothing was written.
    TalkdeskError
        It cannot be written there.
    """
    check_sheet(table)
    if not isinstance(target, str | PathLike):
        _write(table, target)
        return
    with beside(Path(target)) as path, path.open("wb") as file:
        _write(table, file)


def _write(table: pa.Table, file: BinaryIO) -> None:
    needed("xlsxwriter", extra="excel", purpose="An Excel file")
    from .workbook import write  # imports it

    write(pa.table(list(map(plain, table.columns)), names=table.column_names), file)


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))
