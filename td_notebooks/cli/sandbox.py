"""``td-notebooks sandbox``: a Talkdesk on this machine, until interrupted."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Annotated

import typer


def sandbox(
    fault: Annotated[
        list[str] | None,
        typer.Option(
            help="What goes wrong, such as reset@3,429,expired-link; --list-faults explains."
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the simulated centre and of the faults.")] = 7,
    port: Annotated[int, typer.Option(help="Of the API; 0 takes a free one.")] = 0,
    job_seconds: Annotated[float, typer.Option(help="How long a report job takes.")] = 1.5,
    calls_per_day: Annotated[int, typer.Option(help="Inbound calls on a usual weekday.")] = 400,
    agents: Annotated[int, typer.Option(help="People who take them.")] = 14,
    zone: Annotated[str, typer.Option(help="IANA zone the centre lives in.")] = "Europe/Lisbon",
    env: Annotated[
        Path | None, typer.Option(help="Write the settings to this file, such as .env.")
    ] = None,
    list_faults: Annotated[
        bool, typer.Option("--list-faults", help="Name the faults and stop.")
    ] = False,
) -> None:
    """Run a simulated Talkdesk on loopback; print the settings that lead to it."""
    from ..sandbox import CentreSettings, Sandbox
    from ..sandbox.faults import FAULTS

    if list_faults:
        for name, kind in FAULTS.items():
            typer.echo(f"{name:<20} {kind.meaning}")
        return
    centre = CentreSettings(seed=seed, calls_per_day=calls_per_day, agents=agents, timezone=zone)
    place = Sandbox(
        seed=seed, centre=centre, faults=",".join(fault or ()), port=port, job_seconds=job_seconds
    )
    with place:
        settings = {
            "TALKDESK_ACCOUNT": place.account,
            "TALKDESK_REGION": "sandbox",
            "TALKDESK_API_URL": place.api_url,
            "TALKDESK_TOKEN_URL": place.token_url,
            "TALKDESK_CLIENT_ID": place.client_id,
            "TALKDESK_CLIENT_SECRET": place.client_secret,
        }
        lines = [f"{name}={value}" for name, value in settings.items()]
        if env:
            handle = os.open(env, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(handle, "w") as file:
                file.write("\n".join(lines) + "\n")
            typer.echo(f"{env} written", err=True)
        else:
            typer.echo("\n".join(f"export {line}" for line in lines))
        typer.echo(f"The sandbox answers at {place.api_url}; Ctrl-C ends it.", err=True)
        threading.Event().wait()
