"""Logging in as a person with the browser, and keeping settings for later programs."""

from __future__ import annotations

import getpass
import os
import webbrowser
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from .auth.browser import LoginRequest, can_listen
from .auth.grants import AuthorizationCode
from .auth.keys import KeySet, keys_url, verify_id_token
from .auth.users import Memory, UserLogin
from .client import Talkdesk
from .errors import AuthError, ConfigError
from .profiles import KeyringKeeper, keyring_problem, read_profiles, write_keyring, write_profile
from .secret import Secret, hidden
from .settings import Settings, find_settings
from .sources import NAMES, PATHS, PROOFS

# What of the settings a profile keeps; secrets go into the keyring.
_ELSEWHERE = {"profile", "login", *PATHS, *PROOFS}
_KEPT = tuple(name for name in NAMES if name not in _ELSEWHERE)


def login(
    *,
    browser: bool = True,
    paste: bool = False,
    profile: str | None = None,
    credentials_file: str | os.PathLike[str] | None = None,
    account: str | None = None,
    region: str | None = None,
    client_id: str | None = None,
    client_secret: str | Secret | None = None,
    private_key: str | os.PathLike[str] | Secret | None = None,
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
        one of this machine, and when this machine has no browser to open.
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
    client_secret = hidden(client_secret)
    private_key = hidden(private_key)
    problem = keyring_problem() if profile else None
    if problem:
        raise ConfigError(
            f"The login cannot be kept in a profile: {problem}.",
            hint="Leave the profile out, and the login lasts as long as the program. On a server, "
            "use a client with the grant type Client credentials.",
        )
    settings = find_settings(
        profile=profile if profile in read_profiles() else None,
        credentials_file=None if credentials_file is None else str(credentials_file),
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
        if browser and webbrowser.open(url):
            return
        show(f"Open this address in a browser, and log in: {url}")
        if browser and not pasting:
            raise _NoBrowserError

    pasting = paste or not can_listen(settings.redirect_uri)
    try:
        if pasting:
            open_page(request.url)
            code = _pasted(request, ask)
        else:
            code = request.wait(timeout=timeout, show=open_page)
    except _NoBrowserError:  # it is on another machine, whose browser finds nobody at the address
        show("It ends at an address that shows no page: copy that address from the browser.")
        code = _pasted(request, ask)
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


class _NoBrowserError(Exception):
    """There is no browser on this machine."""


def _pasted(request: LoginRequest, ask: Callable[[str], str]) -> AuthorizationCode:
    return request.code(ask("The address at which the login ended: "))


def _check_identity(talkdesk: Talkdesk, request: LoginRequest, id_token: Secret | None) -> None:
    if id_token is None:
        raise AuthError("The login came without an identity token, though openid was asked for.")
    answer = talkdesk.transport.public(
        keys_url(talkdesk.account), doing="asking for the keys that identity tokens are signed with"
    )
    verify_id_token(
        id_token,
        KeySet.parse(answer.body),
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
    values |= {name: str(Path(str(found[name].value)).resolve()) for name in PATHS if name in found}
    in_a_file = "credentials_file" in values
    for name in ("client_secret", "private_key"):
        if name in found and found[name].source != "keyring" and not in_a_file:
            secret = found[name].value
            assert isinstance(secret, Secret)
            write_keyring(settings.credentials.client_id, name, secret)
    if user:
        values["login"] = "user"
    return write_profile(profile, values)
