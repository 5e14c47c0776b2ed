"""One window: read its file as it arrives, check it, replace it.

A `Unit` may run anywhere: it is pickled, and takes its `Access` along. Running a unit twice gives
the same table.
"""

from __future__ import annotations

import dataclasses
import logging
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

from ..errors import AuthError, ConfigError, JobTimeoutError, LakeError, TalkdeskError
from ..reports.download import Body, Stopped, StopSwitch, stream
from ..reports.jobs import Job
from ..reports.schemas import Format
from ..reports.state import JobState
from ..timespan import Timespan
from .access import Access
from .ledger import Entry
from .marks import mark_of
from .place import disk_error
from .plan import known_until
from .replace import OnStep, Step, ignore, replace
from .table import Table

if TYPE_CHECKING:
    from ..frames import Drift
    from .stage import Staged, Transform

_log = logging.getLogger("td_notebooks")

Status = Literal["replaced", "unchanged", "superseded", "failed"]


@dataclass(frozen=True, slots=True)
class Window:
    """What to ask for.

    Attributes
    ----------
    report_type : str
    span : Timespan
        In UTC.
    """

    report_type: str
    span: Timespan

    def __str__(self) -> str:
        return f"{self.report_type} {self.span}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one window.

    Attributes
    ----------
    report_type, account : str
    start, end : datetime
        The window, in UTC.
    status : {"replaced", "unchanged", "superseded", "failed"}
        ``unchanged``: the same as in the table, nothing was committed; ``superseded``: somebody
        else stored something newer meanwhile.
    job : str
        Talkdesk's id; empty if there is none.
    rows, duplicates, conflicts, astray, untimed : int
        As in `Entry`.
    drift : str
        How the file differed from the catalogue; empty if it did not.
    error : TalkdeskError or None
        Why it failed.
    """

    report_type: str
    account: str
    start: datetime
    end: datetime
    status: Status
    job: str = ""
    rows: int = 0
    duplicates: int = 0
    conflicts: int = 0
    astray: int = 0
    untimed: int = 0
    drift: str = ""
    error: TalkdeskError | None = None

    def __str__(self) -> str:
        window = f"{self.report_type} of {self.account}, {self.start:%Y-%m-%d %H:%M} to "
        window += f"{self.end:%Y-%m-%d %H:%M} UTC: {self.status}"
        if self.error is not None:
            return f"{window}: {self.error}"
        counts = {
            name: count
            for name in ("duplicates", "conflicts", "astray", "untimed")
            if (count := getattr(self, name))
        }
        told = ", ".join([f"{self.rows:,} rows", *(f"{n:,} {name}" for name, n in counts.items())])
        return f"{window}, {told}" + (f" ({self.drift})" if self.drift else "")


@dataclass(frozen=True, slots=True)
class Unit:
    """The work of one window whose job is done.

    Attributes
    ----------
    table : Table
    access : Access
    state : JobState
        Of the job.
    span : Timespan
        The window, in UTC.
    zone : str
        IANA name of the zone whose days are asked.
    asked_at : datetime
        When the job was submitted, by this machine's clock.
    format : str or None
    transform : callable, optional
    on_step : callable, optional
    """

    table: Table
    access: Access
    state: JobState
    span: Timespan
    zone: str
    asked_at: datetime
    format: Format | None = None
    transform: Transform | None = None
    on_step: OnStep = field(default=ignore)

    def run(self, stop: StopSwitch | None = None) -> Outcome:
        """Pull, check and replace the window.

        Returns
        -------
        Outcome
            Errors of this window alone stand in it.

        Raises
        ------
        LakeError
            The disk is full or read-only: no other window would fare better.
        ConfigError
            There is no way to the account from this process.
        """
        from .stage import stage

        place = self.table.place

        def read(body: Body) -> Staged:
            self.on_step(Step.ARRIVING)
            staged = stage(
                body,
                folder,
                self.state.report_type,
                start=self.span.start,
                end=self.span.end,
                format=self.format,
                transform=self.transform,
            )
            self.on_step(Step.STAGED)
            return staged

        try:
            with place.working_folder() as folder, self.access.api() as api:
                return self._store(stream(Job(api, self.state), read, stop=stop))
        except Stopped:
            return self.failed(JobTimeoutError("It was given up before its file was here."))
        except (ConfigError, AuthError, LakeError):
            raise
        except TalkdeskError as error:
            return self.failed(error)
        except OSError as error:
            raise disk_error(place, error, f"storing {self.state.report_type}") from None

    def failed(self, error: TalkdeskError) -> Outcome:
        """Return the outcome of a window that could not be pulled."""
        return failed(self.state.report_type, self.access.account.name, self.span, error)

    def _store(self, staged: Staged) -> Outcome:
        delay = self.access.delay(self.state.report_type)
        # Talkdesk's own clock decides what it knew; this machine's may be wrong by hours.
        asked_at = self.state.created_at or self.asked_at
        end = self.span.end.astimezone(UTC)
        entry = Entry(
            account=self.access.account.name,
            start=self.span.start.astimezone(UTC),
            end=end,
            asked_at=asked_at,
            known_until=known_until(end, asked_at, delay),
            zone=self.zone,
            job=self.state.id,
            rows=staged.rows,
            duplicates=staged.duplicates,
            conflicts=staged.conflicts,
            astray=staged.astray,
            untimed=staged.untimed,
            sha256=staged.sha256,
            payload=staged.schema.version,
            mark=mark_of(self.transform),
            delay=int(delay.total_seconds()),
        )
        status = replace(
            self.table, staged, entry, asked_at=self.state.created_at, on_step=self.on_step
        )
        outcome = Outcome(
            report_type=self.state.report_type,
            account=entry.account,
            start=entry.start,
            end=entry.end,
            status=status,
            job=entry.job,
            rows=entry.rows,
            duplicates=entry.duplicates,
            conflicts=entry.conflicts,
            astray=entry.astray,
            untimed=entry.untimed,
            drift=_told(staged.drift, hide=bool(entry.mark)),
        )
        _log.info("%s", outcome)
        return outcome


def _told(drift: Drift, *, hide: bool) -> str:
    """Say how a file differed; without examples when its rows are not kept as they came."""
    if hide:
        counts = {name: (count, ("…",)) for name, (count, _) in drift.unparsed.items()}
        drift = dataclasses.replace(drift, unparsed=counts)
    return str(drift) if drift else ""


def run(unit: Unit) -> Outcome:
    """Run a unit: what an executor is given."""
    return unit.run()


def failed(report_type: str, account: str, span: Timespan, error: TalkdeskError) -> Outcome:
    """Return the outcome of a window that could not be pulled."""
    outcome = Outcome(
        report_type=report_type,
        account=account,
        start=span.start.astimezone(UTC),
        end=span.end.astimezone(UTC),
        status="failed",
        error=error,
    )
    _log.warning("%s", outcome)
    return outcome
