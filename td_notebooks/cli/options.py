"""Options that several commands share, and the client they stand for."""

from __future__ import annotations

from typing import Annotated

import typer

from ..client import Talkdesk
from ..connect import connect

Account = Annotated[
    str | None, typer.Option("--account", help="Account name; else TALKDESK_ACCOUNT.")
]
Region = Annotated[
    str | None, typer.Option("--region", help="us, eu, ca or au; else TALKDESK_REGION.")
]
Zone = Annotated[str, typer.Option("--zone", help="IANA zone the dates are meant in.")]
Format = Annotated[
    str | None, typer.Option("--format", help="json, csv or json_bulk: what is downloaded.")
]
UseSandbox = Annotated[
    bool, typer.Option("--sandbox", help="Use a simulated Talkdesk; no account is needed.")
]


def open_client(account: str | None, region: str | None, use_sandbox: bool) -> Talkdesk:
    """Return the client that the options, the environment and ``.env`` describe."""
    return connect(sandbox=True) if use_sandbox else connect(account=account, region=region)
