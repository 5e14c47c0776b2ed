"""Care of the tables: few large files instead of many small ones, and a log that is quick to read.

All of it is safe beside readers and writers. Compaction touches only months that are over for as
long as files are kept, so that the windows asked for again and again stay small. Files that no
version of the last days needs are removed, those of killed syncs too; a question that runs longer
than they are kept must be asked again. The log itself is never shortened: it is the ledger.
"""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import ConfigError, LakeError
from .files import GROUP_ROWS
from .needs import needed
from .plan import length_of
from .rows import ACCOUNT, MONTH
from .table import Table, commit_options

if TYPE_CHECKING:
    from deltalake import DeltaTable

_log = logging.getLogger("td_notebooks")

#: A partition with more files than this is compacted once its month is over.
FILES = 4
#: Compaction makes files of about this size, in bytes.
FILE_SIZE = 128 << 20
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
        done = Tended(table.report_type, _compact_months(table, now), vacuum(table, keep))
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


def _compact_months(table: Table, now: datetime) -> int:
    """Put the files of each month that is over together; return how many months."""
    count = 0
    for (account, month), files in table.partitions().items():
        if files > FILES and over(month, now):
            count += compact(table, account, month)
    return count


def compact(table: Table, account: str, month: str) -> bool:
    """Put the files of one account and month together; return whether that changed anything.

    Raises
    ------
    LakeError
        The disk is full or read-only, or others commit without end.
    """

    def work(delta: DeltaTable | None) -> bool:
        if delta is None:
            return False
        done = delta.optimize.compact(
            partition_filters=[(ACCOUNT, "=", account), (MONTH, "=", month)],
            target_size=FILE_SIZE,
            max_concurrent_tasks=1,
            writer_properties=needed("deltalake").WriterProperties(
                compression="ZSTD", max_row_group_size=GROUP_ROWS
            ),
            **commit_options(),
        )
        table.close_off(delta.version())
        if table.place.folder:
            folder = Path(table.uri) / f"{ACCOUNT}={account}" / f"{MONTH}={month}"
            for path in folder.iterdir():
                table.place.close_off(path)
        return bool(done["numFilesRemoved"])

    return table.committing(work, f"compacting {table.report_type}")


def vacuum(table: Table, keep: timedelta) -> int:
    """Remove the files that no version of late needs, those that killed syncs left too.

    Parameters
    ----------
    table : Table
    keep : timedelta
        How long files stay that were replaced, or never committed.

    Returns
    -------
    int
        Files removed.
    """
    wanted: dict[str, Any] = {
        "retention_hours": math.ceil(keep / timedelta(hours=1)),
        "enforce_retention_duration": False,
        "full": True,
    }

    def work(delta: DeltaTable | None) -> int:
        if delta is None:
            return 0
        before = delta.version()
        found = delta.vacuum(dry_run=True, **wanted)
        if found:
            delta.vacuum(dry_run=False, **wanted, **commit_options())
            delta.update_incremental()
            for version in range(before, delta.version() + 1):
                table.close_off(version)
        return len(found)

    return table.committing(work, f"removing old files of {table.report_type}")
