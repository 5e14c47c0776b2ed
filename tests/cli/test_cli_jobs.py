"""``td-notebooks jobs``: come back to a job from another process."""

import os
import pty

import pytest
from shell import DAY

from td_notebooks.cli.options import open_client


@pytest.fixture
def job(place):
    with open_client() as client:
        yield client.submit("calls", "2026-08-03", "2026-08-04", format="csv", name="mine")


def test_list_and_show_give_one_line_per_job(job, cli):
    with open_client() as client:
        newer = client.submit("calls", "2026-08-04", "2026-08-05", name="tab\there \x1b[31m")
        newer.wait()
    code, out, err = cli("jobs", "list", "calls")
    assert (code, err) == (0, "")
    lines = [line.split("\t") for line in out.splitlines()]
    assert {line[0] for line in lines} == {newer.id, job.id}
    assert all(len(line) == 6 for line in lines) and "\x1b" not in out
    assert len(cli("jobs", "list", "calls", "--limit", "1")[1].splitlines()) == 1
    code, out, _ = cli("jobs", "show", "calls", newer.id)
    assert code == 0 and out.split("\t")[:4] == [
        newer.id,
        "done",
        "2026-08-04T00:00:00+00:00",
        "2026-08-05T00:00:00+00:00",
    ]


def test_wait_shows_progress_to_the_end(job, cli):
    code, out, err = cli("jobs", "wait", "calls", job.id)
    assert code == 0 and out.startswith(f"{job.id}\tdone\t")
    assert "calls · 100% · " in err
    assert cli("jobs", "wait", "calls", job.id, "--quiet")[2] == ""


def test_download_is_the_file_as_it_is(job, cli, tmp_path):
    target = tmp_path / "raw"
    code, out, err = cli("jobs", "download", "calls", job.id, "-o", str(target))
    assert (code, out) == (0, "")
    assert target.read_bytes().startswith(b"Call Id,") or b"," in target.read_bytes()[:200]
    assert err.splitlines()[-1] == f"{target}: {target.stat().st_size:,} bytes"
    assert " · 100% · " in err.splitlines()[-2] and " kB" in err.splitlines()[-2]
    assert cli("jobs", "download", "calls", job.id, "-o", str(target), "-q") == (0, "", "")
    assert [*tmp_path.iterdir()] == [target]


def test_download_looks_at_the_folder_first(job, cli, place):
    asked = len(place.requests)
    code, _, err = cli("jobs", "download", "calls", job.id, "-o", "nowhere/raw")
    assert code == 2 and "there is no folder nowhere" in err
    assert len(place.requests) == asked


def test_delete(job, cli):
    job.wait()
    code, out, err = cli("jobs", "delete", "calls", job.id)
    assert (code, out, err) == (0, "", f"calls job {job.id}: deleted\n")
    code, _, err = cli("jobs", "download", "calls", job.id, "-o", "raw")
    assert code == 4 and "was deleted: it has no file" in err


@pytest.mark.parametrize("command", ["show", "wait", "delete"])
def test_a_job_that_is_not_there(place, cli, command):
    code, out, err = cli("jobs", command, "calls", "00000000-0000-0000-0000-000000000000")
    assert (code, out) == (5, "") and "Traceback" not in err
    assert "check the id" in err


def test_a_failed_job(start_sandbox, place, cli, monkeypatch):
    faulty = start_sandbox(clock=place.clock, job_seconds=0.05, faults="failed-job@*")
    for name, value in faulty.environment.items():
        monkeypatch.setenv(name, value)
    with open_client() as client:
        job = client.submit("calls", *DAY[1::2])
    code, out, err = cli("jobs", "wait", "calls", job.id)
    assert (code, out) == (4, "") and "failed" in err


def test_a_wait_that_takes_too_long_says_how_to_come_back(start_sandbox, place, cli, monkeypatch):
    stuck = start_sandbox(clock=place.clock, faults="stuck-job@*")
    for name, value in stuck.environment.items():
        monkeypatch.setenv(name, value)
    with open_client() as client:
        job = client.submit("calls", *DAY[1::2])
    code, _, err = cli("jobs", "wait", "calls", job.id, "--timeout", "1")
    assert code == 75 and f"`td-notebooks jobs wait calls {job.id}`" in err
    assert "client.job(" not in err


def test_in_a_terminal_rows_are_a_table(job, cli, monkeypatch):
    import sys

    upper, lower = pty.openpty()
    monkeypatch.setenv("COLUMNS", "200")
    with os.fdopen(lower, "w") as terminal:
        monkeypatch.setattr(sys, "stdout", terminal)
        code, _, _ = cli("jobs", "list", "calls")
        shown = os.read(upper, 100_000).decode()
    os.close(upper)
    assert code == 0
    assert "status" in shown and job.id in shown and "[" in shown.split("mine", 1)[1]
