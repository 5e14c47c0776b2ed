"""The login without a form: questions in a terminal, or an error where nobody can answer."""

from __future__ import annotations

import getpass
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..errors import ConfigError
from ..front_door import connect
from ..regions import REGIONS
from ..secret import Secret
from ..sources import variable
from .defaults import with_environment

if TYPE_CHECKING:
    from ..client import Talkdesk

_NEEDED = ("account", "region", "client_id", "client_secret")


@dataclass(frozen=True)
class PromptedLogin:
    """A login that was asked for question by question.

    Attributes
    ----------
    client : Talkdesk
    """

    client: Talkdesk


def ask_for_login(prefilled: Mapping[str, str | None], fixed: Mapping[str, Any]) -> PromptedLogin:
    """Ask for an account and the secret of its OAuth client; try them.

    Parameters
    ----------
    prefilled : mapping
        Answers to ``account``, ``region`` and ``client_id`` that an empty line stands for.
    fixed : mapping
        Other settings of `td_notebooks.connect`.

    Raises
    ------
    ConfigError
        Nobody answers, or an answer cannot be used.
    TokenError, NetworkError
        Talkdesk refuses them or is not reached.
    """
    known = with_environment(prefilled)
    try:
        account = _ask("Account (the part before .talkdeskid.com)", known["account"])
        region = _ask(f"Region ({', '.join(REGIONS)})", known["region"] or "us")
        client_id = _ask("Client id", known["client_id"])
        secret = Secret(getpass.getpass("Client secret (it is not shown): ").strip())
    except EOFError:
        raise nobody_answers() from None
    client = connect(
        account=account, region=region, client_id=client_id, client_secret=secret, **fixed
    )
    try:
        client.renew_token()
    except BaseException:
        client.close()
        raise
    return PromptedLogin(client)


def nobody_answers() -> ConfigError:
    """Return the error for a place where nobody can be asked."""
    return ConfigError(
        "Nobody can fill in a login here: this runs without anybody to ask.",
        hint=f"Set {', '.join(variable(name) for name in _NEEDED)} in the environment and use "
        "td.connect(). To try everything without an account: td.connect(sandbox=True).",
    )


def _ask(question: str, known: str) -> str:
    return input(f"{question} [{known}]: " if known else f"{question}: ").strip() or known
