"""One Delta table per report type: its log, and what the log tells.

Every commit is made on the very version that was looked at: `deltalake` is told not to retry by
itself, so a table that changed meanwhile is a conflict, and all is tried again from a fresh look
at the table and its ledger. In a folder, writers also take turns (`Place.turn`), so that a long
write is not overtaken again and again by short ones; nothing rests on it.

The log is kept (``delta.enableExpiredLogCleanup`` is off): it is the ledger. Statistics are kept
of ``td_time`` alone, so that no commit repeats what the rows hold.
"""

from __future__ import annotations

import json
import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import pyarrow as pa
import tenacity

from ..errors import LakeError
from .ledger import KEY, Entry, Ledger
from .needs import needed
from .place import Place, disk_error
from .rows import ACCOUNT, MONTH, TIME

if TYPE_CHECKING:
    from deltalake import DeltaTable

_log = logging.getLogger("td_notebooks")

#: Times a commit is tried when others commit at the same time.
ATTEMPTS = 40
PROPERTIES = {
    "delta.checkpointInterval": "25",
    "delta.enableExpiredLogCleanup": "false",
    "delta.logRetentionDuration": "interval 3650 days",
    "delta.deletedFileRetentionDuration": "interval 7 days",
    "delta.dataSkippingStatsColumns": TIME,
}

Found = TypeVar("Found")


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

    @property
    def uri(self) -> str:
        """Its path or address."""
        return self.place.table(self.report_type)

    @property
    def options(self) -> dict[str, str] | None:
        """What its store needs."""
        return dict(self.place.options) or None

    def store(self) -> Any:
        """Return the files of the table as a file system of pyarrow."""
        import pyarrow.fs

        needed("deltalake")
        from deltalake.fs import DeltaStorageHandler

        return pyarrow.fs.PyFileSystem(DeltaStorageHandler(self.uri, self.options))

    # ── looking ──

    def snapshot(self) -> DeltaTable | None:
        """Return a handle on the newest version for the caller alone; None if there is no table.

        Raises
        ------
        LakeError
            What lies there cannot be read.
        """
        delta = needed("deltalake")
        if self.place.folder and not (Path(self.uri) / "_delta_log").is_dir():
            return None
        try:
            found: DeltaTable = delta.DeltaTable(self.uri, storage_options=self.options)
            return found
        except delta.exceptions.TableNotFoundError:
            return None
        except (OSError, delta.exceptions.DeltaError) as error:
            raise disk_error(self.place, error, f"opening {self.report_type}") from None

    def exists(self) -> bool:
        """Say whether there is a table yet."""
        return self._looking(lambda delta: True) or False

    def identity(self) -> str | None:
        """Return what tells the table from one made anew in its place; None if there is none."""
        return self._looking(lambda delta: str(delta.metadata().id))

    def ledger(self) -> Ledger:
        """Return what the newest version has."""
        return self._looking(self.read_ledger) or Ledger()

    def history(self) -> list[dict[str, Any]]:
        """Return the commits that replaced windows, newest first, as far as the log goes back.

        Each has ``version``, ``committed_at`` and ``entry``.
        """
        return self._looking(lambda delta: list(_windows(delta.history()))) or []

    def partitions(self) -> dict[tuple[str, str], int]:
        """Return how many files each account and month has."""

        def count(delta: DeltaTable) -> Counter[tuple[str, str]]:
            files = pa.table(delta.get_add_actions(flatten=True))
            accounts, months = (
                files.column(f"partition.{name}").to_pylist() for name in (ACCOUNT, MONTH)
            )
            return Counter(zip(accounts, months, strict=True))

        return self._looking(count) or {}

    def read_ledger(self, delta: DeltaTable) -> Ledger:
        """Return what a version has, reading the commits not read yet.

        Parameters
        ----------
        delta : DeltaTable
            The handle kept here, as `committing` and `create` give it.
        """
        with self._lock:
            version = delta.version()
            if self._ledger.version < 0:
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

    def _fresh(self) -> DeltaTable | None:
        """Return the handle kept here, brought to the newest version."""
        if self._delta is not None:
            try:
                if self._first_identity() == str(self._delta.metadata().id):
                    self._delta.update_incremental()
                    return self._delta
            except (OSError, ValueError, needed("deltalake").exceptions.DeltaError):
                pass  # a new handle tells better what is wrong
        return self._keep(self.snapshot())

    def _keep(self, delta: DeltaTable | None) -> DeltaTable | None:
        """Keep another handle, and nothing of what the one before told."""
        with self._lock:
            self._delta, self._ledger = delta, Ledger()
        return delta

    def _first_identity(self) -> str:
        """Return the identity in the first commit: another, once the table was made anew.

        A handle reads only the commits after its own version, and would not notice.
        """
        with self.store().open_input_stream(f"_delta_log/{0:020}.json") as file:
            actions = [json.loads(line) for line in file.read().splitlines()]
        found = [str(action["metaData"]["id"]) for action in actions if "metaData" in action]
        return "".join(found)

    def _looking(self, look: Callable[[DeltaTable], Found]) -> Found | None:
        """Return what a look at the newest version finds; None if there is no table."""
        errors = needed("deltalake").exceptions
        try:
            with self._lock:
                found = self._fresh()
                return look(found) if found else None
        except (OSError, errors.DeltaError) as error:
            self._keep(None)
            raise disk_error(self.place, error, f"reading {self.report_type}") from None

    # ── committing ──

    def committing(self, work: Callable[[DeltaTable | None], Found], doing: str) -> Found:
        """Do what ends in a commit, again from a fresh look whenever another's came first.

        Parameters
        ----------
        work : callable
            Given a handle on the newest version, or None if there is no table.
        doing : str
            For messages.

        Raises
        ------
        LakeError
            The disk is full or read-only, or others commit without end.
        """
        errors = needed("deltalake").exceptions

        def attempt() -> Found:
            with self._lock, self.place.turn(self.report_type):
                return work(self._fresh())

        try:
            done: Found = tenacity.Retrying(
                retry=tenacity.retry_if_exception_type(errors.CommitFailedError),
                # Let those who lost not meet again.
                wait=tenacity.wait_random_exponential(multiplier=0.05, max=5.0),
                stop=tenacity.stop_after_attempt(ATTEMPTS),
                reraise=True,
            )(attempt)
            return done
        except errors.CommitFailedError:
            raise LakeError(
                f"While {doing}, others changed the table {ATTEMPTS} times in a row.",
                hint="Run it again when they have finished.",
            ) from None
        except (OSError, errors.DeltaError) as error:
            self._keep(None)
            raise disk_error(self.place, error, doing) from None

    def create(self, schema: pa.Schema) -> DeltaTable:
        """Make the table, unless somebody else just did; return a handle on it."""
        self.place.make()
        made: DeltaTable = needed("deltalake").DeltaTable.create(
            self.uri,
            schema=schema,
            mode="ignore",
            partition_by=[ACCOUNT, MONTH],
            configuration=PROPERTIES,
            storage_options=self.options,
        )
        self._keep(made)
        self.close_off(0)
        return made

    def widen(self, delta: DeltaTable, fields: Sequence[pa.Field]) -> None:
        """Add columns, null in the rows that are there."""
        new = needed("deltalake").Schema.from_arrow(pa.schema(fields)).fields
        delta.alter.add_columns(new, **commit_options())
        self.close_off(delta.version())

    def commit(self, delta: DeltaTable, actions: list[Any], metadata: dict[str, str]) -> None:
        """Commit files added and removed; the handle is then at the new version."""
        delta.create_write_transaction(
            actions, "append", delta.schema(), [ACCOUNT, MONTH], **commit_options(metadata)
        )
        delta.update_incremental()

    def close_off(self, version: int) -> None:
        """Take the log of a version from other users of the machine; files are made so."""
        if self.place.folder is None:
            return
        log = Path(self.uri) / "_delta_log"
        self.place.close_off(log / f"{version:020}.json")
        for path in log.glob(f"{version:020}.checkpoint*"):
            self.place.close_off(path)
            self.place.close_off(log / "_last_checkpoint")

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
        if self._ledger.version - self._summed(self._delta) < every:
            return

        def work(delta: DeltaTable | None) -> None:
            if delta is None or delta.version() - self._summed(delta) < every:
                return
            delta.alter.set_table_properties(
                {KEY: self.read_ledger(delta).summary(now)},
                raise_if_not_exists=False,
                **commit_options(),
            )
            self.close_off(delta.version())

        self.committing(work, f"summing up {self.report_type}")

    def _summed(self, delta: DeltaTable | None) -> int:
        """Return the version up to which the ledger is summed up."""
        if delta is None:
            return -1
        return Ledger.from_summary(delta.metadata().configuration.get(KEY)).version


def commit_options(metadata: dict[str, str] | None = None) -> dict[str, Any]:
    """Return what goes with every commit: no second try, a checkpoint now and then, no cleaning."""
    delta = needed("deltalake")
    return {
        "commit_properties": delta.CommitProperties(custom_metadata=metadata, max_commit_retries=0),
        "post_commithook_properties": delta.PostCommitHookProperties(
            create_checkpoint=True, cleanup_expired_logs=False
        ),
    }


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
