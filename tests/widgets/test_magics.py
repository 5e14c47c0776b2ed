"""The magics in a shell, and their errors and completions in a real kernel."""

from __future__ import annotations

import sys

import pandas as pd
import pytest
from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

import td_notebooks as td
from td_notebooks.errors import ConfigError
from td_notebooks.magics import complete, query

CALLS = "calls 2026-08-03 2026-08-05"


@pytest.fixture
def shell(monkeypatch, tmp_path):
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    config = Config({"HistoryManager": {"enabled": False}})
    before = sys.excepthook, sys.displayhook
    shell = InteractiveShell(config=config)
    shell.run_line_magic("load_ext", "td_notebooks")
    yield shell
    sys.excepthook, sys.displayhook = before
    shell.restore_sys_module_state()


@pytest.fixture
def client(start_sandbox, open_client):
    return open_client(start_sandbox())


@pytest.fixture(autouse=True)
def no_progress(capsys):
    """Progress goes to stderr here."""


def test_a_report_becomes_a_variable(shell, client):
    shell.push({"account": client})
    zone = "--zone Europe/Lisbon"
    assert shell.run_line_magic("talkdesk", f"{CALLS} {zone} --as found") is None
    same = client.report("calls", "2026-08-03", "2026-08-05", timezone="Europe/Lisbon")
    pd.testing.assert_frame_equal(shell.user_ns["found"], same)


def test_without_a_name_it_is_the_result(shell, client):
    shell.push({"account": client})
    assert len(shell.run_line_magic("talkdesk", f"{CALLS} --format csv --client account")) > 0


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("cals 2026-08-03 2026-08-04", "Did you mean calls"),
        ("calls 2026-08-03 tomorrow", "which is no date"),
        ("calls 2026-08-03 2026-08-04 --zone Nowhere", "Unknown time zone"),
        ("calls 2026-08-03 2026-08-04 --client nobody", "no connection called nobody"),
        ("calls 2026-08-03 2026-08-04 --as 2x", "no name of a variable"),
        ("calls 2026-08-03", "required"),
    ],
)
def test_errors_are_one_sentence(shell, client, line, said):
    shell.push({"account": client})
    with pytest.raises(UsageError, match=said):
        shell.run_line_magic("talkdesk", line)


def test_of_several_connections_one_must_be_named(shell, client):
    shell.push({"a": client, "same": client})
    assert len(shell.run_line_magic("talkdesk", CALLS))
    with td.connect(account="x", client_id="c", client_secret="s") as other:
        shell.push({"b": other})
        with pytest.raises(UsageError, match=r"several connections: b, same. .*--client b"):
            shell.run_line_magic("talkdesk", CALLS)


def test_without_a_connection_the_settings_make_one(shell, start_sandbox, monkeypatch):
    sandbox = start_sandbox()
    with pytest.raises(UsageError, match="Not connected to Talkdesk"):
        shell.run_line_magic("talkdesk", CALLS)
    for name in ("account", "client_id", "client_secret", "api_url", "token_url"):
        monkeypatch.setenv(f"TALKDESK_{name.upper()}", getattr(sandbox, name))
    with pytest.raises(UsageError, match="Did you mean calls"):
        shell.run_line_magic("talkdesk", "cals 2026-08-03 2026-08-05")
    assert shell.user_ns["client"].account.name == "sandbox"
    shell.user_ns["client"].close()


def test_sql_over_frames(shell, client):
    calls = client.report("calls", "2026-08-03", "2026-08-05", progress=False)
    arrow = client.table("calls", "2026-08-03", "2026-08-05", progress=False)
    shell.push({"Calls": calls, "arrow": arrow, "unused": object(), "calls_of_mine": 3})
    counts = shell.run_cell_magic(
        "talkdesk_sql",
        "",
        "SELECT type, count(*) AS n, avg(wait_time) AS wait, min(start_at) AS first,\n"
        "       bool_or(is_transfer) AS moved\n"
        "FROM calls GROUP BY type ORDER BY type",
    )
    expected = calls.groupby(calls["type"].astype(str)).size()
    assert dict(zip(counts["type"].astype(str), counts["n"], strict=True)) == expected.to_dict()
    assert counts.dtypes["n"] == "Int64" and counts.dtypes["moved"] == "boolean"
    assert str(counts.dtypes["first"]) == "datetime64[us, UTC]"
    assert counts["first"].min() == calls["start_at"].min()
    assert not shell.run_cell_magic("talkdesk_sql", "--as rows", "SELECT count(*) AS n FROM arrow")
    assert shell.user_ns["rows"]["n"].tolist() == [len(calls)]


def test_sql_that_is_wrong_is_said_in_a_sentence(shell):
    with pytest.raises(UsageError, match=r"DuckDB: .*nowhere"):
        shell.run_cell_magic("talkdesk_sql", "", "SELECT * FROM nowhere")
    with pytest.raises(UsageError, match="no name of a variable"):
        shell.run_cell_magic("talkdesk_sql", "--as 1", "SELECT 1")


def test_a_lake_can_be_asked_together_with_frames(shell, client, tmp_path):
    lake = client.lake(tmp_path / "lake")
    with pytest.raises(UsageError, match="There is nothing in"):
        shell.run_cell_magic("talkdesk_sql", f"--lake {tmp_path / 'lake'}", "SELECT 1")
    lake.sync("calls", since="2026-08-03", until="2026-08-05")
    names = pd.DataFrame({"type": ["inbound"], "name": ["In"]})
    mine = pd.DataFrame({"type": ["mine"]})
    shell.push({"my_lake": lake, "folder": tmp_path / "lake", "names": names, "calls": mine})
    sql = "SELECT name, count(*) AS n FROM calls JOIN names USING (type) GROUP BY name"
    expected = (client.report("calls", "2026-08-03", "2026-08-05")["type"] == "inbound").sum()
    for place in ("my_lake", "folder", str(tmp_path / "lake")):
        found = shell.run_cell_magic("talkdesk_sql", f"--lake {place}", sql)
        assert found.values.tolist() == [["In", expected]], place
    with pytest.raises(UsageError, match=r"DuckDB: .*nowhere"):
        shell.run_cell_magic("talkdesk_sql", "--lake my_lake", "SELECT * FROM nowhere")


def test_without_duckdb_the_error_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "duckdb", None)
    with pytest.raises(ConfigError, match="pip install"):
        query("SELECT 1", {})


def test_our_own_variables_are_no_tables():
    frame = pd.DataFrame({"x": [1]})
    with pytest.raises(ConfigError, match="frame"):
        query("SELECT * FROM frame", {})
    assert len(frame) == 1


@pytest.mark.parametrize(
    ("line", "some"),
    [
        ("%talkdesk ", {"calls", "user_status"}),
        ("%talkdesk ca", {"calls"}),
        ("%talkdesk calls 2026-08-01 2026-09-01 --zone Eu", {"Europe/Lisbon"}),
        ("%talkdesk calls 2026-08-01 --", {"--zone", "--as"}),
        ("%%talkdesk_sql --", {"--lake", "--as"}),
    ],
)
def test_completion(line, some):
    assert some <= set(complete(line))


def test_nothing_completes_a_date():
    assert complete("%talkdesk calls 2026-08-") == []


def test_in_a_kernel(kernel):
    kernel.run("%load_ext td_notebooks")
    said = kernel.run("%talkdesk cals 2026-08-03 2026-08-04")
    assert "UsageError: " in said and "Traceback" not in said
    for line in ("%talkdesk ca", "talkdesk us"):
        matches = kernel.ask_for_completion(line)
        assert {"calls", "user_status"} & set(matches), line
