"""Report jobs: submit, attach, refresh, wait, list, delete.

A submit is not repeated blindly. Each job has a unique name, so when the answer to a submit is
lost the job is looked up by its name first. Polling is calm: the pause grows with the time a job
has taken (15 % of it), between half a second and ten.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from urllib.parse import quote

import tenacity

from ..errors import (
    ConfigError,
    DownloadError,
    JobCanceledError,
    JobFailedError,
    JobTimeoutError,
    NetworkError,
    ServerError,
)
from ..timespan import LONGEST_JOB, Timespan
from ..transport import Transport
from .catalog import Format, Schema, schema
from .events import Finished, OnEvent, Polled
from .state import JobPage, JobState

PAGE = 200
SUBMITS = 3

_log = logging.getLogger("td_notebooks")


def poll_delay(elapsed: float) -> float:
    """Return the seconds until a job is asked for again that has run ``elapsed`` seconds."""
    return min(10.0, max(0.5, 0.15 * elapsed))


@dataclass(frozen=True, slots=True)
class JobsApi:
    """The report paths of one account.

    Parameters
    ----------
    transport : Transport
    base : str
        ``/data/reports``, or ``/reports`` for the older API.
    """

    transport: Transport
    base: str = "/data/reports"

    def path(self, report_type: str, kind: str, job_id: str = "") -> str:
        """Return the path of jobs or files, with every part escaped."""
        parts = [self.base, quote(report_type, safe=""), kind, quote(job_id, safe="")]
        return "/".join(part for part in parts if part)

    def url(self, path: str) -> str:
        """Return the absolute address of a path."""
        return self.transport.account.api_url + path

    def submit(
        self,
        report_type: str,
        span: Timespan,
        *,
        format: str | None = None,
        name: str | None = None,
        wait_for_quota: bool = True,
    ) -> Job:
        """Submit one job.

        Parameters
        ----------
        report_type : str
        span : Timespan
            At most a month; its zone is the job's.
        format : str, optional
            ``json``, ``csv`` or ``json_bulk``; by default the one the catalogue prefers.
        name : str, optional
            Shown in Talkdesk's list; a unique ending is added.
        wait_for_quota : bool
            Whether a used-up quota is waited for (some minutes at most) or raised at once.

        Raises
        ------
        ConfigError
            Unknown type or format, or a span over a month: before any request.
        QuotaError, ApiError, NetworkError, TokenError
        """
        known = schema(report_type)
        format = check_format(known, format)
        if span.length > LONGEST_JOB:
            raise ConfigError(
                f"{span} is {span.length.days} days; one {report_type} job covers at most "
                f"{LONGEST_JOB.days}.",
                hint="client.report(...) cuts a longer span into jobs by itself.",
            )
        unique = f"{name or f'{report_type} {span}'} [{uuid.uuid4().hex[:12]}]"
        body = {
            "name": unique,
            "timezone": span.timezone,
            "format": format,
            "timespan": {"from": span.start.isoformat(), "to": span.end.isoformat()},
        }
        return self._submit(report_type, body, unique, span, wait_for_quota)

    def _submit(
        self,
        report_type: str,
        body: Mapping[str, object],
        name: str,
        span: Timespan,
        wait_for_quota: bool,
    ) -> Job:
        doing = f"submitting a {report_type} job for {span}"
        for remaining in reversed(range(SUBMITS)):
            try:
                state = self.transport.call(
                    "POST",
                    self.path(report_type, "jobs"),
                    doing=doing,
                    body=body,
                    side_effects=True,
                    wait_for_quota=wait_for_quota,
                    read=lambda answer: JobState.parse(report_type, answer.json()),
                )
                return Job(self, state)
            except (NetworkError, ServerError, DownloadError) as error:
                _log.debug("the answer to a submit was lost: %s", error)
                if found := self._find(report_type, name):
                    return Job(self, found)
                if not remaining:
                    raise
        raise AssertionError("unreachable")

    def _find(self, report_type: str, name: str) -> JobState | None:
        """Look for a job whose submit was not answered; it may take moments to be listed."""
        for pause in (1.0, 3.0):
            self.transport.clock.sleep(pause)
            for state in self.states(report_type):
                if state.name == name:
                    return state
        return None

    def states(self, report_type: str) -> Iterator[JobState]:
        """Iterate over the account's jobs of one type, page by page, as Talkdesk orders them."""
        schema(report_type)
        page, seen = 1, 0
        while True:
            listing = self.transport.call(
                "GET",
                self.path(report_type, "jobs"),
                doing=f"listing {report_type} jobs",
                params={"page": page, "per_page": PAGE},
                read=lambda answer: JobPage.parse(report_type, answer.json()),
            )
            yield from listing.jobs
            seen += len(listing.jobs)
            if not listing.jobs or not (listing.has_next or seen < listing.total):
                return
            page += 1

    def attach(self, report_type: str, job_id: str) -> Job:
        """Come back to a job by its id.

        Raises
        ------
        NotFoundError
            There is no such job of this type.
        """
        schema(report_type)
        if not job_id.strip():
            raise ConfigError("The job id is empty.", hint=f"client.jobs({report_type!r}) lists.")
        return Job(self, JobState(report_type, job_id.strip())).refresh()


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
            read=lambda answer: self.state.after(answer, file_url=self.file_url),
        )
        return self

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

    def wait(self, *, timeout: float = 900.0, on_update: OnEvent | None = None) -> Job:
        """Wait until the job is done; return the job itself.

        Parameters
        ----------
        timeout : float
            Seconds. The job goes on at Talkdesk when they are over.
        on_update : callable, optional
            Called with a `Polled` after each question and a `Finished` at the end.

        Raises
        ------
        JobFailedError, JobCanceledError
        JobTimeoutError
            Not finished in time; the message says how to come back.
        KeyboardInterrupt
            With a note that says how to come back.
        """
        clock = self._api.transport.clock
        began = clock.monotonic()

        def poll() -> bool:
            self.refresh()
            kind = Finished if self.status == "done" else Polled
            if on_update:
                on_update(kind(self.state, clock.monotonic() - began))
            return self.finished

        def out_of_time(state: tenacity.RetryCallState) -> bool:
            return clock.monotonic() - began + state.upcoming_sleep > timeout

        try:
            finished = tenacity.Retrying(
                retry=tenacity.retry_if_result(lambda finished: not finished),
                wait=lambda state: poll_delay(clock.monotonic() - began),
                stop=out_of_time,
                sleep=clock.sleep,
                retry_error_callback=lambda state: False,
            )(poll)
        except KeyboardInterrupt as interrupt:
            interrupt.add_note(self.way_back)
            raise
        if not finished:
            raise self.timed_out(timeout)
        self.check()
        return self

    def timed_out(self, timeout: float) -> JobTimeoutError:
        """Return the error for a deadline that passed."""
        return JobTimeoutError(
            f"{self._label} was not finished within {timeout:.0f} s (last status: {self.status}).",
            hint=self.way_back,
            job=self.state,
        )

    @property
    def way_back(self) -> str:
        """One sentence that says how to come back to the job."""
        return (
            f"It goes on at Talkdesk: client.job({self.report_type!r}, {self.id!r}) comes back "
            "to it."
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
        self._api.transport.call(
            "DELETE",
            self._api.path(self.report_type, kind, self.id),
            doing=f"deleting {self.report_type} job {self.id}",
            read=lambda answer: None,
        )
        self.state = replace(self.state, status="canceled" if kind == "jobs" else "deleted")

    @property
    def _label(self) -> str:
        return f"{self.report_type} job {self.id}"


def check_format(known: Schema, format: str | None) -> Format:
    """Return the format to ask for.

    Raises
    ------
    ConfigError
        There is no such format.
    """
    if format is None:
        return known.default_format
    for possible in known.formats:
        if format == possible:
            return possible
    raise ConfigError(
        f"{known.report_type} cannot be had as {format!r}: there are {', '.join(known.formats)}."
    )
