"""Report files that are not as the catalogue says: the faults that concern a file's content."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

SPOILS = ("damaged-row", "new-column", "missing-column")
NEW_KEY, NEW_LABEL, NEW_VALUE = "surprise", "Surprise", "new"


def spoil(fate: str | None, format: str, chunks: Iterable[bytes]) -> Iterable[bytes]:
    """Return a file with its fault worked in.

    Parameters
    ----------
    fate : str or None
        One of `SPOILS`; with anything else the file stays as it is.
    format : str
        ``csv``, ``json`` or ``json_bulk``.
    chunks : iterable of bytes
    """
    if fate not in SPOILS:
        return chunks
    text = b"".join(chunks).decode()
    spoiled = _spoil_csv(fate, text) if format == "csv" else _spoil_json(fate, text, format)
    return [spoiled.encode()]


def spoil_rows(fate: str | None, rows: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
    """Return a file's rows with its fault worked in, where the fault leaves a proper file.

    Parameters
    ----------
    fate : str or None
        ``late-rows`` keeps every fifth row back, ``repeated-rows`` has the middle fifth twice;
        with anything else the rows stay as they are.
    rows : sequence of dict
    """
    if fate == "late-rows":
        return [row for place, row in enumerate(rows) if place % 5 != 2]
    if fate == "repeated-rows":
        first, last = len(rows) * 2 // 5, -(-len(rows) * 3 // 5)
        return [*rows[:last], *rows[first:]]
    return rows


def _spoil_csv(fate: str, text: str) -> str:
    header, *records = csv.reader(io.StringIO(text, newline=""))
    if fate == "new-column":
        header.append(NEW_LABEL)
        records = [[*record, NEW_VALUE] for record in records]
    elif fate == "missing-column":
        header, records = header[1:], [record[1:] for record in records]
    elif records:
        broken = len(records) // 2
        records[broken] = records[broken][: len(header) // 2]
    out = io.StringIO(newline="")
    ends = "\r\n" if "\r\n" in text else "\n"
    csv.writer(out, lineterminator=ends).writerows([header, *records])
    return out.getvalue()


def _spoil_json(fate: str, text: str, format: str) -> str:
    bulk = format == "json_bulk"
    # One record a line in `json_bulk`; an envelope around `entries` in `json`.
    whole: dict[str, Any] = (
        {"entries": [json.loads(line) for line in text.split("\n") if line]}
        if bulk
        else json.loads(text)
    )
    entries: list[dict[str, Any]] = whole["entries"]
    for entry in entries:
        if fate == "new-column":
            entry[NEW_KEY] = NEW_VALUE
        elif fate == "missing-column":
            entry.pop(next(iter(entry)))
    written = "\n".join(map(json.dumps, entries)) + "\n" if bulk else json.dumps(whole)
    if fate == "damaged-row" and entries:
        record = json.dumps(entries[len(entries) // 2])
        written = written.replace(record, record[: len(record) // 2], 1)
    return written
