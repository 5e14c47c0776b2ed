"""Care of the tables: few large files instead of many small ones, and a log that is quick to read.

All of it is safe beside readers and writers. Compaction touches only months that are over for as
long as files are kept, so that the windows asked for again and again stay small. Files that no
version of the last days needs are removed, those of killed syncs too; a question that runs longer
than they are kept must be asked again. The log itself is never shortened: it is the ledger.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from ..errors import ConfigError, LakeError
from .plan import length_of
from .table import Table

_log = logging.getLogger("td_notebooks")

#: A partition with more files than this is compacted once its month is over.
FILES = 4
#: Versions after which the ledger is summed up.
SUMMARY_EVERY = 100
#: How long files are kept that only older versions need.
KEEP = timedelta(days=7)
#: A shorter time could take files from a question that is being answered.
SHORTEST_KEEP = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Tended:
    """What was done for one table.

    Attributes
    ----------
    report_type : str
    compacted : int
        Partitions whose files were put together.
    removed : int
        Files removed.
    """

    report_type: str
    compacted: int = 0
    removed: int = 0


def tend(table: Table, keep: str | timedelta = KEEP, *, now: datetime) -> Tended:
    """Compact months that are over, remove files nobody needs, keep the log quick to read.

    Parameters
    ----------
    table : Table
    keep : timedelta or str
        How long files stay that only older versions need.
    now : datetime

    Raises
    ------
    ConfigError
        ``keep`` is no length of time, or shorter than an hour.
    LakeError
        The disk is full or read-only.
    """
    keep = length_of(keep)
    if keep < SHORTEST_KEEP:
        raise ConfigError(
            f"Files kept for {keep} could vanish under a question that is being answered.",
            hint="Keep them for an hour at least.",
        )
    done = Tended(table.report_type)
    if table.exists():
        done = Tended(table.report_type, _compact(table, now), table.vacuum(keep))
        sum_up(table, now)
    return done


def sum_up(table: Table, now: datetime) -> None:
    """Sum up the ledger when many versions have come since the last time.

    It is a shortcut for reading: a failure leaves the table as good as before, and is only logged.
    """
    try:
        table.sum_up(now, SUMMARY_EVERY)
    except LakeError as error:
        _log.warning("%s", error)


def over(month: str, now: datetime) -> bool:
    """Say whether a month (``"2026-08"``, UTC) ended longer ago than files are kept."""
    year, number = map(int, month.split("-"))
    end = datetime(year + number // 12, number % 12 + 1, 1, tzinfo=UTC)
    return end + KEEP <= now


def _compact(table: Table, now: datetime) -> int:
    """Put the files of each month that is over together; return how many months."""
    count = 0
    for (account, month), files in table.partitions().items():
        if files > FILES and over(month, now):
            count += table.compact(account, month)
    return count
