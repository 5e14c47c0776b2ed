"""What an application answers to a delivery, and keeps of it."""

from __future__ import annotations

from collections.abc import Mapping

from ..errors import EventError, TalkdeskError
from .events import Event
from .installations import InstallationStore
from .signatures import SeenEvents, SignatureKeys, verify

LARGEST_EVENT = 1 << 20

HANDLED, FORGED, TOO_LARGE, FAILED, LATER = 200, 403, 413, 500, 503


class Receiver:
    """Believes what Talkdesk signed, handles it once, and says which status to answer.

    Parameters
    ----------
    keys : SignatureKeys
    store : InstallationStore, optional
        Where installations are kept.
    """

    def __init__(self, keys: SignatureKeys, store: InstallationStore | None = None) -> None:
        self._keys = keys
        self._store = store
        self._seen = SeenEvents()

    def receive(self, headers: Mapping[str, str], body: bytes) -> tuple[int, Event | TalkdeskError]:
        """Handle a delivery.

        Parameters
        ----------
        headers : mapping of str to str
        body : bytes

        Returns
        -------
        int
            The status to answer. Talkdesk delivers again after an error: 503 when the key could
            not be asked for, 500 when nothing could be kept.
        Event or TalkdeskError
            What it was, or what was wrong with it.
        """
        if len(body) > LARGEST_EVENT:
            return TOO_LARGE, EventError(f"A delivery of {len(body)} bytes is no event.")
        try:
            event = verify(headers, body, self._keys)
        except EventError as error:
            return LATER if error.retryable else FORGED, error.with_traceback(None)
        if event.id in self._seen:
            return HANDLED, EventError(f"The event {event.id} was received before.")
        try:
            if self._store:
                self._store.receive(event)
        except TalkdeskError as error:
            return FAILED, error.with_traceback(None)
        self._seen.add(event.id)
        return HANDLED, event
