"""The places where settings may stand, the strongest first, and what of them is left unused.

A profile or a credentials file counts as standing right behind the place that names it, so that
naming one in a call is not overruled by what happens to stand in the environment; the profile
``default``, which nobody names, comes after all of them.

What belongs together comes together. Once a place has named an account, what a weaker one says of
another account is not used: neither its region and addresses, nor its client. Once a client is
named, nothing of another client is used: no secret, key, login or scope. Addresses stand in for
those of a region, wherever it is named.
"""

from __future__ import annotations

import contextlib
import difflib
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from dotenv import dotenv_values, find_dotenv

from .auth.files import read_credentials_file
from .errors import ConfigError
from .profiles import DEFAULT, profiles_path, read_profiles
from .secret import Secret

PROOFS = ("client_secret", "private_key", "private_key_file")
PATHS = ("credentials_file", "private_key_file", "ca")
ADDRESSES = ("api_url", "token_url")
OF_CLIENT = (
    "client_id",
    "key_id",
    "key_algorithm",
    "login",
    "redirect_uri",
    "scope",
    "token_type",
    "token_days",
    *PROOFS,
)
OF_ACCOUNT = (
    "profile",
    "credentials_file",
    "account",
    "region",
    *ADDRESSES,
    "reports_path",
    *OF_CLIENT,
)
NAMES = (*OF_ACCOUNT, "ca")

# Variables that are read elsewhere.
_OTHERS = {"TALKDESK_PSEUDONYM_KEY"}


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
class Place:
    """A place where settings may stand.

    Attributes
    ----------
    label : str
        For messages, with the setting's name behind it.
    values : mapping
    in_capitals : bool
        Whether the names are those of variables.
    profile : str
        The name of the profile that it is; empty if it is none.
    named_by : Place or None
        The place that names this one: what that says of the account counts here, too.
    """

    label: str
    values: Mapping[str, str | Secret | None] = field(repr=False)
    in_capitals: bool = True
    profile: str = ""
    named_by: Place | None = None

    def __str__(self) -> str:
        if self.label == "environment variable":
            return "the environment"
        return "the arguments" if self.label == "argument" else self.label.rstrip(":")

    def key(self, name: str) -> str:
        """Return what a setting is called here."""
        return variable(name) if self.in_capitals else name

    def get(self, name: str) -> Setting | None:
        """Return a setting that stands here; one that is blank does not.

        Raises
        ------
        ConfigError
            It is no text, or a path or an address with a line break in it.
        """
        key = self.key(name)
        value = self.values.get(key)
        if isinstance(value, Secret):
            value = Secret(value.reveal().strip())
        elif value is not None:
            value = str(value).strip()  # a Path is as good as its text
        if not value:  # blank is as good as not there: a template that nobody filled in
            return None
        if name in {"client_secret", "private_key"} and isinstance(value, str):
            value = Secret(value)
        if name not in PATHS and not _is_text(value):
            raise ConfigError(
                f"{self.label} {key} is no UTF-8 text.",
                hint="Copy it again from where it comes from; in Python, give a str.",
            )
        if name in (*PATHS, *ADDRESSES) and re.search(r"[\x00-\x1f\x7f]", str(value)):
            raise ConfigError(
                f"{self.label} {key} holds a line break, a tab or the like.",
                hint=r"In double quotes \n and \t mean these: take single quotes in such a file.",
            )
        if name in PATHS and str(value).startswith("~"):
            with contextlib.suppress(RuntimeError):  # no such home
                value = str(Path(str(value)).expanduser())
        return Setting(name, value, f"{self.label} {key}")

    def text(self, name: str) -> str:
        """Return a setting that is no secret; empty if it does not stand here."""
        setting = self.get(name)
        return str(setting.value) if setting else ""

    @property
    def account(self) -> str:
        """The account it is about, in small letters; empty if it does not say."""
        own = self.text("account").lower()
        return own or (self.named_by.account if self.named_by else "")

    def without(self, names: Iterable[str]) -> Place:
        """Return the place without some settings."""
        keys = set(map(self.key, names))
        values = {key: value for key, value in self.values.items() if key not in keys}
        return replace(self, values=values)

    def unknown(self) -> Iterator[str]:
        """Yield what looks like a setting and is none, as a misspelt one does."""
        known = _OTHERS | set(map(self.key, NAMES))
        for key in self.values:
            of_talkdesk = key.upper().startswith("TALKDESK_") or not self.in_capitals
            if of_talkdesk and key not in known:
                bare = key.upper().removeprefix("TALKDESK_").lower()
                close = difflib.get_close_matches(bare, NAMES, 1)
                is_it = f": is it {self.key(close[0])}?" if close else ""
                yield f"{key} in {self}, which is no setting{is_it}"


def find_places(arguments: Mapping[str, str | Secret | None]) -> tuple[list[Place], list[str]]:
    """Return the places where the settings of one connection stand, and what is not used of them.

    Parameters
    ----------
    arguments : mapping
        None means "not given".

    Raises
    ------
    ConfigError
        A place cannot be read, or holds what can be no setting.
    """
    places: list[Place] = []
    unused: list[str] = []
    account = client = ""
    for place in _all_places(arguments):
        unused += place.unknown()
        own_client = place.text("client_id")
        if account and place.account not in ("", account):
            unused.append(f"what {place} says of account {place.account!r}")
            places.append(replace(place.without(OF_ACCOUNT), profile=""))
            continue
        if client and own_client not in ("", client):
            unused.append(f"what {place} says of client {own_client!r}")
            place = place.without(OF_CLIENT)
        account, client = account or place.account, client or own_client
        places.append(place)
    return places, unused


def _is_text(value: object) -> bool:
    with contextlib.suppress(UnicodeEncodeError, AttributeError):  # bytes cannot be encoded
        (value.reveal() if isinstance(value, Secret) else str(value)).encode()
        return True
    return False


def _all_places(arguments: Mapping[str, str | Secret | None]) -> Iterator[Place]:
    named: set[str] = set()
    for place in _own_places(arguments):
        yield place
        profile = place.text("profile")
        if profile and "profile" not in named:
            named.add("profile")
            chosen = replace(_profile(profile), named_by=place)
            yield chosen
            yield from _credentials_file(chosen, named)
        yield from _credentials_file(place, named)
    if "profile" not in named and DEFAULT in read_profiles():
        chosen = _profile(DEFAULT)
        yield chosen
        yield from _credentials_file(chosen, named)


def _own_places(arguments: Mapping[str, str | Secret | None]) -> Iterator[Place]:
    yield Place("argument", arguments, in_capitals=False)
    yield Place("environment variable", os.environ)
    if path := find_dotenv(usecwd=True):
        yield Place(f"{path}:", _from_there(_dotenv(path), Path(path).parent))


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


def _profile(name: str) -> Place:
    profiles = read_profiles()
    if name not in profiles:
        known = f"It has {', '.join(profiles)}." if profiles else "There are none yet."
        raise ConfigError(
            f"There is no profile {name!r} in {profiles_path()}. {known}",
            hint=f"Make it with: td-notebooks login --profile {name}",
        )
    return Place(f"profile {name!r}", profiles[name], in_capitals=False, profile=name)


def _credentials_file(place: Place, named: set[str]) -> Iterator[Place]:
    path = place.text("credentials_file")
    if path and "credentials_file" not in named:
        named.add("credentials_file")
        yield Place(
            f"{path}:", read_credentials_file(Path(path)), in_capitals=False, named_by=place
        )
