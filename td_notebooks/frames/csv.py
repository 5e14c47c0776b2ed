"""CSV report files, some blocks at a time.

pyarrow reads them straight into the types that the catalogue promises, on all cores: its own
threads share out the blocks of a piece, so none waits for Python. If a piece does not keep the
promise, that piece alone is read again as text and converted value by value.
"""

from __future__ import annotations

import contextlib
import csv
import io
import re
from collections import deque
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv

from ..errors import DownloadError
from .columns import FALSE_WORDS, TEXT, TRUE_WORDS, WALL, arrow_type
from .drift import check_width, unused
from .feed import BLOCK, BOM, is_utf8, layout, other_kind, utf8_error

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from concurrent.futures import Executor, Future

    from ..reports.schemas import Column
    from .drift import Shape, Shaped, Watch
    from .feed import Bytes, Feed

PIECE = 8  # blocks handed to pyarrow at once
AHEAD = 3  # pieces in its hands: one is parsed, one waits, one is converted
_QUOTED = re.compile(rb'(?:^|(?<=[,\n]))"(?:[^"]|"")*+"')
_OPENING = re.compile(rb'(?:^|[,\n])"')


def read(feed: Feed, watch: Watch, shape: Shape, pool: Executor) -> Iterator[Shaped]:
    """Read a CSV report.

    Parameters
    ----------
    feed : Feed
    watch : Watch
        Is told the columns.
    shape : callable
        Converts rows with columns by wire name.
    pool : Executor
        Parses a piece while the next one is read.

    Yields
    ------
    what `shape` returns
        The rows of one piece.

    Raises
    ------
    DownloadError
        If a row is damaged or the bytes are not a CSV file; names the row.
    SchemaError
        If a column that must be there is not.
    """
    header = _header(feed, watch)
    types = {name: parsed_type(column) for name, column in watch.columns.items()}
    rows = 0
    ahead: deque[tuple[_Piece, Future[Shaped | _Damage | None]]] = deque()

    def work(piece: _Piece) -> Shaped | _Damage | None:
        found = _parse(piece, types, header)
        return shape(found) if isinstance(found, pa.Table) else found

    pieces = _pieces(feed)
    while True:
        while len(ahead) < AHEAD and (piece := next(pieces, None)):
            ahead.append((piece, pool.submit(work, piece)))
        if not ahead:
            return
        piece, parsing = ahead.popleft()
        shaped = parsing.result()
        feed.reuse(piece.data)
        if isinstance(shaped, _Damage):
            raise shaped.error(rows, piece.offset)
        if shaped is not None:
            rows += shaped[0].num_rows
            yield shaped


@dataclass(frozen=True)
class _Piece:
    """Some whole rows."""

    offset: int  # in the file
    data: Bytes
    shareable: bool  # pyarrow may share out its blocks
    last: bool


def _pieces(feed: Feed) -> Iterator[_Piece]:
    """Cut the file after whole rows, into small pieces first: most files are small."""
    size = feed.block
    while held := feed.fill(size):
        end, shareable = _cut(held, all=feed.ended)
        while not end and not feed.ended:
            held = feed.more()
            end, shareable = _cut(held, all=feed.ended)
        yield _Piece(feed.offset, feed.take(end), shareable, feed.ended)
        size = min(2 * size, PIECE * feed.block)


def _header(feed: Feed, watch: Watch) -> bytes:
    """Tell `watch` the columns; return the header as it stands in the file, if there is one."""
    held = feed.fill()
    lead = len(held) - len(held.removeprefix(BOM).lstrip(b"\r\n"))
    feed.use(lead)
    held = feed.held
    if layout(held) != "csv":
        raise DownloadError(
            f"This is not a CSV report: it is {other_kind(held) or 'JSON'}.",
            hint="Download it again, or check the format the job was asked for.",
        )
    while not (end := _first_row_end(held)) and not feed.ended:
        held = feed.more()
    line = bytes(held[: end or len(held)])
    try:
        fields, *others = csv.reader(io.StringIO(line.decode(), newline=""))
    except UnicodeDecodeError as error:
        raise utf8_error(error, feed.offset) from error
    except (csv.Error, ValueError) as error:
        raise DownloadError(f"The first row of the report is damaged: {error}.") from error
    if others or (len(fields) == 1 and re.search("[;\t]", fields[0])):
        raise DownloadError(
            "This is not a CSV report: its "
            + (
                "rows end in carriage returns alone."
                if others
                else "fields have no commas between."
            ),
            hint="A program has saved it again; give the file as it was downloaded.",
        )
    check_width(len(fields))
    schema = watch.schema
    if not any(schema.match(fields)) and len(fields) in (
        len(schema.columns),
        sum(column.required for column in schema.columns),
    ):
        given = [c for c in schema.columns if c.required or len(fields) == len(schema.columns)]
        watch.see(column.key for column in given)
        return b""
    watch.see(_distinct(fields))
    watch.require()
    feed.use(len(line))
    return line.rstrip(b"\r\n")


def _first_row_end(held: Bytes) -> int:
    """Return the end of the first row; 0 if it is not there."""
    end, quotes, counted = held.find(b"\n") + 1, 0, 0
    while end:
        quotes += held.count(b'"', counted, end)
        if quotes % 2 == 0:
            break
        counted, end = end, held.find(b"\n", end) + 1
    return end


def _distinct(fields: Sequence[str]) -> list[str]:
    distinct: dict[str, None] = {}
    for field in fields:
        distinct[unused(field, distinct)] = None
    return list(distinct)


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


def _cut(held: Bytes, *, all: bool) -> tuple[int, bool]:
    """Return where the last whole row ends, and whether pyarrow may share out the blocks before.

    A row ends at a line end outside quotes. pyarrow does not look at quotes when it shares: it cuts
    at the last line end of a block, and takes the row that goes on in the next block to end at the
    first line end there.
    """
    end = len(held) if all else held.rfind(b"\n") + 1
    if b'"' not in held:
        return end, True
    cuts = [0]
    for edge in range(BLOCK, end, BLOCK):
        cuts.append(_last_line_end(held, cuts[-1], edge))
        cuts.append(_first_line_end(held, edge, end))
    seen = np.frombuffer(held, np.uint8, end)
    within = [np.count_nonzero(seen[a:b] == ord('"')) % 2 for a, b in pairwise([*cuts, end])]
    if all or sum(within) % 2 == 0:
        return end, not any(within)
    # The last line end is within quotes: go back from quote to quote.
    opening = held.rfind(b'"', 0, end)
    while opening >= 0:
        closing = held.rfind(b'"', 0, opening)
        end = held.rfind(b"\n", closing + 1, opening) + 1
        if end:
            return end, False
        opening = held.rfind(b'"', 0, max(closing, 0))
    return 0, False


def _last_line_end(held: Bytes, start: int, end: int) -> int:
    """Return the place after the last line feed or carriage return; `start` if there is none."""
    line = held.rfind(b"\n", start, end) + 1 or start
    return held.rfind(b"\r", line, end) + 1 or line


def _first_line_end(held: Bytes, start: int, end: int) -> int:
    """Return the place of the first line feed or carriage return; `end` if there is none."""
    line = held.find(b"\n", start, end)
    line = end if line < 0 else line
    other = held.find(b"\r", start, line)
    return line if other < 0 else other


def _without_header(piece: Bytes, header: bytes) -> Bytes:
    """Drop rows that repeat the header, as files put together end to end have them."""
    if not header or header not in piece:
        return piece
    row = rb"(?:\A|(?<=\n))(?:%b)?%b(?:\r?\n|\Z)" % (BOM, re.escape(header))
    kept, start, quotes, counted = [], 0, 0, 0
    for found in re.finditer(row, piece):
        quotes += piece.count(b'"', counted, found.start())
        counted = found.start()
        if quotes % 2 == 0:
            kept.append(piece[start : found.start()])
            start = found.end()
    return b"".join([*kept, piece[start:]]) if kept else piece


@dataclass(frozen=True)
class _Damage:
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


def _parse(
    piece: _Piece, types: dict[str, pa.DataType], header: bytes
) -> pa.Table | _Damage | None:
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
    if types != text and (rows := _rows(data, types, shareable=piece.shareable)) is not None:
        return rows
    rest = _without_header(data, header)
    if rest is not data:
        return _parse(replace(piece, data=rest, shareable=False), types, b"")
    if (rows := _rows(data, text, shareable=piece.shareable)) is not None:
        return rows
    return _damage(data, text)


def _rows(data: Bytes, types: dict[str, pa.DataType], *, shareable: bool) -> pa.Table | None:
    """Parse rows as these types; None if they cannot be."""
    for shared in (True, False) if shareable else (False,):
        with contextlib.suppress(pa.ArrowInvalid):
            return _table(data, types, shared=shared)
    return None


def _damage(data: Bytes, text: dict[str, pa.DataType]) -> _Damage:
    """Find the first row that cannot be read even as text."""
    bad: list[pacsv.InvalidRow] = []

    def note(row: pacsv.InvalidRow) -> str:
        bad.append(row)
        return "error"

    with contextlib.suppress(pa.ArrowInvalid):
        _table(data, text, shared=False, on_bad_row=note)
    if not bad:
        return _Damage(0, "it cannot be read as CSV")
    what = f"it has {bad[0].actual_columns} fields, not {len(text)}"
    return _Damage((bad[0].number or 1) - 1, what)


def _not_text(piece: Bytes) -> _Damage:
    """Find the first byte that is not UTF-8."""
    try:
        piece.decode()
    except UnicodeDecodeError as error:
        return _Damage(0, "", error)
    return _Damage(0, "it cannot be read as text")


def _unclosed(piece: Bytes) -> _Damage | None:
    """Find a quote that is never closed; pyarrow would take what there is."""
    if piece.count(b'"') % 2 == 0:
        return None
    unquoted = _QUOTED.sub(b"", piece)
    opened = _OPENING.search(unquoted)
    return opened and _Damage(unquoted.count(b"\n", 0, opened.end()), "it ends within quotes")


def _table(
    piece: Bytes, types: dict[str, pa.DataType], *, shared: bool, on_bad_row: object = None
) -> pa.Table:
    """Parse a piece that is UTF-8, its blocks shared out among threads or all in one go."""
    if piece.startswith(BOM):  # a character of its first value: pyarrow would drop one such mark
        piece = BOM + piece
    return pacsv.read_csv(
        pa.BufferReader(piece),
        read_options=pacsv.ReadOptions(
            column_names=list(types),
            block_size=BLOCK if shared else len(piece) + 1,
            use_threads=shared,
        ),
        parse_options=pacsv.ParseOptions(
            quote_char='"' if b'"' in piece else False,
            newlines_in_values=not shared,
            invalid_row_handler=on_bad_row,
        ),
        convert_options=pacsv.ConvertOptions(
            check_utf8=False,  # value by value, it takes a fifth of the time
            column_types=types,
            null_values=[""],
            strings_can_be_null=True,
            true_values=TRUE_WORDS,
            false_values=FALSE_WORDS,
        ),
    )
