"""The command line as a shell runs it: other processes, with their own streams and signals."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

DAY = ("--from", "2026-08-03", "--to", "2026-08-04")  # a Monday
COMMAND = (sys.executable, "-m", "td_notebooks")


def start(*arguments: str, env: Mapping[str, str] | None = None, **more: Any) -> Any:
    """Start the command line in a process of its own, where Ctrl-C works."""
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | more
    return subprocess.Popen(
        [*COMMAND, *arguments],
        env=os.environ if env is None else env,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        **streams,
    )


def finish(process: Any, *, timeout: float = 60.0) -> tuple[int, str, str]:
    """Return exit code, stdout and stderr."""
    out, err = process.communicate(timeout=timeout)
    return process.returncode, (out or b"").decode(), (err or b"").decode()


def run(*arguments: str, **more: Any) -> tuple[int, str, str]:
    return finish(start(*arguments, **more))


def until(happened: Any, *, seconds: float = 60.0) -> None:
    """Wait for something outside this process."""
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


@contextmanager
def sandbox_process(env_file: Path, *arguments: str) -> Iterator[Any]:
    """Run ``td-notebooks sandbox`` until the block ends."""
    process = start("sandbox", "--env", str(env_file), *arguments)
    try:
        until(env_file.exists)
        yield process
    finally:
        process.terminate()  # it tidies up
        process.communicate(timeout=60)
    assert not env_file.exists()
