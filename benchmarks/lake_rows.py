"""Calls by the million, made as fast as they can be read."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from td_notebooks.sandbox.centre import Centre, CentreSettings


class ManyCalls:
    """Calls at an even pace, all like one simulated call but for their id and end.

    Parameters
    ----------
    per_day : int
    """

    def __init__(self, per_day: int) -> None:
        day = datetime(2026, 3, 2, tzinfo=UTC)
        rows = Centre(CentreSettings(calls_per_day=50, agents=4)).rows(
            "calls", day, day + timedelta(days=1)
        )
        call = dict(max(rows, key=lambda row: sum(value is not None for value in row.values())))
        call |= {"call_id": "@@ID@@", "end_at": "@@END@@"}
        text = json.dumps(call, default=_text).replace("{", "{{").replace("}", "}}")
        self._row = text.replace("@@ID@@", "{0:032x}").replace("@@END@@", "{1}")
        self._per_day = per_day

    def rows(self, report_type: str, start: datetime, end: datetime) -> Sequence[tuple[int, int]]:
        return [(self._first(start), self._first(end))]

    def render(
        self,
        report_type: str,
        rows: Sequence[Mapping[str, object]],
        format: str,
        *,
        timezone: str,
    ) -> Iterator[bytes]:
        first, last = rows[0] if rows else (0, 0)
        yield b'{"type":"calls","version":"v1","entries":['
        for low in range(first, last, 5000):
            numbers = range(low, min(last, low + 5000))
            comma = "," if low > first else ""
            yield (comma + ",".join(self._line(number) for number in numbers)).encode()
        yield b'],"total":%d}' % (last - first)

    def _first(self, moment: datetime) -> int:
        """Return the number of the first call at or after a moment."""
        return -(-int(moment.timestamp()) * self._per_day // 86_400)

    def _line(self, number: int) -> str:
        moment = datetime.fromtimestamp(number * 86_400 // self._per_day, UTC)
        return self._row.format(number, f"{moment:%Y-%m-%dT%H:%M:%SZ}")


def _text(value: object) -> str:
    return f"{value:%Y-%m-%dT%H:%M:%SZ}" if isinstance(value, datetime) else str(value)
