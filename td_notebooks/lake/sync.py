"""Make a lake hold what Talkdesk has: plan, submit within the quota, pull, replace, tell."""

from __future__ import annotations

import concurrent.futures as futures
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from ..errors import (
    AuthError,
    ConfigError,
    ForbiddenError,
    TalkdeskError,
    UnauthorizedError,
)
from ..reports.api import check_format
from ..reports.download import Stopped, StopSwitch
from ..reports.events import Loaded, OnEvent
from ..reports.jobs import Job
from ..reports.schedule import QUOTA, WORKERS, Collecting, Schedule
from ..reports.schemas import schema
from ..timespan import Moment, zone
from .access import Access
from .care import sum_up
from .ledger import Ledger
from .marks import check_mark, mark_of
from .place import Place
from .plan import Wish, end_of, length_of, start_of, windows
from .replace import OnStep, Step, ignore
from .table import Table
from .window import Outcome, Unit, Window, failed, run

if TYPE_CHECKING:
    import pandas as pd

    from .stage import Transform

_log = logging.getLogger("td_notebooks")

#: How often a window is submitted whose job fails.
ATTEMPTS = 3
#: Seconds between looks at whether a sync was stopped while another process works for it.
GLANCE = 0.5


@dataclass(frozen=True, slots=True)
class Synced:
    """What a sync did.

    Attributes
    ----------
    outcomes : tuple of Outcome
        One per window that was asked for, in the order of the report types and of time.
    """

    outcomes: tuple[Outcome, ...] = field(default=())

    def __add__(self, other: Synced) -> Synced:
        return Synced(self.outcomes + other.outcomes)

    @property
    def failed(self) -> tuple[Outcome, ...]:
        """The windows that could not be pulled."""
        return tuple(outcome for outcome in self.outcomes if outcome.status == "failed")

    @property
    def complete(self) -> bool:
        """Whether no window failed."""
        return not self.failed

    @property
    def commits(self) -> int:
        """How many windows were replaced, each by one commit."""
        return sum(outcome.status == "replaced" for outcome in self.outcomes)

    @property
    def rows(self) -> int:
        """Rows of the windows that were replaced."""
        return sum(o.rows for o in self.outcomes if o.status == "replaced")

    def frame(self) -> pd.DataFrame:
        """Return one row per window."""
        import pandas as pd

        names = [name for name in Outcome.__dataclass_fields__ if name != "error"]
        rows = [
            {name: getattr(outcome, name) for name in names} | {"error": _text(outcome.error)}
            for outcome in self.outcomes
        ]
        return pd.DataFrame(rows, columns=[*names, "error"])

    def __str__(self) -> str:
        count = len(self.outcomes)
        said = f"{count:,} windows asked, {self.commits:,} replaced ({self.rows:,} rows)"
        if not self.failed:
            return said
        return "\n".join([f"{said}, {len(self.failed):,} failed:", *map(str, self.failed)])


def sync(
    place: Place,
    tables: Sequence[Table],
    access: Access,
    *,
    since: Moment | timedelta | None,
    until: Moment | None = None,
    lookback: str | timedelta = "3d",
    full: bool = False,
    timezone: str = "UTC",
    format: str | None = None,
    executor: futures.Executor | None = None,
    progress: OnEvent | None = None,
    timeout: float = 6 * 3600.0,
    transform: Transform | None = None,
    on_step: OnStep = ignore,
) -> Synced:
    """Bring tables up to date; see `Lake.sync`."""
    zone(timezone)
    place.make()
    with place.working_folder():  # a full or read-only disk is told before Talkdesk is asked
        place.sweep()
    now = datetime.fromtimestamp(int(access.clock.time()), UTC)
    wanted: list[Window] = []
    for table in tables:
        check_format(schema(table.report_type), format)
        ledger = table.ledger()
        wish = _wish(table, ledger, access, now, since, until, lookback, full, timezone)
        check_mark(table, ledger, mark_of(transform))
        spans = windows(wish, ledger, access.account.name)
        wanted += [Window(table.report_type, span) for span in spans]
    by_type = {table.report_type: table for table in tables}

    asked: dict[str, tuple[Window, datetime]] = {}

    def submit(window: Window) -> Job:
        at = datetime.fromtimestamp(int(access.clock.time()), UTC)
        with access.api() as api:
            job = api.submit(window.report_type, window.span, format=format, wait_for_quota=False)
        asked[job.id] = window, at
        on_step(Step.SUBMITTED)
        return job

    def collect(job: Job, collecting: Collecting) -> Outcome:
        window, at = asked[job.id]
        unit = Unit(
            table=by_type[window.report_type],
            access=access,
            state=job.state,
            span=window.span,
            zone=timezone,
            asked_at=at,
            transform=transform,
            on_step=on_step,
        )
        outcome = _carry_out(unit, executor, collecting.stop)
        collecting.tell(Loaded, rows=outcome.rows)
        return outcome

    outcomes: list[Outcome] = Schedule(
        wanted,
        submit=submit,
        collect=collect,
        clock=access.clock,
        timeout=timeout,
        on_event=progress,
        report_type=", ".join(by_type),
        workers=WORKERS if executor is None else QUOTA,
        attempts=ATTEMPTS,
        give_up=lambda window, error: _put_up_with(window, error, access),
    ).run()
    for table in tables:
        sum_up(table, now)
    return Synced(tuple(outcomes))


def _wish(
    table: Table,
    ledger: Ledger,
    access: Access,
    now: datetime,
    since: Moment | timedelta | None,
    until: Moment | None,
    lookback: str | timedelta,
    full: bool,
    timezone: str,
) -> Wish:
    """Read what is wanted of one table.

    Raises
    ------
    ConfigError
        It cannot be read, nothing can be of that time, or no start is given and there is nothing
        to go on from.
    """
    start = None if since is None else start_of(since, now, timezone)
    end = end_of(until, access.last_end(now), timezone, start)
    if start is None:
        entries = ledger.of(access.account.name)
        if not entries:
            raise ConfigError(
                f"There is nothing of {table.report_type} of {access.account.name} yet.",
                hint="Say from when on it is wanted: since='2026-01-01' or since='400d'.",
            )
        start = min(entry.start for entry in entries)
    return Wish(start, end, now, length_of(lookback), full, timezone)


def _carry_out(unit: Unit, executor: futures.Executor | None, stop: StopSwitch) -> Outcome:
    """Run a unit on this thread, or wait here while the executor runs it."""
    if executor is None:
        return unit.run(stop)
    future: Any = executor.submit(run, unit)
    while True:
        try:
            outcome: Outcome = future.result(timeout=GLANCE)
            return outcome
        except TimeoutError:
            if future.done():
                raise
            try:
                stop.check()
            except Stopped:
                future.cancel()
                return unit.failed(TalkdeskError("It was given up before it was stored."))


def _put_up_with(window: Window, error: TalkdeskError, access: Access) -> Outcome:
    """Return the outcome of a window that failed, or raise what would fail all the others too."""
    if isinstance(error, (AuthError, ConfigError, ForbiddenError, UnauthorizedError)):
        raise error
    return failed(window.report_type, access.account.name, window.span, error)


def _text(error: TalkdeskError | None) -> str:
    return "" if error is None else str(error)
