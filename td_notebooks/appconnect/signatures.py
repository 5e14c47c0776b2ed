"""AppConnect: events that can be believed, and what an installation needs to connect.

Talkdesk signs each event with ECDSA over the body as received (SHA-512), and names the key by an
id. The key is asked for at the known API hosts only, never where the event points: a forged one
could name a host of its own. Whether the hexadecimal signature is DER or the two numbers side by
side, and how a key is written, is not documented; all likely forms are read.

Deliveries are repeated, and carry no time that is signed: an event is recognised by its id.
"""

from __future__ import annotations

import base64
import contextlib
import re
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from ..errors import EventError
from ..regions import REGIONS
from .events import Event, read_event
from .fields import json_object, moment

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

SIGNATURE_HEADER = "X-Hub-Ecdsa-Signature"
KEY_ID_HEADER = "X-Hub-Ecdsa-Signature-Id"
KNOWN_HOSTS = tuple(f"https://{region.api_host}" for region in REGIONS.values())
#: An event is delivered again for a quarter of an hour, so a key is good that much longer.
GRACE = 900.0
_CURVES = {"secp256r1", "secp384r1", "secp521r1", "secp256k1"}
_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")

Fetch = Callable[[str], tuple[int, bytes]]


@dataclass(frozen=True, slots=True)
class SignatureKey:
    """A public key of Talkdesk's events.

    Attributes
    ----------
    key_id : str
    public_key : EllipticCurvePublicKey
    expires_at : float or None
        Seconds since 1970-01-01 UTC.
    """

    key_id: str
    public_key: EllipticCurvePublicKey
    expires_at: float | None = None

    @classmethod
    def parse(cls, body: bytes) -> SignatureKey:
        """Read the answer of the key endpoint.

        Parameters
        ----------
        body : bytes

        Raises
        ------
        EventError
            It holds no key that can be used.
        """
        fields = json_object(body)
        key_id = fields.get("key_id") or fields.get("public_key_id")
        text, expires = fields.get("public_key"), fields.get("expires_at")
        if not isinstance(key_id, str) or not isinstance(text, str):
            raise EventError("The answer of the key endpoint holds no key.")
        return cls(key_id, load_public_key(text), moment(expires).timestamp() if expires else None)


def load_public_key(text: str) -> EllipticCurvePublicKey:
    """Read a public key: PEM, or base64 of PEM, of the DER form, or of a bare point.

    Parameters
    ----------
    text : str

    Raises
    ------
    EventError
        It is none of these, or not on a curve that is in use.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import (
        load_der_public_key,
        load_pem_public_key,
    )

    points: dict[int, ec.EllipticCurve] = {
        65: ec.SECP256R1(),
        97: ec.SECP384R1(),
        133: ec.SECP521R1(),
    }
    key: object = None
    try:
        data = text.encode() if "-----" in text else _base64(text)
        if data.startswith(b"-----"):
            key = load_pem_public_key(data)
        elif data[:1] == b"\x04" and len(data) in points:
            key = ec.EllipticCurvePublicKey.from_encoded_point(points[len(data)], data)
        else:
            key = load_der_public_key(data)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, ec.EllipticCurvePublicKey) or key.curve.name not in _CURVES:
        raise EventError("The key of an event is not one that can be used.")
    return key


def _base64(text: str) -> bytes:
    """Decode the usual alphabet or that of URLs, with line breaks or padding or without."""
    plain = "".join(text.split()).replace("-", "+").replace("_", "/").rstrip("=")
    return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)


class SignatureKeys:
    """The keys of Talkdesk's events, asked for at known API hosts and remembered.

    Parameters
    ----------
    fetch : callable
        Gets an address and returns status and body; it must not follow redirects.
    hosts : iterable of str, optional
        API addresses to ask; those of the known regions by default.
    clock : callable, optional
        Returns seconds since 1970-01-01 UTC.

    Attributes
    ----------
    hosts : tuple of str
    """

    _REMEMBERED: ClassVar = 256

    def __init__(
        self,
        fetch: Fetch,
        hosts: Iterable[str] = KNOWN_HOSTS,
        *,
        clock: Callable[[], float] | None = None,
    ) -> None:
        self.hosts = tuple(host.rstrip("/") for host in hosts)
        self._fetch = fetch
        self._clock = clock or time.time
        self._lock = threading.Lock()
        self._keys: OrderedDict[str, SignatureKey] = OrderedDict()

    def of(self, key_id: str) -> SignatureKey:
        """Return the key of an id.

        Parameters
        ----------
        key_id : str

        Raises
        ------
        EventError
            No known host has it, or it has expired.
        """
        if not _ID.fullmatch(key_id):
            raise EventError("The event's key id is no key id.")
        with self._lock:
            key = self._keys.get(key_id)
        if key is None:
            key = self._ask(key_id)
            with self._lock:
                self._keys[key_id] = key
                while len(self._keys) > self._REMEMBERED:
                    self._keys.popitem(last=False)
        if key.expires_at is not None and self._clock() > key.expires_at + GRACE:
            raise EventError(f"The event is signed with the key {key_id}, which has expired.")
        return key

    def _ask(self, key_id: str) -> SignatureKey:
        silent = []
        for host in self.hosts:
            try:
                status, body = self._fetch(f"{host}/events/signature-keys/{key_id}")
            except OSError:
                silent.append(host)
                continue
            key = None
            if status == 200:
                with contextlib.suppress(EventError):  # something else than Talkdesk answers there
                    key = SignatureKey.parse(body)
            if key is not None:
                # The word "latest" stands for some key, but no event is signed with it.
                if key.key_id == key_id:
                    return key
            elif status != 404:
                silent.append(host)
        error = EventError(
            f"No known API host has the key {key_id} that the event names"
            + (f"; no answer from {', '.join(silent)}." if silent else "."),
            hint="If the event comes from a new region, add its API address to the hosts.",
        )
        error.retryable = bool(silent)
        raise error


class SeenEvents:
    """The ids of the last events, to recognise one that is delivered again.

    Parameters
    ----------
    limit : int
        How many are remembered.
    """

    def __init__(self, limit: int = 10_000) -> None:
        self._limit = limit
        self._ids: OrderedDict[str, None] = OrderedDict()
        self._lock = threading.Lock()

    def __contains__(self, event_id: object) -> bool:
        with self._lock:
            return event_id in self._ids

    def add(self, event_id: str) -> bool:
        """Remember an id; return whether it is new."""
        with self._lock:
            if event_id in self._ids:
                return False
            self._ids[event_id] = None
            while len(self._ids) > self._limit:
                self._ids.popitem(last=False)
            return True


def verify(
    headers: Mapping[str, str],
    body: bytes,
    keys: SignatureKeys,
    *,
    seen: SeenEvents | None = None,
) -> Event:
    """Return the event of a delivery, if Talkdesk signed it.

    Parameters
    ----------
    headers : mapping of str to str
        Of the delivery, in any case.
    body : bytes
        As received.
    keys : SignatureKeys
    seen : SeenEvents, optional
        Refuses an event that was seen before, and remembers this one.

    Returns
    -------
    Event
        One of the eight classes, or `Event` itself for a type that is not known.

    Raises
    ------
    EventError
        It must not be believed. ``retryable`` when a key could not be asked for.
    """
    received: object = body
    if not isinstance(received, bytes):
        del body, received
        raise TypeError("the body must be the bytes as they were received: they are what is signed")
    outcome = _verified(headers, body, keys)
    del body, received  # it may hold credentials, which no traceback should show
    if isinstance(outcome, EventError):
        raise outcome
    if seen is not None and not seen.add(outcome.id):
        raise EventError(f"The event {outcome.id} was received before.")
    return outcome


def _verified(headers: Mapping[str, str], body: bytes, keys: SignatureKeys) -> Event | EventError:
    plain = {name.lower(): value for name, value in headers.items()}
    signature, key_id = (plain.get(name.lower(), "") for name in (SIGNATURE_HEADER, KEY_ID_HEADER))
    if not signature or not key_id:
        return EventError(f"The event is not signed: {SIGNATURE_HEADER} or {KEY_ID_HEADER} lacks.")
    if not re.fullmatch("(?:[0-9A-Fa-f]{2}){1,256}", signature):
        return EventError("The event's signature is not hexadecimal text of a usable length.")
    try:
        if not _good(keys.of(key_id).public_key, bytes.fromhex(signature), body):
            return EventError("The event's signature does not fit its body: forged or damaged.")
        return read_event(json_object(body), keys.hosts)
    except EventError as error:
        return error.with_traceback(None)


def _good(key: EllipticCurvePublicKey, signature: bytes, body: bytes) -> bool:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
    from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
    from cryptography.hazmat.primitives.hashes import SHA512

    spellings = [signature]
    half = (key.curve.key_size + 7) // 8
    if len(signature) == 2 * half:  # the two numbers side by side
        numbers = (int.from_bytes(part) for part in (signature[:half], signature[half:]))
        spellings.append(encode_dss_signature(*numbers))
    for spelling in spellings:
        try:
            key.verify(spelling, body, ECDSA(SHA512()))
            return True
        except InvalidSignature:
            continue
    return False
