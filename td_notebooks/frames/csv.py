"""CSV report files, some blocks at a time.

pyarrow reads them straight into the types that the catalogue promises, on all cores: its own
threads share out the blocks of a piece, so none waits for Python. A piece for each thread would be
simpler and as fast from a disk, but takes a sixth longer beside a download. If a piece does not
keep the promise, that piece alone is read again as text and converted value by value.
"""

from __future__ import annotations

import csv
import io
import re
from collections import deque
from typing import TYPE_CHECKING

import pyarrow as pa

from ..errors import DownloadError
from .csv_parse import Damage, Piece, parse, parsed_type
from .csv_scan import cut, first_row_end
from .drift import check_width, unused
from .feed import BOM, layout, other_kind, utf8_error

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from concurrent.futures import Executor, Future

    from ..reports.schemas import Column, Schema
    from .drift import Shape, Shaped, Watch
    from .feed import Feed

PIECE = 8  # blocks handed to pyarrow at once
AHEAD = 3  # pieces in its hands: one is parsed, one waits, one is converted


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
    ahead: deque[tuple[Piece, Future[Shaped | Damage | None]]] = deque()

    def work(piece: Piece) -> Shaped | Damage | None:
        found = parse(piece, types, header)
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
        if isinstance(shaped, Damage):
            raise shaped.error(rows, piece.offset)
        if shaped is not None:
            rows += shaped[0].num_rows
            yield shaped


def _pieces(feed: Feed) -> Iterator[Piece]:
    """Cut the file after whole rows, into small pieces first: most files are small."""
    size = feed.block
    while held := feed.fill(size):
        end, shareable = cut(held, feed.block, all=feed.ended)
        while not end and not feed.ended:
            held = feed.more()
            end, shareable = cut(held, feed.block, all=feed.ended)
        block = feed.block if shareable else None
        yield Piece(feed.offset, feed.take(end), block, feed.ended)
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
    while not (end := first_row_end(held)) and not feed.ended:
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
    if columns := _unnamed(fields, watch.candidates):
        watch.see(column.key for column in columns)
        return b""
    watch.see(_distinct(fields))
    watch.require()
    feed.use(len(line))
    return line.rstrip(b"\r\n")


def _unnamed(fields: Sequence[str], candidates: Sequence[Schema]) -> Sequence[Column]:
    """Return the columns of a file without a header, told by their number; none if it has one."""
    if any(column for schema in candidates for column in schema.match(fields)):
        return ()
    for schema in candidates:
        for columns in (schema.columns, [c for c in schema.columns if c.required]):
            if len(columns) == len(fields):
                return columns
    return ()


def _distinct(fields: Sequence[str]) -> list[str]:
    distinct: dict[str, None] = {}
    for field in fields:
        distinct[unused(field, distinct)] = None
    return list(distinct)
