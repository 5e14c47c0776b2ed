"""From a real shell: signals, pipes, full devices, poor locales, no home."""

import os
import pty
import signal
import subprocess
import sys
import threading
import time

import pytest
from shell import COMMAND, DAY, finish, run, sandbox_process, start, until

MONTHS = ("--from", "2026-06-01", "--to", "2026-08-01")


@pytest.fixture(scope="module")
def module_env(tmp_path_factory):
    """Start ``td-notebooks sandbox`` as a user does; return the environment without settings."""
    folder = tmp_path_factory.mktemp("shell")
    with sandbox_process(
        folder / ".env", "--calls-per-day", "12", "--agents", "4", "--job-seconds", "0.05"
    ):
        yield folder


@pytest.fixture
def folder(module_env, monkeypatch):
    """Work where the sandbox's ``.env`` is."""
    monkeypatch.chdir(module_env)
    yield module_env
    assert {path.name for path in module_env.iterdir()} == {".env"}


@pytest.fixture
def stuck(start_sandbox, monkeypatch):
    """Point the settings to a sandbox whose jobs never end."""
    from td_notebooks.sandbox import SandboxClock

    place = start_sandbox(clock=SandboxClock(), faults="stuck-job@*")
    for name, value in place.environment.items():
        monkeypatch.setenv(name, value)
    return place


def submitted(place):
    return [request for request in place.requests if request.operation == "status"]


def test_a_report_against_the_sandbox_in_another_process(folder):
    code, out, err = run("report", "calls", *DAY)
    assert code == 0 and out.startswith('"call_id"')
    assert err.splitlines()[-1].startswith("calls · 100% ·")


@pytest.mark.parametrize(
    ("ending", "code", "said"),
    [
        (signal.SIGINT, 130, "interrupted"),
        (signal.SIGTERM, 143, "told to end"),
    ],
)
def test_an_ended_wait_names_its_jobs_and_leaves_nothing(stuck, tmp_path, ending, code, said):
    (tmp_path / "tmp").mkdir()
    env = {**os.environ, "TMPDIR": str(tmp_path / "tmp")}
    process = start("report", "calls", *MONTHS, "-o", "calls.csv", env=env)
    until(lambda: len(submitted(stuck)) > 2)
    began = time.monotonic()
    process.send_signal(ending)
    found, out, err = finish(process)
    assert time.monotonic() - began < 3
    assert (found, out) == (code, "")
    assert f"td-notebooks: {said}\n" in err and "Traceback" not in err
    assert err.count("`td-notebooks jobs wait calls ") == 2
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["tmp"]


def test_an_ended_wait_for_one_job(stuck):
    from td_notebooks.cli.options import open_client

    with open_client() as client:
        job = client.submit("calls", "2026-08-03", "2026-08-04")
    process = start("jobs", "wait", "calls", job.id)
    until(lambda: len(submitted(stuck)) > 1)
    process.send_signal(signal.SIGINT)
    code, _, err = finish(process)
    assert code == 130 and f"`td-notebooks jobs wait calls {job.id}`" in err


def test_nohup_is_respected(stuck):
    process = subprocess.Popen(
        ["nohup", *COMMAND, "report", "calls", *DAY, "--timeout", "3"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    until(lambda: len(submitted(stuck)) > 1)
    process.send_signal(signal.SIGHUP)
    assert finish(process)[0] == 75


def test_an_interrupted_terminal_line_is_ended(stuck):
    upper, lower = pty.openpty()
    process = start("report", "calls", *DAY, stderr=lower)
    os.close(lower)
    until(lambda: len(submitted(stuck)) > 1)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    shown = read_all(upper)
    assert process.returncode == 130
    assert "interrupted · " in shown.split("\r\n")[0].split("\r")[-1]
    assert "\r\ntd-notebooks: interrupted\r\n" in shown


def read_all(descriptor):
    shown = b""
    try:
        while piece := os.read(descriptor, 1 << 16):
            shown += piece
    except OSError:  # how a terminal says that nobody writes to it any more
        pass
    os.close(descriptor)
    return shown.decode()


def test_a_reader_that_goes_away(folder):
    pipe = subprocess.run(
        ["bash", "-c", f'{" ".join(COMMAND)} report calls {" ".join(MONTHS)} -q | head -1; '
         'echo "${PIPESTATUS[0]}"'],
        capture_output=True, text=True,
    )  # fmt: skip
    heading, code = pipe.stdout.splitlines()
    assert heading.startswith('"call_id"') and code == "141"
    assert pipe.stderr == ""


@pytest.mark.parametrize("arguments", ["--help", "report --help", "--version"])
def test_a_reader_that_never_was_there(arguments):
    command = f'{" ".join(COMMAND)} {arguments} | true; echo "${{PIPESTATUS[0]}}"'
    pipe = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
    assert (pipe.stdout, pipe.stderr) == ("141\n", "")


@pytest.mark.parametrize(
    "arguments",
    [
        ["report", "calls", *DAY, "-q"],
        ["reports"],
        ["jobs", "list", "calls"],
        ["--version"],
        ["--help"],
        ["report", "--help"],
    ],
)
def test_a_full_stdout(folder, arguments):
    with open("/dev/full", "wb") as full:  # noqa: PTH123 - a device
        code, _, err = run(*arguments, stdout=full)
    assert (code, err) == (1, "td-notebooks: No space left on device\n")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ("reports >&-", 0, ""),
        ("reports <&- >&- 2>&-", 0, ""),
        ("nonsense >&-", 2, "No such command 'nonsense'"),
        # Without a terminal, as a program that was started in the background.
        ("login --ask --client-only <&-", 2, "td-notebooks: there is nobody to ask."),
    ],
)
def test_streams_that_the_shell_closed(arguments, code, said):
    command = ["bash", "-c", f"{' '.join(COMMAND)} {arguments}"]
    shown = subprocess.run(command, capture_output=True, text=True, start_new_session=True)
    assert (shown.returncode, shown.stdout) == (code, "")
    assert said in shown.stderr and "Traceback" not in shown.stderr


def with_files_of_512_bytes(*arguments):
    """Run a command where no file may grow larger, which stands for a full disk."""
    code = "import resource as r; r.setrlimit(r.RLIMIT_FSIZE, (512, 512)); " + (
        "import sys; from td_notebooks.cli import main; main()"
    )
    return subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True)


def test_a_report_on_its_way_to_stdout_needs_no_disk(folder):
    shown = with_files_of_512_bytes("report", "calls", *DAY, "-q")
    assert shown.returncode == 0 and shown.stdout.startswith('"call_id",')


def test_a_disk_that_is_full_before_the_end(folder, tmp_path):
    target = tmp_path / "into" / "c.csv"
    target.parent.mkdir()
    shown = with_files_of_512_bytes("report", "calls", *DAY, "-q", "-o", target)
    assert shown.returncode == 1 and shown.stdout == ""
    assert shown.stderr.startswith(f"td-notebooks: {target} could not be written: File too large.")
    assert not list(target.parent.iterdir())


POOR = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


@pytest.mark.parametrize("poor", [POOR, {"PYTHONIOENCODING": "ascii"}])
def test_neither_home_nor_unicode(module_env, poor):
    env = {"PATH": os.environ["PATH"], **poor}
    for arguments in (
        ["check"], ["reports"], ["report", "--help"], ["report", "calls", *DAY]
    ):  # fmt: skip
        process = start(*arguments, env=env, cwd=module_env)
        out, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
        assert b"Traceback" not in err
        err.decode("ascii")
        if arguments[-1] != DAY[-1]:  # a report is always UTF-8
            out.decode("ascii")
        if arguments == ["check"]:
            assert out.startswith(b"ok settings: ")


def test_verbose_shows_requests_and_no_secret(folder):
    secret = (folder / ".env").read_text().split("TALKDESK_CLIENT_SECRET=")[1].strip()
    code, _, err = run("--verbose", "report", "calls", *DAY, "-q")
    assert code == 0 and "POST" in err and "/data/reports/calls/jobs" in err
    assert secret not in err and "Bearer ey" not in err


def test_a_bug_shows_where_but_no_values():
    code = """if True:
        import sys
        import td_notebooks.cli.report as broken
        from td_notebooks.cli import main
        def open_client(*options):
            password = "hunter" + "2"
            raise ZeroDivisionError("a bug")
        broken.open_client = open_client
        sys.argv = ["td-notebooks", "report", "calls", "--from", "x", "--to", "y"]
        main()
    """
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert shown.returncode == 1
    assert "ZeroDivisionError: a bug" in shown.stderr and "hunter2" not in shown.stderr


def test_demo(cli):
    code, out, err = cli("demo")
    assert code == 0 and "calls · 100% · " in err
    for step in (
        "A sandbox",
        "Logged in",
        "Submitted",
        "A typed frame",
        "Its types",
        "service level",
    ):
        assert f". {step}" in out
    assert out.splitlines()[-3] == "import td_notebooks as td"


def test_ctrl_c_at_any_moment(cli, stuck, monkeypatch):
    def press():
        until(lambda: submitted(stuck))
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=press).start()
    code, out, err = cli("report", "calls", *DAY)
    assert (code, out) == (130, "") and "`td-notebooks jobs wait calls " in err
    monkeypatch.setattr("td_notebooks.cli.app.run", lambda: signal.raise_signal(signal.SIGINT))
    assert cli("reports") == (130, "", "")


def test_a_full_stdout_in_this_process(cli, monkeypatch):
    with open("/dev/full", "w") as full:  # noqa: PTH123 - a device
        monkeypatch.setattr(sys, "stdout", full)
        code, _, err = cli("reports")
        assert (code, err) == (1, "td-notebooks: No space left on device\n")
