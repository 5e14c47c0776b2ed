"""``td-notebooks login``: a login in the browser, kept as a profile."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .options import Account, Region
from .streams import say


def login(
    account: Account = None,
    region: Region = None,
    client_id: Annotated[
        str | None, typer.Option(help="Of the OAuth client; else TALKDESK_CLIENT_ID.")
    ] = None,
    credentials_file: Annotated[
        Path | None,
        typer.Option(help="Of the OAuth client, as Talkdesk's console downloads it."),
    ] = None,
    profile: Annotated[str, typer.Option(help="Keep it under this name.")] = "default",
    paste: Annotated[
        bool,
        typer.Option(
            "--paste",
            help="Paste the address at which the login ended: no browser reaches this machine.",
        ),
    ] = False,
    client_only: Annotated[
        bool,
        typer.Option("--client-only", help="Keep the OAuth client itself; nobody logs in."),
    ] = False,
    ask: Annotated[
        bool, typer.Option("--ask", help="Ask for the client's secret, and keep it in the keyring.")
    ] = False,
    timeout: Annotated[float, typer.Option(min=1, help="Seconds to wait for the browser.")] = 300.0,
) -> None:
    """Log in with the browser, and keep the login for later commands and programs.

    Secrets go to the keyring of this machine, the rest to a profile. Later: TALKDESK_PROFILE, or
    nothing at all for the profile called default.
    """
    import getpass

    from ..front_door import keep_profile
    from ..front_door import login as log_in
    from ..profiles import profiles_path, read_profiles
    from ..secret import Secret
    from ..settings import find_settings

    file = str(credentials_file) if credentials_file else None
    given = Secret(getpass.getpass("The client's secret: ").strip()) if ask else None
    if client_only:
        settings = find_settings(
            profile=profile if profile in read_profiles() else None,
            credentials_file=file,
            account=account,
            region=region,
            client_id=client_id,
            client_secret=given,
        )
        keep_profile(settings, profile)
        name = settings.account.name
    else:
        client = log_in(
            credentials_file=file,
            account=account,
            region=region,
            client_id=client_id,
            client_secret=given,
            profile=profile,
            paste=paste,
            timeout=timeout,
            show=lambda text: say(str(text)),
        )
        name = client.account.name
        client.close()
    say(f"Kept for account {name!r} as profile {profile!r} in {profiles_path()}.")
