"""``td-notebooks check``: each step of the way in, what came back, what to do."""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

import typer

from ..errors import AuthError, TalkdeskError
from . import exits
from .options import Account, Region, UseSandbox, open_client
from .streams import in_shell_words

if TYPE_CHECKING:
    from ..answers import Answer
    from ..client import Talkdesk
    from ..reports.state import JobPage

PROBE = "calls"
WORTH_SAYING = 2.0  # seconds: the host tells whole ones, and the way takes some time
TOO_FAR = 60.0


def check(account: Account = None, region: Region = None, use_sandbox: UseSandbox = False) -> None:
    """Try the way in, step by step, and say what is wrong and how to mend it.

    Nothing is submitted, and no secret is shown. The exit code is that of the first failed step.
    """
    try:
        client = open_client(account, region, use_sandbox)
    except TalkdeskError as error:
        _failed("settings", error)
        raise typer.Exit(exits.exit_code(error)) from None
    with client:
        raise typer.Exit(Check(client).run())


class Check:
    """The steps after the settings are found; each one needs those before.

    Parameters
    ----------
    client : Talkdesk
    """

    def __init__(self, client: Talkdesk) -> None:
        self._client = client
        self._skew: float | None = None

    def run(self) -> int:
        """Print a line or more for each step; return the exit code of the one that failed."""
        code = exits.DONE
        steps = {
            "settings": self._settings,
            "hosts": self._hosts,
            "token": self._token,
            "listing": self._listing,
            "clock": self._clock,
        }
        for name, step in steps.items():
            if code:
                print(f"· {name}: not tried")
                continue
            try:
                print(f"✓ {name}: {step()}")
            except TalkdeskError as error:
                code = exits.exit_code(error)
                _failed(name, error)
        return code

    def _settings(self) -> str:
        return str(self._client.settings)

    def _hosts(self) -> str:
        account = self._client.account
        return f"tokens from {account.token_url}, reports from {account.api_url}"

    def _token(self) -> str:
        token = self._client.renew_token()
        said = f"lives {token.expires_in:.0f} s; scopes: {', '.join(sorted(token.scopes)) or '?'}"
        missing = set(self._client.settings.scope.split()) - token.scopes
        if missing and token.scopes:
            raise AuthError(
                f"A token came ({said}), but it lacks {', '.join(sorted(missing))}.",
                hint="Add the scope to the OAuth client in Talkdesk; it takes some minutes.",
            )
        return said

    def _listing(self) -> str:
        from ..reports.api import JobsApi
        from ..reports.state import JobPage

        def read(answer: Answer) -> JobPage:
            now = self._client.transport.clock.time()
            self._skew = skew(answer.headers.get("Date"), now)
            return JobPage.parse(PROBE, answer.json())

        api = JobsApi(self._client.transport, self._client.settings.reports_path)
        page = self._client.transport.call(
            "GET",
            api.path(PROBE, "jobs"),
            doing=f"listing {PROBE} jobs",
            params={"page": 1, "per_page": 1},
            needs=api.scope("read"),
            read=read,
        )
        return f"{page.total:,} {PROBE} jobs on record"

    def _clock(self) -> str:
        if self._skew is None:
            return "the host does not tell the time"
        if abs(self._skew) <= WORTH_SAYING:
            return "this machine agrees with the host"
        advice = ": set it right, or signed assertions are refused"
        return (
            f"this machine is {abs(self._skew):.0f} s {'ahead' if self._skew > 0 else 'behind'}"
            f"{advice if abs(self._skew) > TOO_FAR else ''}"
        )


def skew(date: str | None, now: float) -> float | None:
    """Return by how many seconds ``now`` is ahead of a ``Date`` header; None without one."""
    try:
        return now - parsedate_to_datetime(date or "").timestamp()
    except (TypeError, ValueError):
        return None


def _failed(name: str, error: TalkdeskError) -> None:
    print(f"✗ {name}: {in_shell_words(str(error.args[0]))}")
    if error.hint:
        print(f"  → {in_shell_words(error.hint)}")
