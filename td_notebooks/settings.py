"""Find what a connection needs: argument, environment, ``.env``, profile, keyring.

The first place that has a setting wins. A profile or a credentials file counts as standing right
behind the place that names it, so that naming one in a call is not overruled by what happens to
stand in the environment; the profile ``default``, which nobody names, comes after all of them.

A private key or a client secret counts as one setting,
"how the client proves itself", so that a key given as an argument is not contradicted by a
secret that happens to stand in the environment.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from dotenv import dotenv_values, find_dotenv

from .auth.browser import REDIRECT_URI
from .auth.credentials import Credentials
from .auth.files import read_credentials_file
from .auth.proofs import credentials_from
from .errors import ConfigError
from .profiles import (
    DEFAULT,
    keyring_problem,
    profiles_path,
    read_keyring,
    read_profiles,
)
from .regions import Account
from .secret import Secret

CURRENT_PATHS = "/data/reports"
OLDER_PATHS = "/reports"

# The least that pulling reports needs, by reports path (Talkdesk's list of scopes).
DEFAULT_SCOPES = {
    CURRENT_PATHS: "data-reports:read data-reports:write",
    OLDER_PATHS: "reports:read reports:write",
}

KNOWN_SCOPES = frozenset(" ".join(DEFAULT_SCOPES.values()).split())

PROOFS = ("client_secret", "private_key", "private_key_file")
PATHS = ("credentials_file", "private_key_file", "ca")
NAMES = (
    "profile",
    "credentials_file",
    "account",
    "region",
    "api_url",
    "token_url",
    "reports_path",
    "client_id",
    "key_id",
    "key_algorithm",
    "login",
    "redirect_uri",
    "scope",
    "token_type",
    "token_days",
    "ca",
    *PROOFS,
)

# Ids as Talkdesk writes them: of accounts (24, or with hyphens), of clients and keys (32).
_ID = re.compile("[0-9a-f]{24}|[0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


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
    redirect_uri : str
        Where a login in the browser ends.
    profile : str
        The profile in use; empty if there is none.
    found : tuple of Setting
        What was used and from where.
    """

    account: Account
    credentials: Credentials
    scope: str
    reports_path: str = CURRENT_PATHS
    ca: str | None = None
    redirect_uri: str = REDIRECT_URI
    profile: str = ""
    found: tuple[Setting, ...] = field(default=())

    def __repr__(self) -> str:
        shown = [*self.found, *self._defaults()]
        width = max((len(setting.name) for setting in shown), default=0)
        lines = [f"  {s.name:<{width}}  {s.value}  ({s.source})" for s in shown]
        return "\n".join([f"Settings of account {self.account.name!r}", *lines])

    def _defaults(self) -> Iterator[Setting]:
        """Yield what nobody set and matters most when the way in is closed."""
        names = {setting.name for setting in self.found}
        if "account" in names:
            for name, value in (("region", self.account.region), ("scope", self.scope)):
                if name not in names and value:
                    yield Setting(name, value, "default")

    @property
    def older_api(self) -> bool:
        """Whether jobs go to the older Reporting API."""
        return self.reports_path == OLDER_PATHS


def find_settings(**arguments: str | Secret | None) -> Settings:
    """Collect the settings of one connection.

    Parameters
    ----------
    **arguments
        Any of ``profile, credentials_file, account, region, api_url, token_url, reports_path,
        client_id, client_secret, private_key, private_key_file, key_id, key_algorithm, login,
        redirect_uri, scope, token_type, token_days, ca``; None means "not given".

    Raises
    ------
    ConfigError
        A setting is missing, contradictory or unusable. Every place looked at is named.
    """
    places = list(_places(arguments))
    found = {name: setting for name in NAMES if (setting := _first(places, name))}
    for contradicted in set(PROOFS) - {_proof(places)}:
        found.pop(contradicted, None)
    if "client_id" in found and not found.keys() & set(PROOFS):
        found |= _from_keyring(_value(found, "client_id"))
    _require(found, places)
    _check_looks(found)
    reports_path = "/" + _value(found, "reports_path", CURRENT_PATHS).strip("/")
    ca = _value(found, "ca")
    if ca and not Path(ca).is_file():
        raise ConfigError(f"The file of certificates to trust, ca = {ca!r}, does not exist.")
    profile = next((place.name for place in places if place.name), "")
    return Settings(
        account=Account(
            _value(found, "account") or "custom",
            _value(found, "region", "us"),
            token_url=_value(found, "token_url"),
            api_url=_value(found, "api_url"),
        ),
        credentials=credentials_from({name: s.value for name, s in found.items()}, profile),
        scope=_value(found, "scope", DEFAULT_SCOPES.get(reports_path, "")),
        reports_path=reports_path,
        ca=ca or None,
        redirect_uri=_value(found, "redirect_uri", REDIRECT_URI),
        profile=profile,
        found=tuple(found[name] for name in NAMES if name in found),
    )


@dataclass(frozen=True, slots=True)
class _Place:
    """A place where settings may stand; `name` is that of a profile."""

    label: str
    values: Mapping[str, str | Secret | None] = field(repr=False)
    in_capitals: bool = True
    name: str = ""

    def get(self, name: str) -> Setting | None:
        key = variable(name) if self.in_capitals else name
        value = self.values.get(key)
        if isinstance(value, Secret):
            value = Secret(value.reveal().strip())
        elif value is not None:
            value = str(value).strip()  # a Path is as good as its text
        if not value:  # blank is as good as not there: a template that nobody filled in
            return None
        if name in {"client_secret", "private_key"} and isinstance(value, str):
            value = Secret(value)
        return Setting(name, value, f"{self.label} {key}")


def _places(arguments: Mapping[str, str | Secret | None]) -> Iterator[_Place]:
    if unknown := set(arguments) - set(NAMES):
        raise ConfigError(f"Unknown setting {min(unknown)!r}: there are {', '.join(NAMES)}.")
    named: set[str] = set()
    for place in _own_places(arguments):
        yield place
        profile = place.get("profile")
        if profile and "profile" not in named:
            named.add("profile")
            chosen = _profile(str(profile.value))
            yield chosen
            yield from _credentials_file(chosen, named)
        yield from _credentials_file(place, named)
    if "profile" not in named and DEFAULT in read_profiles():
        chosen = _profile(DEFAULT)
        yield chosen
        yield from _credentials_file(chosen, named)


def _own_places(arguments: Mapping[str, str | Secret | None]) -> Iterator[_Place]:
    yield _Place("argument", arguments, in_capitals=False)
    yield _Place("environment variable", os.environ)
    if path := find_dotenv(usecwd=True):
        yield _Place(f"{path}:", _from_there(_dotenv(path), Path(path).parent))


def _from_there(values: Mapping[str, str | None], folder: Path) -> dict[str, str | None]:
    """Read the paths in a ``.env`` as seen from its folder: the notebook may be further down."""
    found = dict(values)
    for name in map(variable, PATHS):
        path = Path(found.get(name) or "/")
        with contextlib.suppress(RuntimeError):  # no such home
            path = path.expanduser()
        if not path.is_absolute() and not path.exists():
            found[name] = str(folder / path)
    return found


def _dotenv(path: str) -> Mapping[str, str | None]:
    problem = "it is no UTF-8 text"
    try:
        return dotenv_values(path)
    except UnicodeDecodeError:  # it holds the content, so it goes no further
        pass
    except OSError as error:
        problem = error.strerror or type(error).__name__
    raise ConfigError(
        f"The settings in {path} cannot be read: {problem}.",
        hint="Save it as UTF-8 text that you may read, or move it out of the way.",
    )


def _profile(name: str) -> _Place:
    profiles = read_profiles()
    if name not in profiles:
        known = f"It has {', '.join(profiles)}." if profiles else "There are none yet."
        raise ConfigError(
            f"There is no profile {name!r} in {profiles_path()}. {known}",
            hint=f"Make it with: td-notebooks login --profile {name}",
        )
    return _Place(f"profile {name!r}", profiles[name], in_capitals=False, name=name)


def _credentials_file(place: _Place, named: set[str]) -> Iterator[_Place]:
    path = place.get("credentials_file")
    if path and "credentials_file" not in named:
        named.add("credentials_file")
        file = Path(str(path.value))
        yield _Place(f"{file}:", read_credentials_file(file), in_capitals=False)


def _from_keyring(client_id: str) -> dict[str, Setting]:
    for name in ("client_secret", "private_key"):
        if secret := read_keyring(client_id, name):
            return {name: Setting(name, secret, "keyring")}
    return {}


def _check_looks(found: Mapping[str, Setting]) -> None:
    """Refuse what looks like something else, before it is sent or shown anywhere."""
    secret = found["client_secret"].value if "client_secret" in found else ""
    client_id = _value(found, "client_id")
    if isinstance(secret, Secret) and _ID.fullmatch(secret.reveal()) and len(client_id) > 40:
        raise ConfigError(
            "The client id and the client secret seem to be swapped: the id is the short one, of "
            "32 letters and digits."
        )
    account = _value(found, "account")
    if _ID.fullmatch(account) and "token_url" not in found:
        raise ConfigError(
            f"{account!r} looks like the account's id: give its name, the part before "
            ".talkdeskid.com where people log in."
        )


def _first(places: list[_Place], name: str) -> Setting | None:
    return next((setting for place in places if (setting := place.get(name))), None)


def _proof(places: list[_Place]) -> str | None:
    for place in places:
        given = [name for name in PROOFS if place.get(name)]
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
    if not found.keys() & set(PROOFS):
        missing.append("client_secret (or private_key with key_id)")
    elif "client_secret" not in found and "key_id" not in found:
        missing.append("key_id")
    if not missing:
        return
    looked_at = ["the arguments", f"the environment ({variable('account')}, …)"]
    looked_at += [
        place.label.rstrip(":")
        for place in places
        if place.label not in {"argument", "environment variable"}
    ]
    if not find_dotenv(usecwd=True):
        looked_at.append(f"a .env file in {Path.cwd()} or above it (there is none)")
    if not any(place.name for place in places):
        looked_at.append(f"the profile {DEFAULT!r} in {profiles_path()} (there is none)")
    looked_at.append(f"the keyring ({keyring_problem() or 'nothing of this client'})")
    raise ConfigError(
        f"Not connected to Talkdesk: {', '.join(missing)} not found. "
        f"Looked at: {'; '.join(looked_at)}.",
        hint="Give them to td.connect(...), or set "
        f"{', '.join(variable(name.split()[0]) for name in missing)}. "
        "To try everything without an account: td.connect(sandbox=True).",
    )
