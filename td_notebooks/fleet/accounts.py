"""A list of accounts in one TOML file, for those who look after many.

::

    [defaults]
    region = "eu"
    zone = "Europe/Lisbon"

    [[accounts]]
    profile = "acme"

    [[accounts]]
    account = "globex"
    region = "us"
    zone = "America/New_York"
    credentials_file = "secrets/globex.json"

Each account names what leads to it: a profile, a credentials file as Talkdesk's console downloads
it, or a client's id with its key; paths are relative to the file. The file itself holds no secret.
Nothing that tells accounts apart is taken from the environment, so that a variable somebody
forgot never sends one account's name with another one's secret.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import ConfigError
from ..profiles import read_profiles
from ..settings import Settings, find_settings
from ..sources import NAMES, PATHS
from ..timespan import zone as check_zone

if TYPE_CHECKING:
    from ..client import Talkdesk

_SECRETS = ("client_secret", "private_key", "password", "secret")
_SETTINGS = tuple(name for name in NAMES if name not in (*_SECRETS, "login"))
# What may come from the environment: it is of this machine, and not of an account.
_SHARED = {"ca", "scope", "reports_path", "redirect_uri"}


@dataclass(frozen=True, slots=True)
class AccountEntry:
    """One account of the list.

    Attributes
    ----------
    name : str
        For logs and summaries: the account's name, or the profile's.
    settings : mapping of str to str
        As for `td_notebooks.connect`; none of them a secret.
    zone : str
        IANA name of the zone whose days the account's history is cut at.
    source : Path
        The file it stands in.
    """

    name: str
    settings: Mapping[str, str]
    zone: str = "UTC"
    source: Path = field(default=Path())

    def find_settings(self) -> Settings:
        """Return everything a connection needs.

        Raises
        ------
        ConfigError
            Something is missing, or would come from the environment.
        """
        found = find_settings(**self.settings)
        for setting in found.found:
            if setting.name not in _SHARED and not self._own(setting.source):
                raise ConfigError(
                    f"The account {self.name!r} in {self.source} does not say its {setting.name}, "
                    f"and what stands in {setting.source.removesuffix(setting.name)} may belong "
                    "to another account.",
                    hint="Say it in the file, or name a profile that has it.",
                )
        return found

    def connect(self) -> Talkdesk:
        """Return a client of the account.

        Raises
        ------
        ConfigError
            As for `find_settings`.
        """
        from ..client import Talkdesk

        return Talkdesk(self.find_settings())

    def _own(self, source: str) -> bool:
        profile, file = self.settings.get("profile"), self.settings.get("credentials_file")
        places = ["argument ", "keyring"]
        if profile:
            places.append(f"profile {profile!r} ")
        return source.startswith(tuple(places)) or (
            # The file that the entry or its profile names.
            (file is not None and source.startswith(f"{file}: "))
            or (profile is not None and file is None and _of_a_file(source))
        )


def _of_a_file(source: str) -> bool:
    """Tell whether a setting stood in a credentials file and not in a variable or a ``.env``."""
    place, _, name = source.rpartition(" ")
    return place.endswith(":") and not name.startswith("TALKDESK_")


def read_accounts(path: Path, zone: str = "UTC") -> tuple[AccountEntry, ...]:
    """Read a list of accounts.

    Parameters
    ----------
    path : Path
    zone : str
        IANA name of the zone of those that name none.

    Raises
    ------
    ConfigError
        It cannot be read, names the same account twice, holds a secret or an unknown setting.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise ConfigError(f"The accounts in {path} cannot be read: {error.strerror}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"The accounts in {path} cannot be read: {error}.") from None
    defaults, listed = content.pop("defaults", {}), content.pop("accounts", [])
    if content or not isinstance(listed, list) or not isinstance(defaults, dict) or not listed:
        raise ConfigError(
            f"{path} is no list of accounts.",
            hint="It has one [[accounts]] for each, and [defaults] if you like.",
        )
    entries = tuple(
        _entry(path, number, {"zone": zone} | defaults | entry if isinstance(entry, dict) else {})
        for number, entry in enumerate(listed, 1)
    )
    # A lake keeps accounts apart by their names, in whatever region they are.
    for names in ([entry.name for entry in entries], _account_names(entries)):
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ConfigError(
                f"{path} names the account {twice[0]!r} twice.",
                hint="Accounts of one name in two regions need a file, and a lake, each.",
            )
    return entries


def _account_names(entries: Sequence[AccountEntry]) -> list[str]:
    """Return the accounts' names as far as they are known before anybody logs in."""
    chosen = {entry.settings["profile"] for entry in entries if "profile" in entry.settings}
    profiles = read_profiles() if chosen else {}
    found = [
        entry.settings.get("account")
        or profiles.get(entry.settings.get("profile", ""), {}).get("account")
        for entry in entries
    ]
    return [str(name).lower() for name in found if name]


def _entry(path: Path, number: int, values: Mapping[str, object]) -> AccountEntry:
    here = f"The account number {number} in {path}"
    for name, value in values.items():
        if name in _SECRETS:
            raise ConfigError(
                f"{here} holds a {name}: secrets do not belong into this file.",
                hint="Name a credentials_file, or a profile made with "
                "`td-notebooks login --client-only --ask`.",
            )
        if name not in (*_SETTINGS, "zone", "name"):
            raise ConfigError(
                f"{here} has an unknown setting {name!r}.",
                hint=f"There are name, zone, {', '.join(_SETTINGS)}.",
            )
        if not isinstance(value, str) or not value.strip():
            raise ConfigError(f"{here}: {name} must be a text.")
    settings = {name: str(values[name]).strip() for name in _SETTINGS if name in values}
    for name in settings.keys() & set(PATHS):
        settings[name] = str(path.parent / Path(settings[name]).expanduser())
    if not settings.keys() & {"profile", "credentials_file", "client_id"}:
        raise ConfigError(
            f"{here} does not say how to get in.",
            hint="Name a profile, a credentials_file, or a client_id with its key.",
        )
    name = str(values.get("name") or settings.get("account") or settings.get("profile") or "")
    if not name.strip():
        raise ConfigError(f"{here} has no name.", hint="Give its account, or a name.")
    zone = str(values["zone"])
    check_zone(zone)
    return AccountEntry(name.strip(), settings, zone, path)
