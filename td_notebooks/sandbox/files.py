r"""Report files as Talkdesk writes them: rows to bytes, by the encodings of the catalogue.

Sources: the samples on Talkdesk's report pages for the JSON forms, the exponents (``1.6087963E-6``)
and the CSV quoting; public clients for the CSV headers. Unknown in reality and therefore
parameters: the CSV's line ends and its byte-order mark.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from functools import cache
from itertools import chain, islice
from json.encoder import encode_basestring
from types import SimpleNamespace
from typing import Any, Literal
from zoneinfo import ZoneInfo

from ..errors import ConfigError
from ..reports import schemas
from ..reports.schemas import Column, Schema

Row = Mapping[str, Any]
Newline = Literal["\n", "\r\n"]

#: Rows per chunk of bytes.
CHUNK = 500


def layout(report_type: str) -> Schema:
    """Return the version of a report type that the sandbox writes: the best known one."""
    return max(schemas.versions(report_type), key=lambda schema: len(schema.columns))


def columns_of(schema: Schema) -> tuple[Column, ...]:
    """Return the columns that the sandbox's files have: all but those of older or rare files."""
    return tuple(c for c in schema.columns if c.required or c.confidence == "documented")


def render(
    report_type: str,
    rows: Iterable[Row],
    format: str,
    *,
    timezone: str = "UTC",
    newline: Newline = "\n",
    bom: bool = False,
    version: str | None = None,
) -> Iterator[bytes]:
    """Write a report file.

    Parameters
    ----------
    report_type : str
    rows : iterable of dict
        By JSON key: aware datetimes, durations in seconds, booleans, None for missing. A key that
        the catalogue does not know is written as it is, and so is text in a column of another
        kind: faults need both.
    format : str
        ``json``, ``csv`` or ``json_bulk`` (one object per line).
    timezone : str
        IANA zone of the times without a zone of their own.
    newline : str
        Of CSV.
    bom : bool
        Whether CSV starts with a byte-order mark.
    version : str, optional
        A payload version of the catalogue; by default the one that `layout` returns.

    Returns
    -------
    iterator of bytes
        Chunks of UTF-8.

    Raises
    ------
    ConfigError
        If there is no such report type, version or format.
    """
    schema = schemas.schema(report_type, version) if version else layout(report_type)
    cells = _Cells(schema, ZoneInfo(timezone))
    if format == "json":
        return _json(cells, rows)
    if format == "json_bulk":
        return _chunks(cells.object(row) + "\n" for row in rows)
    if format == "csv":
        return _csv(cells, rows, newline, "\ufeff" if bom else "")
    raise ConfigError(
        f"A {report_type} file cannot be written as {format!r}.",
        hint="The formats are json, csv and json_bulk.",
    )


def _json(cells: _Cells, rows: Iterable[Row]) -> Iterator[bytes]:
    schema, total = cells.schema, 0
    head = '{"entries":['
    if schema.envelope:
        head = f'{{"type":"{schema.report_type}","version":"{schema.version}","entries":['

    def objects() -> Iterator[str]:
        nonlocal total
        for total, row in enumerate(rows, 1):
            yield ("," if total > 1 else "") + cells.object(row)

    yield head.encode()
    yield from _chunks(objects())
    yield f'],"total":{total}}}'.encode()


def _csv(cells: _Cells, rows: Iterable[Row], newline: Newline, bom: str) -> Iterator[bytes]:
    remaining = iter(rows)
    first = next(remaining, None)
    keys = list(first) if first is not None else [c.key for c in columns_of(cells.schema)]
    lines: list[str] = []
    # The writer's own line end is CRLF, so that it quotes a value with either of both in it.
    writer = csv.writer(SimpleNamespace(write=lines.append), lineterminator="\r\n")

    def line(values: Iterable[str]) -> str:
        writer.writerow(list(values))
        return lines.pop()[:-2] + newline

    header = bom + line(cells.header(key) for key in keys)
    body = chain(() if first is None else (first,), remaining)
    yield from _chunks(
        chain((header,), (line(cells.text(key, row.get(key)) for key in keys) for row in body))
    )


def _chunks(texts: Iterator[str]) -> Iterator[bytes]:
    while chunk := list(islice(texts, CHUNK)):
        yield "".join(chunk).encode()


class _Cells:
    """Writes single values of one report."""

    def __init__(self, schema: Schema, zone: ZoneInfo) -> None:
        self.schema = schema
        self.columns = {column.key: column for column in schema.columns}
        writers = _writers(zone)
        self.write: dict[str, Callable[[Any], str]] = {
            key: writers[column.encoding]
            for key, column in self.columns.items()
            if column.encoding in writers
        }
        self.keys = {key: f"{encode_basestring(key)}:" for key in self.columns}
        self.empty = {key for key, column in self.columns.items() if column.missing == "empty"}
        # Booleans and durations are bare in JSON where they are not words.
        self.bare = {
            key for key, column in self.columns.items() if column.encoding in _BARE_ENCODINGS
        }

    def header(self, key: str) -> str:
        """Return a column's CSV header."""
        return self.columns[key].header if key in self.columns else key

    def text(self, key: str, value: Any) -> str:
        """Return a value's text, which is empty when it is missing."""
        if value is None:
            return ""
        if isinstance(value, str):
            return value
        if write := self.write.get(key):
            return write(value)
        return number(value) if isinstance(value, float) else json.dumps(value)

    def object(self, row: Row) -> str:
        """Return a row as a JSON object."""
        members = []
        write, bare, names = self.write, self.bare, self.keys
        for key, value in row.items():
            name = names.get(key) or f"{encode_basestring(key)}:"
            if value is None:
                wire = '""' if key in self.empty else "null"
            elif isinstance(value, str):
                wire = encode_basestring(value)
            elif key in write and key not in bare:
                wire = encode_basestring(write[key](value))
            else:
                wire = self.text(key, value)
            members.append(name + wire)
        return "{" + ",".join(members) + "}"


_BARE_ENCODINGS = {
    "true/false",
    "seconds",
    "minutes",
    "day fraction",
    "fine day fraction",
    "json array",
}


@cache
def _writers(zone: ZoneInfo) -> dict[str | None, Callable[[Any], str]]:
    """Return what writes each encoding of the catalogue."""

    def local(value: datetime) -> str:
        return value.astimezone(zone).replace(tzinfo=None).isoformat(" ", "seconds")

    def local_millis(value: datetime) -> str:
        return value.astimezone(zone).replace(tzinfo=None).isoformat(" ", "milliseconds")

    return {
        "true/false": lambda value: "true" if value else "false",
        "Yes/No": lambda value: "Yes" if value else "No",
        "YES/NO": lambda value: "YES" if value else "NO",
        "TRUE/FALSE": lambda value: "TRUE" if value else "FALSE",
        "rfc3339z": lambda value: f"{value:%Y-%m-%dT%H:%M:%S}Z",
        "naive": local,
        "naive millis": local_millis,
        "seconds": lambda value: str(int(value)),
        "minutes": lambda value: str(round(value / 60)),
        "day fraction": lambda value: number(value / 86400),
        "fine day fraction": lambda value: number(value / 86400),
        "0d 0h 0m 0s": days_and_hours,
        "json array text": lambda value: json.dumps(value, ensure_ascii=False),
        "json array": lambda value: json.dumps(value, ensure_ascii=False),
    }


def number(value: float) -> str:
    """Write a number as Talkdesk does: ten decimals at most, exponents for small ones.

    Examples
    --------
    >>> number(80 / 86400), number(0.139 / 86400), number(12.5), number(3.0)
    ('0.0009259259', '1.6087963E-6', '12.5', '3.0')
    """
    if value and abs(value) < 1e-4:
        mantissa, exponent = f"{value:.7e}".split("e")
        return f"{mantissa.rstrip('0').rstrip('.')}E{int(exponent)}"
    text = f"{value:.10f}".rstrip("0")
    return text + "0" if text.endswith(".") else text


def days_and_hours(value: float) -> str:
    """Write seconds as words: ``0d 0h 0m 42s``."""
    minutes, second = divmod(int(value), 60)
    hours, minute = divmod(minutes, 60)
    day, hour = divmod(hours, 24)
    return f"{day}d {hour}h {minute}m {second}s"
