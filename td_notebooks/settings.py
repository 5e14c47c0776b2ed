"""Find what a connection needs: argument, then environment, then ``.env``.

The first place that has a setting wins. A private key or a client secret counts as one setting,
"how the client proves itself", so that a key given as an argument is not contradicted by a
secret that happens to stand in the environment.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from dotenv import dotenv_values, find_dotenv

from .auth.credentials import ClientAssertion, ClientSecret, Credentials
from .errors import ConfigError
from .regions import Account
from .secret import Secret

CURRENT_PATHS = "/data/reports"
OLDER_PATHS = "/reports"

# The least that pulling reports needs, by reports path (Talkdesk's list of scopes).
DEFAULT_SCOPES = {
    CURRENT_PATHS: "data-reports:read data-reports:write",
    OLDER_PATHS: "reports:read reports:write",
}

_PROOFS = ("client_secret", "private_key", "private_key_file")
_NAMES = (
    "account",
    "region",
    "api_url",
    "token_url",
    "reports_path",
    "client_id",
    "key_id",
    "scope",
    "ca",
    *_PROOFS,
)


def variable(name: str) -> str:
    """Return the environment variable of a setting."""
    return f"TALKDESK_{name.upper()}"


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting and where it was found; secrets are masked."""

    name: str
    value: str | Secret
    source: str


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything a connection needs, and where each part was found.

    Attributes
    ----------
    account : Account
    credentials : Credentials
    scope : str
    reports_path : str
        ``/data/reports``, or ``/reports`` for the older API.
    ca : str or None
        File of certificates to trust instead of the system's.
    found : tuple of Setting
        What was used and from where.
    """

    account: Account
    credentials: Credentials
    scope: str
    reports_path: str = CURRENT_PATHS
    ca: str | None = None
    found: tuple[Setting, ...] = field(default=())

    def __repr__(self) -> str:
        width = max((len(setting.name) for setting in self.found), default=0)
        lines = [f"  {s.name:<{width}}  {s.value}  ({s.source})" for s in self.found]
        return "\n".join([f"Settings of account {self.account.name!r}", *lines])

    @property
    def older_api(self) -> bool:
        """Whether jobs go to the older Reporting API."""
        return self.reports_path == OLDER_PATHS


def find_settings(**arguments: str | Secret | None) -> Settings:
    """Collect the settings of one connection.

    Parameters
    ----------
    **arguments
        Any of ``account, region, api_url, token_url, reports_path, client_id, client_secret,
        private_key, private_key_file, key_id, scope, ca``; None means "not given".

    Raises
    ------
    ConfigError
        A setting is missing, contradictory or unusable. Every place looked at is named.
    """
    places = list(_places(arguments))
    found = {name: setting for name in _NAMES if (setting := _first(places, name))}
    for contradicted in set(_PROOFS) - {_proof(places)}:
        found.pop(contradicted, None)
    _require(found, places)
    reports_path = "/" + _value(found, "reports_path", CURRENT_PATHS).strip("/")
    ca = _value(found, "ca")
    if ca and not Path(ca).is_file():
        raise ConfigError(f"The file of certificates to trust, ca = {ca!r}, does not exist.")
    return Settings(
        account=Account(
            _value(found, "account") or "custom",
            _value(found, "region", "us"),
            token_url=_value(found, "token_url"),
            api_url=_value(found, "api_url"),
        ),
        credentials=_credentials(found),
        scope=_value(found, "scope", DEFAULT_SCOPES.get(reports_path, "")),
        reports_path=reports_path,
        ca=ca or None,
        found=tuple(found[name] for name in _NAMES if name in found),
    )


@dataclass(frozen=True, slots=True)
class _Place:
    """A place where settings may stand."""

    label: str
    values: Mapping[str, str | Secret | None] = field(repr=False)
    in_capitals: bool = True

    def get(self, name: str) -> Setting | None:
        key = variable(name) if self.in_capitals else name
        value = self.values.get(key)
        if not value:
            return None
        if name in {"client_secret", "private_key"} and isinstance(value, str):
            value = Secret(value.strip())
        if isinstance(value, str):
            value = value.strip()
        return Setting(name, value, f"{self.label} {key}")


def _places(arguments: Mapping[str, str | Secret | None]) -> Iterator[_Place]:
    if unknown := set(arguments) - set(_NAMES):
        raise ConfigError(f"Unknown setting {min(unknown)!r}: there are {', '.join(_NAMES)}.")
    yield _Place("argument", arguments, in_capitals=False)
    yield _Place("environment variable", os.environ)
    if path := find_dotenv(usecwd=True):
        yield _Place(f"{path}:", dotenv_values(path))


def _first(places: list[_Place], name: str) -> Setting | None:
    return next((setting for place in places if (setting := place.get(name))), None)


def _proof(places: list[_Place]) -> str | None:
    for place in places:
        given = [name for name in _PROOFS if place.get(name)]
        if len(given) > 1:
            raise ConfigError(
                f"{place.label.rstrip(':')}: {' and '.join(given)} are both given.",
                hint="A client proves itself in one way: leave one of them out.",
            )
        if given:
            return given[0]
    return None


def _value(found: Mapping[str, Setting], name: str, default: str = "") -> str:
    setting = found.get(name)
    return str(setting.value) if setting else default


def _require(found: Mapping[str, Setting], places: list[_Place]) -> None:
    missing = [
        name
        for name in ("account", "client_id")
        if name not in found
        and not (name == "account" and "token_url" in found and "api_url" in found)
    ]
    if not found.keys() & set(_PROOFS):
        missing.append("client_secret (or private_key with key_id)")
    elif "client_secret" not in found and "key_id" not in found:
        missing.append("key_id")
    if not missing:
        return
    looked_at = ["the arguments", f"the environment ({variable('account')}, …)"]
    files = [place.label.rstrip(":") for place in places[2:]]
    looked_at += files or [f"a .env file in {Path.cwd()} or above it (there is none)"]
    raise ConfigError(
        f"Not connected to Talkdesk: {', '.join(missing)} not found. "
        f"Looked at: {'; '.join(looked_at)}.",
        hint="Give them to td.connect(...), or set "
        f"{', '.join(variable(name.split()[0]) for name in missing)}. "
        "To try everything without an account: td.connect(sandbox=True).",
    )


def _credentials(found: Mapping[str, Setting]) -> Credentials:
    client_id = _value(found, "client_id")
    if "client_secret" in found:
        secret = found["client_secret"].value
        assert isinstance(secret, Secret)
        return ClientSecret(client_id, secret)
    return ClientAssertion(client_id, _private_key(found), _value(found, "key_id"))


def _private_key(found: Mapping[str, Setting]) -> Secret:
    inline = found.get("private_key")
    if inline and isinstance(inline.value, Secret) and not _is_path(inline.value):
        return inline.value
    path = Path(inline.value.reveal() if inline and isinstance(inline.value, Secret) else "")
    return read_secret_file(path if inline else Path(_value(found, "private_key_file")))


def _is_path(text: Secret) -> bool:
    # Base64 of the smallest key is longer than a file name may be on any system, and no path
    # to an existing file begins with an armour line.
    content = text.reveal()
    return len(content) < 1024 and "\n" not in content and Path(content).expanduser().is_file()


def read_secret_file(path: Path) -> Secret:
    """Read a file that only its owner may read.

    Raises
    ------
    ConfigError
        It does not exist, cannot be read, or others can read it; the message says how to mend it.
    """
    path = path.expanduser()
    try:
        readable_by_others = os.name == "posix" and path.stat().st_mode & (
            stat.S_IRWXG | stat.S_IRWXO
        )
        if not readable_by_others:
            return Secret(path.read_text(encoding="utf-8").strip())
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"The secret file {path} cannot be read: {error}.") from None
    raise ConfigError(
        f"The secret file {path} can be read by other users of this machine.",
        hint=f"Mend it with: chmod 600 {path}",
    )
