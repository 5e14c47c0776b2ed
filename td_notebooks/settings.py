"""Find what a connection needs: argument, environment, ``.env``, profile, keyring.

The first place that has a setting wins; `td_notebooks.sources` tells their order, and what of them
belongs together.

A private key or a client secret counts as one setting,
"how the client proves itself", so that a key given as an argument is not contradicted by a
secret that happens to stand in the environment.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from .auth.browser import REDIRECT_URI
from .auth.credentials import Credentials
from .auth.proofs import credentials_from, is_path
from .errors import ConfigError
from .profiles import DEFAULT, keyring_problem, profiles_path, read_keyring
from .regions import Account
from .secret import Secret
from .sources import NAMES, PROOFS, Place, Setting, find_places, variable

CURRENT_PATHS = "/data/reports"
OLDER_PATHS = "/reports"

# The least that pulling reports needs, by reports path (Talkdesk's list of scopes).
DEFAULT_SCOPES = {
    CURRENT_PATHS: "data-reports:read data-reports:write",
    OLDER_PATHS: "reports:read reports:write",
}

KNOWN_SCOPES = frozenset(" ".join(DEFAULT_SCOPES.values()).split())

# Ids as Talkdesk writes them: of accounts (24, or with hyphens), of clients and keys (32).
_ID = re.compile("[0-9a-f]{24}|[0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


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
    unused : tuple of str
        What was found and not used: settings of another account or client, and misspelt ones.
    """

    account: Account
    credentials: Credentials
    scope: str
    reports_path: str = CURRENT_PATHS
    ca: str | None = None
    redirect_uri: str = REDIRECT_URI
    profile: str = ""
    found: tuple[Setting, ...] = field(default=())
    unused: tuple[str, ...] = ()

    def __repr__(self) -> str:
        shown = [*self.found, *self._defaults()]
        width = max((len(setting.name) for setting in shown), default=0)
        lines = [f"  {s.name:<{width}}  {s.value}  ({s.source})" for s in shown]
        lines += [f"  not used: {what}" for what in self.unused]
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
    if unknown := set(arguments) - set(NAMES):
        raise ConfigError(f"Unknown setting {min(unknown)!r}: there are {', '.join(NAMES)}.")
    places, unused = find_places(arguments)
    found = {name: setting for name in NAMES if (setting := _first(places, name))}
    for contradicted in set(PROOFS) - {_proof(places)}:
        found.pop(contradicted, None)
    if "client_id" in found and not found.keys() & set(PROOFS):
        found |= _from_keyring(_value(found, "client_id"), with_key="key_id" in found)
    if (key := found.get("private_key")) and isinstance(key.value, Secret) and is_path(key.value):
        del found["private_key"]
        found["private_key_file"] = Setting("private_key_file", key.value.reveal(), key.source)
    _check_looks(found)
    account = Account(
        _value(found, "account") or "custom",
        _value(found, "region", "us"),
        token_url=_value(found, "token_url"),
        api_url=_value(found, "api_url"),
    )
    _require(found, places, unused)
    reports_path = path_of_reports(_value(found, "reports_path"))
    profile = next((place.profile for place in places if place.profile), "")
    return Settings(
        account=account,
        credentials=credentials_from({name: s.value for name, s in found.items()}, profile),
        scope=_value(found, "scope", default_scope(reports_path)),
        reports_path=reports_path,
        ca=check_ca(_value(found, "ca")),
        redirect_uri=_value(found, "redirect_uri", REDIRECT_URI),
        profile=profile,
        found=tuple(found[name] for name in NAMES if name in found),
        unused=tuple(unused),
    )


def path_of_reports(given: str | None) -> str:
    """Return a reports path as it is written in addresses; a gateway may have one of its own."""
    return "/" + (given or CURRENT_PATHS).strip("/")


def default_scope(reports_path: str) -> str:
    """Return the scopes to ask for; empty if it is not known which ones a path needs."""
    return DEFAULT_SCOPES.get(reports_path, "")


def check_ca(path: str | None) -> str | None:
    """Return the file of certificates to trust; None if none is named.

    Raises
    ------
    ConfigError
        It is not there, or holds no certificates.
    """
    problem = ""
    try:
        if path:
            ssl.create_default_context(cafile=path)
    except FileNotFoundError:
        problem = "does not exist"
    except ssl.SSLError:
        problem = "holds no certificates in PEM"
    except OSError as error:
        problem = f"cannot be read: {error.strerror or error}"
    if problem:
        raise ConfigError(f"The file of certificates to trust, ca = {path!r}, {problem}.")
    return path or None


def _from_keyring(client_id: str, *, with_key: bool) -> dict[str, Setting]:
    """Return the client's secret or key; a client that went from one to the other has both."""
    names = ["client_secret", "private_key"]
    for name in reversed(names) if with_key else names:
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


def _first(places: list[Place], name: str) -> Setting | None:
    return next((setting for place in places if (setting := place.get(name))), None)


def _proof(places: list[Place]) -> str | None:
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


def _require(found: Mapping[str, Setting], places: Sequence[Place], unused: Sequence[str]) -> None:
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
    others = [place for place in places if place.label not in {"argument", "environment variable"}]
    looked_at = ["the arguments", f"the environment ({variable('account')}, …)"]
    looked_at += map(str, others)
    if not any(place.in_capitals for place in others):
        looked_at.append(f"a .env file in {Path.cwd()} or above it (there is none)")
    if not any(place.label.startswith("profile ") for place in others):
        looked_at.append(f"the profile {DEFAULT!r} in {profiles_path()} (there is none)")
    looked_at.append(f"the keyring ({keyring_problem() or 'nothing of this client'})")
    raise ConfigError(
        f"Not connected to Talkdesk: {', '.join(missing)} not found. "
        f"Looked at: {'; '.join(looked_at)}."
        + (f" Not used: {'; '.join(unused)}." if unused else ""),
        hint="Give them to td.connect(...), or set "
        f"{', '.join(variable(name.split()[0]) for name in missing)}. "
        "To try everything without an account: td.connect(sandbox=True).",
    )
