"""A user's login as credentials: the code of the browser first, refresh tokens from then on."""

from __future__ import annotations

from typing import Protocol

from ..errors import NotLoggedInError
from ..secret import Secret
from .credentials import ClientProof, Credentials
from .grants import AccessToken, AuthorizationCode, Grant, RefreshToken


class Keeper(Protocol):
    """Where a refresh token is kept between two renewals."""

    def read(self) -> Secret | None:
        """Return the token; None if there is none."""
        ...

    def write(self, token: Secret) -> None:
        """Keep another one in its place."""
        ...


class Memory:
    """Keeps a refresh token as long as the program runs.

    Parameters
    ----------
    token : Secret, optional
    """

    def __init__(self, token: Secret | None = None) -> None:
        self._token = token

    def read(self) -> Secret | None:
        """Return the token; None if there is none."""
        return self._token

    def write(self, token: Secret) -> None:
        """Keep another one in its place."""
        self._token = token


class UserLogin:
    """A client that acts for a user who logged in with the browser.

    Parameters
    ----------
    client : Credentials
        Proves the client itself, which each renewal needs as well.
    keeper : Keeper
        Where the refresh token is; it is read before each renewal, so that programs sharing a
        login see what the others got.
    code : AuthorizationCode, optional
        Of a login that has just happened.
    """

    def __init__(
        self, client: Credentials, keeper: Keeper, code: AuthorizationCode | None = None
    ) -> None:
        self.client = client
        self.keeper = keeper
        self._code = code

    def __repr__(self) -> str:
        return f"UserLogin(client={self.client!r})"

    @property
    def client_id(self) -> str:
        """The client's public id."""
        return self.client.client_id

    def prove(self, token_url: str, now: float) -> ClientProof:
        """Return header and form fields for one request, as the client itself does."""
        return self.client.prove(token_url, now)

    def grant(self, scope: str) -> Grant:
        """Return the grant of the code, or of the refresh token that came back last.

        Raises
        ------
        NotLoggedInError
            There is none.
        """
        if self._code:
            return self._code
        token = self.keeper.read()
        if token is None:
            raise NotLoggedInError(
                f"Nobody is logged in with client {self.client_id!r}, or the login has ended and "
                "came without a refresh token.",
                hint="Log in with td.login() or `td-notebooks login`; tick the grant type Refresh "
                "token at the OAuth client for logins that last.",
            )
        return RefreshToken(token, scope)

    def keep(self, token: AccessToken) -> None:
        """Keep the refresh token; an answer without one leaves the one there is."""
        self._code = None
        if token.refresh_token:
            self.keeper.write(token.refresh_token)
