"""AppConnect: believing its events, and connecting to the accounts that installed an app."""

from .events import (
    AppCredentialsRotated,
    AppInstalled,
    AppTrialEnded,
    AppTrialExtended,
    AppTrialStarted,
    AppUninstalled,
    AppUpdated,
    Event,
    UserLogout,
)
from .installations import Installation, InstallationStore
from .receiver import Receiver
from .signatures import SeenEvents, SignatureKeys, verify

__all__ = [
    "AppCredentialsRotated",
    "AppInstalled",
    "AppTrialEnded",
    "AppTrialExtended",
    "AppTrialStarted",
    "AppUninstalled",
    "AppUpdated",
    "Event",
    "Installation",
    "InstallationStore",
    "Receiver",
    "SeenEvents",
    "SignatureKeys",
    "UserLogout",
    "verify",
]
