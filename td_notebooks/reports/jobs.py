"""One report job: refresh, wait, delete.

Polling is calm: the pause grows with the time a job has taken (10 % of it), between half a second
and ten.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import tenacity

from ..answers import Answer, told_to_wait
from ..clock import Clock
from ..errors import (
    DownloadError,
    JobCanceledError,
    JobFailedError,
    JobTimeoutError,
    NotFoundError,
    TalkdeskError,
)
from ..interrupts import interruptible
from .events import Finished, OnEvent, Polled
from .schemas import Schema, schema
from .state import JobState

if TYPE_CHECKING:
    from .api import JobsApi


#: For so many seconds a job may not be found yet that has just been submitted.
NEW = 10.0


def poll_delay(elapsed: float) -> float:
    """Return the seconds until a job is asked for again that has run ``elapsed`` seconds."""
    return min(10.0, max(0.5, 0.1 * elapsed))


def passes(error: TalkdeskError, elapsed: float) -> bool:
    """Say whether the answer to a question about a job may be had a little later.

    Parameters
    ----------
    error : TalkdeskError
        What came of the question, after its repeats.
    elapsed : float
        Seconds for which the job has been asked for.
    """
    if isinstance(error, NotFoundError):
        return elapsed < NEW
    # Who answers in Talkdesk's place, as a login page does, goes on doing so.
    return error.retryable and not isinstance(error, DownloadError)


class Job:
    """A report job at Talkdesk, and what was last heard of it.

    Attributes
    ----------
    state : JobState
        The last known snapshot.
    """

    def __init__(self, api: JobsApi, state: JobState) -> None:
        self._api = api
        self.state = state
        self._trouble: TalkdeskError | None = None

    def __repr__(self) -> str:
        span = f", {self.state.start} to {self.state.end}" if self.state.start else ""
        return f"<ReportJob {self.report_type} {self.id}: {self.status}{span}>"

    @property
    def id(self) -> str:
        """Talkdesk's id of the job."""
        return self.state.id

    @property
    def report_type(self) -> str:
        """What it reports."""
        return self.state.report_type

    @property
    def status(self) -> str:
        """The last known status."""
        return self.state.status

    @property
    def finished(self) -> bool:
        """Whether the last known status is a final one."""
        return self.state.finished

    @property
    def schema(self) -> Schema:
        """The columns of its report type."""
        return schema(self.report_type)

    @property
    def file_url(self) -> str:
        """Address of the job's file at the API."""
        return self._api.url(self._api.path(self.report_type, "files", self.id))

    @property
    def status_url(self) -> str:
        """Address of the job's status at the API."""
        return self._api.url(self._api.path(self.report_type, "jobs", self.id))

    @property
    def api(self) -> JobsApi:
        """The account's report paths it was reached through."""
        return self._api

    def refresh(self) -> Job:
        """Ask Talkdesk for the status once; return the job itself.

        Raises
        ------
        NotFoundError, ApiError, NetworkError, TokenError
        """
        self.state = self._api.transport.call(
            "GET",
            self._api.path(self.report_type, "jobs", self.id),
            doing=f"asking for the status of {self.report_type} job {self.id}",
            needs=self._api.scope("read"),
            read=lambda answer: self.state.after(answer, file_url=self.file_url),
        )
        self._trouble = None
        return self

    def poll(self, elapsed: float) -> float:
        """Ask for the status once; return the seconds until the next question.

        Trouble that may pass, such as a busy host, changes nothing but that.

        Parameters
        ----------
        elapsed : float
            Seconds for which it has been asked for.

        Raises
        ------
        NotFoundError, ApiError, NetworkError, TokenError, DownloadError
        """
        try:
            self.refresh()
        except TalkdeskError as error:
            if not passes(error, elapsed):
                raise
            self._trouble = error.with_traceback(None)
            return max(poll_delay(elapsed), told_to_wait(error))
        return poll_delay(elapsed)

    @property
    def troubled(self) -> bool:
        """Whether the last question of `poll` had no answer."""
        return self._trouble is not None

    def check(self) -> None:
        """Raise the error that a final status other than ``done`` stands for.

        Raises
        ------
        JobFailedError, JobCanceledError
        """
        if self.status == "failed":
            raise JobFailedError(
                f"Talkdesk could not make the report: {self._label} failed.",
                hint="Submit it again; if it fails again, try a shorter time span.",
                job=self.state,
            )
        if self.status in {"canceled", "deleted"}:
            raise JobCanceledError(
                f"{self._label} was {self.status}: it has no file.",
                hint="Submit it again.",
                job=self.state,
            )

    def wait(
        self,
        *,
        timeout: float = 900.0,
        on_update: OnEvent | None = None,
        clock: Clock | None = None,
    ) -> Job:
        """Wait until the job is done; return the job itself.

        Parameters
        ----------
        timeout : float
            Seconds. The job goes on at Talkdesk when they are over.
        on_update : callable, optional
            Called with a `Polled` after each question and a `Finished` at the end.
        clock : Clock, optional
            In place of the connection's: one that raises ends the waiting.

        Raises
        ------
        JobFailedError, JobCanceledError
        JobTimeoutError
            Not finished in time; the message says how to come back.
        KeyboardInterrupt
            With a note that says how to come back.
        """
        with interruptible(
            clock or self._api.transport.clock, way_back=lambda: self.way_back
        ) as clock:
            try:
                finished = self._poll(clock, timeout, on_update)
            except KeyboardInterrupt as interrupt:
                interrupt.add_note(self.way_back)
                raise
        if not finished:
            raise self.timed_out(timeout)
        self.check()
        return self

    def _poll(self, clock: Clock, timeout: float, on_update: OnEvent | None) -> bool:
        """Ask for the status until it is a final one; say whether it is."""
        began, pause = clock.monotonic(), 0.0

        def ask() -> bool:
            nonlocal pause
            pause = self.poll(clock.monotonic() - began)
            kind = Finished if self.status == "done" else Polled
            if on_update and not self.troubled:
                on_update(kind(self.state, clock.monotonic() - began))
            return self.finished and not self.troubled

        def out_of_time(state: tenacity.RetryCallState) -> bool:
            return clock.monotonic() - began + state.upcoming_sleep > timeout

        finished: bool = tenacity.Retrying(
            retry=tenacity.retry_if_result(lambda finished: not finished),
            wait=lambda state: pause,
            stop=out_of_time,
            sleep=clock.sleep,
            retry_error_callback=lambda state: False,
        )(ask)
        return finished

    def timed_out(self, timeout: float) -> JobTimeoutError:
        """Return the error for a deadline that passed.

        Parameters
        ----------
        timeout : float
            Seconds.
        """
        trouble = f" The last question had no answer: {self._trouble}" if self._trouble else ""
        return JobTimeoutError(
            f"{self._label} was not finished within {timeout:.0f} s (last status: {self.status})."
            + trouble,
            hint=self.way_back,
            job=self.state,
        )

    @property
    def way_back(self) -> str:
        """One sentence that says how to come back to the job."""
        what = "Its file stays" if self.status == "done" else "It goes on"
        return (
            f"{what} at Talkdesk: client.job({self.report_type!r}, {self.id!r}) comes back to it."
        )

    def delete(self) -> None:
        """Delete the job's file at Talkdesk.

        With the older API a job that is not finished is canceled instead.

        Raises
        ------
        ConflictError
            The job is not finished.
        NotFoundError, ForbiddenError, ApiError
        """
        older = self._api.base == "/reports"
        kind = "jobs" if older and not self.finished else "files"

        def read(answer: Answer) -> None:
            if answer.status >= 300 or answer.body.lstrip()[:1] not in {b"", b"{"}:
                raise DownloadError(
                    f"{self._label} may not be deleted: what answered was not Talkdesk.",
                    hint="A proxy or login page may stand in between: try again.",
                )

        self._api.transport.call(
            "DELETE",
            self._api.path(self.report_type, kind, self.id),
            doing=f"deleting {self.report_type} job {self.id}",
            needs=self._api.scope("write"),
            read=read,
        )
        self.state = replace(self.state, status="canceled" if kind == "jobs" else "deleted")

    @property
    def _label(self) -> str:
        return f"{self.report_type} job {self.id}"
