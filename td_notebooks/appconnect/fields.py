"""Reading the fields of an event, and saying which one is missing."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from datetime import datetime

from ..auth.credentials import ClientAssertion, ClientSecret
from ..errors import ConfigError, EventError
from ..secret import Secret


def json_object(body: bytes) -> dict[str, object]:
    """Return the JSON object of a body.

    Raises
    ------
    EventError
        It is none.
    """
    value: object = None
    with contextlib.suppress(ValueError, RecursionError):  # they may hold the body
        value = json.loads(body)
    if not isinstance(value, dict):
        raise EventError("What was received is no JSON object.")
    return value


def inner(fields: Mapping[str, object], name: str) -> Mapping[str, object]:
    """Return the object in a field; an empty one if there is none."""
    value = fields.get(name)
    return value if isinstance(value, dict) else {}


def text(fields: Mapping[str, object], name: str, *, needed: bool = False) -> str:
    """Return the text in a field, a whole number as text, and empty text for anything else.

    Raises
    ------
    EventError
        It is needed and empty.
    """
    value = fields.get(name)
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if needed and not (isinstance(value, str) and value):
        raise EventError(f"The field {name} is missing.")
    return value if isinstance(value, str) else ""


def texts(fields: Mapping[str, object], name: str) -> tuple[str, ...]:
    """Return the texts in a list; none if it is no list."""
    value = fields.get(name)
    return tuple(str(item) for item in value) if isinstance(value, list) else ()


def moment(value: object) -> datetime:
    """Return the aware moment of an ISO 8601 text.

    Raises
    ------
    EventError
        It is none.
    """
    try:
        read = datetime.fromisoformat(str(value))
        if read.tzinfo is not None:
            return read
    except ValueError:
        pass
    raise EventError(f"A moment is written as {str(value)[:40]!r}.")


def credentials(data: Mapping[str, object]) -> ClientAssertion | ClientSecret:
    """Return the credentials that stand in an event, or in the file of an installation.

    Raises
    ------
    EventError
        One is missing, or cannot be used.
    """
    client_id = text(data, "client_id", needed=True)
    key, key_id = text(data, "private_key"), text(data, "key_id")
    try:
        if key and key_id:
            algorithm = text(data, "key_algorithm") or None
            return ClientAssertion(client_id, Secret(key), key_id, algorithm)
        return ClientSecret(client_id, Secret(text(data, "client_secret", needed=True)))
    except ConfigError as error:
        raise EventError(f"The event's credentials cannot be used: {error}") from None
