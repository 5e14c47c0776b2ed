"""``td-notebooks sandbox``: a Talkdesk on this machine, until interrupted."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from ..errors import ConfigError
from ..sandbox.settings import CentreSettings
from .streams import say

_USUAL = CentreSettings()
_MARK = "# The sandbox's settings; it deletes this file when it ends.\n"


def sandbox(
    fault: Annotated[
        list[str] | None,
        typer.Option(
            help="What goes wrong, such as reset@3,429,expired-link; --list-faults explains."
        ),
    ] = None,
    seed: Annotated[
        int, typer.Option(help="Of the simulated centre and of the faults.")
    ] = _USUAL.seed,
    port: Annotated[
        int, typer.Option(min=0, max=65533, help="Of the API; the next two serve the rest. 0: any.")
    ] = 0,
    job_seconds: Annotated[
        float, typer.Option(min=0, help="How long a report job takes, in seconds.")
    ] = 1.5,
    calls_per_day: Annotated[
        float, typer.Option(help="Inbound calls on a usual weekday.")
    ] = _USUAL.calls_per_day,
    agents: Annotated[int, typer.Option(help="People who take them.")] = _USUAL.agents,
    ring_groups: Annotated[str, typer.Option(help="Names, separated by commas.")] = ",".join(
        _USUAL.ring_groups
    ),
    patience: Annotated[
        float, typer.Option(help="Mean seconds before a caller hangs up.")
    ] = _USUAL.patience,
    zone: Annotated[str, typer.Option(help="IANA zone the centre lives in.")] = _USUAL.timezone,
    env: Annotated[
        Path | None, typer.Option(help="Write the settings to this new file, such as .env.")
    ] = None,
    list_faults: Annotated[
        bool, typer.Option("--list-faults", help="Name the faults and stop.")
    ] = False,
) -> None:
    """Run a simulated Talkdesk on loopback; print the settings that lead to it.

    Without --env they are printed as lines for a shell. Ctrl-C ends it.
    """
    from ..sandbox import Sandbox
    from ..sandbox.faults import FAULTS

    if list_faults:
        for name, kind in FAULTS.items():
            print(f"{name:<20} {kind.meaning}")
        return
    centre = CentreSettings(
        seed=seed,
        calls_per_day=calls_per_day,
        agents=agents,
        ring_groups=tuple(group.strip() for group in ring_groups.split(",") if group.strip()),
        patience=patience,
        timezone=zone,
    )
    place = Sandbox(
        seed=seed, centre=centre, faults=",".join(fault or ()), port=port, job_seconds=job_seconds
    )
    with place, contextlib.suppress(KeyboardInterrupt), contextlib.ExitStack() as stack:
        settings = "".join(f"{name}={value}\n" for name, value in place.environment.items())
        if env:
            stack.enter_context(_written(env, _MARK + settings))
            say(f"{env} written")
        else:
            print("\n".join(f"export {line}" for line in settings.splitlines()))
        say(f"The sandbox answers at {place.api_url}; Ctrl-C ends it.")
        while True:
            time.sleep(3600)


@contextlib.contextmanager
def _written(path: Path, text: str) -> Iterator[None]:
    """Keep a file of settings in place; never in the place of one with settings of an account."""
    try:
        if path.exists() and not path.read_text(encoding="utf-8").startswith(_MARK):
            raise ConfigError(
                f"{path} is there already, and not from a sandbox: it was left as it is.",
                hint="Give another file, or move that one away.",
            )
        path.unlink(missing_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(text)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be written: {error}.") from None
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            if path.read_text(encoding="utf-8") == text:  # or another sandbox took its place
                path.unlink()
