"""From settings that were found to the credentials they stand for.

A client proves itself with its secret or its private key; on top of either a user may be logged
in, and a secret may ask for long-lived tokens instead of the usual ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ..errors import ConfigError
from ..profiles import KeyringKeeper
from ..secret import Secret, read_secret_file
from .credentials import ClientAssertion, ClientSecret, Credentials, LongLivedToken
from .users import UserLogin

Values = Mapping[str, str | Secret]

_DAY = 86_400
_DAYS = range(1, 366)


def credentials_from(values: Values, profile: str) -> Credentials:
    """Return the credentials that settings describe.

    Parameters
    ----------
    values : mapping of str to str or Secret
        Settings by their names; one proof of the client is among them.
    profile : str
        The profile whose login the keyring keeps; empty if there is none.

    Raises
    ------
    ConfigError
        They contradict each other, or the private key cannot be used.
    """
    client = _client(values)
    login = _text(values, "login")
    if login not in {"", "user"}:
        raise ConfigError(
            f"The setting login is {login!r}: leave it out, or say 'user' for the login in the "
            "browser that `td-notebooks login` keeps."
        )
    return UserLogin(client, KeyringKeeper(client.client_id, profile)) if login else client


def _client(values: Values) -> Credentials:
    client_id, seconds = _text(values, "client_id"), _long_life(values)
    secret = values.get("client_secret")
    if isinstance(secret, Secret):
        if seconds:
            return LongLivedToken(client_id, secret, seconds)
        return ClientSecret(client_id, secret)
    if seconds:
        raise ConfigError(
            "token_type is 'opaque', but the client proves itself with a private key.",
            hint="Talkdesk gives long-lived tokens for a client secret only: give client_secret, "
            "or leave token_type (TALKDESK_TOKEN_TYPE) out.",
        )
    algorithm = _text(values, "key_algorithm") or None
    return ClientAssertion(client_id, _private_key(values), _text(values, "key_id"), algorithm)


def _long_life(values: Values) -> int:
    """Return the seconds that an opaque token shall live; 0 for the usual tokens."""
    kind, days = (_text(values, "token_type") or "jwt").lower(), _text(values, "token_days")
    if kind not in {"jwt", "opaque"}:
        raise ConfigError(
            f"The setting token_type is {kind!r}: say 'opaque' for long-lived tokens (STS), or "
            "leave it out for the usual ones of ten minutes."
        )
    if kind == "jwt" and days:
        raise ConfigError(
            "The setting token_days is for long-lived tokens only.",
            hint="Set token_type to 'opaque' (TALKDESK_TOKEN_TYPE=opaque), or leave token_days "
            "out.",
        )
    if days and not (days.isascii() and days.isdecimal() and int(days[:9]) in _DAYS):
        raise ConfigError(f"The setting token_days is {days!r}: give whole days, from 1 to 365.")
    return _DAY * int(days or 1) if kind == "opaque" else 0


def _private_key(values: Values) -> Secret:
    inline = values.get("private_key")
    if isinstance(inline, Secret):
        return inline
    return read_secret_file(Path(_text(values, "private_key_file")), binary=True)


def is_path(text: Secret) -> bool:
    """Say whether a private key is given as the path of its file."""
    # A key is a block of PEM, or base64 that begins with M: DER begins with a SEQUENCE.
    content = text.reveal()
    if len(content) >= 1024 or "\n" in content or "-----" in content:
        return False
    if content.startswith(("/", "~", ".")):
        return True
    try:
        return Path(content).is_file()
    except (OSError, ValueError):  # longer than a name may be: the message would hold the key
        return False


def _text(values: Values, name: str) -> str:
    value = values.get(name, "")
    return value if isinstance(value, str) else ""
