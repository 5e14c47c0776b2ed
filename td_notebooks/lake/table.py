"""One Delta table per report type: replace a window in one commit, read back what is there.

Every commit is made on the very version that was looked at: `deltalake` is told not to retry by
itself, so a table that changed meanwhile is a conflict, and the window is tried again from a fresh
look at the table and its ledger. That holds whatever a store or a version of the library decides
about conflicts of its own accord. In a folder, writers also take turns (`Place.turn`), so that a
long write is not overtaken again and again by short ones; nothing rests on it.

The log is kept (``delta.enableExpiredLogCleanup`` is off): it is the ledger. Statistics are kept
of ``td_time`` alone, so that no commit repeats what the rows hold.
"""

from __future__ import annotations

import json
import logging
import math
import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import pyarrow as pa
import tenacity

from ..errors import LakeError, SchemaError
from ..frames.assemble import fit
from .ledger import KEY, Entry, Ledger
from .needs import needed
from .place import Place, disk_error
from .rows import ACCOUNT, MONTH, OWN_NAMES, TIME, months
from .stage import GROUP_ROWS, Staged

if TYPE_CHECKING:
    from deltalake import DeltaTable

_log = logging.getLogger("td_notebooks")

#: Times a commit is tried when others commit at the same time.
ATTEMPTS = 40
#: Files are not made larger than this, in bytes.
FILE_SIZE = 128 << 20
PROPERTIES = {
    "delta.checkpointInterval": "25",
    "delta.enableExpiredLogCleanup": "false",
    "delta.logRetentionDuration": "interval 3650 days",
    "delta.deletedFileRetentionDuration": "interval 7 days",
    "delta.dataSkippingStatsColumns": TIME,
}

Found = TypeVar("Found")
Done = Literal["replaced", "unchanged", "superseded"]


class Step(StrEnum):
    """What happens to a window, in this order; a callback may be told of each."""

    SUBMITTED = "submitted"
    ARRIVING = "arriving"
    STAGED = "staged"
    WRITING = "writing"
    WRITTEN = "written"
    COMMITTED = "committed"
    CLOSED = "closed"


OnStep = Callable[[Step], object]


def ignore(step: Step) -> None:
    """Take no notice of a step."""


class Table:
    """The table of one report type in a lake.

    Safe to use from several threads.

    Parameters
    ----------
    place : Place
    report_type : str
    """

    def __init__(self, place: Place, report_type: str) -> None:
        self.place = place
        self.report_type = report_type
        self._lock = threading.RLock()
        self._delta: DeltaTable | None = None
        self._ledger = Ledger()

    def __reduce__(self) -> tuple[type[Table], tuple[Place, str]]:
        return Table, (self.place, self.report_type)

    # ── looking ──

    def snapshot(self) -> DeltaTable | None:
        """Return a handle on the newest version for the caller alone; None if there is no table.

        Raises
        ------
        LakeError
            What lies there cannot be read.
        """
        delta = needed("deltalake")
        from deltalake.exceptions import TableNotFoundError

        uri, options = self.place.table(self.report_type), dict(self.place.options) or None
        try:
            if self.place.folder and not (Path(uri) / "_delta_log").is_dir():
                return None
            found: DeltaTable = delta.DeltaTable(uri, storage_options=options)
            return found
        except TableNotFoundError:
            return None
        except (OSError, delta.exceptions.DeltaError) as error:
            raise disk_error(self.place, error, f"opening {self.report_type}") from None

    def exists(self) -> bool:
        """Say whether there is a table yet."""
        return self._looking(lambda delta: True) or False

    def ledger(self) -> Ledger:
        """Return what the newest version has."""
        return self._looking(self._read_ledger) or Ledger()

    def history(self) -> list[dict[str, Any]]:
        """Return the commits that replaced windows, newest first, as far as the log goes back.

        Each has ``version``, ``committed_at`` and ``entry``.
        """
        return self._looking(lambda delta: list(_windows(delta.history()))) or []

    def partitions(self) -> dict[tuple[str, str], int]:
        """Return how many files each account and month has."""

        def count(delta: DeltaTable) -> Counter[tuple[str, str]]:
            files = pa.table(delta.get_add_actions(flatten=True))
            accounts, found = (
                files.column(f"partition.{name}").to_pylist() for name in (ACCOUNT, MONTH)
            )
            return Counter(zip(accounts, found, strict=True))

        return self._looking(count) or {}

    def _looking(self, look: Callable[[DeltaTable], Found]) -> Found | None:
        """Return what a look at the newest version finds; None if there is no table."""
        delta = needed("deltalake")
        try:
            with self._lock:
                found = self._fresh()
                return look(found) if found else None
        except (OSError, delta.exceptions.DeltaError) as error:
            self._delta = None
            raise disk_error(self.place, error, f"reading {self.report_type}") from None

    def _fresh(self) -> DeltaTable | None:
        """Return the handle kept here, brought to the newest version."""
        if self._delta is None:
            self._delta = self.snapshot()
        else:
            try:
                self._delta.update_incremental()
            except Exception:  # whatever it was, a new handle tells it better
                self._delta = self.snapshot()
        return self._delta

    def _read_ledger(self, delta: DeltaTable) -> Ledger:
        """Read the entries of the versions not read yet."""
        version = delta.version()
        if self._ledger.version < 0:
            self._ledger = Ledger.from_summary(delta.metadata().configuration.get(KEY))
        behind = version - self._ledger.version
        if behind < 0:  # somebody made the table anew
            self._ledger = Ledger.from_summary(delta.metadata().configuration.get(KEY))
            behind = version - self._ledger.version
        if behind > 0:
            told = [
                commit["entry"]
                for commit in _windows(delta.history(behind))
                if commit["version"] > self._ledger.version
            ]
            self._ledger = self._ledger.after(reversed(told), version)
        return self._ledger

    # ── replacing ──

    def replace(
        self, staged: Staged, entry: Entry, *, asked_at: datetime | None, on_step: OnStep = ignore
    ) -> Done:
        """Replace one window by the rows of its file, in one commit.

        Parameters
        ----------
        staged : Staged
        entry : Entry
            Goes with the commit.
        asked_at : datetime or None
            When the job was made, by Talkdesk's clock; None when it does not tell.
        on_step : callable, optional

        Returns
        -------
        {"replaced", "unchanged", "superseded"}
            ``unchanged``: the table has these very rows, and nothing was committed;
            ``superseded``: it has newer ones, or the window would divide one that must be whole.

        Raises
        ------
        LakeError
            The disk is full or read-only, or others commit without end; the table is as before.
        """
        return self._committing(
            lambda: self._replace_once(staged, entry, asked_at, on_step),
            f"writing {self.report_type} of {entry.account}",
        )

    def _committing(self, work: Callable[[], Found], doing: str) -> Found:
        """Do what ends in a commit, again from a fresh look whenever another's came first."""
        delta = needed("deltalake")
        from deltalake.exceptions import CommitFailedError

        def attempt() -> Found:
            with self._lock, self.place.turn(self.report_type):
                return work()

        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(CommitFailedError),
            # Those who lost have to write again what they had written: let them not meet again.
            wait=lambda state: random.uniform(0.0, min(5.0, 0.05 * 1.5**state.attempt_number)),  # noqa: S311 - no secret
            stop=tenacity.stop_after_attempt(ATTEMPTS),
            reraise=True,
        )
        try:
            done: Found = retrying(attempt)
            return done
        except CommitFailedError:
            raise LakeError(
                f"While {doing}, others changed the table {ATTEMPTS} times in a row.",
                hint="Run it again when they have finished.",
            ) from None
        except (OSError, delta.exceptions.DeltaError) as error:
            self._delta = None
            raise disk_error(self.place, error, doing) from None

    def _replace_once(
        self, staged: Staged, entry: Entry, asked_at: datetime | None, on_step: OnStep
    ) -> Done:
        delta = self._fresh() or self._create(staged)
        ledger = self._read_ledger(delta)
        if ledger.forbids(entry.account, entry.span, asked_at):
            return "superseded"
        before = ledger.latest(entry.account, entry.span)
        if (
            before is not None
            and (before.sha256, before.rows, before.payload)
            == (entry.sha256, entry.rows, entry.payload)
            and (before.complete or not entry.complete)
            and (before.end == entry.end or not before.complete)
        ):
            return "unchanged"
        on_step(Step.WRITING)
        schema = self._joined(arrow_schema(delta), staged.arrow_schema)

        def rows() -> Iterator[pa.RecordBatch]:
            for batch in staged.batches():
                yield from fit(batch, schema)
            on_step(Step.WRITTEN)

        needed("deltalake").write_deltalake(
            delta,
            pa.RecordBatchReader.from_batches(schema, rows()),
            mode="overwrite",
            predicate=predicate(entry),
            schema_mode="merge",
            target_file_size=FILE_SIZE,
            writer_properties=_writer(),
            **self._commit_options({KEY: entry.dump()}),
        )
        on_step(Step.COMMITTED)
        self._close_off(delta.version())
        on_step(Step.CLOSED)
        return "replaced"

    # ── care ──

    def compact(self, account: str, month: str) -> bool:
        """Put the files of one account and month together; return whether there was anything to do.

        Raises
        ------
        LakeError
            The disk is full or read-only, or others commit without end.
        """

        def work() -> bool:
            delta = self._fresh()
            if delta is None:
                return False
            done = delta.optimize.compact(
                partition_filters=[(ACCOUNT, "=", account), (MONTH, "=", month)],
                target_size=FILE_SIZE,
                max_concurrent_tasks=1,
                writer_properties=_writer(),
                **self._commit_options({}),
            )
            self._close_off(delta.version())
            return bool(done["numFilesRemoved"])

        return self._committing(work, f"compacting {self.report_type}")

    def vacuum(self, keep: timedelta) -> int:
        """Remove the files that only versions need which were replaced so long ago.

        Those that killed syncs left behind go too.

        Parameters
        ----------
        keep : timedelta

        Returns
        -------
        int
            Files removed.
        """
        hours = math.ceil(keep / timedelta(hours=1))

        def work() -> int:
            delta = self._fresh()
            if delta is None:
                return 0
            wanted: dict[str, Any] = {
                "retention_hours": hours,
                "enforce_retention_duration": False,
                "full": True,
            }
            found = delta.vacuum(dry_run=True, **wanted)
            if found:
                delta.vacuum(dry_run=False, **wanted, **self._commit_options({}))
                for version in range(max(0, delta.version() - 1), delta.version() + 1):
                    self._close_off(version)
            return len(found)

        return self._committing(work, f"removing old files of {self.report_type}")

    def sum_up(self, now: datetime, every: int) -> None:
        """Sum up the ledger in a property of the table, if enough versions came since the last.

        Parameters
        ----------
        now : datetime
        every : int
            Versions.

        Raises
        ------
        LakeError
            The disk is full or read-only, or others commit without end.
        """

        def work() -> None:
            delta = self._fresh()
            if delta is None:
                return
            summed = Ledger.from_summary(delta.metadata().configuration.get(KEY)).version
            if delta.version() - summed < every:
                return
            delta.alter.set_table_properties(
                {KEY: self._read_ledger(delta).summary(now)},
                raise_if_not_exists=False,
                **self._commit_options({}),
            )
            self._close_off(delta.version())

        self._committing(work, f"summing up {self.report_type}")

    def _create(self, staged: Staged) -> DeltaTable:
        """Make the table, unless somebody else just did."""
        delta = needed("deltalake")
        self.place.make()
        uri = self.place.table(self.report_type)
        made: DeltaTable = delta.DeltaTable.create(
            uri,
            schema=staged.arrow_schema,
            mode="ignore",
            partition_by=[ACCOUNT, MONTH],
            configuration=PROPERTIES,
            storage_options=dict(self.place.options) or None,
        )
        self._delta = made
        self._close_off(0)
        return made

    def _joined(self, there: pa.Schema, schema: pa.Schema) -> pa.Schema:
        """Return the columns of the table and then the new ones of the rows.

        Raises
        ------
        SchemaError
            A column of the rows has another type than in the table.
        """
        for field in schema:
            old = there.field(field.name).type if field.name in there.names else None
            if old is not None and _plain(old) != _plain(field.type):
                raise SchemaError(
                    f"The column {field.name} of {self.report_type} is {old} in "
                    f"{self.place.path} and {field.type} in the report.",
                    hint=f"The catalogue has changed: move the folder {self.report_type} away "
                    "and pull it again.",
                    report_type=self.report_type,
                )
        return pa.schema([*there, *(field for field in schema if field.name not in there.names)])

    def _commit_options(self, metadata: dict[str, str]) -> dict[str, Any]:
        delta = needed("deltalake")
        return {
            "commit_properties": delta.CommitProperties(
                custom_metadata=metadata, max_commit_retries=0
            ),
            # A checkpoint every so many versions keeps the log quick to read.
            "post_commithook_properties": delta.PostCommitHookProperties(
                create_checkpoint=True, cleanup_expired_logs=False
            ),
        }

    def _close_off(self, version: int) -> None:
        """Take the files of a commit from other users of the machine."""
        if self.place.folder is None:
            return
        root = Path(self.place.table(self.report_type))
        log = root / "_delta_log" / f"{version:020}.json"
        self.place.close_off(log)
        for path in log.parent.glob(f"{version:020}.checkpoint*"):
            self.place.close_off(path)
            self.place.close_off(log.parent / "_last_checkpoint")
        try:
            lines = log.read_text("utf-8").splitlines()
        except OSError:
            return
        for line in lines:
            added = json.loads(line).get("add")
            if added:
                self.place.close_off(root / added["path"])


def predicate(entry: Entry) -> str:
    """Return the condition that a window's rows, and no others, meet."""
    first, last = months(entry.start, entry.end)
    account = entry.account.replace("'", "''")
    return (
        f"{ACCOUNT} = '{account}' AND {MONTH} >= '{first}' AND {MONTH} <= '{last}' "
        f"AND {TIME} >= '{entry.start.astimezone(UTC).isoformat()}' "
        f"AND {TIME} < '{entry.end.astimezone(UTC).isoformat()}'"
    )


def arrow_schema(delta: DeltaTable) -> pa.Schema:
    """Return the columns of a table, `rows.OWN` first."""
    found = pa.schema(delta.schema())
    names = [*OWN_NAMES, *(name for name in found.names if name not in OWN_NAMES)]
    return pa.schema([found.field(name) for name in names])


def _windows(commits: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield the commits that carry an entry; what is no entry was written by somebody else."""
    for commit in commits:
        text = commit.get(KEY)
        if not isinstance(text, str):
            continue
        try:
            entry = Entry.load(text)
        except (ValueError, TypeError, KeyError):
            _log.warning("version %s has an entry that cannot be read", commit.get("version"))
            continue
        at = datetime.fromtimestamp(int(commit.get("timestamp", 0)) / 1000, UTC)
        yield {"version": int(commit["version"]), "committed_at": at, "entry": entry}


def _plain(kind: pa.DataType) -> pa.DataType:
    """Return a type with text of one kind: Delta knows no other."""
    return pa.string() if pa.types.is_large_string(kind) or kind == pa.string_view() else kind


def _writer() -> Any:
    return needed("deltalake").WriterProperties(compression="ZSTD", max_row_group_size=GROUP_ROWS)
