"""One sheet of one workbook, cell by cell; imported, and xlsxwriter, when there is one to write."""

from __future__ import annotations

import re
import shutil
from contextlib import suppress
from itertools import count
from math import isfinite
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO
from xml.sax.saxutils import escape

import pyarrow as pa
import pyarrow.compute as pc
from xlsxwriter import Workbook
from xlsxwriter.exceptions import FileCreateError
from xlsxwriter.utility import xl_rowcol_to_cell_fast
from xlsxwriter.worksheet import Worksheet

CELL = 32_767  # UTF-16 units
ROWS = 1 << 10  # rows held as Python's own objects

_DIGITS = 10**15
_EPOCH = 25_569  # 1970-01-01 in Excel's days
_DAY = 86_400_000_000
_FIRST = -2_203_891_200_000_000  # 1900-03-01: before it, Excel's calendar has a day too many
_END = 253_402_300_800_000_000  # 10000-01-01
_SECONDS = "yyyy-mm-dd hh:mm:ss"
_MILLIS = "yyyy-mm-dd hh:mm:ss.000"
# Characters that XML cannot hold, and texts that look like Excel's spelling of one.
_UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]|_(?=x[0-9A-Fa-f]{4}_)")


class _Sheet(Worksheet):  # type: ignore[misc] # xlsxwriter does not say its types
    """A sheet whose texts and numbers are what was given.

    xlsxwriter takes a text between ``<r>`` and ``</r>`` for markup of its own, spells a carriage
    return in a way that few programs but Excel read, and leaves out the last digit of a fraction.
    """

    def _write_cell(self, row: int, col: int, cell: Any) -> None:
        value = getattr(cell, "string", getattr(cell, "number", None))
        if value is None:
            super()._write_cell(row, col, cell)
            return
        place = xl_rowcol_to_cell_fast(row, col)
        style = f' s="{cell.format._get_xf_index()}"' if cell.format else ""
        if isinstance(value, str):
            text = f'<is><t xml:space="preserve">{_in_xml(value)}</t></is>'
            self.fh.write(f'<c r="{place}"{style} t="inlineStr">{text}</c>')
        else:
            self.fh.write(f'<c r="{place}"{style}><v>{value!r}</v></c>')


def write(table: pa.Table, file: BinaryIO) -> None:
    """Write a table that fits a sheet.

    Parameters
    ----------
    table : pyarrow.Table
    file : BinaryIO
        Open for writing.

    Raises
    ------
    OSError
        As writing raises it.
    """
    with TemporaryDirectory(prefix="td_notebooks-") as folder:
        # There, not to `file`: the archive would write to it once more after a failure.
        whole = Path(folder) / "report.xlsx"
        settings = {"constant_memory": True, "tmpdir": folder, "use_zip64": True}
        book = Workbook(str(whole), settings)
        sheet = book.add_worksheet("Report", worksheet_class=_Sheet)
        rows = sheet.fh
        try:
            _fill(sheet, book, table)
            book.close()
        except FileCreateError as error:
            raise error.__context__ or error from None
        finally:
            with suppress(OSError):
                rows.close()
        with whole.open("rb") as written:
            shutil.copyfileobj(written, file)


def _fill(sheet: Any, book: Any, table: pa.Table) -> None:
    parts = [_parts(column) for column in table.columns]
    names = [
        f"{name} ({part})" if part > 1 else name
        for name, some in zip(table.column_names, parts, strict=True)
        for part in range(1, some + 1)
    ]
    text = book.add_format({"num_format": "@"})  # typed over, it stays text
    bold = book.add_format({"bold": True})
    styles = [
        book.add_format({"num_format": _pattern(column)}) if _is_time(column.type) else None
        for column, some in zip(table.columns, parts, strict=True)
        for _ in range(some)
    ]
    for at, name in enumerate(names):
        sheet.set_column(at, at, min(max(len(name) + 3, 12), 40))
        sheet.write_string(0, at, name, bold)
    sheet.freeze_panes(1, 0)
    if names:
        sheet.autofilter(0, 0, table.num_rows, len(names) - 1)
        sheet.ignore_errors({"number_stored_as_text": f"A1:XFD{table.num_rows + 1}"})
    rows = count(1)
    for batch in table.to_batches(max_chunksize=ROWS):
        cells = [
            values
            for column, some in zip(batch.columns, parts, strict=True)
            for values in _cells(column, some)
        ]
        for values, row in zip(zip(*cells, strict=True), rows, strict=False):
            for at, value in enumerate(values):
                if isinstance(value, str):
                    sheet.write_string(row, at, value, text)
                elif isinstance(value, bool):
                    sheet.write_boolean(row, at, value)
                elif value is not None:
                    sheet.write_number(row, at, value, styles[at])


def _in_xml(text: str) -> str:
    text = _UNWRITABLE.sub(lambda found: f"_x{ord(found[0]):04X}_", text)
    return escape(text, {"\r": "&#13;"})


def _cells(column: pa.Array, parts: int) -> list[list[Any]]:
    """Return what the cells of a column hold, for each of the columns that it takes."""
    kind = column.type
    if pa.types.is_boolean(kind):
        return [column.to_pylist()]
    if pa.types.is_integer(kind):
        return [[str(n) if n is not None and abs(n) >= _DIGITS else n for n in column.to_pylist()]]
    if pa.types.is_floating(kind):
        numbers = column.cast(pa.float64()).to_pylist()
        return [[n if n is None or isfinite(n) else str(n) for n in numbers]]
    if _is_time(kind):
        return [_days(column)]
    texts = column.cast(pa.large_string()).to_pylist()
    if parts == 1:
        return [texts]
    cut = [(_cut(text) if text else []) + [None] * parts for text in texts]
    return [[pieces[part] for pieces in cut] for part in range(parts)]


def _days(times: pa.Array) -> list[Any]:
    """Return times as Excel's days, and as text where it has none."""
    moments = times.cast(pa.timestamp("us", times.type.tz)).cast(pa.int64())
    fits = pc.and_(
        pc.and_(pc.greater_equal(moments, _FIRST), pc.less(moments, _END)),
        pc.equal(pc.multiply(pc.divide(moments, 1000), 1000), moments),
    )
    days = [None if m is None else m / _DAY + _EPOCH for m in moments.to_pylist()]
    if not pc.all(fits).as_py():
        texts = times.cast(pa.timestamp("us")).cast(pa.string()).to_pylist()
        for at, fitting in enumerate(fits.to_pylist()):
            if fitting is False:
                days[at] = texts[at].replace(" ", "T") + ("Z" if times.type.tz else "")
    return days


def _pattern(times: pa.ChunkedArray) -> str:
    moments = times.cast(pa.timestamp("us", times.type.tz)).cast(pa.int64())
    seconds = pc.multiply(pc.divide(moments, 1_000_000), 1_000_000)
    pattern = _MILLIS if pc.all(pc.equal(seconds, moments)).as_py() is False else _SECONDS
    return f'{pattern} "UTC"' if times.type.tz else pattern


def _is_time(kind: pa.DataType) -> bool:
    return bool(pa.types.is_timestamp(kind))


def _parts(column: pa.ChunkedArray) -> int:
    """Return how many cells the longest text of a column needs."""
    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        return 1
    # No text has more UTF-16 units than bytes: only what is long in bytes is looked at.
    long = column.filter(pc.greater(pc.binary_length(column), CELL))
    return max((len(_cut(text)) for text in long.to_pylist()), default=1)


def _cut(text: str) -> list[str]:
    """Cut a text into pieces that a cell has room for, between characters."""
    if len(text) * 2 <= CELL:
        return [text]
    pieces, start, room = [], 0, CELL
    for at, character in enumerate(text):
        size = 2 if character > "\uffff" else 1
        if size > room:
            pieces.append(text[start:at])
            start, room = at, CELL
        room -= size
    return [*pieces, text[start:]]
