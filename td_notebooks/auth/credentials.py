"""What a client proves itself with: a secret, or an assertion signed with its private key.

Both answer "what is your next token request?": how the client is authenticated at this token URL
(header and form fields), and what is asked for (the grant). Facts: RFC 6749 section 2.3.1
(Basic), OpenID Connect Core section 9 (``private_key_jwt``), and Talkdesk's page on signed JWTs
(claims, the six algorithms, 300 s).
"""

from __future__ import annotations

import base64
import binascii
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from ..errors import ConfigError
from ..secret import Secret
from .grants import AccessToken, ClientCredentials, Grant, OpaqueToken

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

    PrivateKey = EllipticCurvePrivateKey | RSAPrivateKey

ALGORITHMS = ("ES256", "ES384", "ES512", "PS256", "PS384", "PS512")
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ASSERTION_SECONDS = 300

_CURVE_ALGORITHMS = {"secp256r1": "ES256", "secp384r1": "ES384", "secp521r1": "ES512"}


@dataclass(frozen=True, slots=True)
class ClientProof:
    """What one token request carries to authenticate the client."""

    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    form: Mapping[str, str] = field(default_factory=dict, repr=False)


class Credentials(Protocol):
    """Something that authenticates a client at its token URL."""

    @property
    def client_id(self) -> str:
        """The client's public id."""
        ...

    def prove(self, token_url: str, now: float) -> ClientProof:
        """Return header and form fields for one request.

        Parameters
        ----------
        token_url : str
            Where the request goes.
        now : float
            Seconds since 1970-01-01 UTC.
        """
        ...

    def grant(self, scope: str) -> Grant:
        """Return what the next token request asks for; an empty scope asks for all there is."""
        ...

    def keep(self, token: AccessToken) -> None:
        """Take from a token answer what the next request needs."""
        ...


class _ForItself:
    """A client that asks for itself: renewing repeats the grant, and nothing is kept."""

    __slots__ = ()

    def grant(self, scope: str) -> Grant:
        """Return the client credentials grant."""
        return ClientCredentials(scope)

    def keep(self, token: AccessToken) -> None:
        """Keep nothing."""


@dataclass(frozen=True, slots=True)
class ClientSecret(_ForItself):
    """Client id and secret, sent as HTTP Basic.

    Parameters
    ----------
    client_id : str
    client_secret : Secret
    """

    client_id: str
    client_secret: Secret

    def prove(self, token_url: str, now: float) -> ClientProof:
        """Return the Basic header; id and secret are not percent-encoded, as Talkdesk shows it."""
        pair = f"{self.client_id}:{self.client_secret.reveal()}".encode()
        return ClientProof(headers={"Authorization": f"Basic {base64.b64encode(pair).decode()}"})


@dataclass(frozen=True, slots=True)
class LongLivedToken(ClientSecret):
    """Client id and secret that ask for opaque tokens of long life (STS).

    Parameters
    ----------
    client_id : str
    client_secret : Secret
    seconds : int
        Of life, from a day to a year.
    """

    seconds: int = 86_400

    def grant(self, scope: str) -> Grant:
        """Return the grant of an opaque token."""
        return OpaqueToken(scope, self.seconds)


@dataclass(frozen=True, slots=True)
class ClientAssertion(_ForItself):
    """Client id and private key, sent as a signed JWT that lives five minutes.

    Parameters
    ----------
    client_id : str
    private_key : Secret
        In any of the spellings `load_private_key` reads.
    key_id : str
        Talkdesk finds the public key by it.
    algorithm : str, optional
        One of `ALGORITHMS`; by default the one that fits the key.

    Raises
    ------
    ConfigError
        Not a private key, or one that does not fit the algorithm.
    """

    client_id: str
    private_key: Secret
    key_id: str
    algorithm: str | None = None

    def __post_init__(self) -> None:
        fitting = algorithms_of(load_private_key(self.private_key))
        if self.algorithm is None:
            object.__setattr__(self, "algorithm", fitting[0])
        elif self.algorithm not in fitting:
            raise ConfigError(
                f"Signing with {self.algorithm} is not possible with this private key.",
                hint=f"It allows {', '.join(fitting)}; Talkdesk takes {', '.join(ALGORITHMS)}.",
            )

    def prove(self, token_url: str, now: float) -> ClientProof:
        """Return a fresh assertion for this token URL."""
        import jwt

        claims: dict[str, object] = {
            "iss": self.client_id,
            "sub": self.client_id,
            "aud": token_url,
            "jti": str(uuid.uuid4()),
            "iat": int(now),
            "exp": int(now) + ASSERTION_SECONDS,
        }
        assertion = jwt.encode(
            claims,
            load_private_key(self.private_key),
            algorithm=self.algorithm,
            headers={"kid": self.key_id},
        )
        return ClientProof(
            form={"client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion}
        )


def algorithms_of(key: PrivateKey) -> tuple[str, ...]:
    """Return the signature algorithms of `ALGORITHMS` that a key can make, the usual one first."""
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

    if isinstance(key, EllipticCurvePrivateKey):
        algorithm = _CURVE_ALGORITHMS.get(key.curve.name)
        if algorithm is None:
            raise ConfigError(
                f"The private key is on the curve {key.curve.name}.",
                hint="Talkdesk's clients use P-256, P-384 or P-521: take the key it handed out.",
            )
        return (algorithm,)
    return ("PS256", "PS384", "PS512")


def load_private_key(text: Secret) -> PrivateKey:
    r"""Read a private key in any spelling that Talkdesk's material uses.

    Parameters
    ----------
    text : Secret
        PEM (PKCS#8 or SEC1, also with the line breaks written as ``\n``), or bare base64 of the
        DER, as in Talkdesk's credentials. Quotes around it and base64 around a PEM, as
        environment variables come by, are taken off.

    Returns
    -------
    EllipticCurvePrivateKey or RSAPrivateKey

    Raises
    ------
    ConfigError
        It is none of these; the message does not quote it.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.serialization import load_der_private_key

    key: object = None
    problem = _armour_problem(text)
    if problem is None:
        try:
            key = load_der_private_key(_der(text), password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm, binascii.Error):
            problem = "The private key cannot be read."
    if isinstance(key, EllipticCurvePrivateKey | RSAPrivateKey):
        return key
    raise ConfigError(
        problem or "The private key is of a kind Talkdesk does not use.",
        hint="Give the private_key of Talkdesk's credentials: a path to a PEM file, the PEM text, "
        "or its base64 on one line.",
    )


def _armour_problem(text: Secret) -> str | None:
    content = text.reveal()
    if "ENCRYPTED" in content:
        return "The private key is protected by a passphrase, which cannot be asked for here."
    if "PRIVATE KEY" in content:
        return None
    if "PUBLIC KEY" in content:
        return "This is a public key, not the private one."
    if "BEGIN CERTIFICATE" in content:
        return "This is a certificate, not a private key."
    return None


# Labels are dropped and not believed: Talkdesk's own sample puts the wrong one around a key. Only
# blocks that hold no key are left out, such as the EC PARAMETERS that openssl writes before one.
_BLOCK = re.compile("-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----(.*?)-----END", re.DOTALL)


def _der(text: Secret) -> bytes:
    bare = text.reveal().replace("\\r", "").replace("\\n", "\n").strip("\"' \r\n\t")
    found = _BLOCK.search(bare)
    inner = found[1] if found else re.sub("-----[A-Z0-9 ]+-----", "", bare)
    data = base64.b64decode("".join(inner.split()), validate=True)
    return _der(Secret(data.decode())) if data.startswith(b"-----BEGIN") else data
