"""A plain client of a sandbox, and rows to serve; nothing of the package's own client."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from td_notebooks.redaction import redact_http_logs
from td_notebooks.sandbox import Sandbox

# What this client asks for is logged by httpx, and looked for among the leaks of a run.
redact_http_logs()

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC).timestamp()
MARCH = {"from": "2026-03-02T00:00:00Z", "to": "2026-03-03T00:00:00Z"}


@dataclass
class HourlySource:
    """One row an hour, on the hour; remembers what it was asked."""

    asked: list[tuple[str, datetime, datetime]] = field(default_factory=list)

    def rows(self, report_type: str, start: datetime, end: datetime) -> list[dict[str, object]]:
        self.asked.append((report_type, start, end))
        first = datetime(2026, 1, 1, tzinfo=UTC)
        skipped = -(-(start - first) // timedelta(hours=1))
        rows, at = [], first + skipped * timedelta(hours=1)
        while at < end:
            rows.append({"call_id": f"{at:%d%H}", "end_at": f"{at:%Y-%m-%dT%H:%M:%SZ}", "é": "a,b"})
            at += timedelta(hours=1)
        return rows

    def render(
        self, report_type: str, rows: Sequence[Any], format: str, *, timezone: str
    ) -> Iterator[bytes]:
        if format == "json":
            yield b'{"entries":['
            yield ",".join(map(json.dumps, rows)).encode()
            yield b'],"total":%d}' % len(rows)
        elif format == "json_bulk":
            yield from (json.dumps(row).encode() + b"\n" for row in rows)
        else:
            yield "Call Id,End At,É\r\n".encode()
            yield from (f'{r["call_id"]},{r["end_at"]},"{r["é"]}"\r\n'.encode() for r in rows)


class Talker:
    """A plain client of a sandbox that does as it is told."""

    def __init__(self, sandbox: Sandbox, base: str = "/data/reports") -> None:
        self.sandbox = sandbox
        self.base = base
        self.http = httpx.Client(trust_env=False, timeout=5, verify=False)
        self.headers: dict[str, str] = {}

    def token(self, **form: str) -> httpx.Response:
        form = {"grant_type": "client_credentials"} | form
        auth = (self.sandbox.client_id, self.sandbox.client_secret)
        return self.http.post(self.sandbox.token_url, data=form, auth=auth)

    def login(self, **form: str) -> Talker:
        self.headers = {"Authorization": f"Bearer {self.token(**form).json()['access_token']}"}
        return self

    def call(self, method: str, path: str, **kwargs: Any) -> httpx.Response:
        url = path if path.startswith("http") else self.sandbox.api_url + path
        return self.http.request(method, url, headers=self.headers, **kwargs)

    def submit(self, report_type: str = "calls", **body: object) -> httpx.Response:
        body = {"timespan": MARCH} | body
        return self.call("POST", f"{self.base}/{report_type}/jobs", json=body)

    def job(self, report_type: str = "calls", **body: object) -> str:
        answer = self.submit(report_type, **body)
        assert answer.status_code == 202, answer.text
        return str(answer.json().get("job", answer.json())["id"])

    def status(self, job_id: str, report_type: str = "calls") -> httpx.Response:
        return self.call("GET", f"{self.base}/{report_type}/jobs/{job_id}")

    def file(self, job_id: str, report_type: str = "calls") -> httpx.Response:
        return self.call("GET", f"{self.base}/{report_type}/files/{job_id}")

    def download(self, job_id: str, report_type: str = "calls", **kwargs: Any) -> httpx.Response:
        answer = self.file(job_id, report_type)
        assert answer.status_code == 302, answer.text
        return self.http.get(answer.headers["Location"], **kwargs)


MakeTalker = Callable[..., Talker]
