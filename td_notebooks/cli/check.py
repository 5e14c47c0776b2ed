"""``td-notebooks check``: each step of the way in, what came back, what to do."""

from __future__ import annotations

import time
from collections.abc import Callable
from email.utils import parsedate_to_datetime

import typer

from ..client import Talkdesk
from ..errors import TalkdeskError
from . import exits
from .options import open_client

PROBE = "calls"


def run_check(account: str | None, region: str | None, use_sandbox: bool) -> int:
    """Print one line per step; return the exit code of the first that failed."""
    client: Talkdesk | None = None

    def settings() -> str:
        nonlocal client
        client = open_client(account, region, use_sandbox)
        return str(client.settings)

    code = _step("settings", settings)
    if client is None:
        return code
    with client:
        code = code or _step("hosts", lambda: _hosts(client))
        code = code or _step("token", lambda: _token(client))
        code = code or _step("clock", lambda: _clock(client))
        return code or _step("listing", lambda: _listing(client))


def _step(name: str, attempt: Callable[[], str]) -> int:
    try:
        said = attempt()
    except TalkdeskError as error:
        typer.echo(f"✗ {name}: {error}")
        return exits.exit_code(error)
    typer.echo(f"✓ {name}: {said}")
    return exits.DONE


def _hosts(client: Talkdesk) -> str:
    return f"tokens from {client.account.token_url}, reports from {client.account.api_url}"


def _token(client: Talkdesk) -> str:
    token = client.renew_token()
    scopes = ", ".join(sorted(token.scopes)) or "not said"
    missing = set(client.settings.scope.split()) - token.scopes if token.scopes else set()
    said = f"lives {token.expires_in:.0f} s; scopes: {scopes}"
    return said + (f"; MISSING: {', '.join(sorted(missing))}" if missing else "")


def _clock(client: Talkdesk) -> str:
    skew = client.transport.call(
        "GET",
        f"{client.settings.reports_path}/{PROBE}/jobs",
        doing="comparing clocks",
        params={"per_page": 1},
        read=lambda answer: _skew(answer.headers.get("Date")),
    )
    if skew is None:
        return "the host does not tell the time"
    warning = " SET IT RIGHT: signed assertions fail" if abs(skew) > 60 else ""
    return f"this machine is {abs(skew):.0f} s {'ahead' if skew >= 0 else 'behind'}.{warning}"


def _skew(date: str | None) -> float | None:
    try:
        return time.time() - parsedate_to_datetime(date or "").timestamp()
    except (TypeError, ValueError):
        return None


def _listing(client: Talkdesk) -> str:
    jobs = client.jobs(PROBE, limit=200)
    return f"{len(jobs)} recent {PROBE} jobs"
