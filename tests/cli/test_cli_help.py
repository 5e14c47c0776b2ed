"""Help, lists, and what the command line costs to start."""

import io
import subprocess
import sys
import warnings

import pytest
import typer
from shell import run

import td_notebooks
from td_notebooks.cli import exits, streams
from td_notebooks.cli.app import app
from td_notebooks.cli.options import complete_type
from td_notebooks.cli.streams import in_shell_words
from td_notebooks.errors import (
    ApiError,
    BadRequestError,
    ConfigError,
    DownloadError,
    ForbiddenError,
    JobCanceledError,
    JobFailedError,
    JobTimeoutError,
    NetworkError,
    NotFoundError,
    QuotaError,
    SchemaError,
    TokenError,
    UnauthorizedError,
)
from td_notebooks.reports.schemas import report_types


def commands(command, path=()):
    yield path, command
    for name, child in getattr(command, "commands", {}).items():
        yield from commands(child, (*path, name))


ALL = dict(commands(typer.main.get_command(app)))


def test_these_are_the_commands():
    assert {" ".join(path) for path in ALL} == {
        *[
            "",
            "appconnect",
            "appconnect listen",
            "check",
            "demo",
            "login",
            "report",
            "reports",
            "sandbox",
            "schema",
            "week",
        ],
        *["sync", "export", "lake", "lake sql", "lake gaps", "lake history", "lake compact"],
        *["jobs", "jobs list", "jobs show", "jobs wait", "jobs download", "jobs delete"],
    }


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_each_command_and_each_option_has_help(path, cli):
    command = ALL[path]
    assert command.help
    for parameter in command.params:
        assert parameter.help, f"{parameter.name} of {' '.join(path)}"
        assert "secret" not in parameter.name and "key" not in parameter.name
    code, out, err = cli(*path, "--help")
    assert (code, err) == (0, "")
    assert "Usage: td-notebooks" in out


def test_version(cli):
    assert cli("--version") == (0, f"td-notebooks {td_notebooks.__version__}\n", "")


@pytest.mark.parametrize(
    "arguments",
    [["report"], ["repor"], ["report", "calls", "--form", "x"], ["jobs", "list", "--limit", "0"]],
)
def test_wrong_usage(cli, arguments):
    code, out, err = cli(*arguments)
    assert (code, out) == (2, "") and "Usage: td-notebooks" in err


def test_reports_lists_every_type(cli):
    code, out, err = cli("reports")
    assert (code, err) == (0, "")
    lines = [line.split("\t") for line in out.splitlines()]
    assert [line[0] for line in lines] == list(report_types())
    assert all(line[2] == "not published" or int(line[2]) for line in lines)


def test_schema_lists_every_column(cli):
    code, out, err = cli("schema", "calls")
    assert code == 0 and "one row is one call" in err
    lines = {line.split("\t")[0]: line.split("\t") for line in out.splitlines()}
    assert lines["wait_time"][1:3] == ["duration", "s"]
    assert lines["wait_time"][6:] == ["wait_time", "seconds", "", "never empty"]
    assert lines["call_id"][9] == "key, never empty" and lines["end_at"][9].startswith("time")
    assert lines["data_status"][8] == "Valid, Damaged"
    assert "'until 2026-05-11'" in err
    code, out, err = cli("schema", "calls", "--version", "until 2026-05-11")
    assert code == 0 and "transfer\tboolean\t\tTransfer\t" in out and "transfer?\tYes/No" in out
    assert cli("schema", "calls", "--version", "v9")[0] == 2
    assert cli("schema", "call")[0] == 2
    code, out, err = cli("schema", "wfm_team_schedule_report_for_internal")
    assert (code, out) == (0, "") and "no columns published" in err


def test_report_types_are_completed():
    assert complete_type("cal") == ["calls"] and complete_type("x") == []


@pytest.mark.parametrize("arguments", [["--help"], ["reports"], ["sandbox", "--list-faults"]])
def test_what_needs_no_data_loads_no_data_packages(arguments):
    code = f"""if True:
        import sys
        from td_notebooks.cli import main
        sys.argv = ["td-notebooks", *{arguments!r}]
        try:
            main()
        finally:
            heavy = {{"pandas", "numpy", "pyarrow", "httpx", "tenacity", "jwt", "cryptography"}}
            print(sorted(heavy & set(sys.modules)), file=sys.stderr)
    """
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert shown.stderr.strip() == "[]"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigError(), 2),
        (BadRequestError(), 2),
        (TokenError(status_code=401), 3),
        (TokenError(status_code=503), 75),
        (UnauthorizedError(), 3),
        (ForbiddenError(), 3),
        (JobFailedError(), 4),
        (JobCanceledError(), 4),
        (JobTimeoutError(), 75),
        (NotFoundError(), 5),
        (NetworkError(), 75),
        (QuotaError(), 75),
        (DownloadError(), 75),
        (SchemaError(), 1),
        (ApiError(), 1),
        (OSError(28, "full"), 1),
        (BrokenPipeError(), 141),
        (KeyboardInterrupt(), 130),
        (exits.Terminated(), 143),
    ],
)
def test_exit_codes(error, code):
    assert exits.exit_code(error) == code


def test_messages_speak_to_a_shell():
    said = in_shell_words("client.jobs('calls') lists. client.job('calls', '$(x) y') comes back.")
    assert said == (
        "`td-notebooks jobs list calls` lists. `td-notebooks jobs wait calls '$(x) y'` comes back."
    )


def test_as_a_module():
    code, out, _ = run("--version")
    assert (code, out) == (0, f"td-notebooks {td_notebooks.__version__}\n")


def test_what_a_stream_cannot_show_is_spelt_out(cli, monkeypatch):
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))
    streams.prepare()
    print("✓ Renée → …")
    sys.stdout.flush()
    assert raw.getvalue() == b"ok Ren\\xe9e -> ...\n"


def test_a_warning_is_one_line_on_stderr(cli, capfd):
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        streams.prepare()
        warnings.warn("a column nobody knows", UserWarning, stacklevel=1)
    assert capfd.readouterr().err == "td-notebooks: a column nobody knows\n"
