"""A process that syncs, to be killed or raced: forked from one that has imported everything."""

from __future__ import annotations

import encodings.idna  # noqa: F401 - imported here, processes forked from this one need not
import logging
import os
import signal
from typing import Any

import deltalake  # noqa: F401 - as above
import duckdb  # noqa: F401 - as above
import filelock  # noqa: F401 - as above
import httpx
import pandas as pd  # noqa: F401 - as above

import td_notebooks.lake.ask
import td_notebooks.lake.care
import td_notebooks.lake.stage  # noqa: F401
from td_notebooks.auth.credentials import ClientSecret
from td_notebooks.client import Talkdesk
from td_notebooks.lake import Lake, Step
from td_notebooks.regions import Account
from td_notebooks.sandbox import SandboxClock
from td_notebooks.secret import Secret
from td_notebooks.settings import Settings

STEPS = tuple(Step)

httpx.Client().close()  # it imports what it needs when it is made


def work(
    access: tuple[str, str, str, str, str],
    now: float,
    path: str,
    reports: tuple[str, ...],
    wish: dict[str, Any],
    *,
    kill_at: tuple[Step, int] | None = None,
) -> None:
    """Sync, in a time of its own that begins with the sandbox's; end the hard way if told to."""
    logging.disable()
    name, api_url, token_url, client_id, client_secret = access
    settings = Settings(
        Account(name, "sandbox", token_url=token_url, api_url=api_url),
        ClientSecret(client_id, Secret(client_secret)),
        "data-reports:read data-reports:write",
    )
    left = kill_at[1] if kill_at else 0

    def on_step(step: Step) -> None:
        nonlocal left
        if kill_at and step == kill_at[0]:
            left -= 1
            if not left:
                os.kill(os.getpid(), signal.SIGKILL)

    with Talkdesk(settings, clock=SandboxClock(start=now, manual=True)) as client:
        lake = Lake(path, access=client.lake(path)._access, on_step=on_step)
        lake.sync(*reports, **wish)
