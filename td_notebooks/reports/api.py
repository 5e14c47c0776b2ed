"""The report paths of one account: submit, attach, list.

A submit is not repeated blindly. Each job has a unique name, so when the answer to a submit is
lost the job is looked up by its name first.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote

from ..answers import repeatable
from ..errors import ConfigError, DownloadError, NetworkError, ServerError, TalkdeskError
from ..timespan import LONGEST_JOB, Timespan
from ..transport import Transport
from ..wire import utf8
from .jobs import Job
from .schemas import Format, Schema, schema
from .state import JobPage, JobState

PAGE = 200
SUBMITS = 3

_log = logging.getLogger("td_notebooks")


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

    def scope(self, access: Literal["read", "write"]) -> str:
        """Return the scope that reading or writing needs."""
        return f"{self.base.strip('/').replace('/', '-')}:{access}"

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
            Whether a used-up quota is waited for (three minutes at most) or raised at once.

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
        unique = f"{utf8(name or f'{report_type} {span}')} [{uuid.uuid4().hex[:12]}]"
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
                    needs=self.scope("write"),
                    read=lambda answer: JobState.parse(report_type, answer.json()),
                )
                return Job(self, state)
            except (NetworkError, ServerError, DownloadError) as error:
                if isinstance(error, NetworkError) and not error.sent:
                    raise
                _log.debug("the answer to a submit was lost: %s", error)
                try:
                    found = self._find(report_type, name)
                except TalkdeskError as unlisted:
                    # Who waits until this has passed, and submits again, may have the job twice.
                    if repeatable(unlisted, side_effects=True, wait_for_quota=False):
                        raise error from None
                    raise
                if found:
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
        """Iterate over the account's jobs of one type, page by page, as Talkdesk orders them.

        A job that a page repeats, because a new one pushed it there, comes once.
        """
        schema(report_type)
        page = 1
        seen: set[str] = set()
        while True:
            listing = self.transport.call(
                "GET",
                self.path(report_type, "jobs"),
                doing=f"listing {report_type} jobs",
                params={"page": page, "per_page": PAGE},
                needs=self.scope("read"),
                read=lambda answer: JobPage.parse(report_type, answer.json()),
            )
            new = [state for state in listing.jobs if state.id not in seen]
            yield from new
            seen.update(state.id for state in new)
            if not new or not (listing.has_next or len(seen) < listing.total):
                return
            page += 1

    def attach(self, report_type: str, job_id: str) -> Job:
        """Come back to a job by its id.

        Parameters
        ----------
        report_type, job_id : str

        Raises
        ------
        NotFoundError
            There is no such job of this type.
        """
        schema(report_type)
        job_id = utf8(job_id.strip())
        if not job_id:
            raise ConfigError("The job id is empty.", hint=f"client.jobs({report_type!r}) lists.")
        return Job(self, JobState(report_type, job_id)).refresh()


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
