from __future__ import annotations

import re
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from plain_client import MARCH, NOW, HourlySource, MakeTalker, Talker

from td_notebooks.reports import schemas
from td_notebooks.sandbox import CentreSettings, SandboxClock
from td_notebooks.sandbox.explore import Variants

LEGACY = "/reports"


def problem(answer: httpx.Response) -> tuple[int, str]:
    body = answer.json()
    assert body["message"]
    assert re.fullmatch("[0-9a-f]{32}", answer.headers["platform-tid"])
    return answer.status_code, body["code"]


def fields(answer: httpx.Response) -> set[str]:
    assert problem(answer) == (400, "1020001")
    assert all(field["description"] for field in answer.json()["fields"])
    return {field["name"] for field in answer.json()["fields"]}


def rows_of(answer: httpx.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [line.split(",")[0] for line in answer.text.splitlines()[1:]]


# -- one job ------------------------------------------------------------------------------------


def test_a_job_from_submission_to_file(talk: MakeTalker, clock: SandboxClock) -> None:
    talker = talk(job_seconds=10)
    answer = talker.submit(name="mine", timezone="Europe/Lisbon")
    assert answer.status_code == 202
    body = answer.json()
    job = body["job"]
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", job["id"])
    assert job | {"id": ""} == {
        "id": "",
        "name": "mine",
        "type": "calls",
        "created_at": "2026-03-10T12:00:00",
        "timezone": "Europe/Lisbon",
        "status": "created",
        "format": "csv",
        "timespan": MARCH,
    }
    here = f"{talker.sandbox.api_url}/data/reports/calls"
    assert body["_links"] == {
        "self": {"href": f"{here}/jobs/{job['id']}"},
        "files": {"href": f"{here}/files/{job['id']}"},
    }
    seen = []
    for _ in range(10):
        polled = talker.status(job["id"])
        assert polled.status_code == 200
        assert polled.json()["job"] | {"status": ""} == job | {"status": ""}
        seen.append(polled.json()["job"]["status"])
        assert problem(talker.file(job["id"])) == (404, "1020008")
        clock.advance(1)
    assert list(dict.fromkeys(seen)) == ["created", "processing", "uploading"]

    done = talker.status(job["id"])
    assert done.status_code == 303
    assert done.headers["Location"] == f"/data/reports/calls/files/{job['id']}"
    assert done.json()["job"]["status"] == "done"
    link = talker.file(job["id"])
    assert link.status_code == 302
    assert link.headers["Location"].startswith(talker.sandbox.storage_url + "/")
    file = talker.download(job["id"])
    assert rows_of(file) == [f"02{hour:02}" for hour in range(24)]
    assert file.headers["Content-Type"] == "text/csv; charset=utf-8"
    # The storage host saw no credential of the API.
    assert {r.had_authorization for r in talker.sandbox.requests if r.origin == "storage"} == {
        False
    }


@pytest.mark.parametrize(("format", "first"), [("json", b'{"entries"'), ("json_bulk", b'{"call')])
def test_the_other_formats(talk: MakeTalker, format: str, first: bytes) -> None:
    talker = talk(job_seconds=0)
    assert talker.download(talker.job(format=format)).content.startswith(first)


def test_every_report_type_of_the_catalogue_can_be_ordered(talk: MakeTalker) -> None:
    talker = talk(job_seconds=0, quota=1)
    for report_type in schemas.report_types():
        job_id = talker.job(report_type)
        assert talker.status(job_id, report_type).status_code == 303
        listed = talker.call("GET", f"/data/reports/{report_type}/jobs").json()
        assert [job["id"] for job in listed["_embedded"]["jobs"]] == [job_id]


def test_a_job_without_a_name_gets_the_reports_title(talk: MakeTalker) -> None:
    assert talk().submit(name=None).json()["job"]["name"] == "Calls"


@pytest.mark.parametrize(
    ("start", "end", "zone", "expected"),
    [
        ("2026-03-02T00:00:00", "2026-03-03T00:00:00", "Asia/Tokyo", "2026-03-01T15:00:00Z"),
        ("2026-03-02T00:00:00+05:30", "2026-03-03T00:00:00Z", "UTC", "2026-03-01T18:30:00Z"),
        ("2026-03-02T00:00:00.867Z", "2026-03-03T00:00:00Z", None, "2026-03-02T00:00:00.867Z"),
        ("2026-03-02T00:00:00Z", "2026-03-03T00:00:00Z", "Asia/Tokyo", "2026-03-02T00:00:00Z"),
    ],
)
def test_spellings_of_the_time_span(
    talk: MakeTalker, start: str, end: str, zone: str | None, expected: str
) -> None:
    answer = talk().submit(timezone=zone, timespan={"from": start, "to": end})
    assert answer.json()["job"]["timespan"]["from"] == expected


# -- what is refused ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"timespan": {"from": MARCH["from"]}}, {"timespan[to]"}),
        ({"timespan": {}}, {"timespan[from]", "timespan[to]"}),
        ({"timespan": []}, {"timespan[from]", "timespan[to]"}),
        ({"timespan": None}, {"timespan[from]", "timespan[to]"}),
        ({"timespan": MARCH | {"from": "2026-03-02"}}, {"timespan[from]"}),
        ({"timespan": MARCH | {"from": "2026-03-02 00:00:00"}}, {"timespan[from]"}),
        ({"timespan": MARCH | {"from": "2026-13-02T00:00:00Z"}}, {"timespan[from]"}),
        ({"timespan": MARCH | {"to": "9999-12-31T23:59:59-12:00"}}, {"timespan[to]"}),
        ({"timespan": MARCH | {"to": 5}}, {"timespan[to]"}),
        ({"format": "xlsx"}, {"format"}),
        ({"format": ["csv"]}, {"format"}),
        ({"name": 5, "format": "xml"}, {"name", "format"}),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_wrong_inputs_are_named(talk: MakeTalker, body: dict[str, Any], expected: set[str]) -> None:
    assert fields(talk().submit(**body)) == expected


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"\xff", b'"text"', b"[" * 100_000],
    ids=lambda content: repr(content[:9]),
)
def test_a_body_that_is_no_object(talk: MakeTalker, content: bytes) -> None:
    answer = talk().call("POST", "/data/reports/calls/jobs", content=content)
    assert fields(answer) == {"body"}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"timezone": "Mars/Olympus"}, "1020016"),
        ({"timezone": "../etc"}, "1020016"),
        ({"timezone": "Europe"}, "1020016"),
        ({"timezone": 5}, "1020016"),
        ({"timespan": {"from": MARCH["to"], "to": MARCH["from"]}}, "1020005"),
        ({"timespan": {"from": MARCH["to"], "to": MARCH["to"]}}, "1020005"),
        ({"timespan": MARCH | {"from": "2026-01-30T23:59:59Z"}}, "1020013"),
    ],
    ids=str,
)
def test_wrong_spans_and_zones(talk: MakeTalker, body: dict[str, Any], code: str) -> None:
    assert problem(talk().submit(**body)) == (400, code)


def test_thirty_one_days_are_the_most(talk: MakeTalker) -> None:
    span = {"from": "2026-01-31T00:00:00Z", "to": "2026-03-03T00:00:00Z"}
    assert talk().submit(timespan=span).status_code == 202


def test_an_unknown_report_type(talk: MakeTalker) -> None:
    talker = talk()
    assert fields(talker.submit("cals")) == {"report_type"}
    assert fields(talker.status("x", "cals")) == {"report_type"}
    assert fields(talker.file("x", "cals")) == {"report_type"}
    assert fields(talker.call("GET", "/data/reports/cals/jobs")) == {"report_type"}


def test_who_may_not(talk: MakeTalker) -> None:
    talker = talk()
    job_id = talker.job()
    talker.login(scope="data-reports:read")
    assert problem(talker.submit()) == (403, "1020004")
    assert problem(talker.call("DELETE", f"/data/reports/calls/files/{job_id}")) == (403, "1020004")
    assert talker.status(job_id).status_code == 200
    assert problem(talker.call("GET", "/account")) == (403, "0060002")
    talker.login(scope="data-reports:write")
    assert talker.submit().status_code == 202
    assert problem(talker.status(job_id)) == (403, "1020004")
    talker.login(scope="data-reports:read data-reports:write")
    assert problem(talker.call("GET", "/reports/calls/jobs")) == (403, "1020004")
    for headers in ({}, {"Authorization": "Bearer x"}, {"Authorization": "Basic eDp5"}):
        talker.headers = headers
        answer = talker.status(job_id)
        assert problem(answer) == (401, "1020018")
        assert answer.json()["description"] == "The provided authorization is not valid."
        assert problem(talker.call("GET", "/account")) == (401, "0060001")


def test_unknown_jobs_and_paths(talk: MakeTalker) -> None:
    talker = talk(job_seconds=0)
    job_id = talker.job()
    assert problem(talker.status("nope")) == (404, "1020011")
    assert problem(talker.file("nope")) == (404, "1020008")
    assert problem(talker.call("DELETE", "/data/reports/calls/files/nope")) == (404, "1020011")
    # A job is known under its own type and API only.
    assert problem(talker.status(job_id, "contacts")) == (404, "1020011")
    assert problem(talker.call("GET", f"/reports/calls/jobs/{job_id}")) == (404, "1020011")
    for method, path in [
        ("GET", "/else"),
        ("PUT", "/data/reports/calls/jobs"),
        ("DELETE", f"/data/reports/calls/jobs/{job_id}"),
        ("GET", "/data/reports/calls/jobs/a/b"),
    ]:
        answer = talker.call(method, path)
        assert (answer.status_code, answer.json()["message"]) == (404, "API not found")


def test_the_account(talk: MakeTalker) -> None:
    body = talk(account="acme").call("GET", "/account").json()
    assert body["name"] == "acme"
    assert len(body["id"]) == 24


# -- quota, list, delete ------------------------------------------------------------------------


def test_the_quota_counts_unfinished_jobs_of_all_types(
    talk: MakeTalker, clock: SandboxClock
) -> None:
    talker = talk(job_seconds=10)
    ids = [talker.job(("calls", "contacts")[n % 2]) for n in range(15)]
    answer = talker.submit()
    assert problem(answer) == (429, "1020017")
    assert "Retry-After" not in answer.headers
    clock.advance(10)
    assert talker.status(ids[0]).status_code == 303
    assert talker.submit().status_code == 202


def test_the_quota_holds_against_threads(talk: MakeTalker) -> None:
    talker = talk(job_seconds=10)
    statuses: list[int] = []
    threads = [
        threading.Thread(target=lambda: statuses.append(talker.submit().status_code))
        for _ in range(24)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [202] * 15 + [429] * 9


@pytest.mark.parametrize("base", ["/data/reports", LEGACY])
def test_lists_are_paged_newest_first(talk: MakeTalker, base: str) -> None:
    talker = talk(job_seconds=0, base=base)
    ids = [talker.job() for _ in range(5)][::-1]
    talker.job("user_status")
    found, sizes = [], []
    url: str | None = f"{base}/calls/jobs?page=1&per_page=2"
    while url:
        page = talker.call("GET", url).json()
        assert page["total"] == 5
        sizes.append(page["count"])
        found += [job["id"] for job in page["_embedded"]["jobs"]]
        first = page["_embedded"]["jobs"][0]
        assert first["_links"]["self"]["href"].endswith(f"{base}/calls/jobs/{first['id']}")
        assert ("prev" in page["_links"]) is (len(sizes) > 1)
        url = page["_links"].get("next", {}).get("href")
    assert found == ids
    assert sizes == [2, 2, 1]
    back = talker.call("GET", page["_links"]["prev"]["href"]).json()
    assert [job["id"] for job in back["_embedded"]["jobs"]] == ids[2:4]
    assert talker.call("GET", f"{base}/calls/jobs?page=9").json()["count"] == 0
    assert "next" not in talker.call("GET", f"{base}/calls/jobs?per_page=5").json()["_links"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("page=0", {"page"}),
        ("per_page=201", {"per_page"}),
        ("page=x&per_page=-1", {"page", "per_page"}),
        ("page=2147483648", {"page"}),
        ("page=99999999999", {"page"}),
        ("page=", {"page"}),
    ],
)
def test_wrong_pages(talk: MakeTalker, query: str, expected: set[str]) -> None:
    assert fields(talk().call("GET", f"/data/reports/calls/jobs?{query}")) == expected


def test_deleting_a_file(talk: MakeTalker, clock: SandboxClock) -> None:
    talker = talk(job_seconds=10)
    job_id = talker.job()
    path = f"/data/reports/calls/files/{job_id}"
    assert problem(talker.call("DELETE", path)) == (409, "1020007")
    clock.advance(10)
    link = talker.file(job_id).headers["Location"]
    assert talker.http.get(link).status_code == 200
    gone = talker.call("DELETE", path)
    assert (gone.status_code, gone.content) == (204, b"")
    assert problem(talker.call("DELETE", path)) == (404, "1020009")
    assert problem(talker.file(job_id)) == (404, "1020008")
    assert talker.status(job_id).json()["job"]["status"] == "deleted"
    assert talker.http.get(link).status_code == 404


def test_files_are_kept_thirty_days(talk: MakeTalker, clock: SandboxClock) -> None:
    talker = talk(job_seconds=0)
    job_id = talker.job()
    clock.advance(30 * 86400)
    assert talker.login().status(job_id).status_code == 303
    clock.advance(1)
    assert talker.status(job_id).json()["job"]["status"] == "deleted"
    assert problem(talker.file(job_id)) == (404, "1020008")


# -- freshness ----------------------------------------------------------------------------------

TODAY = {"from": "2026-03-10T00:00:00Z", "to": "2026-03-11T00:00:00Z"}


@pytest.mark.parametrize(
    ("report_type", "freshness", "minutes"),
    [("calls", None, 5), ("user_status", None, 1), ("audit_logs", None, 60), ("calls", 0, 0)],
)
def test_fresh_rows_are_not_delivered(
    talk: MakeTalker, clock: SandboxClock, report_type: str, freshness: float | None, minutes: int
) -> None:
    source = HourlySource()
    talker = talk(source=source, job_seconds=0, freshness=freshness)
    job_id = talker.job(report_type, timespan=TODAY)
    clock.advance(300)  # what is delivered was settled when the job was made
    talker.download(job_id, report_type)
    noon = datetime.fromtimestamp(NOW, UTC)
    expected = (noon.replace(hour=0), noon - timedelta(minutes=minutes))
    assert source.asked == [(report_type, *expected)]


def test_a_span_in_the_future_is_an_empty_report(talk: MakeTalker) -> None:
    source = HourlySource()
    talker = talk(source=source, job_seconds=0)
    span = {"from": "2026-04-01T00:00:00Z", "to": "2026-04-02T00:00:00Z"}
    assert rows_of(talker.download(talker.job(timespan=span))) == []
    assert source.asked == []


# -- variants -----------------------------------------------------------------------------------


@pytest.mark.parametrize("done_status", [303, 302, 300])
def test_other_redirects(talk: MakeTalker, done_status: Any) -> None:
    talker = talk(job_seconds=0, variants=Variants(done_status=done_status))
    job_id = talker.job()
    answer = talker.status(job_id)
    assert answer.status_code == done_status
    assert answer.headers["Location"] == f"/data/reports/calls/files/{job_id}"


def test_an_inline_result(talk: MakeTalker) -> None:
    talker = talk(job_seconds=0, variants=Variants(done_status="inline"))
    job_id = talker.job()
    assert len(rows_of(talker.status(job_id))) == 24
    assert talker.file(job_id).status_code == 302


def test_flat_jobs_misspelt_lists_and_204(talk: MakeTalker, clock: SandboxClock) -> None:
    variants = Variants(flat_jobs=True, misspell_embedded=True, poll_204=True)
    talker = talk(job_seconds=1, variants=variants)
    body = talker.submit().json()
    assert body["status"] == "created"
    assert set(body["_links"]) == {"self", "files"}
    assert talker.call("GET", "/data/reports/calls/jobs").json()["_embdedded"]["jobs"] == [body]
    waiting = talker.status(body["id"])
    assert (waiting.status_code, waiting.content) == (204, b"")
    clock.advance(1)
    assert talker.status(body["id"]).json()["status"] == "done"
    talker.call("DELETE", f"/data/reports/calls/files/{body['id']}")
    assert talker.status(body["id"]).json()["status"] == "deleted"


# -- the older API ------------------------------------------------------------------------------


def test_the_older_api(talk: MakeTalker, clock: SandboxClock) -> None:
    talker = talk(base=LEGACY, job_seconds=10)
    answer = talker.submit()
    assert answer.status_code == 202
    job = answer.json()
    assert re.fullmatch("[0-9a-f]{24}", job["id"])
    assert job["format"] == "json"
    assert job["timespan"] == {"from": "2026-03-02 00:00:00 UTC", "to": "2026-03-03 00:00:00 UTC"}
    assert "timezone" not in job
    assert talker.status(job["id"]).json()["status"] == "created"
    clock.advance(10)
    done = talker.status(job["id"])
    assert (done.status_code, done.headers["Location"]) == (
        303,
        f"/reports/calls/files/{job['id']}",
    )
    assert talker.download(job["id"]).content.startswith(b'{"entries"')
    path = f"/reports/calls/jobs/{job['id']}"
    assert problem(talker.call("DELETE", path)) == (403, "1020007")
    assert talker.call("DELETE", path.replace("jobs", "files")).status_code == 204
    assert problem(talker.call("DELETE", path.replace("jobs", "files"))) == (403, "1020007")


def test_canceling_in_the_older_api(talk: MakeTalker, clock: SandboxClock) -> None:
    talker = talk(base=LEGACY, job_seconds=10, quota=1)
    job_id = talker.job()
    assert problem(talker.submit()) == (429, "1020017")
    assert talker.call("DELETE", f"/reports/calls/jobs/{job_id}").status_code == 204
    assert talker.status(job_id).json()["status"] == "canceled"
    clock.advance(10)
    assert problem(talker.file(job_id)) == (404, "1020008")
    assert talker.submit().status_code == 202


def test_limits_of_the_older_api(talk: MakeTalker) -> None:
    talker = talk(base=LEGACY)
    assert fields(talker.submit("contacts")) == {"report_type"}
    assert fields(talker.submit(format="json_bulk")) == {"format"}
    recent = {"from": "2026-03-10T00:00:00Z", "to": "2026-03-10T11:00:01Z"}
    assert fields(talker.submit(timespan=recent)) == {"timespan[to]"}
    assert talker.submit(timespan=recent | {"to": "2026-03-10T11:00:00Z"}).status_code == 202


# -- the simulated contact centre ----------------------------------------------------------------


@pytest.mark.parametrize("centre", [None, CentreSettings(seed=3, calls_per_day=50)])
def test_rows_come_from_the_contact_centre(talk: MakeTalker, centre: CentreSettings | None) -> None:
    def entries(talker: Talker) -> list[dict[str, Any]]:
        file = talker.download(talker.job(format="json")).json()
        assert file["total"] == len(file["entries"])
        return list(file["entries"])

    settings: dict[str, Any] = {"centre": centre, "source": None, "seed": 3, "job_seconds": 0}
    talker = talk(**settings)
    one = entries(talker)
    assert one == entries(talker) == entries(talk(**settings))
    assert one
    ends = [row["end_at"] for row in one]
    assert ends == sorted(ends)
    assert MARCH["from"] <= ends[0] <= ends[-1] < MARCH["to"]
