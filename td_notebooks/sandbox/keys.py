"""Key pairs of the sandbox: of its clients and of its token signature.

The cryptography package is imported when a key is first needed: it costs more than starting the
servers.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from ..errors import ConfigError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

#: The algorithms Talkdesk allows for a client's assertion, each with its curve.
ALGORITHMS = {
    "ES256": "SECP256R1",
    "ES384": "SECP384R1",
    "ES512": "SECP521R1",
    "PS256": None,
    "PS384": None,
    "PS512": None,
}


class KeyPair:
    """A private key and its public half, made when first used.

    Parameters
    ----------
    algorithm : str
        A key of `ALGORITHMS`.

    Attributes
    ----------
    key_id : str
        32 hexadecimal digits.

    Raises
    ------
    ConfigError
        If the algorithm is not one of Talkdesk's.
    """

    def __init__(self, algorithm: str = "ES256") -> None:
        if algorithm not in ALGORITHMS:
            raise ConfigError(
                f"Talkdesk has no clients with {algorithm!r} keys.",
                hint=f"Take one of {', '.join(ALGORITHMS)}.",
            )
        self.algorithm = algorithm
        self.key_id = secrets.token_hex(16)
        self._lock = threading.Lock()
        self._private: EllipticCurvePrivateKey | RSAPrivateKey | None = None

    @property
    def made(self) -> bool:
        """Whether anybody has used the key yet."""
        return self._private is not None

    @property
    def private(self) -> EllipticCurvePrivateKey | RSAPrivateKey:
        """The private key."""
        from cryptography.hazmat.primitives.asymmetric import ec, rsa

        with self._lock:
            if self._private is None:
                curve = ALGORITHMS[self.algorithm]
                self._private = (
                    ec.generate_private_key(getattr(ec, curve)())
                    if curve
                    else rsa.generate_private_key(65537, 2048)
                )
            return self._private

    @property
    def pem(self) -> str:
        """The private key as PKCS#8 PEM text."""
        from cryptography.hazmat.primitives.serialization import (
            Encoding,
            NoEncryption,
            PrivateFormat,
        )

        return self.private.private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
        ).decode()

    def jwk(self, *, certificate: bool) -> dict[str, object]:
        """Return the public half of an ES256 pair as Talkdesk writes it in its JWK set.

        Coordinates carry the sign byte of Java's BigInteger, ``x5t`` is the hexadecimal text of
        the digest, and ``x5c`` holds a bare public key or a self-signed certificate: both
        examples of Talkdesk's public OpenAPI document (``/oauth/certs`` and
        ``/oauth/2023-10/certs``) do so.

        Parameters
        ----------
        certificate : bool
            Put a certificate into ``x5c``.
        """
        from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

        public = self.private.public_key()
        assert isinstance(public, EllipticCurvePublicKey)
        point = public.public_numbers()
        der = (
            self._certificate()
            if certificate
            else public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        )
        thumbprint = hashlib.sha1(der, usedforsecurity=False).hexdigest()
        return {
            "kty": "EC",
            "use": "sig",
            "kid": self.key_id,
            "alg": self.algorithm,
            "crv": "P-256",
            "x": _base64url(_signed_bytes(point.x)),
            "y": _base64url(_signed_bytes(point.y)),
            "x5c": [base64.b64encode(der).decode()],
            "x5t": _base64url(thumbprint.encode()),
        }

    def _certificate(self) -> bytes:
        from cryptography import x509
        from cryptography.hazmat.primitives.hashes import SHA256
        from cryptography.hazmat.primitives.serialization import Encoding
        from cryptography.x509.oid import NameOID

        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sandbox.invalid")])
        start = datetime(2026, 1, 1, tzinfo=UTC)
        builder = x509.CertificateBuilder(
            issuer_name=name,
            subject_name=name,
            public_key=self.private.public_key(),
            serial_number=int(self.key_id[:15], 16) + 1,
            not_valid_before=start,
            not_valid_after=start + timedelta(days=3653),
        )
        return builder.sign(self.private, SHA256()).public_bytes(Encoding.DER)


def _signed_bytes(number: int) -> bytes:
    return number.to_bytes(number.bit_length() // 8 + 1)


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
