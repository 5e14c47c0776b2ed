"""The eight events of AppConnect; one that is not known yet stays an `Event`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from urllib.parse import urlsplit

from ..auth.credentials import ClientAssertion, ClientSecret
from ..errors import ConfigError, EventError
from ..regions import REGIONS, Account, Origin
from .fields import credentials, inner, moment, text, texts
from .installations import Installation


@dataclass(frozen=True, slots=True)
class Event:
    """What all events have; also one of a type that is not known yet.

    Attributes
    ----------
    id : str
    type : str
    created_at : datetime
        Aware.
    app_id : str
    app_version_id, app_version_name : str
        Empty in events that do not tell.
    installation_id, account_id : str
    account_name : str
        Empty in events that do not tell.
    root : str
        API address of the account's region.
    """

    id: str
    type: str
    created_at: datetime
    app_id: str
    app_version_id: str
    app_version_name: str
    installation_id: str
    account_id: str
    account_name: str
    root: str


@dataclass(frozen=True, slots=True)
class AppInstalled(Event):
    """A customer installed the app.

    Attributes
    ----------
    installation : Installation
    """

    installation: Installation


@dataclass(frozen=True, slots=True)
class AppUpdated(Event):
    """Users or subscription of an installation changed.

    Attributes
    ----------
    users_added, users_removed : tuple of str
        Ids.
    subscription, licenses : str
        Empty if they did not change.
    """

    users_added: tuple[str, ...]
    users_removed: tuple[str, ...]
    subscription: str
    licenses: str


@dataclass(frozen=True, slots=True)
class AppUninstalled(Event):
    """A customer removed the app.

    Attributes
    ----------
    reason, message : str
    """

    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class AppTrialStarted(Event):
    """A trial began.

    Attributes
    ----------
    expires_at : datetime
    """

    expires_at: datetime


@dataclass(frozen=True, slots=True)
class AppTrialExtended(Event):
    """A trial was made longer.

    Attributes
    ----------
    expires_at : datetime
    """

    expires_at: datetime


@dataclass(frozen=True, slots=True)
class AppTrialEnded(Event):
    """A trial is over.

    Attributes
    ----------
    expires_at, ended_at : datetime
    ended_reason, ended_by : str
    """

    expires_at: datetime
    ended_at: datetime
    ended_reason: str
    ended_by: str


@dataclass(frozen=True, slots=True)
class AppCredentialsRotated(Event):
    """An installation has new credentials; the old ones work for seven days, unless compromised.

    Attributes
    ----------
    credentials : Credentials
    """

    credentials: ClientAssertion | ClientSecret


@dataclass(frozen=True, slots=True)
class UserLogout(Event):
    """A user of an installation logged out.

    Attributes
    ----------
    user_id : str
    user_email : str
    """

    user_id: str
    user_email: str = field(repr=False)


def read_event(fields: Mapping[str, object], hosts: Iterable[str]) -> Event:
    """Return the event of a body that was verified.

    Parameters
    ----------
    fields : mapping
        What its JSON holds.
    hosts : iterable of str
        The known API addresses: its root link must be one of them.

    Raises
    ------
    EventError
        A field is missing, or the host unknown.
    """
    data, links = inner(fields, "data"), inner(fields, "_links")
    root = text(inner(links, "root"), "href").rstrip("/")
    if Origin.of(root) not in {Origin.of(host) for host in hosts}:
        raise EventError(
            f"The event's root link {root[:100]!r} is not a known API host.",
            hint="If it is a new region, add its API address to the hosts.",
        )
    common = {
        "id": text(fields, "id", needed=True),
        "type": text(fields, "type", needed=True),
        "created_at": moment(fields.get("created_at")),
        "app_id": text(fields, "app_id"),
        "app_version_id": text(fields, "app_version_id"),
        "app_version_name": text(fields, "app_version_name"),
        "installation_id": text(data, "installation_id"),
        "account_id": text(data, "account_id"),
        "account_name": text(data, "account_name"),
        "root": root,
    }
    make = _TYPES.get(str(common["type"]))
    if make is None:
        return Event(**common)  # type: ignore[arg-type] # of the fields' types, name by name
    kind, more = make
    return kind(**common, **more(data, links, common))


_More = Callable[
    [Mapping[str, object], Mapping[str, object], Mapping[str, object]], dict[str, object]
]


def _installed(
    data: Mapping[str, object], links: Mapping[str, object], common: Mapping[str, object]
) -> dict[str, object]:
    installation = Installation(
        installation_id=text(data, "installation_id", needed=True),
        app_id=str(common["app_id"]),
        account_id=text(data, "account_id", needed=True),
        account=_account(
            text(data, "account_name", needed=True), str(common["root"]), _token_link(links)
        ),
        credentials=credentials(data),
        changed_at=moment(common["created_at"]),
    )
    return {"installation": installation}


def _token_link(links: Mapping[str, object]) -> str:
    # Both spellings occur in Talkdesk's pages.
    return next(
        (href for name in ("token", "tokens") if (href := text(inner(links, name), "href"))), ""
    )


def _account(name: str, root: str, token_url: str) -> Account:
    """Return the account; its token link is taken if it belongs to the region."""
    try:
        if Origin.of(root) not in {Origin.of(f"https://{r.api_host}") for r in REGIONS.values()}:
            return Account(name, "custom", token_url=token_url, api_url=root)
        account = Account.from_root_link(name, root)
    except ConfigError as error:
        raise EventError(f"The event's account cannot be used: {error}") from None
    parts = urlsplit(token_url)
    domain = REGIONS[account.region].identity_domain
    if parts.scheme == "https" and (parts.hostname or "").endswith(f".{domain}"):
        return replace(account, token_url=token_url)
    return account


def _updated(
    data: Mapping[str, object], links: Mapping[str, object], common: Mapping[str, object]
) -> dict[str, object]:
    users, adding = inner(data, "users"), inner(inner(data, "subscription"), "adding")
    return {
        "users_added": texts(users, "adding"),
        "users_removed": texts(users, "removing"),
        "subscription": text(adding, "name"),
        "licenses": text(adding, "licenses"),
    }


_TYPES: dict[str, tuple[Callable[..., Event], _More]] = {
    "app.installed": (AppInstalled, _installed),
    "app.updated": (AppUpdated, _updated),
    "app.uninstalled": (
        AppUninstalled,
        lambda data, *_: {
            "reason": text(inner(data, "reason"), "type"),
            "message": text(inner(data, "reason"), "message"),
        },
    ),
    "app.trial_started": (
        AppTrialStarted,
        lambda data, *_: {"expires_at": moment(data.get("expires_at"))},
    ),
    "app.trial_extended": (
        AppTrialExtended,
        lambda data, *_: {"expires_at": moment(data.get("expires_at"))},
    ),
    "app.trial_ended": (
        AppTrialEnded,
        lambda data, *_: {
            "expires_at": moment(data.get("expires_at")),
            "ended_at": moment(data.get("ended_at")),
            "ended_reason": text(data, "ended_reason"),
            "ended_by": text(data, "ended_by"),
        },
    ),
    "app.credentials_rotated": (
        AppCredentialsRotated,
        lambda data, *_: {"credentials": credentials(data)},
    ),
    "user.logout": (
        UserLogout,
        lambda data, *_: {
            "user_id": text(data, "user_id"),
            "user_email": text(data, "user_email"),
        },
    ),
}
