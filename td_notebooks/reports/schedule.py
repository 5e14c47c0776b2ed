"""Many windows within the account's quota.

One loop, on the caller's thread, submits, polls and waits; finished jobs are collected (downloaded
and parsed) on a few threads meanwhile. Talkdesk runs at most 15 jobs of an account at once, and
others may be using the quota too: a refusal means "wait", not "fail". So does an outage.

A window is whatever `submit` understands: a span of one report, or one of several reports that
share the account's quota.
"""

from __future__ import annotations

import concurrent.futures as futures
import functools
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import tenacity

from ..answers import repeatable, told_to_wait
from ..clock import Clock
from ..errors import JobError, JobTimeoutError, QuotaError, TalkdeskError
from .download import StopSwitch
from .events import Finished, JobEvent, OnEvent, Polled, QuotaFull, Submitted
from .jobs import Job, poll_delay
from .state import JobState

QUOTA = 15
WORKERS = 4
LONGEST_SUBMIT_PAUSE = 15.0

Window = TypeVar("Window")
Result = TypeVar("Result")


@dataclass(slots=True)
class _Running:
    """A job under way."""

    window: int
    job: Job
    began: float
    due: float


@dataclass(frozen=True, slots=True)
class Collecting:
    """What a collector is given besides its job.

    Attributes
    ----------
    stop : StopSwitch
        Ends it.
    tell : callable
        Passes an event on to the caller's thread: its class, and what it has of its own.
    """

    stop: StopSwitch
    tell: Callable[..., None]


@dataclass(slots=True)
class Schedule(Generic[Window, Result]):
    """Pulls windows side by side.

    Parameters
    ----------
    windows : sequence
    submit : callable
        Submits a job for a window; raises `QuotaError` when there is no place for it.
    collect : callable
        Makes the result of a finished job, on another thread.
    clock : Clock
    timeout : float
        Seconds for everything.
    on_event : callable, optional
        Called on the caller's thread.
    quota : int
        Jobs under way at once.
    report_type : str
        For messages.
    workers : int
        Threads that collect.
    attempts : int
        How often a window is submitted whose job fails.
    give_up : callable, optional
        Makes the result of a window that could not be pulled, given its error, so that the others
        go on; it may raise the error instead. By default the first error ends everything.
    """

    windows: Sequence[Window]
    submit: Callable[[Window], Job]
    collect: Callable[[Job, Collecting], Result]
    clock: Clock
    timeout: float
    on_event: OnEvent | None = None
    quota: int = QUOTA
    report_type: str = ""
    workers: int = WORKERS
    attempts: int = 1
    give_up: Callable[[Window, TalkdeskError], Result] | None = None
    _waiting: deque[int] = field(default_factory=deque)
    _running: list[_Running] = field(default_factory=list)
    _collecting: dict[int, futures.Future[Result]] = field(default_factory=dict)
    _finished: dict[int, Job] = field(default_factory=dict)
    _failures: Counter[int] = field(default_factory=Counter)
    _switch: StopSwitch = field(default_factory=StopSwitch)
    _events: deque[JobEvent] = field(default_factory=deque)
    _trouble: TalkdeskError | None = None
    _submit_pause: float = 0.0
    _submit_from: float = 0.0
    _began: float = 0.0

    def run(self) -> list[Result]:
        """Return the results, in the order of the windows.

        Raises
        ------
        JobFailedError, JobCanceledError, DownloadError, ApiError, NetworkError, TokenError
            Of any window; the others are given up.
        JobTimeoutError
            Not all finished in time.
        KeyboardInterrupt
            With a note that names the jobs under way.
        """
        self._began = self.clock.monotonic()
        self._waiting = deque(range(len(self.windows)))
        pool = futures.ThreadPoolExecutor(self.workers, thread_name_prefix="td-download")
        try:
            finished: bool = tenacity.Retrying(
                retry=tenacity.retry_if_result(lambda finished: not finished),
                wait=lambda state: self._pause(),
                stop=self._out_of_time,
                sleep=self._sleep,
                retry_error_callback=lambda state: False,
            )(lambda: self._turn(pool))
            if not finished:
                self._give_up_the_rest(self._timed_out())
            self._pass_on_events()
            return [self._collecting[window].result() for window in range(len(self.windows))]
        except (KeyboardInterrupt, TalkdeskError) as error:
            way_back = self.way_back(files_too=isinstance(error, KeyboardInterrupt))
            # A deadline's error names the first of them by itself.
            if note := "\n".join(line for line in way_back.splitlines() if line not in str(error)):
                error.add_note(note)
            raise
        finally:
            self._switch.stop()
            pool.shutdown(wait=True, cancel_futures=True)

    def way_back(self, *, files_too: bool = True) -> str:
        """Return how to come back to the jobs under way, a line for each.

        Parameters
        ----------
        files_too : bool
            Name also those that are done and whose files are not all here.
        """
        jobs = [running.job for running in self._running]
        if files_too:
            ended = {window for window, future in self._collecting.items() if future.done()}
            jobs += [job for window, job in self._finished.items() if window not in ended]
        return "\n".join(job.way_back for job in jobs)

    def _turn(self, pool: futures.Executor) -> bool:
        """Do all that can be done now; say whether everything is finished."""
        for future in self._collecting.values():
            if future.done():
                future.result()
        self._submit_some()
        for running in list(self._running):
            if running.due <= self.clock.monotonic():  # a poll may put off those after it
                self._poll(running, pool)
        done = len(self._collecting) == len(self.windows)
        self._pass_on_events()
        return done and all(future.done() for future in self._collecting.values())

    def _submit_some(self) -> None:
        while (
            self._waiting
            and len(self._running) < self.quota
            and self.clock.monotonic() >= self._submit_from
        ):
            window = self._waiting[0]
            try:
                job = self.submit(self.windows[window])
            except QuotaError as error:
                self._put_off(error)
                self._tell(QuotaFull, JobState(self.report_type, ""), window)
                return
            except TalkdeskError as error:
                if self._may_pass(error):
                    self._put_off(error)
                    return
                self._waiting.popleft()
                self._fail(window, error)
                continue
            self._waiting.popleft()
            self._trouble = None
            self._submit_pause = 0.0
            now = self.clock.monotonic()
            self._running.append(_Running(window, job, now, now + poll_delay(0.0)))
            self._tell(Submitted, job.state, window)

    def _may_pass(self, error: TalkdeskError) -> bool:
        """Say whether an error of a submit is an outage to be waited out, as one of a poll is."""
        # A host that took no job may be the wrong one, and nobody waits for a window that can be
        # given up.
        at_stake = self.give_up is None and (self._running or self._finished)
        return bool(at_stake) and repeatable(error, side_effects=True, wait_for_quota=False)

    def _put_off(self, error: TalkdeskError) -> None:
        """Others use the quota, or nobody answers: come back soon, then less and less often."""
        self._submit_pause = min(LONGEST_SUBMIT_PAUSE, max(1.0, 1.5 * self._submit_pause))
        pause = max(1.0, told_to_wait(error) or self._submit_pause)
        self._submit_from = self.clock.monotonic() + pause
        self._trouble = error.with_traceback(None)

    def _poll(self, running: _Running, pool: futures.Executor) -> None:
        try:
            pause = running.job.poll(self.clock.monotonic() - running.began)
            if not running.job.troubled:
                running.job.check()
        except TalkdeskError as error:
            if self.give_up or running.job.finished:
                self._running.remove(running)
            self._fail(running.window, error)
            return
        running.due = self.clock.monotonic() + pause
        if running.job.troubled:
            # The others would have no answer either, and asking takes time that may run out.
            for other in self._running:
                other.due = max(other.due, running.due)
            return
        if not running.job.finished:
            self._tell(Polled, running.job.state, running.window)
            return
        self._running.remove(running)
        self._submit_from = 0.0  # a place is free
        self._tell(Finished, running.job.state, running.window)
        self._finished[running.window] = running.job
        tell = functools.partial(self._tell, state=running.job.state, window=running.window)
        self._collecting[running.window] = pool.submit(
            self.collect, running.job, Collecting(self._switch, tell)
        )

    def _fail(self, window: int, error: TalkdeskError) -> None:
        """Submit a window again whose job failed, or put up with its failure, or raise it."""
        self._failures[window] += 1
        if isinstance(error, JobError) and self._failures[window] < self.attempts:
            self._waiting.append(window)
            return
        if self.give_up is None:
            raise error
        result: futures.Future[Result] = futures.Future()
        result.set_result(self.give_up(self.windows[window], error))
        self._collecting[window] = result

    def _give_up_the_rest(self, error: TalkdeskError) -> None:
        """Put up with the deadline: what is being collected is stopped, what is done stays."""
        if self.give_up is None:
            raise error
        self._switch.stop()
        for window in range(len(self.windows)):
            collected = self._collecting.get(window)
            if collected is None or collected.cancel():
                self._failures[window] = self.attempts
                self._fail(window, error)

    def _pause(self) -> float:
        """Return the seconds until something is due."""
        due = [running.due for running in self._running]
        if self._waiting and len(self._running) < self.quota:
            due.append(self._submit_from)
        return max(0.0, min(due) - self.clock.monotonic()) if due else 0.0

    def _sleep(self, seconds: float) -> None:
        if self._running or self._waiting:
            self.clock.sleep(seconds)
        else:  # only downloads are left
            futures.wait(
                self._collecting.values(), timeout=0.2, return_when=futures.FIRST_EXCEPTION
            )

    def _out_of_time(self, state: tenacity.RetryCallState) -> bool:
        return self.clock.monotonic() - self._began + state.upcoming_sleep > self.timeout

    def _timed_out(self) -> TalkdeskError:
        if self._running:
            return self._running[0].job.timed_out(self.timeout)
        if self._trouble and not isinstance(self._trouble, QuotaError):
            return JobTimeoutError(
                f"The {self.report_type} report was not finished within {self.timeout:.0f} s. "
                f"The last job could not be submitted: {self._trouble}",
                hint="A longer timeout waits longer for it.",
            )
        if self._waiting:
            return JobTimeoutError(
                f"The {self.report_type} report was not finished within {self.timeout:.0f} s: "
                "the account's quota of simultaneous jobs left no place for it.",
                hint="Try again when other exports have finished, or give a longer timeout.",
            )
        return JobTimeoutError(
            f"The {self.report_type} report was not downloaded within {self.timeout:.0f} s.",
            hint="Its jobs are done: try again, or give a longer timeout.",
        )

    def _tell(self, kind: type[JobEvent], state: JobState, window: int, **more: int) -> None:
        elapsed = self.clock.monotonic() - self._began
        self._events.append(kind(state, elapsed, window + 1, len(self.windows), **more))

    def _pass_on_events(self) -> None:
        # Collectors tell from their own threads; the callback runs on the caller's only.
        while self._events:
            event = self._events.popleft()
            if self.on_event:
                self.on_event(event)
