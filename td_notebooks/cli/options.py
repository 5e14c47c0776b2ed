"""Options that several commands share, and the client they stand for."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from ..client import Talkdesk


def complete_type(incomplete: str) -> list[str]:
    """Return the report types that begin like this."""
    from ..reports.schemas import report_types

    return [name for name in report_types() if name.startswith(incomplete)]


ReportType = Annotated[
    str,
    typer.Argument(
        metavar="TYPE",
        help="Such as calls; `td-notebooks reports` lists them.",
        autocompletion=complete_type,
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
ExcelSafe = Annotated[
    bool,
    typer.Option(
        "--excel-safe",
        help="CSV for a spreadsheet: an apostrophe before text that it could take for a formula, "
        "phone numbers with a plus among it.",
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing but what goes wrong.")]
UseSandbox = Annotated[
    bool, typer.Option("--sandbox", help="Use a simulated Talkdesk; no account is needed.")
]

StorageOptions = Annotated[
    list[str] | None,
    typer.Option(
        "--storage-option",
        metavar="NAME=VALUE",
        help="For an object store; can be repeated. Its secrets belong into the environment.",
    ),
]


def storage_options(given: list[str] | None) -> dict[str, str]:
    """Read ``NAME=VALUE`` options.

    Raises
    ------
    ConfigError
        One is none, or a secret: arguments of a process can be read by others.
    """
    from ..errors import ConfigError

    options = {}
    for text in given or ():
        name, equals, value = text.partition("=")
        if not (name and equals):
            raise ConfigError(
                "A --storage-option has no name or no value.", hint="Write NAME=VALUE."
            )
        if re.search("secret|password|token|account_key|sas", name, re.IGNORECASE):
            raise ConfigError(
                f"The storage option {name} is a secret, and arguments can be seen by other users.",
                hint=f"Set it as a variable of the environment instead: {name.upper()}.",
            )
        options[name] = value
    return options


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
