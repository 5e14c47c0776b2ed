"""Every command and every line of Python in the README is run, and its claims are compared."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from td_notebooks.cli import exits
from td_notebooks.reports.schemas import report_types, schema
from td_notebooks.settings import find_settings
from td_notebooks.sources import NAMES, variable

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BIN = Path(sys.executable).parent
STAMP = ROOT / ".venv/demo.stamp"
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL)


def blocks(language):
    return [body for said, body in BLOCKS if said == language]


SCHEDULERS = ("crontab", "systemd", "yaml")
# These cannot be run like the others: each has a test of its own.
SPECIAL = {
    "make demo": "test_make_demo",
    "make test": "test_make_test_is_a_target",
    "python -m pip install .": "test_it_installs",
    "td-notebooks sandbox --env .env": "the fixture `beside_a_sandbox`",
}
SHELL = [block for block in blocks("sh") if not set(block.splitlines()) & SPECIAL.keys()]


def run(command, folder, **environment):
    """Run a command where `python` and `td-notebooks` are those of this environment."""
    environment = {
        **{name: text for name, text in os.environ.items() if not name.startswith("MAKE")},
        "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
        **environment,
    }
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def beside_a_sandbox(tmp_path_factory):
    """Run the README's sandbox; return the folder where its settings stand."""
    (command,) = [block.strip() for block in blocks("sh") if "sandbox --env" in block]
    assert command in SPECIAL
    folder = tmp_path_factory.mktemp("readme")
    process = subprocess.Popen(
        [BIN / "td-notebooks", *shlex.split(command)[1:]],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    with process:
        try:
            deadline = time.monotonic() + 60
            while not (folder / ".env").exists():
                assert process.poll() is None and time.monotonic() < deadline
                time.sleep(0.05)
            yield folder
        finally:
            # Not an interrupt: where tests run in the background, those are ignored.
            process.terminate()
    assert not (folder / ".env").exists(), "its settings stand in .env while it runs"


def test_every_block_is_of_a_kind_that_is_run():
    assert {language for language, _ in BLOCKS} == {"sh", "python", "ini", *SCHEDULERS}
    assert len(BLOCKS) == README.count("```") / 2
    assert not re.findall(r"\n\n {4,}\S", README), "no block by indentation escapes"
    commands = {line for block in blocks("sh") if block not in SHELL for line in block.splitlines()}
    assert commands == SPECIAL.keys()


@pytest.mark.parametrize("block", SHELL)
def test_shell_blocks_run(block, beside_a_sandbox):
    run(["bash", "-euo", "pipefail", "-c", block], beside_a_sandbox)
    for target in re.findall(r"-o (\S+)", block):
        assert (beside_a_sandbox / target).stat().st_size > 1000


@pytest.mark.parametrize("language", SCHEDULERS)
def test_what_schedulers_are_told_to_run_works(language, beside_a_sandbox):
    (block,) = blocks(language)
    command = block[block.index("td-notebooks") :].strip()
    run(shlex.split(command.replace("400d", "2d")), beside_a_sandbox)


def test_python_blocks_run_one_after_the_other(beside_a_sandbox):
    # A notebook shows the value of the last line; so does this.
    script = "\n".join(blocks("python"))
    script = re.sub(r"^(td\.metrics\..*)$", r"print(\1)", script, flags=re.MULTILINE)
    # And what the prose says of an account: no arguments are needed.
    assert "`td.connect()` needs no arguments" in README
    script += "\nassert len(calls) > 10_000\ntd.connect().jobs('calls')\n"
    shown = run([sys.executable, "-W", "error", "-c", script], beside_a_sandbox)
    assert shown.startswith("service level ")


def test_commands_in_the_prose_exist(beside_a_sandbox):
    prose = re.sub(r"```.*?```", "", README, flags=re.DOTALL)
    said = set(re.findall(r"`((?:td-notebooks|make|python) [^`]+)`", prose))
    assert said
    for command in said - SPECIAL.keys():
        run(shlex.split(command), beside_a_sandbox)


@pytest.mark.parametrize("command", ["check", "report calls --from 2026-08-03 --to 2026-08-04"])
def test_no_settings_are_needed_with_the_option_sandbox(command, tmp_path):
    shown = run([BIN / "td-notebooks", *command.split(), "--sandbox"], tmp_path)
    assert "listing" in shown or shown.startswith('"call_id",')


@pytest.mark.skipif(not STAMP.exists() or not shutil.which("make"), reason="not set up by make")
def test_make_demo():
    # The set-up is done; it is not looked at again, as that could ask the network.
    shown = run(["make", f"--old-file={STAMP.relative_to(ROOT)}", "demo"], ROOT)
    for promise in ("call_id", "datetime64[us, UTC]", "service level ", "td.connect("):
        assert promise in shown


@pytest.mark.skipif(not shutil.which("make"), reason="no make")
def test_make_test_is_a_target():
    planned = run(["make", "--dry-run", "test"], ROOT)
    for job in ("ruff check", "mypy", "pytest"):
        assert job in planned


def test_it_installs(tmp_path):
    (command,) = [block.strip() for block in blocks("sh") if "pip install" in block]
    offline = {
        "PIP_TARGET": str(tmp_path),
        "PIP_NO_INDEX": "1",
        "PIP_NO_DEPS": "1",
        "PIP_NO_BUILD_ISOLATION": "0",  # pip's way to say "none"
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }
    run(shlex.split(command), ROOT, **offline)
    assert (tmp_path / "td_notebooks/__init__.py").is_file()


def test_the_example_of_settings_is_one():
    (example,) = blocks("ini")
    Path(".env").write_text(example, encoding="utf-8")
    settings = find_settings()
    assert settings.account.token_url == "https://acme.talkdeskid.com/oauth/token"
    assert {setting.name for setting in settings.found} == {
        *("account", "region", "client_id", "client_secret")
    }
    for scope in settings.scope.split():
        assert f"`{scope}`" in README


def test_an_empty_report_has_the_types_of_a_full_one(start_sandbox, open_client):
    client = open_client(start_sandbox())
    full = client.report("calls", "2026-08-03", "2026-08-10", progress=False)
    empty = client.report("calls", "2026-08-03T00:00", "2026-08-03T00:00:01", progress=False)
    assert len(full) > 0 and len(empty) == 0
    assert empty.dtypes.to_dict() == full.dtypes.to_dict()


def test_the_variables_named_are_read():
    assert set(re.findall(r"TALKDESK_\w+", README)) <= {variable(name) for name in NAMES}


def test_the_exit_codes_are_those_of_the_commands():
    rows = re.findall(r"^\| ([\d, ]+) \|", README, flags=re.MULTILINE)
    told = {int(code) for row in rows for code in row.split(",")}
    assert told == {value for name, value in vars(exits).items() if isinstance(value, int)}


def test_the_catalogue_is_as_large_as_it_says():
    known = [name for name in report_types() if schema(name).columns]
    assert f"Of the {len(report_types())} report types, {len(known)} have" in README
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"{len(report_types())} report types, {len(known)} of them" in changelog


def test_the_links_lead_somewhere():
    for target in re.findall(r"\]\((?!https?:)([^)]+)\)", README):
        assert (ROOT / target).exists()
    for path in re.findall(r"`((?:notebooks|tests)/[^`]+)`", README):
        assert (ROOT / path).exists()


def test_it_stays_short():
    assert len(README.splitlines()) < 190
