"""What this machine remembers of a user: profiles and the keyring.

Profiles stand in one TOML file in the user's configuration folder. Their secrets are in the
keyring, or in a file that the profile names. The keyring is optional: where there is none, reading
finds nothing, and writing says what to use instead.
"""

from __future__ import annotations

import json
import logging
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path

from .errors import ConfigError
from .secret import Secret, read_secret_file, write_secret_file

_log = logging.getLogger("td_notebooks")

DEFAULT = "default"
_SECRETS = {"client_secret", "private_key"}
_SERVICE = "td_notebooks"
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


def profiles_path() -> Path:
    """Return the file of the profiles, in the user's configuration folder."""
    import platformdirs

    return platformdirs.user_config_path("td_notebooks", appauthor=False) / "profiles.toml"


def read_profiles() -> dict[str, dict[str, str | Secret]]:
    """Return the settings of each profile.

    Raises
    ------
    ConfigError
        The file is damaged, or others can read it.
    """
    path = profiles_path()
    try:
        if not path.exists():
            return {}
    except PermissionError:  # the folder is another user's: there is nothing of this one in it
        return {}
    text, problem = read_secret_file(path), ""
    content: dict[str, object] = {}
    try:
        content = tomllib.loads(text.reveal())
    except tomllib.TOMLDecodeError as error:  # it may hold the content, so it goes no further
        problem = str(error)
    if problem:
        raise ConfigError(f"The profiles in {path} cannot be read: {problem}.")
    return {
        name: {key: Secret(str(v)) if key in _SECRETS else str(v) for key, v in values.items()}
        for name, values in content.items()
        if isinstance(values, dict)
    }


def write_profile(name: str, values: Mapping[str, str]) -> Path:
    """Put a profile into the file, in the place of one of the same name.

    Parameters
    ----------
    name : str
        Letters, digits, hyphens and underscores.
    values : mapping of str to str
        Settings; none of them a secret.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    ConfigError
        No such name, or the file cannot be read or written.
    """
    if not _NAME.fullmatch(name):
        raise ConfigError(
            f"{name!r} is no name for a profile.",
            hint="Use letters, digits, hyphens and underscores.",
        )
    profiles = read_profiles() | {name: dict(values)}
    lines = []
    for profile, settings in profiles.items():
        lines.append(f"[{profile if _NAME.fullmatch(profile) else _toml(profile)}]")
        lines += [
            f"{_toml(key)} = {_toml(value.reveal() if isinstance(value, Secret) else value)}"
            for key, value in settings.items()
        ]
        lines.append("")
    write_secret_file(profiles_path(), Secret("\n".join(lines)))
    return profiles_path()


def _toml(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def keyring_problem() -> str | None:
    """Say why this machine's keyring cannot be used; None if it can."""
    try:
        import keyring
        from keyring.backends.fail import Keyring as NoKeyring
        from keyring.backends.null import Keyring as NullKeyring
    except ImportError:
        return "the package keyring is not installed (pip install 'td_notebooks[keyring]')"
    if isinstance(keyring.get_keyring(), NoKeyring | NullKeyring):
        return "this machine has no keyring"
    return None


def read_keyring(client_id: str, what: str) -> Secret | None:
    """Return a secret of a client from the keyring; None where there is none, or no keyring.

    Parameters
    ----------
    client_id : str
    what : str
        ``client_secret``, ``private_key``, or ``refresh_token`` with the name of a profile.
    """
    if keyring_problem():
        return None
    import keyring

    try:
        text = keyring.get_password(_SERVICE, f"{client_id} {what}")
    except Exception:  # locked, or the person said no; backends raise what they like
        return None
    return Secret(text) if text else None


def write_keyring(client_id: str, what: str, secret: Secret) -> None:
    """Put a secret of a client into the keyring.

    Parameters
    ----------
    client_id, what : str
        As for `read_keyring`.
    secret : Secret

    Raises
    ------
    ConfigError
        There is no keyring, or it refuses.
    """
    problem = keyring_problem()
    if problem is None:
        import keyring

        try:
            keyring.set_password(_SERVICE, f"{client_id} {what}", secret.reveal())
        except Exception as error:  # its frames hold the secret, so it goes no further
            problem = f"the keyring refuses ({type(error).__name__})"
    if problem:
        raise ConfigError(
            f"The {what.split()[0]} of client {client_id!r} cannot be kept: {problem}.",
            hint="On a server use a client with the grant type Client credentials, and name its "
            "file with credentials_file (TALKDESK_CREDENTIALS_FILE), readable by its owner only.",
        )


class KeyringKeeper:
    """Keeps the refresh token of a profile in the keyring.

    Parameters
    ----------
    client_id, profile : str
    """

    def __init__(self, client_id: str, profile: str) -> None:
        self._entry = (client_id, f"refresh_token {profile}")
        self._unkept: Secret | None = None

    def read(self) -> Secret | None:
        """Return the token; None if there is none."""
        return self._unkept or read_keyring(*self._entry)

    def write(self, token: Secret) -> None:
        """Keep another one in its place; if the keyring refuses, as long as the program runs."""
        self._unkept = None
        try:
            write_keyring(*self._entry, token)
        except ConfigError as error:
            self._unkept = token
            _log.warning("%s", error)
