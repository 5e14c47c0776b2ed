"""The front door: from settings, a login, an installation, or from nothing at all, to a client."""

from __future__ import annotations

import getpass
import webbrowser
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from .auth.browser import LoginRequest, can_listen
from .auth.credentials import ClientSecret
from .auth.keys import KeySet, keys_url, verify_id_token
from .auth.users import Memory, UserLogin
from .client import Talkdesk
from .errors import AuthError, ConfigError
from .profiles import KeyringKeeper, keyring_problem, read_profiles, write_keyring, write_profile
from .regions import Account
from .secret import Secret
from .settings import CURRENT_PATHS, DEFAULT_SCOPES, Setting, Settings, find_settings

if TYPE_CHECKING:
    from .appconnect import Installation
    from .sandbox import Sandbox

# What of the settings a profile keeps; secrets go into the keyring.
_KEPT = (
    "account",
    "region",
    "api_url",
    "token_url",
    "reports_path",
    "client_id",
    "key_id",
    "key_algorithm",
    "redirect_uri",
    "scope",
    "token_type",
    "token_days",
    "ca",
)
_LONGEST_KEY_SET = 1 << 20


def connect(
    installation: Installation | None = None,
    *,
    profile: str | None = None,
    credentials_file: str | None = None,
    account: str | None = None,
    region: str | None = None,
    client_id: str | None = None,
    client_secret: str | Secret | None = None,
    private_key: str | Secret | None = None,
    key_id: str | None = None,
    scope: str | None = None,
    api_url: str | None = None,
    token_url: str | None = None,
    reports_path: str | None = None,
    token_type: str | None = None,
    token_days: int | None = None,
    ca: str | None = None,
    sandbox: bool | Sandbox = False,
) -> Talkdesk:
    """Connect to a Talkdesk account.

    Nothing is asked over the network before the first report. What is not given as an argument is
    looked for in the environment (``TALKDESK_ACCOUNT`` and so on), in a ``.env`` file in the
    working directory or above it, in the profile ``default``, and, for secrets, in the keyring.
    ``client.settings`` shows what was used and from where, masked.

    Parameters
    ----------
    installation : Installation, optional
        Of an AppConnect app in a customer's account: everything comes from it.
    profile : str, optional
        Settings that ``td-notebooks login --profile NAME`` wrote; they come right after the
        arguments.
    credentials_file : str, optional
        JSON file of an OAuth client as Talkdesk's console downloads it; it comes right after the
        arguments.
    account : str, optional
        The account's name: the part before ``.talkdeskid.com``.
    region : str, optional
        ``"us"`` (default), ``"eu"``, ``"ca"`` or ``"au"``.
    client_id : str, optional
        Of an OAuth client of the account.
    client_secret : str or Secret, optional
        One way to prove it.
    private_key : str or Secret, optional
        The other way, with ``key_id``: a path to a PEM file, PEM text, or its base64.
    key_id : str, optional
    scope : str, optional
        Space-separated; by default what reports need.
    api_url, token_url : str, optional
        Addresses in place of the region's.
    reports_path : str, optional
        ``"/data/reports"`` (default), or ``"/reports"`` for the older API.
    token_type : str, optional
        ``"jwt"`` (default), or ``"opaque"`` for a long-lived token (STS), which needs a client
        secret, and which only some of Talkdesk's APIs take.
    token_days : int, optional
        How long an opaque token lives, from 1 (default) to 365.
    ca : str, optional
        File of certificates to trust instead of the system's.
    sandbox : bool or Sandbox, optional
        True starts a Talkdesk of its own on this machine, with a simulated contact centre: no
        account is needed. A running `Sandbox` is used as it is.

    Returns
    -------
    Talkdesk

    Raises
    ------
    ConfigError
        Something is missing or wrong; the message names every place looked at.

    Examples
    --------
    >>> import td_notebooks as td
    >>> client = td.connect(sandbox=True)
    >>> calls = client.report("calls", "2026-08-01", "2026-08-02", progress=False)
    """
    # From here on no frame holds a secret in the clear.
    client_secret = _hidden(client_secret)
    private_key = _hidden(private_key)
    if sandbox:
        return _connect_to_sandbox(sandbox, reports_path or CURRENT_PATHS)
    if installation:
        return _connect_to_installation(installation, scope, reports_path, ca)
    return Talkdesk(
        find_settings(
            profile=profile,
            credentials_file=credentials_file,
            account=account,
            region=region,
            client_id=client_id,
            client_secret=client_secret,
            private_key=private_key,
            key_id=key_id,
            scope=scope,
            api_url=api_url,
            token_url=token_url,
            reports_path=reports_path,
            token_type=token_type,
            token_days=None if token_days is None else str(token_days),
            ca=ca,
        )
    )


def login(
    *,
    browser: bool = True,
    paste: bool = False,
    profile: str | None = None,
    credentials_file: str | None = None,
    account: str | None = None,
    region: str | None = None,
    client_id: str | None = None,
    client_secret: str | Secret | None = None,
    private_key: str | Secret | None = None,
    key_id: str | None = None,
    scope: str | None = None,
    redirect_uri: str | None = None,
    api_url: str | None = None,
    token_url: str | None = None,
    ca: str | None = None,
    timeout: float = 300.0,
    show: Callable[[str], object] = print,
    ask: Callable[[str], str] = getpass.getpass,
) -> Talkdesk:
    """Log in as yourself, with the browser, through an OAuth client of the account.

    The client needs the grant types *Authorization code* and *Refresh token*, and the redirect
    address. Settings are looked for as `connect` does.

    Parameters
    ----------
    browser : bool
        Open the browser of this machine; else the address is only shown.
    paste : bool
        Do not wait for the browser, but ask for the address at which the login ended: for
        kernels that the browser cannot reach. It is so by itself when the redirect address is not
        one of this machine.
    profile : str, optional
        Keep the login in the keyring, and its settings in this profile; without it the login
        lasts as long as the program.
    credentials_file, account, region, client_id, client_secret, private_key, key_id, scope
        As for `connect`.
    api_url, token_url, ca
        As for `connect`.
    redirect_uri : str, optional
        One that is registered at the client; ``http://127.0.0.1:8400/callback`` by default.
    timeout : float
        Seconds to wait for the browser.
    show : callable
        Gets what the person should read.
    ask : callable
        Gets a prompt and returns what the person answers.

    Returns
    -------
    Talkdesk

    Raises
    ------
    ConfigError
        A setting is missing or wrong, or a login is to be kept and there is no keyring.
    AuthError
        The login was refused, is not for this request, or nobody came.
    """
    client_secret = _hidden(client_secret)
    private_key = _hidden(private_key)
    problem = keyring_problem() if profile else None
    if problem:
        raise ConfigError(
            f"The login cannot be kept in a profile: {problem}.",
            hint="Leave the profile out, and the login lasts as long as the program. On a server, "
            "use a client with the grant type Client credentials.",
        )
    settings = find_settings(
        profile=profile if profile in read_profiles() else None,
        credentials_file=credentials_file,
        account=account,
        region=region,
        client_id=client_id,
        client_secret=client_secret,
        private_key=private_key,
        key_id=key_id,
        scope=scope,
        redirect_uri=redirect_uri,
        api_url=api_url,
        token_url=token_url,
        ca=ca,
    )
    known = settings.credentials
    client = known.client if isinstance(known, UserLogin) else known
    request = LoginRequest.begin(
        settings.account,
        client.client_id,
        scope=settings.scope,
        redirect_uri=settings.redirect_uri,
    )

    def open_page(url: str) -> None:
        if not (browser and webbrowser.open(url)):
            show(f"Open this address in a browser, and log in: {url}")

    if paste or not can_listen(settings.redirect_uri):
        open_page(request.url)
        code = request.code(ask("The address at which the login ended: "))
    else:
        code = request.wait(timeout=timeout, show=open_page)
    user = UserLogin(client, Memory(), code)
    talkdesk = Talkdesk(replace(settings, credentials=user))
    try:
        token = talkdesk.renew_token()
        if "openid" in settings.scope.split():
            _check_identity(talkdesk, request, token.id_token)
        refresh_token = user.keeper.read()
        if profile and refresh_token is None:
            raise AuthError(
                "The login came without a refresh token, so it cannot be kept.",
                hint="Tick the grant type Refresh token at the OAuth client in Talkdesk.",
            )
        if profile and refresh_token:
            user.keeper = KeyringKeeper(client.client_id, profile)
            user.keeper.write(refresh_token)
            keep_profile(settings, profile, user=True)
    except BaseException:
        talkdesk.close()
        raise
    return talkdesk


def _check_identity(talkdesk: Talkdesk, request: LoginRequest, id_token: Secret | None) -> None:
    if id_token is None:
        raise AuthError("The login came without an identity token, though openid was asked for.")
    body = b""
    url = keys_url(talkdesk.account)
    with talkdesk.transport.stream(url, signed=False, trace=lambda *_: None) as response:
        for chunk in response.iter_bytes():
            body += chunk
            if len(body) > _LONGEST_KEY_SET:
                break
    verify_id_token(
        id_token,
        KeySet.parse(body),
        account=talkdesk.account,
        client_id=talkdesk.settings.credentials.client_id,
        nonce=request.nonce,
        now=talkdesk.transport.clock.time(),
    )


def keep_profile(settings: Settings, profile: str, *, user: bool = False) -> Path:
    """Keep settings for later programs: secrets in the keyring, all else in a profile.

    Parameters
    ----------
    settings : Settings
    profile : str
    user : bool
        Whether the profile stands for the login of a user, kept in the keyring already.

    Returns
    -------
    Path
        The file with the profiles.

    Raises
    ------
    ConfigError
        A secret is to be kept and there is no keyring, or the profile cannot be written.
    """
    found = {setting.name: setting for setting in settings.found}
    values = {name: str(found[name].value) for name in _KEPT if name in found}
    files = ("credentials_file", "private_key_file")
    values |= {name: str(Path(str(found[name].value)).resolve()) for name in files if name in found}
    in_a_file = "credentials_file" in values
    for name in ("client_secret", "private_key"):
        if name in found and found[name].source != "keyring" and not in_a_file:
            secret = found[name].value
            assert isinstance(secret, Secret)
            write_keyring(settings.credentials.client_id, name, secret)
    if user:
        values["login"] = "user"
    return write_profile(profile, values)


def _hidden(text: str | Secret | None) -> Secret | None:
    return Secret(text) if isinstance(text, str) and text else text or None


def _connect_to_sandbox(sandbox: bool | Sandbox, reports_path: str) -> Talkdesk:
    from .sandbox import Sandbox

    owned = Sandbox().start() if sandbox is True else None
    place = owned or sandbox
    assert isinstance(place, Sandbox)
    settings = Settings(
        account=Account(place.account, "sandbox", token_url=place.token_url, api_url=place.api_url),
        credentials=ClientSecret(place.client_id, Secret(place.client_secret)),
        scope=DEFAULT_SCOPES[reports_path],
        reports_path=reports_path,
        found=(Setting("sandbox", place.api_url, "argument sandbox"),),
    )
    return Talkdesk(settings, clock=place.clock, on_close=owned.close if owned else None)


def _connect_to_installation(
    installation: Installation, scope: str | None, reports_path: str | None, ca: str | None
) -> Talkdesk:
    reports_path = reports_path or CURRENT_PATHS
    source = f"installation {installation.installation_id}"
    found = [
        Setting("account", installation.account.name, source),
        Setting("region", installation.account.region, source),
        Setting("client_id", installation.credentials.client_id, source),
    ]
    settings = Settings(
        account=installation.account,
        credentials=installation.previous or installation.credentials,
        scope=scope or DEFAULT_SCOPES[reports_path],
        reports_path=reports_path,
        ca=ca,
        found=tuple(found),
    )
    talkdesk = Talkdesk(settings)
    if installation.previous:
        talkdesk.transport.auth.rotate(installation.credentials)
    return talkdesk
