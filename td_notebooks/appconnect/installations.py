"""Installations: an app in a customer's account, its credentials and their rotation."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ..auth.credentials import ClientAssertion, ClientSecret
from ..errors import ConfigError, EventError, TalkdeskError
from ..regions import Account
from ..secret import Secret, read_secret_file, write_secret_file
from .fields import credentials, inner, json_object, moment, text

if TYPE_CHECKING:
    from .events import AppCredentialsRotated, Event

_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")


@dataclass(frozen=True, slots=True)
class Installation:
    """An app in a customer's account, and how it connects there.

    Attributes
    ----------
    installation_id, app_id, account_id : str
    account : Account
    credentials : Credentials
    previous : Credentials or None
        During a rotation: the set that works until the new one is acknowledged.
    changed_at : datetime or None
        When the event was made that told of the credentials. Events are delivered again, and can
        be replayed: an older one must not bring back older credentials.
    """

    installation_id: str
    app_id: str
    account_id: str
    account: Account
    credentials: ClientAssertion | ClientSecret
    previous: ClientAssertion | ClientSecret | None = None
    changed_at: datetime | None = None

    def rotated(self, event: AppCredentialsRotated) -> Installation:
        """Return the installation with the new credentials, the present ones kept as previous.

        An event that is older than the present credentials changes nothing.

        Parameters
        ----------
        event : AppCredentialsRotated

        Raises
        ------
        EventError
            The event is another installation's.
        """
        if (event.installation_id, event.account_id) != (self.installation_id, self.account_id):
            raise EventError(
                f"The new credentials are for installation {event.installation_id}, not for "
                f"{self.installation_id}."
            )
        if event.credentials == self.credentials or self.is_newer_than(event):
            return self
        return replace(
            self,
            credentials=event.credentials,
            previous=self.credentials,
            changed_at=event.created_at,
        )

    def is_newer_than(self, event: Event) -> bool:
        """Say whether the credentials were told of by a later event.

        Parameters
        ----------
        event : Event
        """
        return self.changed_at is not None and self.changed_at > event.created_at

    def settled(self) -> Installation:
        """Return the installation without its previous credentials."""
        return replace(self, previous=None)

    @property
    def acknowledgement(self) -> tuple[str, dict[str, str]]:
        """Path and JSON body of the POST that ends the previous credentials.

        Send it only once a token was obtained with the new ones.
        """
        client_id = self.credentials.client_id
        path = f"/apps/{self.app_id}/installations/{self.installation_id}/credentials/{client_id}"
        return f"{path}/state", {"state": "acknowledged"}


class InstallationStore:
    """Installations as files that only their owner may read.

    Parameters
    ----------
    folder : Path
        Made with the first one.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def save(self, installation: Installation) -> Path:
        """Write an installation, in the place of an earlier state of it.

        Parameters
        ----------
        installation : Installation

        Raises
        ------
        ConfigError
            It cannot be written.
        """
        path = self._path(installation.installation_id)
        account = installation.account
        fields = {
            "installation_id": installation.installation_id,
            "app_id": installation.app_id,
            "account_id": installation.account_id,
            "account_name": account.name,
            "region": account.region,
            "api_url": account.api_url,
            "token_url": account.token_url,
            "credentials": _written(installation.credentials),
            "previous": installation.previous and _written(installation.previous),
            "changed_at": installation.changed_at and installation.changed_at.isoformat(),
        }
        write_secret_file(path, Secret(json.dumps(fields, indent=1)))
        return path

    def load(self, installation_id: str) -> Installation:
        """Read an installation.

        Parameters
        ----------
        installation_id : str

        Raises
        ------
        ConfigError
            It is not there, damaged, or others can read it.
        """
        path = self._path(installation_id)
        outcome = _read(read_secret_file(path))
        if isinstance(outcome, TalkdeskError):
            raise ConfigError(f"The installation in {path} cannot be read: {outcome}")
        return outcome

    def delete(self, installation_id: str) -> None:
        """Forget an installation; it may be gone already."""
        self._path(installation_id).unlink(missing_ok=True)

    def __iter__(self) -> Iterator[Installation]:
        for path in sorted(self.folder.glob("*.json")):
            yield self.load(path.stem)

    def receive(self, event: Event) -> None:
        """Keep what an event says: installed, rotated, uninstalled.

        Events are delivered again, and can be replayed: one that is older than what is known, or
        than the end of the installation, changes nothing.

        Parameters
        ----------
        event : Event
            One that was verified.

        Raises
        ------
        ConfigError
            New credentials for an installation that is not there, or a file that cannot be
            written.
        """
        from .events import AppCredentialsRotated, AppInstalled, AppUninstalled

        if not isinstance(event, AppInstalled | AppCredentialsRotated | AppUninstalled):
            return
        path = self._path(event.installation_id)
        ended = path.with_suffix(".uninstalled")
        if ended.exists() and moment(read_secret_file(ended).reveal()) >= event.created_at:
            return
        known = self.load(event.installation_id) if path.exists() else None
        if isinstance(event, AppCredentialsRotated):
            self.save((known or self.load(event.installation_id)).rotated(event))
        elif known and known.is_newer_than(event):
            return
        elif isinstance(event, AppInstalled):
            self.save(event.installation)
        else:
            write_secret_file(ended, Secret(event.created_at.isoformat()))
            self.delete(event.installation_id)

    def _path(self, installation_id: str) -> Path:
        if not _ID.fullmatch(installation_id):
            raise ConfigError(f"{installation_id[:64]!r} is no id of an installation.")
        return self.folder / f"{installation_id}.json"


def _read(content: Secret) -> Installation | TalkdeskError:
    """Return an error instead of raising it: the frame here holds secrets."""
    try:
        fields = json_object(content.reveal().encode())
        previous = inner(fields, "previous")
        return Installation(
            installation_id=text(fields, "installation_id", needed=True),
            app_id=text(fields, "app_id"),
            account_id=text(fields, "account_id"),
            account=Account(
                text(fields, "account_name"),
                text(fields, "region"),
                token_url=text(fields, "token_url"),
                api_url=text(fields, "api_url"),
            ),
            credentials=credentials(inner(fields, "credentials")),
            previous=credentials(previous) if previous else None,
            changed_at=moment(fields["changed_at"]) if fields.get("changed_at") else None,
        )
    except TalkdeskError as error:
        return error.with_traceback(None)


def _written(credentials: ClientAssertion | ClientSecret) -> dict[str, str]:
    if isinstance(credentials, ClientAssertion):
        return {
            "client_id": credentials.client_id,
            "private_key": credentials.private_key.reveal(),
            "key_id": credentials.key_id,
            "key_algorithm": credentials.algorithm or "",
        }
    assert isinstance(credentials, ClientSecret)
    return {
        "client_id": credentials.client_id,
        "client_secret": credentials.client_secret.reveal(),
    }
