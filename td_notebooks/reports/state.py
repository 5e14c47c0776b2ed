"""What is known of a report job: read from an answer, with no I/O.

Explore wraps a job in ``job``, the older API does not, Talkdesk's own documents show both: either
is read. A finished job answers with a redirect to its file (303 documented; 302 and 300
tolerated), or, as one client saw, with the report itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from ..answers import Answer
from ..errors import DownloadError
from ..regions import Origin, absolute
from ..wire import utf8

FINISHED = frozenset({"done", "failed", "canceled", "deleted"})
REDIRECTS = frozenset({300, 301, 302, 303, 307, 308})


@dataclass(frozen=True, slots=True)
class JobState:
    """A snapshot of a report job.

    Attributes
    ----------
    report_type, id : str
    status : str
        An open set: ``created``, ``processing``, ``uploading``, ``done``, ``failed``,
        ``canceled``, ``deleted``, and whatever Talkdesk adds.
    name, format, timezone : str
        As Talkdesk says them; empty where it does not.
    start, end : datetime or None
        The time span asked for.
    created_at : datetime or None
    result_at_status : bool
        Whether the report is reached through the status address rather than the file address.
    """

    report_type: str
    id: str
    status: str = "created"
    name: str = ""
    format: str = ""
    timezone: str = ""
    start: datetime | None = None
    end: datetime | None = None
    created_at: datetime | None = None
    result_at_status: bool = False

    @property
    def finished(self) -> bool:
        """Whether the status will not change by itself any more."""
        return self.status in FINISHED

    @classmethod
    def parse(cls, report_type: str, fields: Mapping[str, object]) -> JobState:
        """Read a job object, wrapped in ``job`` or not.

        Raises
        ------
        DownloadError
            There is no job in it.
        """
        wrapped = fields.get("job")
        job: Mapping[str, object] = wrapped if isinstance(wrapped, dict) else fields
        if not isinstance(job.get("id"), str):
            raise DownloadError(
                f"Talkdesk's answer about a {report_type} job has no job id in it.",
                hint="A proxy may have answered in its place: try again.",
            )
        span = job.get("timespan")
        span = span if isinstance(span, dict) else {}
        return cls(
            report_type=report_type,
            id=utf8(str(job["id"])),
            status=utf8(str(job.get("status") or "created").lower()),
            name=utf8(str(job.get("name") or "")),
            format=utf8(str(job.get("format") or "")),
            timezone=utf8(str(job.get("timezone") or "")),
            start=_moment(span.get("from")),
            end=_moment(span.get("to")),
            created_at=_moment(job.get("created_at")),
        )

    def after(self, answer: Answer, *, file_url: str) -> JobState:
        """Return the state that an answer of the status address shows.

        Parameters
        ----------
        answer : Answer
            200, 204 (not yet) or a redirect.
        file_url : str
            Absolute address of the job's file.

        Raises
        ------
        DownloadError
            It is no answer of Talkdesk's: a login page in between, for example.
        """
        if answer.status == 204:
            return self
        fields = answer.json() if answer.whole else {}
        described = isinstance(fields.get("job"), dict) or fields.get("id") == self.id
        if described:
            told = JobState.parse(self.report_type, fields)
            state = replace(
                told, created_at=told.created_at or self.created_at, name=told.name or self.name
            )
        else:
            state = self
        if answer.status in REDIRECTS:
            target = absolute(file_url, answer.headers.get("Location", ""))
            known = target.split("?")[0] == file_url or not answer.headers.get("Location")
            if described and state.status != "done" and (state.finished or not known):
                return state  # the job itself says otherwise, and it knows best
            return replace(state, status="done", result_at_status=not known)
        if described:
            return state
        if _is_page(answer):
            raise DownloadError(
                f"{Origin.of(file_url).host} answered a question about {self.report_type} job "
                f"{self.id} with something that is neither its status nor a report.",
                hint="A proxy or login page may stand in between: try again.",
            )
        return replace(self, status="done", result_at_status=True)


@dataclass(frozen=True, slots=True)
class JobPage:
    """One page of the list of jobs."""

    jobs: tuple[JobState, ...]
    total: int
    has_next: bool

    @classmethod
    def parse(cls, report_type: str, fields: Mapping[str, object]) -> JobPage:
        """Read a page.

        Talkdesk's own example of it misspells ``_embedded``, and its older guide says
        ``executions`` for ``jobs``.

        Raises
        ------
        DownloadError
            It is not a list of jobs.
        """
        embedded = fields.get("_embedded", fields.get("_embdedded"))
        total = fields.get("total")
        if not isinstance(embedded, dict) and total == 0:
            embedded = {}
        jobs: object = None
        if isinstance(embedded, dict):
            jobs = embedded.get("jobs", embedded.get("executions")) or []
        if not isinstance(jobs, list):
            raise DownloadError(
                f"Talkdesk's answer is not a list of {report_type} jobs.",
                hint="A proxy may have answered in its place: try again.",
            )
        links = fields.get("_links")
        return cls(
            jobs=tuple(JobState.parse(report_type, job) for job in jobs if isinstance(job, dict)),
            total=total if isinstance(total, int) else 0,
            has_next=isinstance(links, dict) and bool(links.get("next")),
        )


def _is_page(answer: Answer) -> bool:
    """Say whether a body can be no report: empty, markup, or JSON without entries."""
    start = answer.body[:64].lstrip(b"\xef\xbb\xbf \t\r\n")
    if not start or start.startswith(b"<"):
        return True
    if not answer.whole or not start.startswith(b"{"):
        return False
    fields = answer.json()
    return "entries" not in fields and answer.body.count(b"\n") < 1


def _moment(value: object) -> datetime | None:
    if not isinstance(value, str):
        return None
    text = value.strip().removesuffix(" UTC")
    try:
        moment = datetime.fromisoformat(text)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):  # in UTC, the first day of the year 1 may have no date
        return None
