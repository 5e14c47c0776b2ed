"""The API host: report jobs under ``/data/reports`` and, as it used to be, under ``/reports``.

Paths, statuses, codes and bodies are those of Talkdesk's public OpenAPI document, tag "Explore
API". Where it and running clients differ (a wrapped or a flat job, 303 or another redirect, a
misspelt key) the running service's way is the default and `Variants` has the others.
"""

from __future__ import annotations

import json
import re
import secrets
import threading
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Literal

from ..reports import schemas
from .damage import spoil, spoil_rows
from .jobs import UNFINISHED, Invalid, Job, check_report_type, page_of, read_order
from .problems import api_not_found, problem
from .server import Response, json_response

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ..clock import Clock
    from .identity import Identity
    from .server import Request
    from .source import RowSource
    from .storage import Storage

EXPLORE, LEGACY = "/data/reports", "/reports"
_PATH = re.compile(
    rf"(?P<family>{EXPLORE}|{LEGACY})/(?P<type>[^/]+)/(?P<kind>jobs|files)(?:/(?P<id>[^/]+))?"
)
_OPERATIONS = {
    ("POST", "jobs", False): "submit",
    ("GET", "jobs", False): "list",
    ("GET", "jobs", True): "status",
    ("GET", "files", True): "file",
    ("DELETE", "files", True): "delete",
    ("DELETE", "jobs", True): "cancel",
}
_WRITES = ("submit", "delete", "cancel")
_FORMATS = {EXPLORE: ("csv", "json", "json_bulk"), LEGACY: ("json", "csv")}
_LEGACY_TYPES = ("calls", "user_status", "messaging_contacts", "messaging_traffic")
_CONTENT_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "json": "application/json",
    "json_bulk": "application/x-ndjson",
}
#: Seconds that the older API is behind; Explore's delays stand in the catalogue.
_LEGACY_FRESHNESS = 3600


@dataclass(frozen=True, slots=True)
class Variants:
    """Ways in which answers differ between Talkdesk's documents and observations.

    Attributes
    ----------
    done_status : 303, 302, 300 or "inline"
        What the status of a finished job answers; ``"inline"`` is 200 with the file itself.
    misspell_embedded : bool
        Lists say ``_embdedded``, as the documented example does.
    flat_jobs : bool
        Jobs are not wrapped in ``job``.
    poll_204 : bool
        The status of an unfinished job answers 204.
    """

    done_status: Literal[303, 302, 300, "inline"] = 303
    misspell_embedded: bool = False
    flat_jobs: bool = False
    poll_204: bool = False


class Explore:
    """The API host's application.

    Parameters
    ----------
    url : str
        Its origin.
    identity : Identity
        Whose tokens are believed.
    storage : Storage
        Where files go.
    source : RowSource
    clock : Clock
    job_seconds : float
        From submission to done.
    quota : int
        Unfinished jobs the account may have.
    freshness : float, optional
        Seconds that data is behind, for all report types; by default each type's own.
    variants : Variants, optional
    """

    def __init__(
        self,
        url: str,
        identity: Identity,
        storage: Storage,
        source: RowSource,
        clock: Clock,
        *,
        job_seconds: float,
        quota: int,
        freshness: float | None = None,
        variants: Variants | None = None,
    ) -> None:
        self._url = url
        self._identity = identity
        self._storage = storage
        self._source = source
        self._clock = clock
        self._job_seconds = job_seconds
        self._quota = quota
        self._freshness = freshness
        self._variants = variants or Variants()
        self._jobs: dict[str, Job] = {}
        self._lock = threading.Lock()

    def operation(self, method: str, path: str) -> str:
        """Name what a request asks for."""
        if (method, path) == ("GET", "/account"):
            return "account"
        found = _PATH.fullmatch(path)
        if found is None or (found["family"], method, found["kind"]) == (EXPLORE, "DELETE", "jobs"):
            return ""
        return _OPERATIONS.get((method, found["kind"], found["id"] is not None), "")

    def __call__(self, request: Request) -> Response:
        """Answer a request."""
        response = self._answer(request)
        response.headers["platform-tid"] = secrets.token_hex(16)
        response.headers["x-td-provider-region"] = "td-us-1"
        return response

    def _answer(self, request: Request) -> Response:
        if not request.operation:
            return api_not_found()
        token = self._identity.token_of(request.headers.get("Authorization"))
        if request.operation == "account":
            if token is None:
                return problem("0060001")
            return self._account() if "account:read" in token.scopes else problem("0060002")
        found = _PATH.fullmatch(request.path)
        assert found is not None, "it has an operation"
        family, report_type, job_id = found["family"], found["type"], found["id"]
        if token is None:
            return problem("1020018")
        access = "write" if request.operation in _WRITES else "read"
        if f"{family.removeprefix('/').replace('/', '-')}:{access}" not in token.scopes:
            return problem("1020004")
        try:
            check_report_type(report_type)
            if family == LEGACY and report_type not in _LEGACY_TYPES:
                wrong = {"report_type": "report_type does not have a valid value"}
                raise Invalid(problem("1020001", fields=wrong))
            if request.operation == "submit":
                return self._submit(family, report_type, request)
            if request.operation == "list":
                return self._list(family, report_type, request.query)
        except Invalid as invalid:
            return invalid.response
        job = self._jobs.get(job_id)
        if job is None or (job.family, job.order.report_type) != (family, report_type):
            return problem("1020008" if request.operation == "file" else "1020011")
        if request.operation == "status":
            return self._status(job)
        if request.operation == "file":
            return self._file(job, request.fault)
        return self._delete(job) if request.operation == "delete" else self._cancel(job)

    def _account(self) -> Response:
        name = self._identity.account
        body = {
            "id": self._identity.account_id,
            "name": name,
            "company_name": name.title(),
            "email": f"admin@{name}.invalid",
            "timezone": "Etc/UTC",
            "created_at": "2026-01-01T00:00:00Z",
        }
        return json_response(200, body)

    # -- the operations ----------------------------------------------------------------------

    def _submit(self, family: str, report_type: str, request: Request) -> Response:
        try:
            body = json.loads(request.body or b"null")
        except (ValueError, RecursionError):
            body = None
        order = read_order(report_type, body, _FORMATS[family])
        now = self._clock.time()
        if family == LEGACY and order.end.timestamp() > now - _LEGACY_FRESHNESS:
            wrong = {"timespan[to]": "timespan[to] must be at least one hour in the past"}
            raise Invalid(problem("1020001", fields=wrong))
        job_id = str(uuid.uuid4()) if family == EXPLORE else secrets.token_hex(12)
        job = Job(job_id, family, order, now, self._job_seconds, request.fault)
        with self._lock:
            if sum(other.status(now) in UNFINISHED for other in self._jobs.values()) >= self._quota:
                return problem("1020017")
            name = f"{report_type}.{order.format.removesuffix('_bulk')}"
            job.path = self._storage.add(
                name, _CONTENT_TYPES[order.format], lambda: self._produce(job)
            )
            self._jobs[job_id] = job
        return json_response(202, self._body(job))

    def _list(self, family: str, report_type: str, query: Mapping[str, str]) -> Response:
        page, per_page = page_of(query)
        mine = [
            job
            for job in reversed(list(self._jobs.values()))
            if (job.family, job.order.report_type) == (family, report_type)
        ]
        shown = mine[(page - 1) * per_page : page * per_page]
        here = f"{self._url}{family}/{report_type}/jobs"

        def link(number: int) -> dict[str, str]:
            return {"href": f"{here}?page={number}&per_page={per_page}"}

        links = {"self": link(page)}
        if page * per_page < len(mine):
            links["next"] = link(page + 1)
        if page > 1:
            links["prev"] = link(page - 1)
        embedded = "_embdedded" if self._variants.misspell_embedded else "_embedded"
        body: dict[str, object] = {
            "total": len(mine),
            "count": len(shown),
            embedded: {"jobs": [self._flat(job) for job in shown]},
            "_links": links,
        }
        if family == LEGACY:
            body |= {"page": page, "per_page": per_page}
        return json_response(200, body)

    def _status(self, job: Job) -> Response:
        status = job.status(self._clock.time())
        if status != "done":
            if self._variants.poll_204 and status in UNFINISHED:
                return Response(204)
            return json_response(200, self._body(job))
        if self._variants.done_status == "inline":
            return self._storage.content(job.path)
        where = {"Location": f"{job.family}/{job.order.report_type}/files/{job.id}"}
        return json_response(self._variants.done_status, self._body(job), where)

    def _file(self, job: Job, fault: str | None) -> Response:
        if fault == "deleted-file":
            self._remove(job)
        if job.status(self._clock.time()) != "done":
            return problem("1020008")
        link = self._storage.link(job.path, expired=fault == "expired-link")
        return json_response(302, {"type": job.order.report_type}, {"Location": link})

    def _delete(self, job: Job) -> Response:
        status = job.status(self._clock.time())
        if status == "done":
            self._remove(job)
            return Response(204)
        if job.family == LEGACY:
            return problem("1020007", status=403)
        return problem("1020007" if status in UNFINISHED else "1020009")

    def _cancel(self, job: Job) -> Response:
        if job.status(self._clock.time()) not in UNFINISHED:
            return problem("1020007", status=403)
        job.ended = "canceled"
        return Response(204)

    def _remove(self, job: Job) -> None:
        job.ended = "deleted"
        self._storage.remove(job.path)

    # -- what is told and what is delivered ---------------------------------------------------

    def _body(self, job: Job) -> dict[str, object]:
        flat = self._flat(job)
        if job.family == LEGACY or self._variants.flat_jobs:
            return flat
        links = flat.pop("_links")
        return {"job": flat, "_links": links}

    def _flat(self, job: Job) -> dict[str, object]:
        order, here = job.order, f"{self._url}{job.family}/{job.order.report_type}"
        write = _legacy_time if job.family == LEGACY else _rfc3339
        body: dict[str, object] = {
            "id": job.id,
            "name": order.name,
            "status": job.status(self._clock.time()),
            "format": order.format,
            "timespan": {"from": write(order.start), "to": write(order.end)},
            "_links": {
                "self": {"href": f"{here}/jobs/{job.id}"},
                "files": {"href": f"{here}/files/{job.id}"},
            },
        }
        if job.family == EXPLORE:
            created = datetime.fromtimestamp(job.created_at, UTC).replace(tzinfo=None)
            body |= {
                "type": order.report_type,
                "created_at": created.isoformat(timespec="seconds"),
                "timezone": order.timezone,
            }
        return body

    def _produce(self, job: Job) -> Iterable[bytes]:
        order = job.order
        behind: float = schemas.schema(order.report_type).freshness_seconds
        if job.family == LEGACY:
            behind = _LEGACY_FRESHNESS
        if self._freshness is not None:
            behind = self._freshness
        known = datetime.fromtimestamp(job.created_at, UTC) - timedelta(seconds=behind)
        end = min(order.end, known)
        rows = self._source.rows(order.report_type, order.start, end) if order.start < end else []
        rows = spoil_rows(job.fate, rows)
        chunks = self._source.render(order.report_type, rows, order.format, timezone=order.timezone)
        return spoil(job.fate, order.format, chunks)


def _rfc3339(instant: datetime) -> str:
    precision = "milliseconds" if instant.microsecond else "seconds"
    return instant.replace(tzinfo=None).isoformat(timespec=precision) + "Z"


def _legacy_time(instant: datetime) -> str:
    return f"{instant:%Y-%m-%d %H:%M:%S} UTC"
