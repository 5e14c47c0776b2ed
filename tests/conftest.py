"""What every test starts from: no settings of the developer's own, and sandboxes on request."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from td_notebooks.sandbox import CentreSettings, Sandbox, SandboxClock

# A moment after all the days that tests ask for, so that every row of them is there.
NOW = 1_795_000_000.0  # 2026-11-18

SMALL = CentreSettings(calls_per_day=12, agents=4)


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    """Hide the developer's settings, and work in an empty folder."""
    for name in list(os.environ):
        if name.startswith(("TALKDESK_", "SSL_CERT")) or name.upper().endswith("_PROXY"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def start_sandbox() -> Iterator[Callable[..., Sandbox]]:
    """Start sandboxes with a clock that only moves when somebody sleeps or moves it."""
    with ExitStack() as stack:

        def start(**settings: Any) -> Sandbox:
            settings = {
                "clock": SandboxClock(start=NOW, manual=True),
                "centre": SMALL,
                **settings,
            }
            return stack.enter_context(Sandbox(**settings))

        yield start


@pytest.fixture
def open_client() -> Iterator[Callable[..., Any]]:
    """Connect clients to a sandbox; they share its clock, so their waits end at once."""
    from td_notebooks.connect import connect

    with ExitStack() as stack:
        yield lambda sandbox, **settings: stack.enter_context(connect(sandbox=sandbox, **settings))
