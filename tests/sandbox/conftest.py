from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from plain_client import NOW, HourlySource, MakeTalker, Talker

from td_notebooks.sandbox import Sandbox, SandboxClock


@pytest.fixture
def clock() -> SandboxClock:
    return SandboxClock(start=NOW, manual=True)


@pytest.fixture
def talk(clock: SandboxClock) -> Iterator[MakeTalker]:
    """Start a sandbox and return a client of it; both are closed at the end."""
    made: list[Talker] = []

    def make(*, base: str = "/data/reports", login: bool = True, **settings: Any) -> Talker:
        settings = {"clock": clock, "source": HourlySource()} | settings
        talker = Talker(Sandbox(**settings).start(), base)
        made.append(talker)
        return talker.login() if login else talker

    yield make
    for talker in made:
        talker.http.close()
        talker.sandbox.close()
