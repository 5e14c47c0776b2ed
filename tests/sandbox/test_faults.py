from __future__ import annotations

import contextlib
import csv
import io
import json
import threading
import time
from typing import Any

import httpx
import pytest
from plain_client import HourlySource, MakeTalker, Talker

from td_notebooks.errors import ConfigError
from td_notebooks.sandbox import Sandbox, SandboxClock
from td_notebooks.sandbox.damage import spoil
from td_notebooks.sandbox.faults import (
    ANY,
    FAULTS,
    Fault,
    FaultPlan,
    FaultSettings,
    parse_faults,
    random_faults,
)

QUICK = FaultSettings(stall_seconds=0.2, slow_seconds=0.2, retry_after=7)


def code(answer: httpx.Response) -> tuple[int, str | None]:
    return answer.status_code, answer.json().get("code")


# -- reading and placing -------------------------------------------------------------------------


def test_reading_faults() -> None:
    assert parse_faults("reset@3, 429,expired-link*2,502@2*4,slow@*,lost-answer:submit@1") == (
        Fault("reset", at=3),
        Fault("429"),
        Fault("expired-link", times=2),
        Fault("502", at=2, times=4),
        Fault("slow", at=1, times=None),
        Fault("lost-answer", "submit", at=1),
    )
    assert parse_faults(["429", "503"]) == (Fault("429"), Fault("503"))
    assert parse_faults("") == ()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("rest@3", "Known: reset"),
        ("zzzzzz", "Known: 401-once"),
        ("reset@0", "is not a fault"),
        ("reset@", "is not a fault"),
        ("Reset@1", "is not a fault"),
        ("slow:submit", "Only storage"),
    ],
)
def test_mistakes_are_explained(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parse_faults(text)
    with pytest.raises(ConfigError, match=message):
        Sandbox(faults=text)


def strikes(faults: str, operations: list[str], seed: int = 7) -> list[str | None]:
    plan = FaultPlan(parse_faults(faults), seed)
    return [plan.strike(operation) for operation in operations]


def test_counting_only_the_requests_it_applies_to() -> None:
    seen = ["token", "submit", "status", "", "submit", "storage"]
    assert strikes("quota@2", seen) == [None, None, None, None, "quota", None]
    assert strikes("reset@2*2", seen) == [None, "reset", "reset", None, None, None]
    assert strikes("429@*", seen) == [None, "429", "429", None, "429", None]
    assert strikes("html:storage@1", seen) == [None, None, None, None, None, "html"]


def test_one_fault_a_request_the_others_wait() -> None:
    assert strikes("429@1,503@1,500@2", ["status"] * 4) == ["429", "503", "500", None]
    assert strikes("stall@*,429@2", ["status"] * 3) == ["stall", "429", "stall"]


@pytest.mark.parametrize("name", FAULTS)
def test_the_seed_draws_the_moment(name: str) -> None:
    operation = FAULTS[name].operations[-1]
    runs = [strikes(name, [operation] * 12, seed) for seed in range(20)]
    assert runs == [strikes(name, [operation] * 12, seed) for seed in range(20)]
    moments = {run.index(name) for run in runs}
    assert all(run.count(name) == 1 for run in runs)
    assert max(moments) < FAULTS[name].within
    assert len(moments) > 1 or FAULTS[name].within == 1


def test_threads_share_one_count() -> None:
    plan = FaultPlan(parse_faults("500@100*50"), 1)
    struck: list[str | None] = []
    threads = [
        threading.Thread(target=lambda: struck.extend(plan.strike("status") for _ in range(100)))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert struck.count("500") == 50


def test_mixtures_repeat_themselves_and_reach_every_fault() -> None:
    mixtures = [random_faults(seed) for seed in range(500)]
    assert mixtures == [random_faults(seed) for seed in range(500)]
    assert {len(mixture) for mixture in mixtures} == {1, 2, 3, 4}
    drawn = {fault.name for mixture in mixtures for fault in parse_faults(mixture)}
    assert drawn == {name for name, kind in FAULTS.items() if not kind.silent}
    assert len(random_faults(1, 9)) == 9
    assert random_faults(1, 0) == []


def test_the_table_is_for_people() -> None:
    for name, kind in FAULTS.items():
        assert kind.meaning and len(kind.meaning) < 60, name
        assert set(kind.operations) <= set(ANY)


# -- on the wire ---------------------------------------------------------------------------------


@pytest.fixture
def faulty(talk: MakeTalker) -> Any:
    def make(faults: str, **settings: Any) -> Talker:
        settings = {"job_seconds": 0, "fault_settings": QUICK} | settings
        return talk(faults=faults, **settings)

    return make


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("429", (429, "0012001")),
        ("429-retry-after", (429, "0012001")),
        ("500", (500, None)),
        ("503", (503, None)),
        ("503-audit", (503, "1020019")),
        ("401-once", (401, "1020018")),
        ("revoked", (401, "1020018")),
        ("quota", (429, "1020017")),
    ],
)
def test_error_answers(faulty: Any, name: str, expected: tuple[int, str | None]) -> None:
    talker = faulty(f"{name}@1")
    answer = talker.submit()
    assert code(answer) == expected
    assert answer.headers.get("Retry-After") == ("7" if name == "429-retry-after" else None)
    assert talker.sandbox.requests[-1].fault == name
    if name == "revoked":
        assert talker.submit().status_code == 401
        talker.login()
    assert talker.submit().status_code == 202
    assert talker.call("GET", "/data/reports/calls/jobs").json()["total"] == 1


def test_pages_in_place_of_answers(faulty: Any) -> None:
    talker = faulty("502@1,html:status@1")
    answer = talker.submit()
    assert answer.status_code == 502
    assert answer.text.startswith("<!DOCTYPE html>")
    page = talker.status(talker.job())
    assert (page.status_code, page.headers["Content-Type"]) == (200, "text/html; charset=utf-8")


@pytest.mark.parametrize(
    ("name", "handled", "error"),
    [
        ("reset", 0, (httpx.ReadError, httpx.WriteError)),
        ("refused", 0, httpx.RemoteProtocolError),
        ("lost-answer", 1, httpx.RemoteProtocolError),
    ],
)
def test_no_answer_at_all(faulty: Any, name: str, handled: int, error: Any) -> None:
    talker = faulty(f"{name}:submit@1")
    with pytest.raises(error):
        talker.submit()
    assert talker.sandbox.requests[-1].status == 0
    assert talker.call("GET", "/data/reports/calls/jobs").json()["total"] == handled


def test_a_reset_is_a_reset(faulty: Any) -> None:
    talker = faulty("reset:submit@1")
    with pytest.raises(httpx.ReadError) as caught:
        talker.submit()
    reasons = []
    reason: BaseException | None = caught.value
    while reason is not None:
        reasons.append(type(reason))
        reason = reason.__cause__ or reason.__context__
    assert ConnectionResetError in reasons


@pytest.mark.parametrize("gzip", [False, True])
def test_a_truncated_file(faulty: Any, gzip: bool) -> None:
    talker = faulty("truncated@1", gzip=gzip)
    job_id = talker.job()
    with pytest.raises(httpx.RemoteProtocolError, match=r"incomplete|complete message body"):
        talker.download(job_id)
    assert len(talker.download(job_id).text.splitlines()) == 25


def test_a_slow_file_arrives_whole_and_in_pieces(faulty: Any) -> None:
    talker = faulty("slow@1")
    job_id = talker.job()
    began, pieces = time.monotonic(), []
    with talker.http.stream("GET", talker.file(job_id).headers["Location"]) as answer:
        pieces.extend(answer.iter_raw())
    assert time.monotonic() - began >= 0.19
    assert len(pieces) > 5
    assert b"".join(pieces) == talker.download(job_id).content


def test_delays(faulty: Any) -> None:
    began = time.monotonic()
    talker = faulty("slow-token,stall:submit@1")
    assert time.monotonic() - began >= 0.2
    with pytest.raises(httpx.ReadTimeout):
        talker.call("POST", "/data/reports/calls/jobs", json={}, timeout=0.05)
    assert talker.submit().status_code == 202


def test_closing_does_not_wait_for_a_stalled_answer(talk: MakeTalker) -> None:
    talker = talk(faults="stall:list@1", fault_settings=FaultSettings(stall_seconds=600))

    def ask() -> None:
        with contextlib.suppress(httpx.HTTPError):  # closing may cut it off
            talker.call("GET", "/data/reports/calls/jobs")

    asked = threading.Thread(target=ask)
    asked.start()
    while not any(record.operation == "list" for record in talker.sandbox.requests):
        time.sleep(0.01)
    talker.sandbox.close()
    asked.join(60)
    assert not asked.is_alive()


def test_answers_without_a_body_or_with_half_of_it(faulty: Any) -> None:
    talker = faulty("empty-body:submit@1,garbage-json:submit@2,empty-body:storage@1")
    empty, garbage = talker.submit(), talker.submit()
    assert (empty.status_code, empty.content) == (202, b"")
    assert garbage.status_code == 202
    with pytest.raises(json.JSONDecodeError):
        garbage.json()
    listed = talker.call("GET", "/data/reports/calls/jobs").json()
    assert listed["total"] == 2
    assert talker.download(listed["_embedded"]["jobs"][0]["id"]).content == b""


def test_faults_of_the_token(talk: MakeTalker) -> None:
    talker = talk(login=False, faults="token-500@1,token-429@2,garbage-json:token@3")
    assert talker.token().json()["error"] == "server_error"
    assert talker.token().status_code == 429
    with pytest.raises(json.JSONDecodeError):
        talker.token().json()
    assert talker.token().status_code == 200


def test_an_expired_link(faulty: Any) -> None:
    talker = faulty("expired-link@1")
    job_id = talker.job()
    assert "Request has expired" in talker.download(job_id).text
    assert talker.download(job_id).status_code == 200


def test_a_file_that_is_deleted_by_somebody(faulty: Any) -> None:
    talker = faulty("deleted-file@1")
    job_id = talker.job()
    assert code(talker.file(job_id)) == (404, "1020008")
    assert talker.status(job_id).json()["job"]["status"] == "deleted"


@pytest.mark.parametrize("job_seconds", [0, 10])
def test_a_location_elsewhere(faulty: Any, job_seconds: float) -> None:
    talker = faulty("redirect-elsewhere@1*2", job_seconds=job_seconds)
    job_id = talker.job()
    for answer in (talker.status(job_id), talker.file(job_id)):
        assert answer.is_redirect
        assert answer.headers["Location"] == QUICK.elsewhere


@pytest.mark.parametrize(
    ("name", "statuses"),
    [
        ("failed-job", ["created", "processing", "failed"]),
        ("canceled-job", ["created", "processing", "canceled"]),
        ("stuck-job", ["created", "processing"]),
        ("unknown-status", ["created", "processing", "being_verified", "done"]),
    ],
)
def test_jobs_that_go_another_way(
    faulty: Any, clock: SandboxClock, name: str, statuses: list[str]
) -> None:
    talker = faulty(f"{name}@1", job_seconds=10, quota=1)
    job_id = talker.job()
    seen = []
    for _ in range(40):
        seen.append(talker.status(job_id).json()["job"]["status"])
        clock.advance(1)
    assert list(dict.fromkeys(seen)) == statuses
    assert talker.submit().status_code == (429 if name == "stuck-job" else 202)
    if name in ("failed-job", "canceled-job"):
        assert code(talker.file(job_id)) == (404, "1020008")
        delete = talker.call("DELETE", f"/data/reports/calls/files/{job_id}")
        assert code(delete) == (404, "1020009")


# -- in the file ---------------------------------------------------------------------------------


def content(talker: Talker, format: str) -> str:
    return talker.download(talker.job(format=format)).text


def records(text: str, format: str) -> list[dict[str, str]]:
    if format == "json":
        return list(json.loads(text)["entries"])
    if format == "json_bulk":
        return [json.loads(line) for line in text.splitlines()]
    return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))


@pytest.mark.parametrize("format", ["csv", "json", "json_bulk"])
def test_files_with_other_columns(faulty: Any, format: str) -> None:
    talker = faulty("new-column@1,missing-column@2")
    more, less, whole = (records(content(talker, format), format) for _ in range(3))
    assert len(more) == len(less) == len(whole) == 24
    new, first = ("Surprise", "Call Id") if format == "csv" else ("surprise", "call_id")
    assert [row.pop(new) for row in more] == ["new"] * 24
    assert more == whole
    assert [row.pop(first) for row in whole] == [f"02{hour:02}" for hour in range(24)]
    assert less == whole


@pytest.mark.parametrize("format", ["csv", "json", "json_bulk"])
def test_a_damaged_record(faulty: Any, format: str) -> None:
    talker = faulty("damaged-row@1")
    damaged, whole = content(talker, format), content(talker, format)
    assert len(damaged) < len(whole)
    if format == "csv":
        assert [len(row) for row in csv.reader(io.StringIO(damaged))].count(1) == 1
        assert damaged.endswith("\r\n")
    else:
        with pytest.raises(json.JSONDecodeError):
            records(damaged, format)


@pytest.mark.parametrize(
    ("format", "empty"), [("csv", b"A,B\n"), ("json", b'{"entries": []}'), ("json_bulk", b"\n")]
)
def test_an_empty_file_has_no_record_to_damage(format: str, empty: bytes) -> None:
    assert b"".join(spoil("damaged-row", format, [empty])) == empty


def test_a_healthy_file_is_passed_on_as_it_comes() -> None:
    chunks = [b"a"]
    assert spoil(None, "csv", chunks) is chunks
    assert spoil("stuck-job", "csv", chunks) is chunks


# -- everything at once ----------------------------------------------------------------------------


@pytest.mark.no_cover
def test_no_mixture_breaks_the_sandbox_itself(clock: SandboxClock) -> None:
    settings = FaultSettings(stall_seconds=0.01, slow_seconds=0.01)
    for seed in range(60):
        faults = random_faults(seed)
        with Sandbox(
            seed=seed,
            faults=faults,
            fault_settings=settings,
            clock=clock,
            source=HourlySource(),
            job_seconds=1,
        ) as sandbox:
            talker = Talker(sandbox)
            for _ in range(12):
                try:
                    talker.login()
                    job_id = talker.job()
                    clock.advance(1)
                    talker.status(job_id)
                    answer = talker.download(job_id)
                    assert "sandbox itself failed" not in answer.text
                except (httpx.TransportError, AssertionError, ValueError, KeyError) as error:
                    assert "itself failed" not in str(error), faults
            talker.http.close()
            statuses = [record.status for record in sandbox.requests]
            faulty = {record.fault for record in sandbox.requests if record.fault}
            assert faulty == {fault.name for fault in parse_faults(faults)}, (seed, faults)
            assert statuses[-1] == 200, faults
