from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from td_notebooks.cli import main
from td_notebooks.sandbox import CentreSettings, SandboxClock


@pytest.fixture
def place(start_sandbox: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> Any:
    """Start a sandbox in this machine's time, and put its settings into the environment."""
    place = start_sandbox(
        clock=SandboxClock(), job_seconds=0.05, centre=CentreSettings(calls_per_day=12, agents=4)
    )
    for name, value in place.environment.items():
        monkeypatch.setenv(name, value)
    return place


@pytest.fixture
def cli(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Iterator[Callable[..., tuple[int, str, str]]]:
    """Run a command in this process; return exit code, stdout and stderr."""
    handlers = {name: signal.getsignal(name) for name in (signal.SIGTERM, signal.SIGHUP)}

    def call(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["td-notebooks", *arguments])
        with pytest.raises(SystemExit) as leaving:
            main()
        sys.stdout.flush()
        code = leaving.value.code
        return (0 if code is None else int(code), *capfd.readouterr())

    yield call
    for name, handler in handlers.items():
        signal.signal(name, handler)
