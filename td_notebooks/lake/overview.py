"""What the tables of a lake lack, and what was stored in them, as frames."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import pandas as pd

from ..reports.schemas import schema
from ..timespan import Moment
from .ledger import Entry
from .plan import end_of, known_until, start_of
from .spans import difference
from .table import Table

_MOMENTS = "datetime64[us, UTC]"


def gaps(
    tables: Sequence[Table],
    *,
    since: Moment | timedelta | None,
    until: Moment | None,
    timezone: str,
    now: datetime,
    account: str | None,
) -> pd.DataFrame:
    """List what is missing, as `Lake.gaps` does.

    Parameters
    ----------
    tables : sequence of Table
    since, until, timezone
        As for `Lake.gaps`.
    now : datetime
        In UTC.
    account : str, optional
        By default all that the tables have.

    Returns
    -------
    pandas.DataFrame
    """
    start = None if since is None else start_of(since, now, timezone)
    end = end_of(until, now, timezone, start)
    found = []
    for table in tables:
        usual = timedelta(seconds=schema(table.report_type).freshness_seconds)
        ledger = table.ledger()
        # Nobody's rows are there: of a time that is asked for, everything is missing.
        for name in [account] if account else ledger.accounts or [""]:
            delay = max(usual, ledger.delay(name))  # the older API lags behind by more
            last = known_until(end, now, delay)
            first = start or min((entry.start for entry in ledger.of(name)), default=last)
            missing = difference([(first, last)], ledger.complete(name))
            found += [(table.report_type, name, *gap) for gap in missing]
    frame = pd.DataFrame(found, columns=["report_type", "account", "start", "end"])
    return frame.astype({"start": _MOMENTS, "end": _MOMENTS})


def history(tables: Sequence[Table]) -> pd.DataFrame:
    """List the windows that were stored, as `Lake.history` does."""
    names = list(Entry.__dataclass_fields__)
    rows = [
        {
            "report_type": table.report_type,
            "version": commit["version"],
            "committed_at": commit["committed_at"],
            **{field: getattr(commit["entry"], field) for field in names},
        }
        for table in tables
        for commit in table.history()
    ]
    frame = pd.DataFrame(rows, columns=["report_type", "version", "committed_at", *names])
    moments = ("committed_at", "start", "end", "asked_at", "known_until")
    frame = frame.astype(dict.fromkeys(moments, _MOMENTS))
    return frame.sort_values("committed_at", ascending=False, kind="stable", ignore_index=True)
