"""Wrong inputs, each with one message that a stranger can act on; the texts stand in a file."""

import json
import os
import re
import socket
from pathlib import Path
from unittest import mock

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from visitors import account_of, visit

import td_notebooks as td
from td_notebooks.auth import ClientAssertion, ClientSecret, LongLivedToken, TalkdeskAuth
from td_notebooks.auth.browser import LoginRequest
from td_notebooks.auth.users import Memory, UserLogin
from td_notebooks.errors import TalkdeskError
from td_notebooks.front_door import login
from td_notebooks.profiles import write_profile
from td_notebooks.regions import Account
from td_notebooks.sandbox import Sandbox
from td_notebooks.sandbox.clients import Refused
from td_notebooks.sandbox.identity import SCOPES
from td_notebooks.secret import Secret
from td_notebooks.transport import Transport

TEXTS = Path(__file__).with_name("wrong_inputs.txt")
BACK = "http://127.0.0.1:8400/callback"
PKCS8 = serialization.PrivateFormat.PKCS8
OWN = ec.generate_private_key(ec.SECP256R1())


def pem(key, form=PKCS8, encryption=None):
    return key.private_bytes(
        serialization.Encoding.PEM, form, encryption or serialization.NoEncryption()
    ).decode()


class Way:
    """One attempt to get in, at a sandbox, with something wrong."""

    def __init__(self, sandbox, folder):
        self.sandbox, self.folder = sandbox, folder
        self.transports = []

    def connect(self, **change):
        """Settings as a person gives them, and a token asked for."""
        given = {
            "account": self.sandbox.account,
            "region": "sandbox",
            "client_id": self.sandbox.client_id,
            "client_secret": self.sandbox.client_secret,
            "api_url": self.sandbox.api_url,
            "token_url": self.sandbox.token_url,
        } | change
        with td.connect(**given) as client:
            self.renew(client.settings.credentials, client.account, client.settings.scope)

    def client(self, api, **change):
        """A client with the tokens of this sandbox, and the API of any."""
        urls = {"token_url": self.sandbox.token_url, "api_url": api.api_url}
        proof = {"client_id": self.sandbox.client_id, "client_secret": self.sandbox.client_secret}
        client = td.connect(
            account=self.sandbox.account, region="sandbox", **urls, **proof, **change
        )
        client.transport.clock = client.transport.auth._clock = self.sandbox.clock
        return client

    def with_key(self, text, **change):
        given = {"client_secret": None, "private_key": text, "key_id": self.sandbox.key_id}
        self.connect(**given | change)

    def renew(self, credentials, account=None, scope="", clock=None):
        clock = clock or self.sandbox.clock
        account = account or account_of(self.sandbox)
        transport = Transport(TalkdeskAuth(account, credentials, scope=scope, clock=clock), seed=1)
        transport.clock = self.sandbox.clock
        self.transports.append(transport)
        transport.renew_token()

    def off(self, seconds, credentials):
        real = self.sandbox.clock

        class Off:
            monotonic = real.monotonic
            sleep = real.sleep

            def time(self):
                return real.time() + seconds

        self.renew(credentials, clock=Off())

    def assertion(self, client=None, **change):
        client = client or self.sandbox.client
        given = {"client_id": client.client_id, "private_key": Secret(client.private_key)}
        return ClientAssertion(**given | {"key_id": client.key_id} | change)

    def file(self, content, mode=0o600):
        path = self.folder / "client.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        path.chmod(mode)
        return str(path)

    # -- logins --------------------------------------------------------------------------------

    def begun(self, scope="data-reports:read"):
        self.client = self.sandbox.add_client(
            scopes=[*SCOPES, "openid"], redirect_uris=[BACK, BACK + "2"]
        )
        return LoginRequest.begin(
            account_of(self.sandbox), self.client.client_id, scope=scope, redirect_uri=BACK
        )

    def user(self, code=None, token=None, client=None):
        client = client or self.client
        secret = ClientSecret(client.client_id, Secret(client.client_secret))
        return UserLogin(secret, Memory(token), code)

    def exchanged(self, after=lambda: None, times=1, **change):
        login = self.begun()
        code = login.code(visit(login.url))
        after()
        for _ in range(times):
            self.renew(self.user(code, **change))


def seconds(n):
    return lambda way: way.sandbox.clock.advance(n)


def revoked(way):
    credentials = ClientSecret(way.sandbox.client_id, Secret(way.sandbox.client_secret))
    way.sandbox.revoke_client(way.sandbox.client_id)
    way.renew(credentials)


def revoked_key(way):
    credentials = way.assertion()
    way.sandbox.revoke_client(way.sandbox.client_id)
    way.renew(credentials)


def reader(way):
    client = way.sandbox.add_client(scopes=["data-reports:read"])
    way.connect(client_id=client.client_id, client_secret=client.client_secret)


def granted_less(way):
    way.sandbox._identity.answer = lambda token: {
        "access_token": "t",
        "expires_in": 599,
        "scope": "data-reports:read openid",
    }
    way.connect()


def wrong_region(way):
    way.sandbox._identity.api_url = "https://api.talkdeskapp.eu"
    way.connect(region="us", api_url=None)


def wrong_audience(way):
    other = Account(
        "acme", "x", token_url=way.sandbox.token_url + "/", api_url="http://127.0.0.1:9"
    )
    way.renew(way.assertion(), other)


def other_gateway(way):
    """Tokens of one region, reports from another, whose hosts the package does not know."""
    with Sandbox(account="acme", clock=way.sandbox.clock) as other, way.client(other) as client:
        client.jobs("calls")


def known_gateway(way):
    way.sandbox._identity.api_url = "https://api.talkdeskapp.eu"
    way.sandbox._identity.tokens = Forgetful()
    with way.client(way.sandbox) as client:
        client.jobs("calls")


class Forgetful(dict):
    """Knows no token again: as an API does to which a token of another region comes."""

    def get(self, *key):
        return None


def reader_submits(way):
    with way.client(way.sandbox, scope="data-reports:read") as client:
        client.submit("calls", "2026-08-01", "2026-08-02")


def writer_lists(way):
    with way.client(way.sandbox, scope="data-reports:write") as client:
        client.jobs("calls")


def echoing_host(way):
    """It repeats what it refuses, in the two fields of its answer."""
    clients = way.sandbox._identity.clients

    def refuse(authorization, form):
        raise Refused(401, "invalid_client", f"Bad assertion: {form['client_assertion']}")

    clients.authenticate = refuse
    way.renew(way.assertion())


def token_with_a_line_break(way):
    way.sandbox._identity.answer = lambda token: {"access_token": "a-long\nlong-token"}
    way.connect()


def unknown_name(way):
    nobody = socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    with (
        mock.patch("socket.getaddrinfo", side_effect=nobody),
        td.connect(**PLACES, region="eu") as client,
    ):
        client.renew_token()


def exchanged_late(way):
    way.exchanged(after=lambda: way.sandbox.clock.advance(301))


def other_redirect(way):
    login = way.begun()
    code = login.code(visit(login.url))
    way.renew(way.user(type(code)(code.code, BACK + "2")))


def other_client_code(way):
    way.exchanged(client=way.sandbox.client)


def used_refresh(way):
    way.exchanged()
    token = next(t.auth.token.refresh_token for t in way.transports)
    way.renew(way.user(token=token))
    way.renew(way.user(token=token))


def foreign_refresh(way):
    way.exchanged()
    token = next(t.auth.token.refresh_token for t in way.transports)
    way.renew(way.user(token=token, client=way.sandbox.client))


def wider_refresh(way):
    way.exchanged()
    token = next(t.auth.token.refresh_token for t in way.transports)
    way.renew(way.user(token=token), scope="data-reports:read account:read")


def logged_in(way, address):
    way.begun().code(address)


def denied(way):
    login = way.begun()
    login.code(visit(login.url, decision="deny"))


def other_scope_at_login(way):
    login = way.begun("moon:read")
    login.code(visit(login.url))


def profile(way, **values):
    write_profile("p", values)
    td.connect(profile="p")


PLACES = {"account": "acme", "client_id": "c", "client_secret": "x"}
WRONG = {
    # settings
    "nothing at all": lambda way: td.connect(),
    "no secret": lambda way: td.connect(account="acme", client_id="c"),
    "a key without its id": lambda way: td.connect(
        account="a", client_id="c", private_key=pem(OWN)
    ),
    "secret and key": lambda way: way.with_key(pem(OWN), client_secret="x"),
    "account as address": lambda way: td.connect(
        **PLACES | {"account": "https://acme.mytalkdesk.com"}
    ),
    "account as host": lambda way: td.connect(**PLACES | {"account": "acme.talkdeskid.com"}),
    "account as host of another region": lambda way: td.connect(
        **PLACES | {"account": "acme.talkdeskid.eu"}
    ),
    "account id": lambda way: td.connect(**PLACES | {"account": "0123456789abcdef01234567"}),
    "account with a space": lambda way: Account("acme "),
    "account with an underscore": lambda way: td.connect(**PLACES | {"account": "my_acme"}),
    "account id with hyphens": lambda way: td.connect(
        **PLACES | {"account": "01234567-89ab-cdef-0123-456789abcdef"}
    ),
    "account that is blank": lambda way: td.connect(**PLACES | {"account": "  "}),
    "settings in another encoding": lambda way: (
        (way.folder / ".env").write_text("TALKDESK_ACCOUNT=acme", encoding="utf-16"),
        td.connect(),
    ),
    "unknown region": lambda way: td.connect(**PLACES | {"region": "de"}),
    "api_url without https": lambda way: td.connect(**PLACES | {"api_url": "http://api.example"}),
    "api_url with a password": lambda way: td.connect(
        **PLACES | {"api_url": "https://u:p@api.example"}
    ),
    "token_url that is none": lambda way: td.connect(**PLACES | {"token_url": "acme"}),
    "id and secret swapped": lambda way: td.connect(
        account="acme", client_id="x" * 86, client_secret="0123456789abcdef" * 2
    ),
    "no such ca file": lambda way: td.connect(**PLACES, ca="company.pem"),
    "no such profile": lambda way: td.connect(profile="nightly"),
    "login neither user nor nothing": lambda way: profile(way, **PLACES | {"login": "yes"}),
    "profiles for everybody": lambda way: (
        write_profile("p", {}).chmod(0o644),
        td.connect(profile="p"),
    ),
    # credentials files
    "credentials file that is not there": lambda way: td.connect(credentials_file="client.json"),
    "credentials file for everybody": lambda way: td.connect(credentials_file=way.file({}, 0o644)),
    "credentials file that is no JSON": lambda way: td.connect(credentials_file=way.file("id=c")),
    "credentials file of two clients": lambda way: td.connect(credentials_file=way.file([{}, {}])),
    "credentials file without an id": lambda way: td.connect(
        credentials_file=way.file({"client_secret": "x", "name": "reports"})
    ),
    "credentials file without a secret": lambda way: td.connect(
        credentials_file=way.file({"client_id": "c"})
    ),
    "credentials file without an account": lambda way: td.connect(
        credentials_file=way.file({"client_id": "c", "client_secret": "x"})
    ),
    # private keys
    "a public key": lambda way: way.with_key(
        OWN.public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        .decode()
    ),
    "a key with a passphrase": lambda way: way.with_key(
        pem(OWN, encryption=serialization.BestAvailableEncryption(b"x"))
    ),
    "half a key": lambda way: way.with_key(pem(OWN)[:120]),
    "a key of another kind": lambda way: way.with_key(pem(ed25519.Ed25519PrivateKey.generate())),
    "a key on another curve": lambda way: way.with_key(
        pem(ec.generate_private_key(ec.SECP256K1()))
    ),
    "RS256": lambda way: ClientAssertion(
        "c", Secret(pem(rsa.generate_private_key(65537, 2048))), "k", "RS256"
    ),
    "a path to no file": lambda way: way.with_key("/nowhere/key.pem"),
    "the key of another client": lambda way: way.with_key(way.sandbox.add_client().private_key),
    "a key with CRLF of another client": lambda way: way.with_key(pem(OWN).replace("\n", "\r\n")),
    "a SEC1 key of another client": lambda way: way.with_key(
        pem(OWN, serialization.PrivateFormat.TraditionalOpenSSL)
    ),
    "another key id": lambda way: way.with_key(way.sandbox.private_key, key_id="0" * 32),
    # token requests
    "a wrong secret": lambda way: way.connect(client_secret="wrong"),
    "a secret that was cut off": lambda way: way.connect(
        client_secret=way.sandbox.client_secret[:-1]
    ),
    "another client's id": lambda way: way.connect(client_id=way.sandbox.add_client().client_id),
    "a revoked client": revoked,
    "a revoked client with a key": revoked_key,
    "the clock 6 minutes ahead": lambda way: way.off(360, way.assertion()),
    "the clock 6 minutes behind": lambda way: way.off(-360, way.assertion()),
    "a scope the client lacks": reader,
    "a scope nobody has": lambda way: way.connect(scope="moon:read"),
    "less granted than asked": granted_less,
    "a token of another region": wrong_region,
    "an assertion for another address": wrong_audience,
    "a host that repeats what it refuses": echoing_host,
    "a token that fits no header": token_with_a_line_break,
    "a scope that is known to lack, submitting": reader_submits,
    "a scope that is known to lack, listing": writer_lists,
    "tokens of one host, reports from another": other_gateway,
    "tokens of one region, reports from an unknown host": known_gateway,
    "a long-lived token for a private key": lambda way: way.with_key(pem(OWN), token_type="opaque"),
    "a long life without the kind of token": lambda way: td.connect(**PLACES, token_days=30),
    "no token endpoint": lambda way: way.connect(token_url=way.sandbox.identity_url + "/oauth"),
    "the web application's host": lambda way: way.connect(
        token_url=way.sandbox.api_url + "/oauth/token"
    ),
    "a name that no host has": unknown_name,
    "no host there": lambda way: way.connect(token_url="http://127.0.0.1:9/oauth/token"),
    "a long-lived token of an hour": lambda way: way.renew(
        LongLivedToken("c", Secret("x"), seconds=3600)
    ),
    # logins
    "an expired code": exchanged_late,
    "a code used twice": lambda way: way.exchanged(times=2),
    "a code of another client": other_client_code,
    "a code for another redirect address": other_redirect,
    "a used refresh token": used_refresh,
    "a refresh token of another client": foreign_refresh,
    "a refresh that asks for more": wider_refresh,
    "an unknown refresh token": lambda way: (
        way.begun(),
        way.renew(way.user(token=Secret("no-such-refresh-token"))),
    ),
    "nobody logged in": lambda way: (way.begun(), way.renew(way.user())),
    "state that differs": lambda way: logged_in(way, f"{BACK}?code=c&state=other"),
    "an address without a code": lambda way: logged_in(way, "https://acme.talkdeskid.com/home"),
    "a login that was denied": denied,
    "a login for a scope the client lacks": other_scope_at_login,
    "login kept without a keyring": lambda way: login(**PLACES, profile="nightly"),
    "a redirect address elsewhere": lambda way: LoginRequest.begin(
        Account("acme"), "c", scope="", redirect_uri="https://app.example/back"
    ).wait(timeout=1, show=print),
}


def steady(text, way, folder):
    """Put names in the place of what differs from run to run."""
    for value, name in [
        (str(folder), "FOLDER"),
        (way.sandbox.token_url, "https://acme.talkdeskid.com/oauth/token"),
        (way.sandbox.identity_url, "https://acme.talkdeskid.com"),
        (way.sandbox.api_url, "https://api.talkdeskapp.com"),
    ]:
        text = text.replace(value, name)
    text = re.sub(r"(?<=not for )http://127\.0\.0\.1:\d+", "https://api.example", text)
    return re.sub(r"[0-9a-f]{32}", "CLIENT", text)


def said_by(way, folder, wrong):
    try:
        wrong(way)
    except TalkdeskError as error:
        secrets = [*way.sandbox.secrets, way.sandbox.client_secret[:-1]]
        assert not [secret for secret in secrets if len(secret) > 8 and secret in str(error)]
        return steady(str(error), way, folder)
    finally:
        for transport in way.transports:
            transport.close()
    raise AssertionError("nothing was refused")


@pytest.fixture
def texts():
    return dict(
        line.split(": ", 1) for line in TEXTS.read_text(encoding="utf-8").splitlines() if line
    )


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_input_is_explained(start_sandbox, tmp_path, monkeypatch, texts, name):
    monkeypatch.setattr("td_notebooks.transport.ATTEMPTS", 1)
    said = said_by(Way(start_sandbox(), tmp_path), tmp_path, WRONG[name])
    if os.environ.get("TD_WRITE_TEXTS"):
        texts[name] = said
        lines = (f"{name}: {texts[name]}\n" for name in WRONG if name in texts)
        TEXTS.write_text("\n".join(lines), encoding="utf-8")
    assert said == texts[name]


def test_there_are_enough_and_no_more(texts):
    assert set(texts) == set(WRONG) and len(WRONG) >= 40
    ends = (".", "?", "chmod 600 FOLDER/client.json", "profiles.toml", "--profile nightly")
    assert not [said for said in texts.values() if not said.endswith(ends)]
