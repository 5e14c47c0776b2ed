"""The way to one account's reports, for a sync here or its windows in another process.

An `Access` is pickled without the connection, which is made anew over there from the same settings.
Secrets do not travel: the other process finds them itself, in its environment, the profile or the
keyring.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from ..auth.flow import TalkdeskAuth
from ..clock import Clock, SystemClock
from ..errors import ConfigError
from ..reports.api import JobsApi
from ..reports.schemas import schema
from ..secret import Secret
from ..settings import find_settings
from ..transport import Transport

if TYPE_CHECKING:
    from ..settings import Settings

#: How long the older API's data is behind, and how long before now a window must end there.
OLDER_API_DELAY = timedelta(hours=1)


class Access:
    """The way to one account's reports, here or, after pickling, in another process.

    Parameters
    ----------
    settings : Settings
    api : JobsApi
        The live connection.
    clock : Clock
    """

    def __init__(self, settings: Settings, api: JobsApi, clock: Clock) -> None:
        self.account = settings.account
        self._older_api = settings.older_api
        self._api: JobsApi | None = api
        self._clock: Clock | None = clock
        self._source = {
            setting.name: setting.value
            for setting in settings.found
            if not isinstance(setting.value, Secret)
        }

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_api": None, "_clock": None}

    @property
    def clock(self) -> Clock:
        """Where time comes from."""
        return self._clock or SystemClock()

    def delay(self, report_type: str) -> timedelta:
        """Return how far a report lags behind."""
        delay = timedelta(seconds=schema(report_type).freshness_seconds)
        return max(delay, OLDER_API_DELAY) if self._older_api else delay

    def last_end(self, now: datetime) -> datetime:
        """Return the latest end that a window may have."""
        return now - OLDER_API_DELAY if self._older_api else now

    @contextlib.contextmanager
    def api(self) -> Iterator[JobsApi]:
        """Yield the connection: the live one, or one made for the while.

        Raises
        ------
        ConfigError
            This process does not find the account's secret.
        """
        if self._api is not None:
            yield self._api
            return
        try:
            settings = find_settings(**self._source)
        except ConfigError as error:
            raise ConfigError(
                f"A worker cannot connect to {self.account.name}: {error}",
                hint="Secrets do not travel: keep them in a profile, the keyring or the "
                "environment of the workers.",
            ) from None
        auth = TalkdeskAuth(settings.account, settings.credentials, scope=settings.scope)
        transport = Transport(auth, ca=settings.ca)
        try:
            yield JobsApi(transport, settings.reports_path)
        finally:
            transport.close()
