"""Where rows start and end in JSON, and what their values are as text: pure functions."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from .feed import Bytes

_SPACE = re.compile(r"[ \t\r\n]*")
_COMMA = re.compile(rb"\s*,\s*(?=\{)")
_START = re.compile(rb"\s*(?=\{)")
# The end of a row and the start of the next. Neither can stand within a string: there a line end is
# escaped, and a quote without a backslash would close it, which the first letter of a key cannot
# follow. Objects within nested lists can still deceive; the parser finds out.
_BETWEEN_ENTRIES = re.compile(rb'\}\s*,\s*\{\s*"[^\s",:\]}]')
_BETWEEN_LINES = re.compile(rb"\}[ \t\r]*\n\s*\{")


class Whole(str):
    """A whole number as it is written; the column will say what it is."""


class Fraction(str):
    """Any other number as it is written."""


_DECODER = json.JSONDecoder(parse_int=Whole, parse_float=Fraction, parse_constant=Fraction)


def members_of(text: str, at: int) -> tuple[dict[str, Any], int | None]:
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
            if type(key) is not str or not text.startswith(":", at):
                return members, None
            at = _skip(text, at + 1)
            if key == "entries" and text.startswith("[", at):
                return members, at
            members[key], at = _DECODER.raw_decode(text, at)
    except (ValueError, RecursionError):
        return members, None


def rows_of(
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


def cut(held: Bytes, size: int, *, array: bool) -> tuple[int, int] | None:
    """Return where the next row starts, and where the last one of a piece ends."""
    lead = (_COMMA if array else _START).match(held)
    end = _last_row_end(held, lead.end(), size, array=array) if lead else 0
    return (lead.end(), end) if lead and end else None


def _last_row_end(held: Bytes, start: int, size: int, *, array: bool) -> int:
    """Return the end of the last row that ends within a piece from `start`; 0 if none does."""
    between = _BETWEEN_ENTRIES if array else _BETWEEN_LINES
    at = start + size
    for _ in range(1000):
        at = held.rfind(b"}", start, at)
        if at < 0:
            return 0
        if between.match(held, at):
            return at + 1
    return 0


def as_text(value: Any) -> str | None:
    """Return a value as the text that stands for it, None for null; lists and objects as JSON."""
    if value is None:
        return None
    if type(value) in (Whole, Fraction):
        return "0" if value == "-0" else str(value)  # as the parser of many rows has it
    return plain(value if isinstance(value, str) else _written(value))


def _written(value: Any) -> str:
    """Write a nested value as the JSON it was."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{_written(k)}:{_written(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_written, value)) + "]"
    if isinstance(value, Whole | Fraction):
        return str(value)
    return json.dumps(value, ensure_ascii=False)


def plain(text: str) -> str:
    """Replace halves of surrogate pairs, which no UTF-8 text can hold."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def _skip(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    assert match is not None
    return match.end()
