"""Rows in another version of a report's payload.

Only `calls` is known to have had one: the columns of `explore_calls`, with durations as fractions
of a day and flags as words. `_OLDER_CALLS` tells which column of today says the same thing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import ConfigError
from ..reports import schemas
from .files import columns_of, layout

Row = Mapping[str, Any]

#: By the older JSON key: today's key; those of the same name on both sides are not repeated.
_OLDER_CALLS = {
    "interaction_id": "call_id",
    "call_type": "type",
    "start_time": "start_at",
    "end_time": "end_at",
    "customer_phone_number": "contact_phone_number",
    "record": "recording_url",
    "in_business_hours?": "is_in_business_hours",
    "callback_from_queue?": "is_callback_from_queue",
    "waiting_time": "wait_time",
    "agent_speed_to_answer": "wait_time",
    "holding_time": "hold_time",
    "rating": "user_voice_rating",
    "description": "notes",
    "agent_name": "user_name",
    "phone_display_name": "talkdesk_phone_display_name",
    "transfer?": "is_transfer",
    "handling_agent": "handling_user_name",
    "tags": "ring_groups",
    "team": "team_name",
    "calls_historical_base.data_status": "data_status",
}
_SAME = {("calls", "until 2026-05-11"): _OLDER_CALLS}


def in_version(report_type: str, version: str, rows: Sequence[Row]) -> list[Row]:
    """Write rows with the columns of another version.

    Parameters
    ----------
    report_type, version : str
        Of the catalogue.
    rows : sequence of dict
        With the columns of the version that the sandbox usually writes. Columns that the catalogue
        does not know go along.

    Returns
    -------
    list of dict
        What the other version has no column for is gone; what it has besides is None.

    Raises
    ------
    ConfigError
        There is no such version, or nobody has told the sandbox what its columns mean.
    """
    wanted, usual = schemas.schema(report_type, version), layout(report_type)
    if wanted == usual:
        return list(rows)
    if (report_type, version) not in _SAME:
        raise ConfigError(
            f"The sandbox cannot write {report_type} in the version {version!r}.",
            hint=f"It can write {', '.join(f'{t} {v!r}' for t, v in _SAME)}.",
        )
    same = _SAME[report_type, version]
    known = {column.key for column in usual.columns}
    keys = [(column.key, same.get(column.key, column.key)) for column in columns_of(wanted)]
    return [
        {key: row.get(source) for key, source in keys}
        | {key: value for key, value in row.items() if key not in known}
        for row in rows
    ]
