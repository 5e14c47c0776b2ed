from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from world import NOW, SMALL

from td_notebooks.sandbox import SandboxClock

SPEED = 50.0  # of the time that other processes share with the sandbox
WORKER = Path(__file__).with_name("worker.py")


@pytest.fixture
def place(start_sandbox: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> Any:
    """Start a sandbox whose clock runs, for clients in other processes."""
    sandbox = start_sandbox(
        clock=SandboxClock(start=NOW, speed=SPEED), job_seconds=0.1, centre=SMALL
    )
    for name, value in sandbox.environment.items():
        monkeypatch.setenv(name, value)
    return sandbox


@pytest.fixture
def worker() -> Callable[..., Any]:
    """Start `worker.py` in a process of its own."""

    def start(task: str, path: Path, *, now: float = NOW, **more: Any) -> Any:
        order = {"task": task, "path": str(path), "now": now, "speed": SPEED, **more}
        return subprocess.Popen(
            [sys.executable, str(WORKER), json.dumps(order)],
            env=dict(os.environ),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return start
