"""The interactive login: the address to open, and the code that comes back.

The code comes to a page of this process on the loopback interface, or, where no browser can reach
it, in the address that the person copies from the browser. Facts: RFC 6749 section 4.1, RFC 8252
section 7.3 (loopback redirects) and Talkdesk's page on the authorization code.
"""

from __future__ import annotations

import hmac
import queue
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlencode, urljoin, urlsplit

from ..errors import AuthError, ConfigError, NotLoggedInError
from ..regions import Account
from ..secret import Secret
from .grants import AuthorizationCode

#: Register this address at the OAuth client, or give the one that is registered.
REDIRECT_URI = "http://127.0.0.1:8400/callback"

_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title></head>
<body style="font-family: sans-serif; margin: 4em"><h1>{title}</h1><p>{text}</p></body></html>
"""


@dataclass(frozen=True, slots=True)
class LoginRequest:
    """One login that was begun.

    Parameters
    ----------
    url : str
        What to open in a browser.
    redirect_uri, scope : str
        What was asked for.
    state, nonce : Secret
        Bind the answer to this request.
    """

    url: str = field(repr=False)
    redirect_uri: str
    scope: str
    state: Secret
    nonce: Secret

    @classmethod
    def begin(
        cls, account: Account, client_id: str, *, scope: str, redirect_uri: str = REDIRECT_URI
    ) -> LoginRequest:
        """Draw state and nonce, and make the address.

        Parameters
        ----------
        account : Account
        client_id : str
        scope : str
            Space-separated.
        redirect_uri : str
            One that is registered at the client.
        """
        state, nonce = Secret(secrets.token_urlsafe(24)), Secret(secrets.token_urlsafe(24))
        asked = {
            "response_type": "code",
            "client_id": client_id,
            "redirect_uri": redirect_uri,
            "scope": scope,
            "state": state.reveal(),
            "nonce": nonce.reveal(),
        }
        url = f"{urljoin(account.token_url, 'authorize')}?{urlencode(asked)}"
        return cls(url, redirect_uri, scope, state, nonce)

    def code(self, address: str) -> AuthorizationCode:
        """Read the address that the browser was sent back to.

        Parameters
        ----------
        address : str
            All of it, or what follows the question mark.

        Raises
        ------
        AuthError
            It is none, belongs to another login, or says that the login was refused.
        """
        outcome = self._read(address)
        del address  # it holds a code, which no traceback should show
        if isinstance(outcome, AuthError):
            raise outcome
        return outcome

    def _read(self, address: str) -> AuthorizationCode | AuthError:
        query = address.strip().rpartition("?")[2]
        found = {name: values[0] for name, values in parse_qs(query).items()}
        if not found.keys() & {"code", "error"}:
            return AuthError(
                "This is not the address that the login ended at: it has no code.",
                hint=f"Copy all of it from the browser; it begins with {self.redirect_uri}?",
            )
        if not hmac.compare_digest(found.get("state", "").encode(), self.state.reveal().encode()):
            return AuthError(
                "The answer belongs to another login (its state differs).",
                hint="Log in again, and finish in the page that was opened last.",
            )
        if "error" in found:
            said = ": ".join(found[k][:200] for k in ("error", "error_description") if k in found)
            return AuthError(f"The login was refused: {said}.", hint=_advice(found["error"]))
        # These two are asked for in case the client has them; nothing fails without them.
        needed = [scope for scope in self.scope.split() if scope not in {"openid", "refresh_token"}]
        return AuthorizationCode(Secret(found["code"]), self.redirect_uri, " ".join(needed))

    def wait(self, *, timeout: float, show: Callable[[str], object]) -> AuthorizationCode:
        """Wait for the browser at the redirect address, which must be of this machine.

        Parameters
        ----------
        timeout : float
            Seconds.
        show : callable
            Gets the address to open once the page listens.

        Raises
        ------
        AuthError
            The login was refused.
        NotLoggedInError
            Nobody came in time.
        ConfigError
            The address is not one of this machine, or in use.
        """
        deadline = time.monotonic() + timeout
        with _Listener(self) as listener:
            show(self.url)
            while time.monotonic() < deadline:
                listener.handle_request()
                try:
                    result = listener.results.get_nowait()
                except queue.Empty:
                    continue
                if isinstance(result, AuthError):
                    raise result
                return result
        raise NotLoggedInError(
            f"Nobody finished the login within {timeout:.0f} s.",
            hint="Log in again; where no browser can reach this machine: td.login(paste=True).",
        )


def can_listen(redirect_uri: str) -> bool:
    """Say whether a redirect address leads to this machine, unencrypted."""
    try:
        parts = urlsplit(redirect_uri)
        return parts.scheme == "http" and parts.hostname in {"127.0.0.1", "localhost"}
    except ValueError:
        return False


def _advice(error: str) -> str:
    return {
        "access_denied": "Press Allow in the browser, or ask an administrator for access.",
        "invalid_scope": "Add the scope to the OAuth client in Talkdesk, or ask for less with "
        "scope= (TALKDESK_SCOPE).",
        "unsupported_response_type": "Tick the grant type Authorization code at the OAuth client.",
    }.get(error, "Try again; if it persists, ask the account's administrator.")


class _Listener(ThreadingHTTPServer):
    """The page that the browser is sent back to."""

    daemon_threads = True
    timeout = 0.2  # seconds between two looks at the results

    def __init__(self, login: LoginRequest) -> None:
        self.login = login
        self.results: queue.SimpleQueue[AuthorizationCode | AuthError] = queue.SimpleQueue()
        parts = urlsplit(login.redirect_uri)
        if not can_listen(login.redirect_uri):
            raise ConfigError(
                f"The redirect address {login.redirect_uri} is not one of this machine.",
                hint="Log in with td.login(paste=True) and copy the address from the browser.",
            )
        self.path = parts.path or "/"
        self.host = parts.netloc
        try:
            super().__init__(("127.0.0.1", parts.port or 80), _Page)
        except OSError as error:
            raise ConfigError(
                f"The redirect address {login.redirect_uri} cannot be listened at: {error}.",
                hint="Close the program that uses the port, or log in with td.login(paste=True).",
            ) from None

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: browsers open connections that they never use."""


class _Page(BaseHTTPRequestHandler):
    server: _Listener
    timeout = 5.0

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: the address that came holds the code."""

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        # Another name for this machine would be a trick of a foreign page.
        if path != self.server.path or self.headers.get("Host") != self.server.host:
            self._answer(404, "Nothing here", "This address is not part of the login.")
            return
        result: AuthorizationCode | AuthError
        try:
            result = self.server.login.code(query)
        except AuthError as error:
            result = error.with_traceback(None)
            self._answer(400, "Not logged in", str(error))
            if "error=" not in query or "state differs" in str(error):
                return  # not the answer to this login: the right one may still come
        else:
            self._answer(200, "Logged in", "It is done: close this page and go back.")
        self.server.results.put(result)

    def _answer(self, status: int, title: str, text: str) -> None:
        import html

        body = _PAGE.format(title=title, text=html.escape(text)).encode()
        self.send_response_only(status)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)
