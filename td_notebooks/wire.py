"""Reading what comes over HTTP and may be anything: JSON objects, dates, texts."""

from __future__ import annotations

import json
from email.utils import parsedate_to_datetime


def json_object(body: bytes) -> dict[str, object]:
    """Return the JSON object of a body; an empty one if it is none."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def timestamp(date: str | None) -> float | None:
    """Return the seconds since 1970-01-01 UTC of an HTTP date; None if it is none."""
    try:
        return parsedate_to_datetime(date or "").timestamp()
    except (TypeError, ValueError, OverflowError):
        return None


def retry_after(header: str | None, *, now: float | None) -> float | None:
    """Return the seconds a ``Retry-After`` header asks for.

    Parameters
    ----------
    header : str or None
        Seconds, or an HTTP date.
    now : float or None
        What the host's own clock said, in seconds since 1970-01-01 UTC; without it a date
        cannot be understood.
    """
    if not header:
        return None
    try:
        seconds = float(header)
    except ValueError:
        moment = timestamp(header)
        return None if moment is None or now is None else max(0.0, moment - now)
    return seconds if 0 <= seconds < float("inf") else None


def later(wait: float | None) -> str:
    """Say in how long to try again, given the seconds that a host asks to wait, if it does."""
    return f"{wait:.0f} s" if wait and wait > 60 else "a minute"


def skew(date: str | None, now: float) -> float | None:
    """Return by how many seconds ``now`` is ahead of a ``Date`` header; None without one."""
    told = timestamp(date)
    return None if told is None else now - told


def utf8(text: str) -> str:
    """Return a text with question marks for what UTF-8 cannot carry: halves of a character."""
    return text.encode("utf-8", "replace").decode()
