"""An object that stands alone: a row, or something else that Talkdesk answers with. Pure functions.

An error or the description of a job must not become a row of a report; a row that has a key called
``message`` must not be taken for an error, and what it says is nobody's business.
"""

from __future__ import annotations

from typing import Any

from ..reports.schemas import choose

# What Talkdesk answers with where rows should be: all keys that it may have, and those that tell.
_ERROR = {"code", "message", "error", "error_description", "description", "fields", "status_code"}
_JOB = {"job", "id", "name", "type", "created_at", "timezone", "status", "format", "timespan"}
_LIST = {"entries", "total", "type", "version", "count", "page", "per_page", "_embedded"}
_NO_ROWS = (
    (_ERROR, {"code", "message", "error"}),
    (_JOB | {"_links"}, {"job", "timespan"}),
    (_LIST | {"_links"}, {"entries", "_embedded"}),
)


def like_a_row(members: dict[str, Any], report_type: str) -> bool:
    """Tell a row from the other things that Talkdesk answers with."""
    fitting = choose(report_type, members)
    if not fitting.columns:
        keys = members.keys()
        return not any(keys <= all_keys and keys & telling for all_keys, telling in _NO_ROWS)
    indispensable = [
        column for column in fitting.columns if column.required and not column.nullable
    ]
    known = {column for column in fitting.match(members) if column}
    # A row that lacks a column is named with what it lacks, when it is read.
    return known.issuperset(indispensable) or 2 * len(known) >= len(members) > 0


def said(members: dict[str, Any]) -> str:
    """Repeat what an error says, and nothing that could be anybody's data."""
    values = [members.get(key) for key in ("code", "message")]
    if members.keys() <= _ERROR and (texts := [v[:200] for v in values if isinstance(v, str)]):
        return " ".join(texts)
    return "its keys are " + ", ".join(key[:40] for key in list(members)[:5])
