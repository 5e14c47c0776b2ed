"""A piece of whole CSV rows to columns, in pyarrow's hands."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from ..errors import DownloadError
from .columns import FALSE_WORDS, TEXT, TRUE_WORDS, WALL, arrow_type
from .csv_scan import closed, without_quoted
from .feed import BOM, is_utf8, utf8_error

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..reports.schemas import Column
    from .feed import Bytes


@dataclass(frozen=True)
class Piece:
    """Some whole rows."""

    offset: int  # in the file
    data: Bytes
    block: int | None  # size of the blocks that pyarrow may share out; None: it may not
    last: bool


@dataclass(frozen=True)
class Damage:
    """Where in a piece the first damaged row is, and what is wrong with it."""

    rows: int  # whole rows before it
    what: str
    not_text: UnicodeDecodeError | None = None

    def error(self, rows: int, offset: int) -> DownloadError:
        """Return the error, given how many rows and bytes came before the piece."""
        if self.not_text:
            return utf8_error(self.not_text, offset)
        return DownloadError(
            f"The report is damaged at row {rows + self.rows + 1:,}: {self.what}.",
            hint="It may be cut short; download it again.",
        )


def parsed_type(column: Column | None) -> pa.DataType:
    """Return the type to ask of the parser for a column that keeps to the catalogue."""
    if column is None:
        return TEXT
    if column.kind == "timestamp" and column.encoding != "rfc3339z":
        return WALL
    if column.kind == "duration":
        fraction = column.encoding in ("day fraction", "fine day fraction")
        worded = column.encoding == "0d 0h 0m 0s"
        return pa.float64() if fraction else TEXT if worded else pa.int64()
    return arrow_type(column)


def parse(
    piece: Piece, types: dict[str, pa.DataType], header: Sequence[str]
) -> pa.Table | Damage | None:
    """Parse a piece of whole rows, as catalogued if it can be, else as text; None if blank."""
    data = piece.data
    if not is_utf8(data):
        return _not_text(data)
    # Every other piece ends outside quotes.
    if piece.last and (damage := _unclosed(data)):
        return damage
    if not data or data.isspace():
        return None
    # A repeated header is no number and no time, so it fails to be read, except as text.
    text = dict.fromkeys(types, TEXT)
    if types != text and (rows := _rows(data, types, piece.block)) is not None:
        return rows
    if (rows := _rows(data, text, piece.block)) is not None:
        return _without_header(rows, header)
    return _damage(data, text, header)


def _rows(data: Bytes, types: dict[str, pa.DataType], block: int | None) -> pa.Table | None:
    """Parse rows as these types; None if they cannot be."""
    for size in (block, None) if block else (None,):
        with contextlib.suppress(pa.ArrowInvalid):
            return _table(data, types, size)
    return None


def _without_header(rows: pa.Table, header: Sequence[str]) -> pa.Table:
    """Drop rows that repeat the header, as files put together end to end have them."""
    if not header:
        return rows
    # Where a file was joined on, a byte-order mark stands before the name, and keeps its quotes.
    lengths = [len(header[0].encode()) + more for more in (0, 3, 5)]
    length = pc.binary_length(rows.column(0)).fill_null(0)  # costs little: most rows end here
    repeats = pc.is_in(length, value_set=pa.array(lengths, length.type))
    for column, name in zip(rows.columns, header, strict=True):
        if not pc.any(repeats).as_py():
            return rows
        spelt = pc.utf8_lower(pc.utf8_trim(column.fill_null(""), '\ufeff"'))
        repeats = pc.and_(repeats, pc.equal(spelt, name.lower()))
    return rows.filter(pc.invert(repeats))


def _damage(data: Bytes, text: dict[str, pa.DataType], header: Sequence[str]) -> Damage:
    """Find the first row that cannot be read even as text."""
    bad: list[pacsv.InvalidRow] = []

    def note(row: pacsv.InvalidRow) -> str:
        bad.append(row)
        return "skip"

    try:
        rows = _table(data, text, None, on_bad_row=note)
    except pa.ArrowInvalid:
        return Damage(0, "it cannot be read as CSV")
    before = _without_header(rows.slice(0, (bad[0].number or 1) - 1), header)
    what = f"it has {bad[0].actual_columns} fields, not {len(text)}"
    return Damage(before.num_rows, what)


def _not_text(piece: Bytes) -> Damage:
    """Find the first byte that is not UTF-8."""
    try:
        piece.decode()
    except UnicodeDecodeError as error:
        return Damage(0, "", error)
    return Damage(0, "it cannot be read as text")


def _unclosed(piece: Bytes) -> Damage | None:
    """Find a quote that is never closed; pyarrow would take what there is."""
    if piece.count(b'"') % 2 == 0 and closed(piece, len(piece)):
        return None
    blotted, opening = without_quoted(piece)
    if opening == len(blotted):
        return None
    return Damage(blotted.count(b"\n", 0, opening), "it ends within quotes")


def _table(
    piece: Bytes, types: dict[str, pa.DataType], block: int | None, *, on_bad_row: object = None
) -> pa.Table:
    """Parse a piece that is UTF-8, its blocks shared out among threads or all in one go."""
    if piece.startswith(BOM):  # a character of its first value: pyarrow would drop one such mark
        piece = BOM + piece
    return pacsv.read_csv(
        pa.BufferReader(piece),
        read_options=pacsv.ReadOptions(
            column_names=list(types),
            block_size=block or len(piece) + 1,
            use_threads=block is not None,
        ),
        parse_options=pacsv.ParseOptions(
            quote_char='"' if b'"' in piece else False,
            newlines_in_values=block is None,
            invalid_row_handler=on_bad_row,
        ),
        convert_options=pacsv.ConvertOptions(
            check_utf8=False,  # value by value, it takes a tenth of the time
            column_types=types,
            null_values=[""],
            strings_can_be_null=True,
            true_values=TRUE_WORDS,
            false_values=FALSE_WORDS,
        ),
    )
