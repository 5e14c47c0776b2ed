"""``td-notebooks sandbox``: settings out, a quiet end."""

import os
import signal
import stat
import threading

import pytest
from shell import finish, run, sandbox_process, start

from td_notebooks.sandbox.faults import FAULTS


def test_the_faults_are_listed(cli):
    code, out, err = cli("sandbox", "--list-faults")
    assert (code, err) == (0, "")
    assert [line.split()[0] for line in out.splitlines()] == list(FAULTS)
    assert all(len(line.split()) > 1 for line in out.splitlines())


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT])
def test_it_prints_lines_for_a_shell_and_ends_quietly(ending, tmp_path):
    process = start("sandbox", "--fault", "429@1,reset@2", "--seed", "3", stderr=None)
    lines = [process.stdout.readline().decode() for _ in range(6)]
    assert all(line.startswith("export TALKDESK_") for line in lines)
    env = {**os.environ, **dict(line[7:].strip().split("=", 1) for line in lines)}
    code, out, _ = run("check", env=env)
    assert code == 0 and "✓ listing" in out
    process.send_signal(ending)
    assert finish(process)[:2] == (0, "")


def test_its_env_file_lives_as_long_as_it(tmp_path):
    env_file = tmp_path / ".env"
    with sandbox_process(env_file, "--ring-groups", "a, b", "--patience", "60") as process:
        assert stat.S_IMODE(env_file.stat().st_mode) == 0o600
        code, out, err = run("check", cwd=tmp_path)
        assert code == 0, out + err
        process.send_signal(signal.SIGTERM)
        code, out, err = finish(process)
    assert (code, out) == (0, "") and not env_file.exists()
    assert err.splitlines()[0] == f"{env_file} written"


def test_it_replaces_a_settings_file_of_a_sandbox_only(cli, tmp_path):
    (tmp_path / ".env").write_text("TALKDESK_ACCOUNT=real\n")
    code, _, err = cli("sandbox", "--env", ".env")
    assert code == 2 and "not from a sandbox" in err
    assert (tmp_path / ".env").read_text() == "TALKDESK_ACCOUNT=real\n"
    (tmp_path / "stale").write_text(
        "# The sandbox's settings; it deletes this file when it ends.\n"
    )
    interrupt = threading.Timer(1.0, lambda: os.kill(os.getpid(), signal.SIGINT))
    interrupt.start()
    code, _, err = cli("sandbox", "--env", "stale")
    assert code == 0 and "stale written" in err and not (tmp_path / "stale").exists()


def test_a_file_that_cannot_be_written(cli, tmp_path):
    code, _, err = cli("sandbox", "--env", "nowhere/.env")
    assert code == 2 and "nowhere/.env cannot be written" in err


def test_another_sandbox_may_have_taken_the_file_over(cli, tmp_path):
    def take_over():
        (tmp_path / "shared").write_text("somebody else's")
        os.kill(os.getpid(), signal.SIGINT)

    threading.Timer(1.0, take_over).start()
    assert cli("sandbox", "--env", "shared")[0] == 0
    assert (tmp_path / "shared").read_text() == "somebody else's"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--fault", "rest@3"], "Known: reset"),
        (["--fault", "reset@x"], "is not a fault"),
        (["--zone", "Lisbon"], "there is no such zone"),
        (["--agents", "0"], "agents must be at least 1"),
        (["--ring-groups", " , "], "at least one group"),
    ],
)
def test_settings_that_do_not_fit(cli, arguments, said):
    code, out, err = cli("sandbox", *arguments)
    assert (code, out) == (2, "") and said in err


def test_a_port_that_is_taken(place, cli):
    code, _, err = cli("sandbox", "--port", place.api_url.rpartition(":")[2])
    assert code == 2 and err.startswith("td-notebooks: ")
