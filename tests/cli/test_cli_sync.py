"""A lake from the shell: filled with nobody watching, asked, handed on."""

from __future__ import annotations

import csv
import errno
import io
import json
import logging
import os
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow.parquet as pq
import pytest
from shell import finish, start, until

from td_notebooks.fleet.locks import working_on
from td_notebooks.lake import Lake, Place

SYNC = ("sync", "calls", "--into", "lake", "--since", "3d", "--lookback", "1d", "--quiet")


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    root, log = logging.getLogger(), logging.getLogger("td_notebooks")
    handlers, level, show = root.handlers[:], log.level, warnings.showwarning
    yield
    root.handlers[:], warnings.showwarning = handlers, show
    log.setLevel(level)


def lines(text: str) -> list[list[str]]:
    return [line.split("\t") for line in text.splitlines()]


def submits(place: Any) -> int:
    return sum(request.operation == "submit" for request in place.requests)


def test_a_run_and_another_one(cli: Any, place: Any) -> None:
    code, out, err = cli(*SYNC[:-1], "--summary", "summary.json")
    assert code == 0, err
    ((account, report, status, windows, replaced, rows),) = lines(out)
    assert (account, report, status) == ("sandbox", "calls", "done") and windows == replaced
    assert err.count(" INFO ") == int(windows) + 1 and "replaced" in err
    now = datetime.now(UTC)
    begin = (now - timedelta(days=3)).replace(hour=0, minute=0, second=0, microsecond=0)
    truth = place.truth("calls", begin, now - timedelta(seconds=300))
    assert abs(int(rows) - len(truth)) <= 1  # one may have ended this very second
    summary = json.loads(Path("summary.json").read_text())
    assert summary["rows"] == int(rows) and summary["status"] == "done"
    assert summary["accounts"][0]["reports"]["calls"]["replaced"] == int(replaced)

    before = submits(place)
    code, out, err = cli("sync", "--into", "lake", "--lookback", "1d", "--quiet")
    assert (code, out, err) == (0, "", "")
    assert submits(place) - before <= 3  # yesterday, and today in two


def test_asking_the_lake(cli: Any, place: Any) -> None:
    assert cli(*SYNC, "--until", "2026-01-01", "--since", "2025-12-29")[0] == 0
    code, out, _ = cli("lake", "sql", "lake", "SELECT type, count(*) AS n FROM calls GROUP BY ALL")
    counted = {kind: int(n) for kind, n in lines(out)}
    days = datetime(2025, 12, 29, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)
    truth = place.truth("calls", *days)
    assert code == 0 and sum(counted.values()) == len(truth) > 10

    code, out, _ = cli("lake", "history", "lake")
    assert code == 0 and sum(int(cells[10]) for cells in lines(out)) == len(truth)
    code, out, _ = cli("lake", "gaps", "lake", "--since", "2025-12-28")
    assert code == 0
    (early, late) = lines(out)
    assert early[2:] == ["2025-12-28T00:00:00+00:00", "2025-12-29T00:00:00+00:00"]
    assert late[2] == "2026-01-01T00:00:00+00:00"
    code, out, _ = cli("lake", "compact", "lake")
    assert (code, lines(out)[0][0]) == (0, "calls")

    code, out, _ = cli("export", "calls", "--from", "lake", "--columns", "call_id,end_at")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert code == 0 and [row["call_id"] for row in rows] == [row["call_id"] for row in truth]
    code, _, err = cli(
        *("export", "calls", "--from", "lake", "--since", "2025-12-30", "-o", "out.parquet"),
    )
    stored = pq.read_table("out.parquet")
    later = place.truth("calls", datetime(2025, 12, 30, tzinfo=UTC), days[1])
    assert code == 0 and stored["call_id"].to_pylist() == [row["call_id"] for row in later]
    code, _, err = cli(
        *("export", "calls", "--from", "lake", "--columns", "call_id,contact_phone_number"),
        *("-o", "out.xlsx"),
    )
    found = list(openpyxl.load_workbook("out.xlsx").active.iter_rows(values_only=True))
    assert code == 0 and [row[0] for row in found[1:]] == [row["call_id"] for row in truth]
    assert {row[1] for row in found[1:]} == {row["contact_phone_number"] for row in truth}
    code, out, _ = cli("export", "calls", "--from", "lake", "--excel-safe")
    assert code == 0 and "'+1" in out
    code, _, err = cli("lake", "sql", "lake", "SELECT call_id FROM calls", "-o", "out.csv")
    assert code == 0 and f"{len(truth)} rows" in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("sync", "--into", "lake"), "td-notebooks sync calls"),
        (("sync", "cals", "--into", "lake", "--since", "3d"), "Did you mean calls"),
        (("sync", "calls", "--into", "lake", "--since", "3x"), "'3x'"),
        (("sync", "calls", "--into", "", "--since", "3d"), "path of the lake is empty"),
        (("sync", "calls", "--into", "a%20b", "--since", "3d"), "without a percent sign"),
        (("sync", "calls", "--since", "99999999d"), "more than a century"),
        (("sync", "calls", "--since", "3d", "--lookback", "99999999d"), "more than a century"),
        (("sync", "calls", "--since", "0001-01-01", "--zone", "Asia/Tokyo"), "years 1 and 9999"),
        (("sync", "calls", "--since", "2025-11-25", "--until", "2020-01-01"), "before it has"),
        (("sync", "calls", "--since", "2999-01-01"), "in the future"),
        (("sync", "calls", "--since", "3d", "--zone", "Mars/Base"), "Unknown time zone"),
        (("sync", "calls", "--since", "3d", "--accounts", "none.toml"), "No such file"),
        (("sync", "calls", "--since", "3d", "--only", "acme"), "Give --accounts"),
        (("sync", "calls", "--since", "3d", "--storage-option", "x"), "NAME=VALUE"),
        (("sync", "calls", "--storage-option", "AWS_SECRET_ACCESS_KEY=x"), "is a secret"),
        (("lake", "gaps", "lake"), "There is no lake in lake"),
        (("export", "calls", "--from", "lake", "-o", "out.doc"), "suffix"),
    ],
)
def test_mistakes_are_usage(cli: Any, place: Any, arguments: tuple[str, ...], message: str) -> None:
    code, out, err = cli(*arguments)
    assert (code, out) == (2, "") and message in err
    assert not place.requests
    assert not Path("lake").exists() or not Lake("lake").tables


def test_the_first_run_says_from_when_on(cli: Any, place: Any) -> None:
    code, out, err = cli("sync", "calls", "--into", "lake")
    assert code == 2 and "wanted: --since 2026-01-01 or --since 400d." in err
    assert lines(out) == [["sandbox", "-", "failed", "0", "0", "0"]]


def test_a_report_that_is_not_in_the_lake(cli: Any, place: Any) -> None:
    assert cli(*SYNC)[0] == 0
    code, _, err = cli("export", "contacts", "--from", "lake")
    assert code == 1 and "Pull it: `td-notebooks sync contacts --since 2026-01-01`." in err


@pytest.mark.parametrize(
    ("number", "hint"), [(errno.EROFS, "Make it writable"), (errno.ENOSPC, "Free some space")]
)
def test_locks_that_cannot_be_made(
    cli: Any, place: Any, monkeypatch: pytest.MonkeyPatch, number: int, hint: str
) -> None:
    def acquire(*arguments: Any, **more: Any) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("filelock.FileLock.acquire", acquire)
    code, _, err = cli(*SYNC)
    assert code == 1 and f"While making the locks in {Path('lake/.locks').absolute()}" in err
    assert hint in err and not place.requests


def test_no_access(cli: Any, place: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TALKDESK_CLIENT_SECRET", "wrong")
    code, out, err = cli(*SYNC, "--log-format", "json", "--summary", "summary.json")
    assert code == 3
    (line,) = [json.loads(line) for line in err.splitlines()]
    assert line["level"] == "error" and "invalid_client" in line["message"]
    assert json.loads(Path("summary.json").read_text())["exit_code"] == 3
    assert lines(out) == [["sandbox", "-", "failed", "0", "0", "0"]]


def test_some_windows_fail(cli: Any, place: Any) -> None:
    place.set_faults("missing-column@1")
    code, out, err = cli(*SYNC, "--log-format", "json", "--summary", "summary.json")
    assert code == 1 and lines(out)[0][2] == "partial"
    assert [json.loads(line)["level"] for line in err.splitlines()] == ["warning", "warning"]
    (account,) = json.loads(Path("summary.json").read_text())["accounts"]
    (failed,) = account["failed"]
    assert failed["error"]["kind"] == "SchemaError" and "call_id" in failed["error"]["message"]
    code, out, err = cli(*SYNC[:-1])
    assert (code, lines(out)[0][2]) == (0, "done")


def test_warnings_are_lines_of_the_log(cli: Any, place: Any) -> None:
    place.set_faults("new-column@*")
    code, _, err = cli(*SYNC, "--log-format", "json", "--summary", "summary.json")
    assert code == 0
    assert all(json.loads(line)["level"] == "warning" for line in err.splitlines())
    (account,) = json.loads(Path("summary.json").read_text())["accounts"]
    assert any("surprise" in drift.lower() for drift in account["drift"])


def test_two_runs_do_not_do_the_same_work(cli: Any, place: Any) -> None:
    with working_on(Place.of("lake"), "sandbox", ["calls"]) as free:
        assert free == ("calls",)
        code, out, err = cli(*SYNC[:-1])
        assert code == 75 and "another run is at work on calls" in err
        assert lines(out) == [["sandbox", "-", "busy", "0", "0", "0"]]
        code, out, _ = cli(*SYNC, "user_status")
        assert code == 75 and [line[1] for line in lines(out)] == ["user_status"]
    assert cli(*SYNC)[0] == 0


def test_who_was_killed_holds_nothing(cli: Any, place: Any) -> None:
    code = (
        "import sys, time\n"
        "from td_notebooks.fleet.locks import working_on\n"
        "from td_notebooks.lake import Place\n"
        "with working_on(Place.of('lake'), 'sandbox', ['calls']): print('held', flush=True);"
        " time.sleep(60)"
    )
    holder = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    assert holder.stdout and holder.stdout.readline() == b"held\n"
    assert cli(*SYNC)[0] == 75
    holder.kill()
    holder.wait()
    holder.stdout.close()
    assert cli(*SYNC)[0] == 0


def test_told_to_end_amid_many_accounts(start_sandbox: Any, tmp_path: Path) -> None:
    from td_notebooks.sandbox import SandboxClock

    entries = []
    places = [start_sandbox(clock=SandboxClock(), job_seconds=300, account=f"a{n}") for n in (0, 1)]
    for place in places:
        file = tmp_path / f".env-{place.account}.json"
        file.write_text(json.dumps({"id": place.client_id, "secret": place.client_secret}))
        file.chmod(0o600)
        entries.append(
            f'[[accounts]]\naccount = "{place.account}"\ncredentials_file = "{file.name}"\n'
            f'api_url = "{place.api_url}"\ntoken_url = "{place.token_url}"'
        )
    (tmp_path / "accounts.toml").write_text("\n".join(entries))
    process = start(*SYNC, "--accounts", "accounts.toml", "--log-format", "json")
    until(lambda: all(submits(place) for place in places), seconds=60)
    began = time.monotonic()
    process.send_signal(signal.SIGTERM)
    code, out, err = finish(process)
    assert code == 143 and time.monotonic() - began < 10
    assert (
        out == ""
        and "told to end" in [json.loads(line) for line in err.splitlines()][-1]["message"]
    )
    settings = places[0].environment
    assert settings["TALKDESK_CLIENT_SECRET"] not in err


def test_pseudonyms_before_anything_is_stored(cli: Any, place: Any, tmp_path: Path) -> None:
    hidden = ("--pseudonymise", "phone,email", "--pseudonyms-file", "keys/own.key")
    assert cli(*SYNC, "contacts", *hidden)[0] == 0
    _, out, _ = cli(
        *("lake", "sql", "lake"),
        "SELECT call_id, contact_phone_number, contact_person_number, user_email, calls.user_name "
        "FROM calls JOIN contacts ON call_id = interaction_id",
    )
    joined = lines(out)
    assert len(joined) > 20
    assert all(one == other and one.startswith("phone:") for _, one, other, *_ in joined)
    assert all(not mail or mail.startswith("email:") for *_, mail, _ in joined)
    assert any(name and not name.startswith("name:") for *_, name in joined)
    # No real one is anywhere in the lake, whatever file one looks at.
    real = {row["contact_phone_number"] for row in _truth(place)}
    texts = [path.read_bytes() for path in Path("lake").rglob("*") if path.is_file()]
    assert len(real) > 10 and len(texts) > 10
    assert not any(number.encode() in text for number in real for text in texts)
    columns = Lake("lake").sql("SELECT * FROM calls").to_csv()
    assert not any(number in columns for number in real)

    # Nobody can forget it, or use another key, and keep on writing into the same lake.
    for other in ([], ["--pseudonymise", "phone"], ["--pseudonymise", "phone,email"]):
        before = submits(place)
        code, _, err = cli(*SYNC, *other)
        assert code == 2 and "were stored with pseudonyms for email, phone" in err
        assert submits(place) == before
    assert cli(*SYNC, *hidden)[0] == 0
    code, _, err = cli(*SYNC, "--pseudonymise", "phone", "--pseudonyms-file", "lake/own.key")
    assert code == 2 and "lies in the lake" in err
    Path("keys/own.key").chmod(0o644)
    assert cli(*SYNC, *hidden)[0] == 2


def _truth(place: Any) -> list[Any]:
    now = datetime.now(UTC)
    return list(place.truth("calls", now - timedelta(days=3), now))
