"""JSON report files, block by block.

A report is one object with ``entries`` among its keys, in any order; a bulk report is lines, or an
array, or the same object. The rows are found in the byte stream and handed to pyarrow in pieces of
about a megabyte, each wrapped as a list of its own, so memory stays bounded and threads stay busy.

The first rows are decoded one by one: they tell which keys there are and how the file writes them.
So is every piece in which pyarrow finds something else than it was told to expect.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Literal, NoReturn

import pyarrow as pa
import pyarrow.json as pajson

from ..errors import DownloadError
from .columns import TEXT
from .feed import BOM, utf8_error

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Executor

    from ..reports.catalog import Column
    from .drift import Watch
    from .feed import Feed

SAMPLE = 50  # rows that show how the file writes its values
PIECE = 2 << 20  # bytes handed to one thread
_ITEMS = pa.list_(TEXT)
_SPACE = re.compile(r"[ \t\r\n]*")
_COMMA = re.compile(rb"\s*,\s*(?=\{)")
_START = re.compile(rb"\s*(?=\{)")
_BETWEEN_ENTRIES = re.compile(rb"\}\s*,\s*\{")
_BETWEEN_LINES = re.compile(rb"\}[ \t\r]*\n\s*\{")
_ESCAPED = re.compile(rb"\\.", re.DOTALL)


class _Whole(str):
    """A whole number as it is written; the column will say what it is."""


class _Fraction(str):
    """Any other number as it is written."""


_DECODER = json.JSONDecoder(parse_int=_Whole, parse_float=_Fraction, parse_constant=_Fraction)


class Entries:
    """The rows of a JSON report.

    Parameters
    ----------
    feed : Feed
    watch : Watch
        Is told the columns.
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

    def __init__(self, feed: Feed, watch: Watch, pool: Executor, *, wrapped: bool) -> None:
        self.rows = 0
        self.total: int | None = None
        self._feed = feed
        self._watch = watch
        self._pool = pool
        self._wrapped = wrapped
        self._array = True  # rows are separated by commas and closed by a bracket
        self._object = False  # and stand in an object
        self._marks: dict[str, set[type]] = {}  # how each key is written

    def __iter__(self) -> Iterator[list[pa.RecordBatch]]:
        """Yield the rows, block by block; columns by key, not converted yet.

        Raises
        ------
        DownloadError
            If the JSON is damaged or cut short, or its ``total`` is not the number of its rows.
        SchemaError
            If a column that must be there is not.
        """
        self._head()
        ended, batches = self._one_by_one(SAMPLE)
        if self.rows:
            self._watch.require()
            yield batches
        while not ended:
            self._feed.fill()
            batches = self._many_at_once()
            if not batches:
                ended, batches = self._one_by_one(20 * SAMPLE)
            yield batches
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
        if feed.held[:1] != b"{":
            raise DownloadError(
                "This is not a JSON report: "
                + ("it starts with something else." if feed.held else "it is empty."),
                hint="Download it again, or check the format the job was asked for.",
            )
        members, at = _members(text := self._text(), 1)
        while at is None and not feed.ended:
            feed.more()
            members, at = _members(text := self._text(), 1)
        if at is None:
            self._damaged("its first object is not complete JSON")
        if text.startswith("[", at):
            self._object = True
            self._take_total(members)
            feed.use(len(text[: at + 1].encode()))
            return
        columns = self._watch.schema.columns
        known = sum(column is not None for column in self._watch.schema.match(members))
        if self._wrapped or not _like_a_row(members, known, len(columns)):
            raise DownloadError(
                f"The answer is JSON, but not a report: {_said(members)}.",
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
            members, at = _members(text, 0)
            if at is None or text.startswith("[", at):
                self._damaged("it is cut short after the rows")
            self._take_total(members)
            text = text[at:]
        if text.strip(" \t\r\n"):
            self._damaged("something follows the report")

    def _take_total(self, members: dict[str, Any]) -> None:
        total = members.get("total")
        if isinstance(total, _Whole) and total.isdecimal() and len(total) < 19:
            self.total = int(total)

    # ── rows, one by one ──

    def _one_by_one(self, limit: int) -> tuple[bool, list[pa.RecordBatch]]:
        """Decode up to `limit` rows; say whether they were the last."""
        feed = self._feed
        while True:
            text = self._text()
            rows, at, end = _rows(text, array=self._array, first=not self.rows, limit=limit)
            done = end == "end" or (feed.ended and not self._array and not text[at:].strip())
            if done or end == "limit" or (rows and not feed.ended):
                break
            if end == "bad" or feed.ended:
                self._damaged(f"row {self.rows + len(rows) + 1:,} is not a complete JSON object")
            feed.more()
        feed.use(len(text[:at].encode()))
        self.rows += len(rows)
        return done, [self._columns(rows)] if rows else []

    def _columns(self, rows: list[dict[str, Any]]) -> pa.RecordBatch:
        """Turn decoded rows into columns of text, and note how they were written."""
        columns: dict[str, pa.Array] = {}
        for key in dict.fromkeys(key for row in rows for key in row):
            values = [row.get(key) for row in rows]
            self._marks.setdefault(_plain(key), set()).update(
                type(value) for value in values if value is not None
            )
            try:
                texts = [_as_text(value) for value in values]
            except RecursionError as error:
                self._damaged("values are nested too deeply", error)
            columns[_plain(key)] = pa.array(texts, TEXT)
        self._watch.see(columns)
        return _batch(columns, len(rows))

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

    def _many_at_once(self) -> list[pa.RecordBatch]:
        """Parse what is held, piece by piece; return nothing when it has no whole piece."""
        held = self._feed.held
        cuts = list(_cuts(held, array=self._array, first=not self.rows))
        fields = [pa.field(key, kind) for key, kind in self._asked().items()]
        parsed = self._pool.map(
            lambda cut: _parse(held[slice(*cut)], fields, array=self._array), cuts
        )
        batches: list[pa.RecordBatch] = []
        used = 0
        for (start, end), found in zip(cuts, parsed, strict=True):
            if found is None:
                text = self._decodable(held[start:end], start)
                rows, at, _ = _rows(text, array=self._array, first=True, limit=None)
                if not rows or text[at:].strip():
                    break  # the cut was within a row: go on from here one by one
                batch = self._columns(rows)
            else:
                batch = found
                self._watch.see(batch.schema.names)
            batches.append(batch)
            self.rows += batch.num_rows
            used = end
        self._feed.use(used)
        return batches

    def _decodable(self, piece: bytes, start: int) -> str:
        try:
            return piece.decode()
        except UnicodeDecodeError as error:
            raise utf8_error(error, self._feed.offset + start) from error

    def _asked(self) -> dict[str, pa.DataType]:
        """Return the type to ask of the parser for each key: as seen, else as catalogued."""
        known = {key: column for key, column in self._watch.columns.items()}
        seen = {column for column in known.values() if column}
        known |= {column.key: column for column in self._watch.schema.columns if column not in seen}
        asked = {
            key: _type_for(column, self._marks.get(key, set())) for key, column in known.items()
        }
        return {key: kind for key, kind in asked.items() if kind is not None}


# ── pure parts ──


def _members(text: str, at: int) -> tuple[dict[str, Any], int | None]:
    """Read members of an object from `at`, up to the rows or the end of the object.

    Returns
    -------
    members : dict
        Without the rows.
    at : int or None
        Where the list of rows starts, or behind the closing brace; None if the text ends before.
    """
    members: dict[str, Any] = {}
    try:
        while True:
            at = _skip(text, at)
            if text.startswith("}", at):
                return members, at + 1
            if text.startswith(",", at):
                at = _skip(text, at + 1)
            key, at = _DECODER.raw_decode(text, at)
            at = _skip(text, at)
            if not isinstance(key, str) or not text.startswith(":", at):
                return members, None
            at = _skip(text, at + 1)
            if key == "entries" and text.startswith("[", at):
                return members, at
            members[key], at = _DECODER.raw_decode(text, at)
    except (ValueError, RecursionError):
        return members, None


def _rows(
    text: str, *, array: bool, first: bool, limit: int | None
) -> tuple[list[dict[str, Any]], int, Literal["limit", "end", "short", "bad"]]:
    """Decode rows from the start of `text`.

    Returns
    -------
    rows : list of dict
    at : int
        Behind the last of them, or behind the bracket that closes the list.
    state : {"limit", "end", "short", "bad"}
        Why it stopped: enough rows, the end of the list, no whole row left, or not a row.
    """
    rows: list[dict[str, Any]] = []
    at = 0
    while limit is None or len(rows) < limit:
        start = _skip(text, at)
        if array and text.startswith("]", start):
            return rows, start + 1, "end"
        if array and (rows or not first):
            if start < len(text) and text[start] != ",":
                return rows, at, "bad"
            start = _skip(text, start + 1)
        if start < len(text) and text[start] != "{":
            return rows, at, "bad"
        try:
            row, at = _DECODER.raw_decode(text, start)
        except ValueError:
            return rows, at, "short"
        except RecursionError:
            return rows, at, "bad"
        rows.append(row)
    return rows, at, "limit"


def _cuts(held: bytes, *, array: bool, first: bool) -> Iterator[tuple[int, int]]:
    """Yield where pieces of whole rows start and end."""
    end = 0
    while True:
        lead = (_START if first or not array else _COMMA).match(held, end)
        if not lead:
            return
        start, first = lead.end(), False
        end = _last_row_end(held, start, array=array)
        if not end:
            return
        yield start, end


def _last_row_end(held: bytes, start: int, *, array: bool) -> int:
    """Return the end of the last row that ends within a piece from `start`; 0 if none does.

    A brace ends a row when another row follows it and it is not within a string: an even number of
    quotes stands before it. Braces within nested lists can still deceive; the parser finds out.
    """
    between = _BETWEEN_ENTRIES if array else _BETWEEN_LINES
    at = held.rfind(b"}", start, start + PIECE)
    quotes = _quotes(held, start, at)
    for _ in range(1000):
        if at < 0:
            return 0
        if quotes % 2 == 0 and between.match(held, at):
            return at + 1
        before = held.rfind(b"}", start, at)
        quotes -= _quotes(held, before, at)
        at = before
    return 0


def _quotes(held: bytes, start: int, end: int) -> int:
    """Count the quotes that open or close a string."""
    quotes = held.count(b'"', start, end)
    if quotes and held.find(b"\\", start, end) >= 0:
        quotes -= _ESCAPED.findall(held, start, end).count(b'\\"')
    return quotes


def _parse(piece: bytes, fields: list[pa.Field], *, array: bool) -> pa.RecordBatch | None:
    """Parse a piece with pyarrow; None when it holds something else than asked for."""
    if array:
        piece = b'{"":[' + piece + b"]}"
        fields = [pa.field("", pa.list_(pa.struct(fields)))]
    try:
        table = pajson.read_json(
            pa.BufferReader(piece),
            read_options=pajson.ReadOptions(block_size=len(piece) + 1, use_threads=False),
            parse_options=pajson.ParseOptions(
                explicit_schema=pa.schema(fields), unexpected_field_behavior="infer"
            ),
        )
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return None
    if not (piece.isascii() or _is_utf8(piece)):  # pyarrow.json does not look
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
    asked = {field.name for field in (fields[0].type.value_type if array else fields)}
    for name, values in zip(batch.schema.names, batch.columns, strict=True):
        if name not in asked and not _takeable(values.type):
            return None
        if values.null_count < len(values):
            columns[name] = values.cast(TEXT) if pa.types.is_string(values.type) else values
    return _batch(columns, batch.num_rows)


def _is_utf8(piece: bytes) -> bool:
    try:
        piece.decode()
    except UnicodeDecodeError:
        return False
    return True


def _takeable(inferred: pa.DataType) -> bool:
    """Tell whether the text of an inferred column can be told from its values."""
    return any(
        check(inferred)
        for check in (pa.types.is_null, pa.types.is_boolean, pa.types.is_int64, pa.types.is_string)
    )


def _type_for(column: Column | None, marks: set[type]) -> pa.DataType | None:
    """Return the type to ask of the parser; None leaves it to the parser."""
    usual = _usual_type(column)
    if marks == {str}:
        return TEXT
    if marks == {bool}:
        return pa.bool_()
    if marks == {list}:
        return _ITEMS
    if marks == {_Whole}:
        return usual if usual == pa.float64() else pa.int64()
    if marks and marks <= {_Whole, _Fraction}:
        return pa.float64() if column and column.kind != "text" else None
    return usual


def _usual_type(column: Column | None) -> pa.DataType | None:
    if column is None:
        return None
    if column.kind == "number" or column.encoding in ("day fraction", "fine day fraction"):
        return pa.float64()
    if column.kind == "integer" or column.encoding in ("seconds", "minutes"):
        return pa.int64()
    if column.encoding == "true/false":
        return pa.bool_()
    return _ITEMS if column.encoding == "json array" else TEXT


def _batch(columns: dict[str, pa.Array], rows: int) -> pa.RecordBatch:
    """Build a record batch that knows its rows even when it has no column."""
    if not columns:
        return pa.RecordBatch.from_struct_array(pa.array([{}] * rows, pa.struct([])))
    return pa.RecordBatch.from_arrays(list(columns.values()), list(columns))


def _as_text(value: Any) -> str | None:
    if value is None or type(value) in (_Whole, _Fraction):
        return None if value is None else str(value)
    return _plain(value) if isinstance(value, str) else _plain(_written(value))


def _written(value: Any) -> str:
    """Write a nested value as the JSON it was."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{_written(k)}:{_written(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_written, value)) + "]"
    if isinstance(value, _Whole | _Fraction):
        return str(value)
    return json.dumps(value, ensure_ascii=False)


def _plain(text: str) -> str:
    """Replace halves of surrogate pairs, which no UTF-8 text can hold."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def _like_a_row(members: dict[str, Any], known: int, columns: int) -> bool:
    """Tell a row from an error or the description of a job."""
    if columns:
        return known * 2 >= len(members) > 0
    return not {"code", "message", "error", "job", "status_code"} & members.keys()


def _said(members: dict[str, Any]) -> str:
    """Repeat what an error says, and nothing that could be anybody's data."""
    said = [str(members[key])[:200] for key in ("code", "message", "error") if key in members]
    return " ".join(said) if said else "its keys are " + ", ".join(list(members)[:5])


def _skip(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    assert match is not None
    return match.end()
