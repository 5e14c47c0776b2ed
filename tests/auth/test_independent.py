"""Somebody else's OAuth server, Authlib's, believes what this package sends."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

import pytest
from authlib.oauth2.rfc6749 import (
    AuthorizationServer,
    ClientMixin,
    InvalidClientError,
    OAuth2Request,
    TokenMixin,
    grants,
)
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload
from authlib.oauth2.rfc6750 import BearerTokenGenerator
from authlib.oauth2.rfc7523 import JWTBearerClientAssertion
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from joserfc import jwk, jwt
from joserfc.errors import JoseError
from visitors import OPEN

from td_notebooks.auth import ClientAssertion, ClientSecret, TalkdeskAuth
from td_notebooks.auth.grants import AuthorizationCode
from td_notebooks.auth.users import Memory, UserLogin
from td_notebooks.errors import TokenError
from td_notebooks.regions import Account
from td_notebooks.secret import Secret
from td_notebooks.transport import Transport

METHODS = ["client_secret_basic", "private_key_jwt"]
REDIRECT = "http://127.0.0.1:8400/callback"
SCOPE = "data-reports:read data-reports:write"


class Client(ClientMixin):
    def __init__(self, public):
        self.public = public

    def get_client_id(self):
        return "the-client"

    def get_allowed_scope(self, scope):
        return " ".join(s for s in (scope or SCOPE).split() if s in SCOPE)

    def check_redirect_uri(self, redirect_uri):
        return redirect_uri == REDIRECT

    def check_client_secret(self, client_secret):
        return client_secret == "the:secret%+/"

    def check_endpoint_auth_method(self, method, endpoint):
        return method in METHODS

    def check_response_type(self, response_type):
        return response_type == "code"

    def check_grant_type(self, grant_type):
        return True


class Code:
    """A code that was handed out."""

    def get_redirect_uri(self):
        return REDIRECT

    def get_scope(self):
        return SCOPE


class Refreshing(TokenMixin):
    def check_client(self, client):
        return True

    def get_scope(self):
        return SCOPE


class Assertion(JWTBearerClientAssertion):
    CLIENT_AUTH_METHOD = "private_key_jwt"

    def __init__(self, host):
        super().__init__(leeway=60)
        self.host = host
        self.used = set()

    def get_audiences(self):
        return [self.host.token_url]

    def validate_jti(self, claims, jti):
        new = jti not in self.used
        self.used.add(jti)
        return new

    def process_assertion_claims(self, assertion, resolve_key):
        # Its own default knows only the first of Talkdesk's algorithms.
        try:
            token = jwt.decode(assertion, resolve_key, algorithms=list(KEYS))
        except JoseError as error:
            raise InvalidClientError(description=str(error)) from error
        self.verify_claims(token.claims)
        return token.claims

    def resolve_client_public_key(self, client):
        return client.public


class Server(AuthorizationServer):
    def __init__(self, host):
        super().__init__()
        self.host = host
        self.register_token_generator(
            "default",
            BearerTokenGenerator(
                lambda **_: f"access-{time.monotonic_ns()}", lambda **_: host.new_refresh_token()
            ),
        )
        self.register_client_auth_method("private_key_jwt", Assertion(host))

        class ForItself(grants.ClientCredentialsGrant):
            TOKEN_ENDPOINT_AUTH_METHODS = METHODS

        class ByCode(grants.AuthorizationCodeGrant):
            TOKEN_ENDPOINT_AUTH_METHODS = METHODS

            def query_authorization_code(self, code, client):
                return Code() if code in host.codes else None

            def delete_authorization_code(self, authorization_code):
                host.codes.clear()

            def authenticate_user(self, authorization_code):
                return "ana"

        class ByRefreshToken(grants.RefreshTokenGrant):
            TOKEN_ENDPOINT_AUTH_METHODS = METHODS
            INCLUDE_NEW_REFRESH_TOKEN = True

            def authenticate_refresh_token(self, refresh_token):
                return Refreshing() if refresh_token == host.refresh_token else None

            def authenticate_user(self, refresh_token):
                return "ana"

            def revoke_old_credential(self, refresh_token):
                pass

        for grant in (ForItself, ByCode, ByRefreshToken):
            self.register_grant(grant)

    def query_client(self, client_id):
        return self.host.client if client_id == "the-client" else None

    def save_token(self, token, request):
        pass

    def send_signal(self, name, *args, **kwargs):
        pass

    def create_oauth2_request(self, request):
        return request

    def handle_response(self, status, body, headers):
        return status, body, headers


class Host(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, public):
        super().__init__(("127.0.0.1", 0), Handler)
        self.token_url = f"http://127.0.0.1:{self.server_port}/oauth/token"
        self.client = Client(public)
        self.codes = {"the-code"}
        self.refresh_token = ""
        self.answers = []
        self.oauth = Server(self)

    def new_refresh_token(self):
        self.refresh_token = f"refresh-{time.monotonic_ns()}"
        return self.refresh_token


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        form = dict(parse_qsl(self.rfile.read(int(self.headers["Content-Length"])).decode()))
        # Its library insists on https, which a test on loopback has not.
        url = self.server.token_url.replace("http://", "https://")
        request = OAuth2Request("POST", url, headers=dict(self.headers))
        request._body = form
        request.payload = BasicOAuth2Payload(form)
        type(request).form = property(lambda self: self._body)
        status, body, headers = self.server.oauth.create_token_response(request)
        self.server.answers.append((form["grant_type"], status))
        self.send_response_only(status)
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, *arguments):
        pass


KEYS = {
    "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "ES384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "ES512": lambda: ec.generate_private_key(ec.SECP521R1()),
    "PS256": lambda: rsa.generate_private_key(65537, 2048),
    "PS512": lambda: rsa.generate_private_key(65537, 2048),
}


@pytest.fixture
def host(request):
    algorithm = getattr(request, "param", "ES256")
    private = KEYS[algorithm]()
    public = private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    kind = jwk.ECKey if algorithm.startswith("E") else jwk.RSAKey
    with Host(kind.import_key(public, {"alg": algorithm, "kid": "k"})) as server:
        pem = private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ).decode()
        server.assertion = ClientAssertion("the-client", Secret(pem), "k", algorithm)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def transport_to(host, credentials):
    place = urlsplit(host.token_url)
    account = Account("acme", "x", token_url=host.token_url, api_url=f"http://{place.netloc}")
    OPEN.append(Transport(TalkdeskAuth(account, credentials, scope=SCOPE), seed=1))
    return OPEN[-1]


def basic(secret="the:secret%+/"):
    return ClientSecret("the-client", Secret(secret))


@pytest.mark.parametrize("host", KEYS, indirect=True)
def test_assertions(host):
    transport = transport_to(host, host.assertion)
    for _ in range(3):
        assert transport.renew_token().scopes == set(SCOPE.split())
    assert host.answers == [("client_credentials", 200)] * 3


def test_basic(host):
    assert transport_to(host, basic()).renew_token().scopes == set(SCOPE.split())
    with pytest.raises(TokenError, match="invalid_client"):
        transport_to(host, basic("wrong")).renew_token()


@pytest.mark.parametrize("proof", ["basic", "assertion"])
def test_code_and_refresh_token(host, proof):
    client = basic() if proof == "basic" else host.assertion
    code = AuthorizationCode(Secret("the-code"), REDIRECT, SCOPE)
    user = UserLogin(client, Memory(), code)
    transport = transport_to(host, user)
    for _ in range(3):
        transport.renew_token()
        assert user.keeper.read().reveal() == host.refresh_token
    assert host.answers == [
        ("authorization_code", 200),
        ("refresh_token", 200),
        ("refresh_token", 200),
    ]
    with pytest.raises(TokenError, match="invalid_grant"):
        transport_to(host, UserLogin(client, Memory(), code)).renew_token()


def test_the_key_of_another(host):
    other = KEYS["ES256"]().private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    with pytest.raises(TokenError, match="invalid_client"):
        transport_to(host, ClientAssertion("the-client", Secret(other.decode()), "k")).renew_token()
