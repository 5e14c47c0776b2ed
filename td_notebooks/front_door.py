"""The front door: from settings, an installation, or from nothing at all, to a client."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from .auth.credentials import ClientSecret
from .client import Talkdesk
from .logins import keep_profile, login
from .regions import Account
from .secret import Secret, hidden
from .settings import Settings, check_ca, default_scope, find_settings, path_of_reports
from .sources import Setting

if TYPE_CHECKING:
    from .appconnect import Installation
    from .sandbox import Sandbox

__all__ = ["connect", "keep_profile", "login"]


def connect(
    installation: Installation | None = None,
    *,
    profile: str | None = None,
    credentials_file: str | os.PathLike[str] | None = None,
    account: str | None = None,
    region: str | None = None,
    client_id: str | None = None,
    client_secret: str | Secret | None = None,
    private_key: str | os.PathLike[str] | Secret | None = None,
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
    What such a place says of another account, or of another client, is not used.
    ``client.settings`` shows what was used and from where, masked, and what was not used.

    Parameters
    ----------
    installation : Installation, optional
        Of an AppConnect app in a customer's account: everything comes from it.
    profile : str, optional
        Settings that ``td-notebooks login --profile NAME`` wrote; they come right after the
        arguments.
    credentials_file : path, optional
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
    private_key : str, path or Secret, optional
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
        account is needed. A running `Sandbox` is used as it is. Of the other arguments it takes
        ``client_id``, ``client_secret``, ``scope`` and ``reports_path``, to try what comes of them.

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
    client_secret = hidden(client_secret)
    private_key = hidden(private_key)
    if sandbox:
        return _connect_to_sandbox(
            sandbox, path_of_reports(reports_path), client_id, client_secret, scope
        )
    if installation:
        return _connect_to_installation(installation, scope, reports_path, ca)
    return Talkdesk(
        find_settings(
            profile=profile,
            credentials_file=None if credentials_file is None else str(credentials_file),
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


def _connect_to_sandbox(
    sandbox: bool | Sandbox,
    reports_path: str,
    client_id: str | None,
    client_secret: Secret | None,
    scope: str | None,
) -> Talkdesk:
    from .sandbox import Sandbox

    owned = Sandbox().start() if sandbox is True else None
    place = owned or sandbox
    assert isinstance(place, Sandbox)
    settings = Settings(
        account=Account(place.account, "sandbox", token_url=place.token_url, api_url=place.api_url),
        credentials=ClientSecret(
            client_id or place.client_id, client_secret or Secret(place.client_secret)
        ),
        scope=scope or default_scope(reports_path),
        reports_path=reports_path,
        found=(Setting("sandbox", place.api_url, "argument sandbox"),),
    )
    return Talkdesk(settings, clock=place.clock, on_close=owned.close if owned else None)


def _connect_to_installation(
    installation: Installation, scope: str | None, reports_path: str | None, ca: str | None
) -> Talkdesk:
    reports_path = path_of_reports(reports_path)
    source = f"installation {installation.installation_id}"
    found = [
        Setting("account", installation.account.name, source),
        Setting("region", installation.account.region, source),
        Setting("client_id", installation.credentials.client_id, source),
    ]
    settings = Settings(
        account=installation.account,
        credentials=installation.previous or installation.credentials,
        scope=scope or default_scope(reports_path),
        reports_path=reports_path,
        ca=check_ca(ca),
        found=tuple(found),
    )
    talkdesk = Talkdesk(settings)
    if installation.previous:
        talkdesk.transport.auth.rotate(installation.credentials)
    return talkdesk
