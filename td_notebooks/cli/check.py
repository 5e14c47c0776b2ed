"""``td-notebooks check``: each step of the way in, what was tried, what came back, what to do."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import typer

from ..errors import AuthError, TalkdeskError
from ..regions import Origin
from ..wire import skew
from . import exits
from .options import Account, Profile, Region, UseSandbox, open_client
from .reach import reach
from .streams import in_shell_words

if TYPE_CHECKING:
    from ..answers import Answer
    from ..auth.credentials import Credentials
    from ..client import Talkdesk
    from ..reports.api import JobsApi
    from ..reports.state import JobPage

PROBE = "calls"
WORTH_SAYING = 2.0  # seconds: the host tells whole ones, and the way takes some time
TOO_FAR = 60.0
# Each step, and what it needs. The API host is looked for in any case: whether none or one of the
# hosts can be reached tells the machine's network from the account's settings.
NEEDS: dict[str, set[str]] = {
    "settings": set(),
    "identity host": {"settings"},
    "API host": {"settings"},
    "token": {"identity host"},
    "scopes": {"token"},
    "listing": {"API host", "scopes"},
    "clock": {"listing"},
}
STEPS = tuple(NEEDS)


def check(
    account: Account = None,
    region: Region = None,
    profile: Profile = None,
    use_sandbox: UseSandbox = False,
) -> None:
    """Try the way in, step by step, and say what is wrong and how to mend it.

    Nothing is submitted, and no secret is shown. The exit code is that of the first failed step.
    """
    try:
        client = open_client(account, region, use_sandbox, profile)
    except TalkdeskError as error:
        _failed("settings", error)
        for name in STEPS[1:]:
            _not_tried(name)
        raise typer.Exit(exits.exit_code(error)) from None
    with client:
        raise typer.Exit(Check(client).run())


class Check:
    """The steps once the settings are found.

    Parameters
    ----------
    client : Talkdesk
    """

    def __init__(self, client: Talkdesk) -> None:
        self._client = client
        self._skew: float | None = None

    def run(self) -> int:
        """Print a line or more for each step; return the exit code of the first that failed."""
        code = exits.DONE
        done: set[str] = set()
        steps = (
            self._settings,
            self._identity_host,
            self._api_host,
            self._token,
            self._scopes,
            self._listing,
            self._clock,
        )
        for name, step in zip(STEPS, steps, strict=True):
            if not NEEDS[name] <= done:
                _not_tried(name)
                continue
            try:
                print(f"✓ {name}: {step()}")
                done.add(name)
            except TalkdeskError as error:
                code = code or exits.exit_code(error)
                _failed(name, error)
        return code

    def _settings(self) -> str:
        return str(self._client.settings)

    def _identity_host(self) -> str:
        from ..auth.keys import keys_url

        account = self._client.account
        reached = reach(account.token_url, what="identity host")
        answer = self._look(keys_url(account))
        if answer.status == 200 and answer.json().get("keys"):
            return f"{reached}; it shows its public keys"
        return f"{reached}; asked for its public keys it answers {answer.status}, without any"

    def _api_host(self) -> str:
        url = self._client.account.api_url
        reached = reach(url, what="API host")
        return f"{reached}; without a token it answers {self._look(url + '/').status}"

    def _look(self, url: str) -> Answer:
        return self._client.transport.public(url, doing="looking whether it is there")

    def _token(self) -> str:
        account = self._client.account
        token = self._client.renew_token()
        of = f" of account {token.account!r}" if token.account else ""
        for_ = f" for {token.audience}" if token.audience else ""
        if token.audience and Origin.of(token.audience) != account.api_origin:
            for_ += f" (and not for {account.api_url}: see TALKDESK_API_URL, TALKDESK_REGION)"
        return (
            f"asked {account.token_url} with {_proof(self._client.settings.credentials)}; "
            f"got a token{of}{for_} that lives {token.expires_in:.0f} s"
        )

    def _scopes(self) -> str:
        from ..settings import KNOWN_SCOPES

        asked = self._client.settings.scope.split()
        granted = self._client.transport.scopes
        if not granted:
            return f"asked for {_list(asked)}; the answer does not say which were granted"
        needed = {self._api.scope("read"), self._api.scope("write")}
        unusable = (needed & KNOWN_SCOPES) - granted
        if unusable:
            raise AuthError(
                f"Asked for {_list(asked)}, granted {_list(granted)}: "
                f"{_list(unusable)} lacks, which reports need.",
                hint="Add the scope to the OAuth client in Talkdesk, which takes some minutes, and "
                "ask for it: leave scope (TALKDESK_SCOPE) out, or name it there.",
            )
        return f"granted {_list(granted)}"

    def _listing(self) -> str:
        from ..reports.state import JobPage

        def read(answer: Answer) -> JobPage:
            now = self._client.transport.clock.time()
            self._skew = skew(answer.headers.get("Date"), now)
            return JobPage.parse(PROBE, answer.json())

        path = self._api.path(PROBE, "jobs")
        page = self._client.transport.call(
            "GET",
            path,
            doing=f"listing {PROBE} jobs",
            params={"page": 1, "per_page": 1},
            needs=self._api.scope("read"),
            read=read,
        )
        return f"GET {path} tells of {page.total:,} {PROBE} jobs on record"

    @property
    def _api(self) -> JobsApi:
        from ..reports.api import JobsApi

        return JobsApi(self._client.transport, self._client.settings.reports_path)

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


def _proof(credentials: Credentials) -> str:
    from ..auth.credentials import ClientAssertion, LongLivedToken
    from ..auth.users import UserLogin

    if isinstance(credentials, UserLogin):
        return f"the kept login, and {_proof(credentials.client)}"
    if isinstance(credentials, ClientAssertion):
        return f"an assertion signed with key {credentials.key_id} ({credentials.algorithm})"
    long = " for a long-lived token" if isinstance(credentials, LongLivedToken) else ""
    return f"client id and secret{long}"


def _list(scopes: Iterable[str]) -> str:
    return ", ".join(sorted(scopes)) or "all there are"


def _failed(name: str, error: TalkdeskError) -> None:
    print(f"✗ {name}: {in_shell_words(str(error.args[0]))}")
    if error.hint:
        print(f"  → {in_shell_words(error.hint)}")


def _not_tried(name: str) -> None:
    print(f"· {name}: not tried")
