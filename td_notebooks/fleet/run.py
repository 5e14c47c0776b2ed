"""Sync accounts, each for itself: what happens to one does not touch the others.

`sync_account` is a function of picklable values with a picklable result, so that any
`concurrent.futures.Executor` can run it: threads of this process by default, or the workers of a
cluster. Each account has a connection, a quota and a token of its own.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from concurrent import futures
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, Protocol

from ..clock import StoppableClock, SystemClock
from ..errors import TalkdeskError
from ..lake import Outcome, Place
from .locks import working_on

if TYPE_CHECKING:
    from ..client import Talkdesk
    from ..lake.stage import Transform
    from ..reports.events import OnEvent

_log = logging.getLogger("td_notebooks")

#: Accounts at work side by side.
AT_ONCE = 4

Status = Literal["done", "partial", "busy", "failed"]


class Member(Protocol):
    """One of the accounts: what it is called, its zone, and the way to it."""

    @property
    def name(self) -> str:
        """For logs and summaries."""
        ...

    @property
    def zone(self) -> str:
        """IANA name of the zone whose days count."""
        ...

    def connect(self) -> Talkdesk:
        """Return a client."""
        ...


@dataclass(frozen=True, slots=True)
class Task:
    """What is to be synced, for every account alike.

    Attributes
    ----------
    place : Place
        Of the lake.
    report_types : tuple of str
    since, until : str or None
        As for `Lake.sync`.
    lookback : str
    full : bool
    timeout : float
        Seconds for one account.
    wait : float
        Seconds to wait for reports that another run is at work on.
    transform : callable or None
        As for `Lake.sync`.
    """

    place: Place
    report_types: tuple[str, ...]
    since: str | None = None
    until: str | None = None
    lookback: str = "3d"
    full: bool = False
    timeout: float = 6 * 3600.0
    wait: float = 0.0
    transform: Transform | None = None


@dataclass(frozen=True, slots=True)
class AccountRun:
    """What came of one account.

    Attributes
    ----------
    name : str
        The member's, or the account's if the member has none.
    account, region : str
        Empty if its settings could not be read.
    outcomes : tuple of Outcome
        One per window.
    busy : tuple of str
        Report types left to another run that is at work on them.
    error : TalkdeskError or None
        What ended it before all was tried.
    seconds : float
    """

    name: str
    account: str = ""
    region: str = ""
    outcomes: tuple[Outcome, ...] = ()
    busy: tuple[str, ...] = ()
    error: TalkdeskError | None = None
    seconds: float = 0.0

    @property
    def failures(self) -> tuple[Outcome, ...]:
        """The windows that could not be pulled; the next run asks for them again."""
        return tuple(outcome for outcome in self.outcomes if outcome.status == "failed")

    @property
    def rows(self) -> int:
        """Rows of the windows that were replaced."""
        return sum(outcome.rows for outcome in self.outcomes if outcome.status == "replaced")

    @property
    def errors(self) -> tuple[TalkdeskError, ...]:
        """Why, in order."""
        found = [outcome.error for outcome in self.failures if outcome.error is not None]
        return tuple([self.error] if self.error else found)

    @property
    def status(self) -> Status:
        """How it went, in a word."""
        if self.error is not None:
            return "failed"
        if self.failures:
            return "failed" if len(self.failures) == len(self.outcomes) else "partial"
        return "busy" if self.busy else "done"


def sync_account(
    member: Member,
    task: Task,
    *,
    executor: futures.Executor | None = None,
    progress: OnEvent | None = None,
    halt: threading.Event | None = None,
) -> AccountRun:
    """Sync one account.

    Parameters
    ----------
    member : Member
    task : Task
    executor : concurrent.futures.Executor, optional
        Runs the windows.
    progress : callable, optional
        As for `Lake.sync`.
    halt : threading.Event, optional
        Ends it early.

    Returns
    -------
    AccountRun
        Errors stand in it.
    """
    run = AccountRun(member.name)
    clock = SystemClock()
    began = clock.monotonic()
    try:
        with member.connect() as client:
            run = replace(run, account=client.account.name, region=client.account.region)
            if halt is not None:
                client = client.with_clock(StoppableClock(client.transport.clock, halt))
            with working_on(
                task.place, client.account.name, task.report_types, wait=task.wait
            ) as free:
                busy = tuple(name for name in task.report_types if name not in free)
                run = replace(run, busy=busy)
                if free:
                    lake = client.lake(task.place.path, storage_options=task.place.options)
                    synced = lake.sync(
                        *free,
                        since=task.since,
                        until=task.until,
                        lookback=task.lookback,
                        full=task.full,
                        timezone=member.zone,
                        executor=executor,
                        progress=progress,
                        timeout=task.timeout,
                        transform=task.transform,
                    )
                    run = replace(run, outcomes=synced.outcomes)
    except TalkdeskError as error:
        run = replace(run, error=error)
    run = replace(run, name=run.name or run.account, seconds=clock.monotonic() - began)
    _log.log(_LEVELS[run.status], "%s", describe(run))
    return run


_LEVELS = {
    "done": logging.INFO,
    "busy": logging.INFO,
    "partial": logging.WARNING,
    "failed": logging.ERROR,
}


def describe(run: AccountRun) -> str:
    """Say in one line what came of an account, and why."""
    commits = sum(outcome.status == "replaced" for outcome in run.outcomes)
    said = [f"{run.name or run.account}: {run.status}"]
    if run.outcomes:
        asked = f"{len(run.outcomes):,} windows asked"
        said.append(f"{asked}, {commits:,} replaced ({run.rows:,} rows)")
    if run.busy:
        said.append(f"another run is at work on {', '.join(run.busy)}")
    if run.failures:
        said.append(f"{len(run.failures):,} windows failed")
    if run.errors:
        said.append(str(run.errors[0]))
    return "; ".join(said)


def _whatever_happens(
    member: Member, task: Task, *, halt: threading.Event | None = None
) -> AccountRun:
    """Sync an account; even a mistake of this package does not stop the others."""
    try:
        return sync_account(member, task, halt=halt)
    except Exception as error:
        _log.exception("%s: unexpected", member.name)
        told = TalkdeskError(f"Unexpected {type(error).__name__}: {error}")
        return AccountRun(member.name, error=told)


def sync_accounts(
    members: Sequence[Member],
    task: Task,
    *,
    executor: futures.Executor | None = None,
    at_once: int = AT_ONCE,
    on_run: Callable[[AccountRun], object] = lambda run: None,
) -> list[AccountRun]:
    """Sync accounts side by side.

    Parameters
    ----------
    members : sequence of Member
    task : Task
    executor : concurrent.futures.Executor, optional
        Runs the accounts, one in each of its calls; by default threads of this process.
    at_once : int
        How many threads.
    on_run : callable, optional
        Called with each account's run when it is there, on this thread.

    Returns
    -------
    list of AccountRun
        In the order of the members.
    """
    halt = threading.Event()
    own = executor is None
    pool = executor or futures.ThreadPoolExecutor(at_once, thread_name_prefix="td-account")
    more: dict[str, Any] = {"halt": halt} if own else {}  # an event is not sent elsewhere
    under_way = [pool.submit(_whatever_happens, member, task, **more) for member in members]
    try:
        for future in futures.as_completed(under_way):
            on_run(future.result())
        return [future.result() for future in under_way]
    except BaseException:
        halt.set()
        for future in under_way:
            future.cancel()
        raise
    finally:
        if own:
            pool.shutdown(wait=True, cancel_futures=True)
