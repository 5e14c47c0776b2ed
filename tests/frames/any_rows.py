"""Rows of any report, as each format writes them, and what must come of them.

The writers are the tests' own: they share no code with what reads, and none with the sandbox.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from td_notebooks.reports.schemas import Column, Schema, report_types, versions

ZONES = ["UTC", "Europe/Lisbon", "America/New_York", "Australia/Sydney"]
SCHEMAS = [s for name in report_types() for s in versions(name) if len(s.columns) > 1]
# Reports of few columns come more often: a case of `calls` takes as long as ten of them.
SCHEMAS += 2 * [s for s in SCHEMAS if len(s.columns) < 25]

TEXTS = ["+18443265295", "007", "1", "12e45678", "NA", "null", "=SUM(1)", "👋", "true", "1.50"]
TEXTS += ["a},{b", '"', '""', '",', 'a"b\r\nc,"d"', "\r", "\n\n", " x ", "\\", "\\n", "\t", "a\0b"]
TEXTS += ["x" * 5000, "2026-03-02 10:00:00", "{}", "[1]", "nan", "é", "\u2028", "\ufeff", "}\n{"]
texts = st.sampled_from(TEXTS) | st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)


@dataclass(frozen=True)
class Value:
    """One value: as JSON has it, as CSV has it, and as the finished table has it."""

    json: Any
    csv: str
    table: Any


def same(value: Any) -> Value:
    return Value(value, str(value), value)


def seconds(wire: float | str, expected: float) -> Value:
    return Value(wire, wire if isinstance(wire, str) else repr(wire), expected)


def words(total: int) -> Value:
    minutes, second = divmod(total, 60)
    hours, minute = divmod(minutes, 60)
    day, hour = divmod(hours, 24)
    return seconds(f"{day}d {hour}h {minute}m {second}s", total)


@cache
def moment(local: datetime, zone: str) -> datetime:
    """Read a local time: the first of two, and the end of a gap for a time within one."""
    info = ZoneInfo(zone)
    first, second = (local.replace(tzinfo=info, fold=fold).astimezone(UTC) for fold in (0, 1))
    if first <= second:
        return first
    before, after = second, first  # the clocks change somewhere between
    offset = before.astimezone(info).utcoffset()
    while after - before > timedelta(microseconds=1):
        middle = before + (after - before) / 2
        if middle.astimezone(info).utcoffset() == offset:
            before = middle
        else:
            after = middle
    return after


CHANGES = [
    datetime(2026, *day, hour, 30) + timedelta(minutes=minutes)
    for day, hour in [((3, 8), 2), ((11, 1), 1), ((3, 29), 1), ((10, 25), 1), ((4, 5), 2)]
    for minutes in (-60, -1, 0, 29, 60)
]
moments = st.sampled_from(CHANGES) | st.integers(0, 2**31).map(
    lambda at: datetime(2016, 1, 1) + timedelta(seconds=at % 630_000_000)
)


def values(column: Column, zone: str) -> st.SearchStrategy[Value]:
    """Draw values that keep to the catalogue; `zone` is that of times that carry none."""
    whole = st.integers(-(2**63), 2**63 - 1) | st.integers(0, 86_400)
    match column.kind, column.encoding:
        case "boolean", "true/false":
            return st.sampled_from([Value(True, "true", True), Value(False, "false", False)])
        case "boolean", encoding:
            yes, no = encoding.split("/")
            return st.sampled_from([Value(yes, yes, True), Value(no, no, False)])
        case "timestamp", "rfc3339z":
            return moments.map(
                lambda v: Value(*[v.strftime("%Y-%m-%dT%H:%M:%SZ")] * 2, v.replace(tzinfo=UTC))
            )
        case "timestamp", encoding:
            millis = 809_000 if encoding == "naive millis" else 0
            tail = ".809" if millis else ""
            return moments.map(
                lambda v: Value(
                    *[f"{v:%Y-%m-%d %H:%M:%S}{tail}"] * 2,
                    moment(v.replace(microsecond=millis), zone),
                )
            )
        case "duration", "0d 0h 0m 0s":
            return st.integers(0, 10**6).map(words)
        case "duration", "minutes":
            return st.integers(0, 10**6).map(lambda v: Value(v, str(v), 60 * v))
        case "duration", "day fraction" | "fine day fraction" as encoding:
            digits = None if encoding == "day fraction" else 3
            return st.integers(0, 10**9).map(
                lambda v: seconds(v / 86_400_000, round(v / 86_400_000 * 86_400, digits))
            )
        case "integer" | "duration", _:
            return whole.map(same)
        case "number", _:
            return st.floats(allow_nan=False, allow_infinity=False).map(
                lambda v: Value(v, repr(v), v)
            )
        case "category", _:
            return st.sampled_from([*column.values, "another", "NA"]).map(same)
        case _, "json array":
            return st.lists(texts, max_size=3).map(
                lambda v: Value(v, *[json.dumps(v, ensure_ascii=False, separators=(",", ":"))] * 2)
            )
        case _:
            return texts.map(same)


MISSING = [Value(None, "", None), Value("", "", None)]


@dataclass(frozen=True)
class Rows:
    """Rows of one report."""

    schema: Schema
    zone: str
    columns: list[Column | str]  # in the order of the file; a name where it is a stranger
    rows: list[list[Value]]

    @property
    def keys(self) -> list[str]:
        return [c if isinstance(c, str) else c.key for c in self.columns]

    @property
    def headers(self) -> list[str]:
        return [c if isinstance(c, str) else c.header for c in self.columns]

    @property
    def entries(self) -> list[dict[str, Any]]:
        return [dict(zip(self.keys, (v.json for v in row), strict=True)) for row in self.rows]

    @property
    def expected(self) -> dict[str, list[Any]]:
        """The finished table, by column."""
        found: dict[str, list[Any]] = {c.name: [None] * len(self.rows) for c in self.schema.columns}
        for at, column in enumerate(self.columns):
            name = column if isinstance(column, str) else column.name
            found[name] = [row[at].table for row in self.rows]
        return found


_FEW: dict[Any, st.SearchStrategy[list[Value]]] = {}


def a_few(column: Column | None, kind: Any, zone: str) -> st.SearchStrategy[list[Value]]:
    if (kind, zone) not in _FEW:
        some = values(column, zone) if column else texts.map(same)
        _FEW[kind, zone] = st.lists(some, min_size=1, max_size=3)
    return _FEW[kind, zone]


@st.composite
def any_rows(draw: Any) -> Rows:
    schema = draw(st.sampled_from(SCHEMAS))
    zone = draw(st.sampled_from(ZONES))
    columns: list[Any] = list(schema.columns)
    if draw(st.booleans()):
        columns = [c for c in columns if c.required]
    missing = draw(st.sampled_from(MISSING))
    turn = draw(st.integers(0, len(columns) - 1))
    columns = columns[turn:] + columns[:turn]
    if draw(st.integers(0, 3)) == 0:
        columns.insert(draw(st.integers(0, len(columns))), "new_column")
    # A few values for each kind of column, dealt to many rows: drawing each takes all the time.
    drawn: dict[Any, list[Value]] = {}
    pools = []
    for column in columns:
        known = not isinstance(column, str)
        kind = (column.kind, column.encoding, column.values) if known else None
        if kind not in drawn:
            drawn[kind] = draw(a_few(column if known else None, kind, zone))
        pools.append([*drawn[kind], missing] if not known or column.nullable else drawn[kind])
    count, step = draw(st.integers(0, 24)), draw(st.integers(1, 7))
    rows = [
        [pool[(row * step + row // 3 + at) % len(pool)] for at, pool in enumerate(pools)]
        for row in range(count)
    ]
    return Rows(schema, zone, columns, rows)


def _field(text: str, *, quote_all: bool) -> str:
    quoted = quote_all or any(mark in text for mark in ',"\r\n')
    return '"' + text.replace('"', '""') + '"' if quoted else text


@st.composite
def as_csv(draw: Any, drawn: Rows) -> bytes:
    quote_all = draw(st.booleans())
    end = draw(st.sampled_from(["\n", "\r\n"]))
    spell = draw(st.sampled_from([str, str.upper, str.lower]))
    names = [spell(n) for n in draw(st.sampled_from([drawn.headers, drawn.keys]))]
    if "new_column" in drawn.columns:
        names[drawn.columns.index("new_column")] = "new_column"
    lines = [[v.csv for v in row] for row in drawn.rows]
    first = lines[0][0] if lines else ""
    plain = drawn.columns == list(drawn.schema.columns) or drawn.columns == [
        c for c in drawn.schema.columns if c.required
    ]
    nameless = plain and first[:1].isalnum() and "\0" not in "".join(lines[0])
    if not (nameless and draw(st.booleans())):
        lines.insert(0, names)
        if draw(st.booleans()):
            lines.insert(draw(st.integers(1, len(lines))), names)
    text = end.join(",".join(_field(f, quote_all=quote_all) for f in line) for line in lines)
    mark = draw(st.sampled_from(["", "\ufeff"]))
    return (mark + text + draw(st.sampled_from(["", end, end * 2]))).encode()


LAYOUTS = [{}, {"indent": 1}, {"separators": (",", ":")}, {"ensure_ascii": False}]


@st.composite
def as_json(draw: Any, drawn: Rows) -> bytes:
    members = [("entries", drawn.entries), ("total", len(drawn.rows)), ("type", "x"), ("v", [{}])]
    turn = draw(st.integers(0, 3))
    wrapper = dict((members[turn:] + members[:turn])[: draw(st.integers(0, 3)) + 1])
    wrapper.setdefault("entries", drawn.entries)
    return json.dumps(wrapper, **draw(st.sampled_from(LAYOUTS))).encode()


@st.composite
def as_json_bulk(draw: Any, drawn: Rows) -> bytes:
    if draw(st.booleans()):
        whole = draw(st.sampled_from([drawn.entries, {"entries": drawn.entries}]))
        return json.dumps(whole, **draw(st.sampled_from(LAYOUTS))).encode()
    layout = draw(st.sampled_from([LAYOUTS[0], *LAYOUTS[2:]]))
    end = draw(st.sampled_from(["\n", "\r\n", "\n\n"]))
    lines = end.join(json.dumps(entry, **layout) for entry in drawn.entries)
    return (lines + draw(st.sampled_from(["", end]))).encode()


WRITERS = {"csv": as_csv, "json": as_json, "json_bulk": as_json_bulk}
