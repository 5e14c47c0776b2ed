"""CSV report files, some blocks at a time.

pyarrow reads them straight into the types that the catalogue promises, on all cores: its own
threads share out the blocks of a piece, so none waits for Python. A piece for each thread would be
simpler and as fast from a disk, but takes a sixth longer beside a download. If a piece does not
keep the promise, that piece alone is read again as text and converted value by value.
"""

from __future__ import annotations

import re
from collections import deque
from typing import TYPE_CHECKING

import pyarrow as pa

from ..errors import DownloadError
from .columns import TEXT, convert
from .csv_parse import Damage, Piece, parse, parsed_type
from .csv_scan import cut, first_row
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


def _header(feed: Feed, watch: Watch) -> list[str]:
    """Tell `watch` the columns; return the names in the header, none if there is no header."""
    held = feed.fill()
    lead = len(held) - len(held.removeprefix(BOM).lstrip(b"\r\n"))
    feed.use(lead)
    held = feed.held
    raw, end, mark = first_row(held)
    fields = [field.decode(errors="replace") for field in raw]
    if layout(held) != "csv" and not _unnamed(fields, watch.candidates):
        raise DownloadError(
            f"This is not a CSV report: it is {other_kind(held) or 'JSON'}.",
            hint="Download it again, or check the format the job was asked for.",
        )
    while end == len(held) and mark in (b"", b"\r") and not feed.ended:
        raw, end, mark = first_row(held := feed.more())
    try:
        held[:end].decode()
    except UnicodeDecodeError as error:
        raise utf8_error(error, feed.offset) from error
    fields = [field.decode() for field in raw]
    alone = mark == b"\r" and end < len(held)
    if alone or (len(fields) == 1 and re.search("[;\t]", fields[0])):
        what = "rows end in carriage returns alone" if alone else "fields have no commas between"
        raise DownloadError(
            f"This is not a CSV report: its {what}.",
            hint="A program has saved it again; give the file as it was downloaded.",
        )
    check_width(len(fields))
    if columns := _unnamed(fields, watch.candidates):
        watch.see(column.key for column in columns)
        return []
    watch.see(_distinct(fields))
    watch.require()
    feed.use(end)
    return fields


def _unnamed(fields: Sequence[str], candidates: Sequence[Schema]) -> Sequence[Column]:
    """Return the columns of a file without a header, told by its first row; none if it has one."""
    named = max(sum(map(bool, schema.match(fields))) for schema in candidates)
    if 2 * named > len(fields):
        return ()
    for schema in candidates:
        for columns in (schema.columns, [c for c in schema.columns if c.required]):
            if len(columns) == len(fields) and _are_values(fields, columns, named):
                return columns
    return ()


def _are_values(fields: Sequence[str], columns: Sequence[Column], named: int) -> bool:
    """Tell values from names, of which `named` are known: names are no numbers and no times."""
    fits = [
        convert(pa.array([field], TEXT), column, "UTC").null_count == 0
        for field, column in zip(fields, columns, strict=True)
        if field and column.kind not in ("text", "category")
    ]
    return 2 * sum(fits) >= len(fits) if fits else not named


def _distinct(fields: Sequence[str]) -> list[str]:
    distinct: dict[str, None] = {}
    for field in fields:
        distinct[unused(field, distinct)] = None
    return list(distinct)
