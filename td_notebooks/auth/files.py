"""Credentials files: OAuth clients as Talkdesk's console downloads them."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from ..errors import ConfigError
from ..regions import Origin, region_of_identity
from ..secret import Secret, read_secret_file

_SECRETS = {"client_secret", "private_key"}

# The field names of the file that Talkdesk's console offers are not published: those of the
# app.installed event, and what others call the same things.
_FIELDS = {
    "client_id": ("client_id", "id"),
    "client_secret": ("client_secret", "secret"),
    "private_key": ("private_key", "private_key_pem"),
    "key_id": ("key_id", "kid", "public_key_id", "private_key_id"),
    "key_algorithm": ("key_algorithm", "algorithm", "alg"),
    "account": ("account_name", "account", "subdomain"),
    "region": ("region",),
    "token_url": ("token_url", "token_uri", "token_endpoint"),
    "api_url": ("api_url", "root"),
}


def read_credentials_file(path: Path) -> dict[str, str | Secret]:
    """Read client credentials as Talkdesk's console downloads them.

    Parameters
    ----------
    path : Path
        A JSON file with one client, alone, in a list, or nested under a name.

    Returns
    -------
    dict
        Settings by their names; secrets are masked.

    Raises
    ------
    ConfigError
        It is no such file, or others can read it; a missing field is named.
    """
    outcome = _client_in(read_secret_file(path))
    if isinstance(outcome, str):
        raise ConfigError(
            f"The credentials file {path} {outcome}.",
            hint="Give the file that Talkdesk's console downloads, of one client, as it is.",
        )
    return outcome


def _client_in(text: Secret) -> dict[str, str | Secret] | str:
    """Return the settings, or what is wrong: the frame here holds secrets, so nothing is raised."""
    fields: object = None
    with contextlib.suppress(ValueError, RecursionError):
        fields = json.loads(text.reveal())
    clients = list(_clients(fields))
    if len(clients) > 1:
        return f"holds {len(clients)} clients"
    client = clients[0] if clients else _only(fields)
    if isinstance(client, list) and client:
        return f"holds {len(client)} clients"
    if not isinstance(client, dict):
        return "is no JSON object"
    found = _settings_in(client)
    has = f"it has {', '.join(sorted(client))}" if client else "it is empty"
    if "client_id" not in found:
        return f"lacks client_id (or id); {has}"
    if "private_key" in found and "key_id" in found:
        found.pop("client_secret", None)  # both work; a signed assertion shows less
    elif "client_secret" not in found:
        missing = "key_id (or kid)" if "private_key" in found else "client_secret or private_key"
        return f"lacks {missing}; {has}"
    found.pop("private_key" if "client_secret" in found else "", None)
    token_url = str(found.get("token_url", ""))
    if region := region_of_identity(token_url):  # the address tells both
        found.setdefault("account", Origin.of(token_url).host.partition(".")[0])
        found.setdefault("region", region)
    return found


def _clients(value: object, depth: int = 4) -> Iterator[dict[str, object]]:
    """Yield what looks like a client: an object with an id and a proof, some levels deep.

    What stands beside a nested one, such as the account, belongs to it.
    """
    if not depth:
        return
    if isinstance(value, list):
        for item in value:
            yield from _clients(item, depth - 1)
    elif isinstance(value, dict):
        found = _settings_in(value)
        if "client_id" in found and found.keys() & _SECRETS:
            yield value
            return
        beside = {name: inner for name, inner in value.items() if isinstance(inner, str)}
        for inner in value.values():
            for client in _clients(inner, depth - 1):
                yield beside | client


def _only(value: object) -> object:
    """Return what stands alone in a list, or under one name."""
    while isinstance(value, list | dict) and len(value) == 1:
        (inner,) = value.values() if isinstance(value, dict) else value
        if not isinstance(inner, list | dict):
            break
        value = inner
    return value


def _settings_in(fields: Mapping[str, object]) -> dict[str, str | Secret]:
    plain = {re.sub("[^a-z]", "", name.lower()): value for name, value in fields.items()}
    found: dict[str, str | Secret] = {}
    for setting, names in _FIELDS.items():
        values = (plain.get(name.replace("_", "")) for name in names)
        value = next((value for value in values if isinstance(value, str) and value.strip()), None)
        if value:
            found[setting] = Secret(value.strip()) if setting in _SECRETS else value.strip()
    return found
