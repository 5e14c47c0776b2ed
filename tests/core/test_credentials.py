"""Private keys in every spelling, and assertions as Talkdesk's page describes them."""

import base64
import textwrap

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from td_notebooks.auth import ClientAssertion, ClientSecret
from td_notebooks.auth.credentials import ALGORITHMS, load_private_key
from td_notebooks.errors import ConfigError
from td_notebooks.secret import Secret

EC_KEY = ec.generate_private_key(ec.SECP256R1())
RSA_KEY = rsa.generate_private_key(65537, 2048)
TOKEN_URL = "https://acme.talkdeskid.com/oauth/token"


def pem(key, form=serialization.PrivateFormat.PKCS8, encryption=None):
    return key.private_bytes(
        serialization.Encoding.PEM, form, encryption or serialization.NoEncryption()
    ).decode()


def der_base64(key):
    der = key.private_bytes(
        serialization.Encoding.DER,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return base64.b64encode(der).decode()


SEC1 = serialization.PrivateFormat.TraditionalOpenSSL
SPELLINGS = {
    "pem": pem(EC_KEY),
    "pem with CRLF": pem(EC_KEY).replace("\n", "\r\n"),
    "pem with literal line breaks": pem(EC_KEY).replace("\n", "\\n"),
    "sec1": pem(EC_KEY, SEC1),
    "bare base64": der_base64(EC_KEY),
    "base64 in lines": "\n".join(textwrap.wrap(der_base64(EC_KEY), 64)),
    "pkcs8 under the wrong label": f"-----BEGIN EC PRIVATE KEY-----\n{der_base64(EC_KEY)}\n"
    "-----END EC PRIVATE KEY-----",
}


@pytest.mark.parametrize("text", SPELLINGS.values(), ids=SPELLINGS)
def test_every_spelling_is_the_same_key(text):
    assert load_private_key(Secret(text)).private_numbers() == EC_KEY.private_numbers()


PUBLIC = (
    EC_KEY.public_key()
    .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    .decode()
)
WRONG = {
    "public": (PUBLIC, "public key, not the private one"),
    "passphrase": (
        pem(EC_KEY, encryption=serialization.BestAvailableEncryption(b"x")),
        "protected by a passphrase",
    ),
    "certificate": ("-----BEGIN CERTIFICATE-----\nMIIB", "a certificate"),
    "kind": (pem(ed25519.Ed25519PrivateKey.generate()), "of a kind Talkdesk does not use"),
    "noise": ("not a key at all", "cannot be read"),
    "half": (der_base64(EC_KEY)[:90], "cannot be read"),
    "empty": ("", "cannot be read"),
}


@pytest.mark.parametrize(("text", "message"), WRONG.values(), ids=WRONG)
def test_what_is_no_private_key_is_named_and_not_quoted(text, message):
    with pytest.raises(ConfigError, match=message) as caught:
        load_private_key(Secret(text))
    assert text[30:50] not in str(caught.value) or len(text) < 50
    assert caught.value.__cause__ is None and caught.value.__context__ is None


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_an_assertion_is_what_talkdesk_describes(algorithm):
    curves = {"ES256": ec.SECP256R1, "ES384": ec.SECP384R1, "ES512": ec.SECP521R1}
    key = ec.generate_private_key(curves[algorithm]()) if algorithm in curves else RSA_KEY
    credentials = ClientAssertion("cid", Secret(pem(key)), "kid", algorithm)
    proof = credentials.prove(TOKEN_URL, now=1_000_000.9)
    assert proof.form["client_assertion_type"] == (
        "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    )
    assertion = proof.form["client_assertion"]
    assert jwt.get_unverified_header(assertion) == {"alg": algorithm, "kid": "kid", "typ": "JWT"}
    claims = jwt.decode(
        assertion,
        key.public_key(),
        algorithms=[algorithm],
        audience=TOKEN_URL,
        options={"verify_exp": False},
    )
    assert claims.pop("jti") != credentials.prove(TOKEN_URL, now=1.0).form["client_assertion"]
    assert claims == {
        "iss": "cid",
        "sub": "cid",
        "aud": TOKEN_URL,
        "iat": 1_000_000,
        "exp": 1_000_300,
    }
    assert assertion not in repr(proof)


def test_the_algorithm_follows_from_the_key():
    assert ClientAssertion("c", Secret(pem(EC_KEY)), "k").algorithm == "ES256"
    assert ClientAssertion("c", Secret(pem(RSA_KEY)), "k").algorithm == "PS256"


@pytest.mark.parametrize("algorithm", ["RS256", "HS256", "PS256", "none"])
def test_an_algorithm_that_does_not_fit_is_refused(algorithm):
    with pytest.raises(ConfigError, match=f"Signing with {algorithm}.*allows ES256"):
        ClientAssertion("c", Secret(pem(EC_KEY)), "k", algorithm)


def test_a_curve_talkdesk_does_not_use_is_refused():
    with pytest.raises(ConfigError, match="curve secp256k1"):
        ClientAssertion("c", Secret(pem(ec.generate_private_key(ec.SECP256K1()))), "k")


def test_basic_is_id_and_secret():
    headers = ClientSecret("id", Secret("hun:ter2%")).prove(TOKEN_URL, 0.0).headers
    kind, pair = headers["Authorization"].split()
    assert (kind, base64.b64decode(pair)) == ("Basic", b"id:hun:ter2%")
    assert "ter2" not in repr(ClientSecret("id", Secret("hun:ter2%")))
