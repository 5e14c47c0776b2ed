"""Options that several commands share, and the client they stand for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from ..client import Talkdesk


def _complete_type(incomplete: str) -> list[str]:
    from ..reports.schemas import report_types

    return [name for name in report_types() if name.startswith(incomplete)]


ReportType = Annotated[
    str,
    typer.Argument(
        metavar="TYPE",
        help="Such as calls; `td-notebooks reports` lists them.",
        autocompletion=_complete_type,
    ),
]
Account = Annotated[
    str | None, typer.Option("--account", help="Account name; else TALKDESK_ACCOUNT.")
]
Region = Annotated[
    str | None, typer.Option("--region", help="us, eu, ca or au; else TALKDESK_REGION.")
]
Profile = Annotated[
    str | None,
    typer.Option(
        "--profile", help="As `td-notebooks login --profile` keeps it; else TALKDESK_PROFILE."
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")]
UseSandbox = Annotated[
    bool, typer.Option("--sandbox", help="Use a simulated Talkdesk; no account is needed.")
]


def open_client(
    account: str | None = None,
    region: str | None = None,
    use_sandbox: bool = False,
    profile: str | None = None,
) -> Talkdesk:
    """Return the client that the options, the environment and ``.env`` describe.

    Raises
    ------
    ConfigError
        Something is missing or wrong.
    """
    from ..front_door import connect

    if use_sandbox:
        return connect(sandbox=True)
    return connect(account=account, region=region, profile=profile)
