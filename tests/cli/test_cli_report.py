"""``td-notebooks report``: one file or stdout, and one sentence when it cannot be."""

import csv
import io
import json
import stat
import threading

import openpyxl
import pyarrow.parquet
import pytest
from shell import DAY

from td_notebooks.cli.exports import export
from td_notebooks.cli.options import open_client
from td_notebooks.profiles import write_profile


def test_csv_on_stdout_and_the_rest_on_stderr(place, cli):
    code, out, err = cli("report", "calls", *DAY)
    assert code == 0
    rows = list(csv.DictReader(io.StringIO(out)))
    assert rows and rows[0]["start_at"].startswith("2026-08-03T")
    assert err.splitlines()[-1].startswith(f"calls · 100% · {len(rows)} rows")
    _, out, err = cli("report", "calls", *DAY, "-o", "calls.csv")
    assert out == "" and err.splitlines()[-1] == f"calls.csv: {len(rows)} rows"


@pytest.mark.parametrize("suffix", ["csv", "parquet", "json", "jsonl", "xlsx", "CSV"])
def test_each_suffix_has_the_same_rows(place, cli, tmp_path, suffix):
    target = tmp_path / f"calls.{suffix}"
    code, out, err = cli("report", "calls", *DAY, "-o", str(target), "--quiet")
    assert (code, out) == (0, "")
    count = {
        "csv": lambda: len(list(csv.reader(io.StringIO(target.read_text())))) - 1,
        "parquet": lambda: pyarrow.parquet.read_table(target).num_rows,
        "json": lambda: len(json.loads(target.read_text())),
        "xlsx": lambda: openpyxl.load_workbook(target).active.max_row - 1,
        "jsonl": lambda: len([json.loads(line) for line in target.read_text().splitlines()]),
    }[suffix.lower()]()
    assert err == "" and count > 5
    assert [path.name for path in tmp_path.iterdir()] == [target.name]


def test_csv_for_a_spreadsheet(place, cli):
    said = [cli("report", "calls", *DAY, *more)[1] for more in ([], ["--excel-safe"])]
    plain, safe = (list(csv.DictReader(io.StringIO(out))) for out in said)
    assert plain[0]["contact_phone_number"].startswith("+")
    assert safe[0]["contact_phone_number"] == "'" + plain[0]["contact_phone_number"]
    assert [row["call_id"] for row in safe] == [row["call_id"] for row in plain]


def test_the_downloaded_files_stay_where_they_shall(place, cli, tmp_path):
    folder = tmp_path / "raw"
    code, out, _ = cli("report", "calls", *DAY, "--keep", str(folder), "--strict", "--quiet")
    (kept,) = folder.iterdir()
    rows = json.loads(kept.read_text())["entries"]
    assert code == 0 and len(rows) == len(list(csv.reader(io.StringIO(out)))) - 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["call", *DAY], "no report type 'call'. Did you mean calls?"),
        (["nonsense", *DAY], "`td-notebooks reports` lists them"),
        (["calls", "--from", "soon", "--to", "2026-08-04"], "'soon', which is no date"),
        (["calls", "--from", "2026-08-04", "--to", "2026-08-03"], "before it has begun"),
        (["calls", *DAY, "--zone", "Lisbon"], "Unknown time zone 'Lisbon'"),
        (["calls", *DAY, "--format", "xml"], "there are json, csv, json_bulk"),
        (["calls", *DAY, "--account", "a.talkdeskid.com"], "give its name alone, 'a'"),
        (["calls", *DAY, "-o", "calls.xls"], "none of .csv, .parquet, .json, .jsonl, .xlsx"),
        (["calls", *DAY, "-o", "calls.json", "--excel-safe"], "--excel-safe is for CSV"),
        (["calls", *DAY, "-o", "nowhere/calls.csv"], "there is no folder nowhere"),
        (["calls", *DAY, "-o", "/proc/calls.csv"], "/proc/calls.csv cannot be written"),
        (["calls", *DAY, "-o", "folder.csv"], "it is a folder"),
        (["calls", *DAY, "--keep", "/proc/kept"], "Nothing can be kept in /proc/kept: No such"),
    ],
)
def test_a_wrong_input_is_one_sentence_before_any_request(place, cli, tmp_path, arguments, said):
    (tmp_path / "folder.csv").mkdir()
    code, out, err = cli("report", *arguments)
    assert (code, out) == (2, "")
    assert err.startswith("td-notebooks: ") and said in err and err.count("\n") == 1
    assert not place.requests


@pytest.mark.parametrize(
    "arguments",
    [
        ["report", "calls", *DAY],
        *(["jobs", verb, "calls", "7f"] for verb in ("show", "wait", "delete")),
        ["jobs", "list", "calls"],
        ["jobs", "download", "calls", "7f", "-o", "calls.csv"],
        ["sync", "calls"],
        ["week"],
        ["check"],
    ],
)
def test_every_command_that_connects_takes_a_profile(place, cli, arguments):
    code, out, err = cli(*arguments, "--profile", "nightly")
    assert code == 2 and "There is no profile 'nightly'" in out + err
    assert not place.requests


def test_a_report_with_a_profile(place, cli, monkeypatch, tmp_path):
    known = {name.removeprefix("TALKDESK_").lower(): v for name, v in place.environment.items()}
    file = tmp_path / "client.json"
    file.write_text(json.dumps({name: known.pop(f"client_{name}") for name in ("id", "secret")}))
    file.chmod(0o600)
    write_profile("nightly", known | {"credentials_file": str(file)})
    for name in place.environment:
        monkeypatch.setenv(name, "other")
    assert cli("report", "calls", *DAY, "--profile", "nightly")[0] == 0
    file.unlink()


def test_an_unknown_region_is_named(place, cli, monkeypatch):
    monkeypatch.delenv("TALKDESK_API_URL")
    code, _, err = cli("report", "calls", *DAY, "--region", "mars")
    assert code == 2 and "Unknown region 'mars': the known ones are us, eu, ca, au" in err


def test_without_settings_every_place_is_named(cli):
    code, _, err = cli("report", "calls", *DAY)
    assert code == 2
    assert "the environment" in err and ".env" in err and "--sandbox" in err
    assert "td.connect" not in err


def test_a_wrong_secret(place, cli, monkeypatch):
    monkeypatch.setenv("TALKDESK_CLIENT_SECRET", "not-the-secret")
    code, _, err = cli("report", "calls", *DAY)
    assert code == 3 and "Check client id" in err and "not-the-secret" not in err


def test_a_replaced_file_keeps_its_permissions_and_its_links(place, cli, tmp_path):
    real = tmp_path / "real.csv"
    real.write_text("old")
    real.chmod(0o600)
    (tmp_path / "link.csv").symlink_to(real)
    assert cli("report", "calls", *DAY, "-o", str(tmp_path / "link.csv"), "-q")[0] == 0
    assert (tmp_path / "link.csv").is_symlink()
    assert stat.S_IMODE(real.stat().st_mode) == 0o600
    assert real.read_text().startswith('"call_id"')


def test_two_reports_to_the_same_file_at_once(place, cli, tmp_path):
    target = tmp_path / "calls.csv"
    with open_client() as client:
        table = client.table("calls", "2026-08-03", "2026-08-04", progress=False)
    threads = [threading.Thread(target=export, args=(table, target)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(list(csv.reader(io.StringIO(target.read_text())))) == table.num_rows + 1
    assert [*tmp_path.iterdir()] == [target]


@pytest.mark.parametrize(
    ("fault", "code", "said"),
    [
        ("failed-job@*", 4, "failed. Submit it again"),
        ("stuck-job@*", 75, "td-notebooks jobs wait calls"),
    ],
)
def test_what_goes_wrong_at_talkdesk_has_its_exit_code(
    start_sandbox, place, cli, monkeypatch, fault, code, said
):
    faulty = start_sandbox(clock=place.clock, job_seconds=0.05, faults=fault)
    for name, value in faulty.environment.items():
        monkeypatch.setenv(name, value)
    timeout = "1" if "stuck" in fault else "60"
    found, out, err = cli("report", "calls", *DAY, "--timeout", timeout)
    assert (found, out) == (code, "") and said in err
    assert " · failed · " in err
