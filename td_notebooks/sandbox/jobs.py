"""A report job: what was asked, and what has become of it at a given time.

Nothing happens in the background: a job's status is a function of the clock.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal
from zoneinfo import ZoneInfo

from ..reports import schemas
from .problems import problem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .server import Response

UNDOCUMENTED = "being_verified"
UNFINISHED = ("created", "processing", "uploading", UNDOCUMENTED)
#: Files are kept 30 days, in seconds.
KEPT = 30 * 86400
#: "Up to one month of data per request", every report's page; read strictly.
LONGEST_SPAN = timedelta(days=31)
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)?")


class Invalid(Exception):
    """An input is wrong; `response` says which."""

    def __init__(self, response: Response) -> None:
        self.response = response


@dataclass(frozen=True, slots=True)
class Order:
    """What a client asked for.

    Attributes
    ----------
    report_type, name : str
    format : str
        ``csv``, ``json`` or ``json_bulk``.
    timezone : str
        IANA name.
    start, end : datetime
        Half-open, in UTC.
    """

    report_type: str
    name: str
    format: str
    timezone: str
    start: datetime
    end: datetime


@dataclass(slots=True)
class Job:
    """An order and its life.

    Attributes
    ----------
    id : str
    family : str
        The path it was made under, ``/data/reports`` or ``/reports``.
    order : Order
    created_at : float
        Sandbox seconds since 1970-01-01 UTC.
    seconds : float
        From creation to done.
    fate : str or None
        The fault that decides its end.
    path : str
        Of its file in storage.
    ended : "canceled" or "deleted", optional
        What somebody did to it.
    """

    id: str
    family: str
    order: Order
    created_at: float
    seconds: float
    fate: str | None
    path: str = field(default="", repr=False)
    ended: Literal["canceled", "deleted"] | None = None

    def status(self, now: float) -> str:
        """Return the status at a time in sandbox seconds since 1970-01-01 UTC."""
        if self.ended:
            return self.ended
        age = now - self.created_at
        done = age / self.seconds if self.seconds > 0 else 1.0
        if done < 0.1:
            return "created"
        if self.fate == "stuck-job" or done < 0.5:
            return "processing"
        if self.fate == "failed-job":
            return "failed"
        if self.fate == "canceled-job":
            return "canceled"
        if done < 1:
            return UNDOCUMENTED if self.fate == "unknown-status" else "uploading"
        return "deleted" if age > self.seconds + KEPT else "done"


def read_order(report_type: str, body: object, formats: tuple[str, ...]) -> Order:
    """Check a submission as the API does.

    Parameters
    ----------
    report_type : str
        From the path.
    body : object
        The decoded JSON.
    formats : tuple of str
        The first is the default.

    Raises
    ------
    Invalid
        With the documented answer to the first thing that is wrong.
    """
    if not isinstance(body, dict):
        raise Invalid(problem("1020001", fields={"body": "body is not a JSON object"}))
    check_report_type(report_type)
    given: dict[str, Any] = {key: value for key, value in body.items() if value is not None}
    name = given.get("name", schemas.schema(report_type).title)
    format = given.get("format", formats[0])
    timezone = given.get("timezone", "UTC")
    span = given.get("timespan")
    zone = _zone(timezone)
    wrong: dict[str, str] = {}
    if not isinstance(name, str):
        wrong["name"] = "name does not have a valid value"
    if format not in formats:
        wrong["format"] = "format does not have a valid value"
    limits = span if isinstance(span, dict) else {}
    instants = {key: _instant(limits.get(key), zone) for key in ("from", "to")}
    for key, instant in instants.items():
        if instant is None:
            wrong[f"timespan[{key}]"] = f"timespan[{key}] format is not supported"
    start, end = instants["from"], instants["to"]
    if wrong or start is None or end is None:
        raise Invalid(problem("1020001", fields=wrong))
    if start >= end:
        raise Invalid(problem("1020005"))
    if end - start > LONGEST_SPAN:
        raise Invalid(problem("1020013"))
    return Order(report_type, name, format, timezone, start, end)


def check_report_type(report_type: str) -> None:
    """Refuse a report type the API does not know."""
    if report_type not in schemas.report_types():
        wrong = {"report_type": "report_type does not have a valid value"}
        raise Invalid(problem("1020001", fields=wrong))


def page_of(query: Mapping[str, str]) -> tuple[int, int]:
    """Return ``page`` (from 1, default 1) and ``per_page`` (1 to 200, default 20) of a query."""
    wrong: dict[str, str] = {}
    numbers = []
    for name, default, most in (("page", "1", 2**31 - 1), ("per_page", "20", 200)):
        text = query.get(name, default)
        number = int(text) if re.fullmatch(r"[0-9]{1,10}", text) else 0
        numbers.append(number)
        if not 1 <= number <= most:
            wrong[name] = f"{name} does not have a valid value"
    if wrong:
        raise Invalid(problem("1020001", fields=wrong))
    return numbers[0], numbers[1]


def _zone(name: object) -> ZoneInfo:
    try:
        return ZoneInfo(name if isinstance(name, str) else "")
    except (KeyError, ValueError, OSError):  # unknown, not a name at all, a folder's name
        raise Invalid(problem("1020016")) from None


def _instant(text: object, zone: ZoneInfo) -> datetime | None:
    """Read RFC 3339; a text without offset is in `zone`, an offset wins over it."""
    if not isinstance(text, str) or not _INSTANT.fullmatch(text):
        return None
    try:
        read = datetime.fromisoformat(text)
        return (read if read.tzinfo else read.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
