"""JSON report files, block by block.

A report is one object with ``entries`` among its keys, in any order; a bulk report is lines, or an
array, or the same object. The rows are found in the byte stream and handed to pyarrow in pieces of
some megabytes, each wrapped as a list of its own, so memory stays bounded and threads stay busy.

The first rows are decoded one by one: they tell which keys there are and how the file writes them.
So is every piece in which pyarrow finds something else than it was told to expect.

DuckDB reads the same lines in two thirds of the time, but passes over keys that it was not told of,
spells numbers in its own way where text was asked for, and makes 12 of 12.5, told to be strict or
not.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

import pyarrow as pa
import pyarrow.compute as pc

from ..errors import DownloadError
from .columns import TEXT, blank_to_null
from .drift import check_width
from .feed import BOM, utf8_error
from .json_answers import like_a_row, said
from .json_parse import EXPECTED, WRITTEN, parse, table_of, type_for, usual_type
from .json_scan import Whole, as_text, cut, members_of, plain, rows_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Executor, Future

    from .drift import Shape, Shaped, Watch
    from .feed import Feed

SAMPLE = 50  # rows that show how the file writes its values
PIECE = 8 << 20  # bytes handed to one thread: pyarrow takes 4 ms to begin, and 70 for this much
AHEAD = 3  # pieces in the hands of threads


@dataclass(frozen=True)
class _Ahead:
    """A piece in the hands of a thread."""

    raw: bytearray  # with what stands before its first row
    start: int
    offset: int  # of the first row in the file
    work: Future[Shaped | pa.Table | None]


class Entries:
    """The rows of a JSON report.

    Parameters
    ----------
    feed : Feed
    watch : Watch
        Is told the columns.
    shape : callable
        Converts rows with columns by key.
    pool : Executor
        Parses pieces side by side.
    wrapped : bool
        False when rows may also stand alone, one per line (``json_bulk``).

    Attributes
    ----------
    rows : int
        Rows read so far.
    total : int or None
        What the report says their number is.
    """

    def __init__(
        self, feed: Feed, watch: Watch, shape: Shape, pool: Executor, *, wrapped: bool
    ) -> None:
        self.rows = 0
        self.total: int | None = None
        self._feed = feed
        self._watch = watch
        self._shape = shape
        self._pool = pool
        self._wrapped = wrapped
        self._array = True  # rows are separated by commas and closed by a bracket
        self._object = False  # and stand in an object
        self._marks: dict[str, set[type]] = {}  # how each key is written

    def __iter__(self) -> Iterator[Shaped]:
        """Yield the rows, piece by piece.

        Raises
        ------
        DownloadError
            If the JSON is damaged or cut short, or its ``total`` is not the number of its rows.
        SchemaError
            If a column that must be there is not.
        """
        self._head()
        ended, shaped = self._one_by_one(SAMPLE)
        if shaped:
            self._watch.require()
            yield shaped
        ahead: deque[_Ahead] = deque()
        while not ended:
            self._look_ahead(ahead)
            shaped = self._next(ahead) if ahead else None
            if not shaped:
                ended, shaped = self._one_by_one(20 * SAMPLE)
            if shaped:
                yield shaped
        if self._array:
            self._tail()
        if self.total is not None and self.total != self.rows:
            raise DownloadError(
                f"The report says it has {self.total:,} rows and brought {self.rows:,}.",
                hint="Download it again.",
            )

    # ── around the rows ──

    def _head(self) -> None:
        """Find the first row."""
        feed = self._feed
        lead = feed.fill()
        feed.use(len(lead) - len(lead.removeprefix(BOM).lstrip(b" \t\r\n")))
        if feed.held[:1] == b"[":
            feed.use(1)
            return
        if not feed.held and feed.ended and not self._wrapped:  # no lines: no rows
            self._array = False
            return
        if feed.held[:1] != b"{":
            raise DownloadError(
                "This is not a JSON report: "
                + ("it starts with something else." if feed.held else "it is empty."),
                hint="Download it again, or check the format the job was asked for.",
            )
        members, at = members_of(text := self._text(), 1)
        while at is None and not feed.ended:
            feed.more()
            members, at = members_of(text := self._text(), 1)
        if at is None:
            self._damaged("its first object is not complete JSON")
        if text.startswith("[", at):
            self._object = True
            self._take_total(members)
            feed.use(len(text[: at + 1].encode()))
            return
        if self._wrapped or not like_a_row(members, self._watch.schema.report_type):
            raise DownloadError(
                f"The answer is JSON, but not a report: {said(members)}.",
                hint="Check the job's status, then download it again.",
            )
        self._array = False

    def _tail(self) -> None:
        """Read what follows the rows."""
        feed = self._feed
        while not feed.ended:
            feed.more()
        text = self._text()
        if self._object:
            members, at = members_of(text, 0)
            if at is None or text.startswith("[", at):
                self._damaged("it is cut short after the rows")
            self._take_total(members)
            text = text[at:]
        if text.strip(" \t\r\n"):
            self._damaged("something follows the report")

    def _take_total(self, members: dict[str, Any]) -> None:
        total = members.get("total")
        if isinstance(total, Whole) and total.isdecimal() and len(total) < 19:
            self.total = int(total)

    # ── rows, one by one ──

    def _one_by_one(self, limit: int) -> tuple[bool, Shaped | None]:
        """Decode up to `limit` rows; say whether they were the last."""
        feed = self._feed
        while True:
            text = self._text()
            rows, at, end = rows_of(text, array=self._array, first=not self.rows, limit=limit)
            done = end == "end" or (feed.ended and not self._array and not text[at:].strip())
            if done or end == "limit" or (rows and not feed.ended):
                break
            if end == "bad" or feed.ended:
                self._damaged(f"row {self.rows + len(rows) + 1:,} is not a complete JSON object")
            feed.more()
        feed.use(len(text[:at].encode()))
        self.rows += len(rows)
        return done, self._shape(self._columns(rows)) if rows else None

    def _columns(self, rows: list[dict[str, Any]]) -> pa.Table:
        """Turn decoded rows into columns of text, and note how they were written."""
        columns: dict[str, pa.Array] = {}
        written: dict[str, set[str]] = {}
        keys = dict.fromkeys(key for row in rows for key in row)
        check_width(len(keys))
        for key in keys:
            values = [row.get(key) for row in rows]
            name = plain(key)
            written.setdefault(name, set()).update(
                WRITTEN[type(value)] for value in values if value is not None and value != ""
            )
            self._marks.setdefault(name, set()).update(
                type(value) for value in values if value is not None
            )
            try:
                texts = blank_to_null(pa.array(map(as_text, values), TEXT))
            except RecursionError as error:
                self._damaged("values are nested too deeply", error)
            # Two keys are one name when both have what no text can hold.
            columns[name] = pc.coalesce(columns[name], texts) if name in columns else texts
        self._watch.see(columns)
        for key, column in self._watch.columns.items():
            expected = EXPECTED[usual_type(column)]
            if column is not None and (others := written.get(key, set()) - {expected}):
                self._watch.written(key, expected, others)
        return table_of(columns, len(rows))

    def _text(self) -> str:
        """Return what is held as text, up to the last whole character."""
        held = self._feed.held
        try:
            return held.decode()
        except UnicodeDecodeError as error:
            if error.reason == "unexpected end of data" and not self._feed.ended:
                return held[: error.start].decode()
            raise utf8_error(error, self._feed.offset) from error

    def _damaged(self, why: str, error: Exception | None = None) -> NoReturn:
        raise DownloadError(
            f"The report is damaged near byte {self._feed.offset:,}: {why}.",
            hint="It may be cut short; download it again.",
        ) from error

    # ── rows, many at once ──

    def _look_ahead(self, ahead: deque[_Ahead]) -> None:
        """Hand pieces to the threads."""
        feed = self._feed
        fields = [pa.field(key, kind) for key, kind in self._asked().items()]
        size = PIECE + PIECE // 16  # enough to see that another row follows
        while len(ahead) < AHEAD and (found := cut(feed.fill(size), PIECE, array=self._array)):
            start, end = found
            raw = feed.take(end)
            work = self._pool.submit(self._work, memoryview(raw)[start:], fields)
            ahead.append(_Ahead(raw, start, feed.offset - end + start, work))

    def _work(self, piece: memoryview, fields: list[pa.Field]) -> Shaped | pa.Table | None:
        """Parse and convert a piece; only parse it when it has new columns."""
        rows = parse(piece, fields, array=self._array)
        if rows is None or not set(rows.column_names) <= self._watch.names.keys():
            return rows
        return self._shape(rows)

    def _next(self, ahead: deque[_Ahead]) -> Shaped | None:
        """Return the rows of the next piece; none when it is not one of whole rows."""
        piece = ahead.popleft()
        done = piece.work.result()
        if done is None:
            try:
                text = piece.raw[piece.start :].decode()
            except UnicodeDecodeError as error:
                raise utf8_error(error, piece.offset) from error
            rows, at, _ = rows_of(text, array=self._array, first=True, limit=None)
            if not rows or text[at:].strip():  # the cut was within a row: go on one by one
                self._feed.give_back(b"".join([piece.raw, *(later.raw for later in ahead)]))
                ahead.clear()
                return None
            done = self._columns(rows)
        if isinstance(done, pa.Table):
            self._watch.see(done.column_names)
            done = self._shape(done)
        self.rows += done[0].num_rows
        return done

    def _asked(self) -> dict[str, pa.DataType]:
        """Return the type to ask of the parser for each key: as seen, else as catalogued."""
        known = {key: column for key, column in self._watch.columns.items()}
        seen = {column for column in known.values() if column}
        known |= {column.key: column for column in self._watch.schema.columns if column not in seen}
        asked = {
            key: type_for(column, self._marks.get(key, set())) for key, column in known.items()
        }
        return {key: kind for key, kind in asked.items() if kind is not None}
