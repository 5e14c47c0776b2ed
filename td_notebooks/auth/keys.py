"""What the identity host signs with: its JWK set, identity tokens, introspection answers.

Facts: Talkdesk's OpenAPI document for the key set and the introspection, OpenID Connect Core
section 3.1.3.7 for what an identity token must say. Two traps of the official examples are
tolerated: a coordinate of 33 bytes (a leading zero), and base64 with or without padding.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

import httpx

from ..errors import AuthError
from ..regions import REGIONS, Account
from ..secret import Secret
from ..wire import json_object
from .grants import form_request

if TYPE_CHECKING:
    from jwt import PyJWK

#: How far the identity host's clock may be ahead or behind, in seconds.
LEEWAY = 60.0
_COORDINATE_BYTES = {"P-256": 32, "P-384": 48, "P-521": 66}
_ALGORITHMS = ("ES256", "ES384", "ES512", "RS256", "PS256")


def keys_url(account: Account) -> str:
    """Return where the identity host of an account shows its public keys."""
    return urljoin(account.token_url, "2023-10/certs")


@dataclass(frozen=True, slots=True)
class KeySet:
    """The identity host's public keys, by their id.

    Parameters
    ----------
    keys : mapping of str to PyJWK
    """

    keys: Mapping[str, PyJWK]

    @classmethod
    def parse(cls, body: bytes) -> KeySet:
        """Read a JWK set; keys of a kind nobody knows are left out.

        Parameters
        ----------
        body : bytes

        Raises
        ------
        AuthError
            It holds no usable key.
        """
        import jwt

        keys = {}
        for jwk in _list(json_object(body).get("keys")):
            try:
                keys[str(jwk["kid"])] = jwt.PyJWK(_of_strict_length(jwk))
            except (jwt.PyJWTError, KeyError, ValueError, TypeError):
                continue
        if not keys:
            raise AuthError("The identity host's key set holds no key that can be used.")
        return cls(keys)

    def of(self, key_id: str) -> PyJWK:
        """Return the key of an id.

        Raises
        ------
        AuthError
            There is none.
        """
        if key_id not in self.keys:
            raise AuthError(f"The identity host has no key {key_id[:64]!r}.")
        return self.keys[key_id]


def _of_strict_length(jwk: Mapping[str, object]) -> dict[str, object]:
    size = _COORDINATE_BYTES.get(str(jwk.get("crv")))
    if jwk.get("kty") != "EC" or size is None:
        return dict(jwk)
    number = {name: _bytes(str(jwk[name])).lstrip(b"\0").rjust(size, b"\0") for name in "xy"}
    return {**jwk, **{name: _text(value) for name, value in number.items()}}


def verify_id_token(
    token: Secret, keys: KeySet, *, account: Account, client_id: str, nonce: Secret, now: float
) -> Mapping[str, object]:
    """Check that an identity token answers this login, and return its claims.

    Parameters
    ----------
    token : Secret
    keys : KeySet
    account : Account
        Its identity host may be the issuer, or Talkdesk's own.
    client_id : str
        The audience it must have.
    nonce : Secret
        The one that was sent along.
    now : float
        Seconds since 1970-01-01 UTC.

    Raises
    ------
    AuthError
        It does not; the message says which check failed.
    """
    import jwt

    def refused(why: str) -> AuthError:
        return AuthError(
            f"The login cannot be believed: {why}.",
            hint="Log in again; if it persists, ask the account's administrator.",
        )

    try:
        key_id = str(jwt.get_unverified_header(token.reveal()).get("kid"))
        # Time is judged below, by the clock of this connection.
        claims: dict[str, object] = jwt.decode(
            token.reveal(),
            keys.of(key_id),
            algorithms=list(_ALGORITHMS),
            options={
                "verify_exp": False,
                "verify_iat": False,
                "verify_nbf": False,
                "verify_aud": False,
            },
        )
    except jwt.PyJWTError as error:
        raise refused(
            f"its identity token has no good signature ({type(error).__name__})"
        ) from None
    audience = claims.get("aud")
    if client_id not in (audience if isinstance(audience, list) else [audience]):
        raise refused("its identity token is for another client")
    if not hmac.compare_digest(str(claims.get("nonce")).encode(), nonce.reveal().encode()):
        raise refused("its identity token answers another login (the nonce differs)")
    if not _known_issuer(str(claims.get("iss")), account):
        raise refused(f"its identity token comes from {str(claims.get('iss'))[:100]!r}")
    expires = claims.get("exp")
    if not isinstance(expires, int | float) or now > expires + LEEWAY:
        raise refused("its identity token has expired; is this machine's clock right?")
    return claims


def _known_issuer(issuer: str, account: Account) -> bool:
    try:
        parts = urlsplit(issuer)
    except ValueError:
        return False
    host = parts.hostname or ""
    domains = [region.identity_domain for region in REGIONS.values()]
    return host == urlsplit(account.token_url).hostname or (
        parts.scheme == "https" and any(host.endswith(f".{domain}") for domain in domains)
    )


def introspection_request(account: Account, token: Secret, *, timeout: float) -> httpx.Request:
    """Build the question whether a long-lived token is still good.

    Parameters
    ----------
    account : Account
    token : Secret
    timeout : float
        Seconds for each of connecting, sending and reading.
    """
    url = urljoin(account.token_url, "introspect")
    return form_request(url, {"token": token.reveal()}, {}, timeout=timeout)


def parse_introspection(status: int, body: bytes, keys: KeySet) -> Mapping[str, object]:
    """Read what the identity host says about a long-lived token.

    Parameters
    ----------
    status, body
        The answer.
    keys : KeySet
        The answer is signed with one of them.

    Returns
    -------
    mapping
        ``active``, and for an active token its claims (``scp`` is one text here).

    Raises
    ------
    AuthError
        No answer, or one that is not signed by the identity host.
    """
    answer = json_object(body)
    state = answer.get("token_introspection")
    if status != 200 or not isinstance(state, dict):
        raise AuthError(
            f"Asking about a long-lived token, the identity host answered {status}: "
            f"{str(answer.get('message') or 'not an introspection')[:200]}."
        )
    key = keys.of(str(answer.get("kid"))).key
    if not any(_signs(key, str(answer.get("sig")), text) for text in _signed_texts(body, state)):
        raise AuthError("What was said about a long-lived token is not signed by its host.")
    return state


def _signed_texts(body: bytes, state: object) -> list[bytes]:
    """Return what may have been signed: the base64url text of the object, as sent or compact."""
    spellings = [json.dumps(state, separators=(",", ":"))]
    try:
        text = body.decode()
        start = text.index("{", text.index('"token_introspection"'))
        _, end = json.JSONDecoder().raw_decode(text, start)
        spellings.append(text[start:end])
    except ValueError:
        pass
    encoded = {base64.urlsafe_b64encode(spelling.encode()) for spelling in spellings}
    return [*encoded, *(text.rstrip(b"=") for text in encoded)]


def _signs(key: object, signature: str, text: bytes) -> bool:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
    from cryptography.hazmat.primitives.hashes import SHA256

    try:
        if isinstance(key, EllipticCurvePublicKey):
            key.verify(_bytes(signature), text, ECDSA(SHA256()))
            return True
    except (InvalidSignature, ValueError):
        pass
    return False


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars="-_", validate=True)
    except binascii.Error:
        raise ValueError("not base64") from None


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _list(value: object) -> list[dict[str, object]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
