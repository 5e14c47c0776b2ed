"""A whole Talkdesk on three loopback ports."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from ..errors import ConfigError
from . import faults as fault
from .changes import Changes
from .clients import SandboxClient
from .clock import SandboxClock
from .events import Events
from .explore import Explore, Variants
from .identity import SCOPES, Identity
from .login import Logins
from .reception import Reception
from .server import Origin
from .source import CentreSource
from .storage import Storage

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime
    from types import TracebackType

    from .centre import CentreSettings
    from .source import RowSource


class Sandbox:
    """Talkdesk's identity, API and storage hosts on loopback, with a simulated contact centre.

    The ports are bound on construction and served after `start`; as a context manager it does
    both and closes. Several can live in one process; all methods may be called from any thread.

    Parameters
    ----------
    seed : int
        Draws the contact centre and the moments of faults.
    centre : CentreSettings, optional
        The contact centre; by default one with `seed`.
    faults : str or iterable of str
        See `td_notebooks.sandbox.faults`.
    fault_settings : FaultSettings, optional
        How long delays are, and so on.
    clock : SandboxClock, optional
        By default one that runs with the machine.
    job_seconds : float
        From a job's submission to its end, in sandbox seconds.
    quota : int
        Unfinished jobs the account may have.
    port : int
        Of the API; identity and storage take the two that follow. 0 takes free ones.
    account : str
        The account's name.
    freshness : float, optional
        Seconds that data is behind, for all report types; by default each type's own.
    token_seconds : int
        Life of an access token.
    link_seconds : float
        Life of a signed link.
    gzip : bool
        Storage compresses for clients that accept it.
    variants : Variants, optional
        Other ways to answer, for the client's tolerance.
    source : RowSource, optional
        Rows and files from elsewhere than the contact centre.

    Attributes
    ----------
    api_url, identity_url, storage_url, token_url : str
    client : SandboxClient
        The client that exists from the start, with all scopes.
    clock : SandboxClock
    events : Events
        AppConnect: installations and signed events.
    changes : Changes
        Makes rows late, changed, deleted or doubled, and columns appear.
    requests : list of RequestRecord
        All requests so far, in the order in which they were answered.

    Raises
    ------
    ConfigError
        If a port is taken, or a fault unknown.

    Examples
    --------
    >>> with Sandbox(faults="429") as sandbox:
    ...     url = sandbox.token_url
    """

    def __init__(
        self,
        *,
        seed: int = 7,
        centre: CentreSettings | None = None,
        faults: str | Iterable[str] = (),
        fault_settings: fault.FaultSettings | None = None,
        clock: SandboxClock | None = None,
        job_seconds: float = 1.5,
        quota: int = 15,
        port: int = 0,
        account: str = "sandbox",
        freshness: float | None = None,
        token_seconds: int = 600,
        link_seconds: float = 60.0,
        gzip: bool = False,
        variants: Variants | None = None,
        source: RowSource | None = None,
    ) -> None:
        self.clock = clock or SandboxClock()
        self.account = account
        self._reception = Reception(
            fault.FaultPlan(fault.parse_faults(faults), seed),
            fault_settings or fault.FaultSettings(),
            self.revoke_tokens,
        )
        self.requests = self._reception.requests
        self._origins: dict[str, Origin] = {}
        self._bind(port)
        self.api_url = self._origins["api"].url
        self.identity_url = self._origins["identity"].url
        self.storage_url = self._origins["storage"].url
        self.token_url = f"{self.identity_url}/oauth/token"
        self._identity = Identity(
            account, self.token_url, self.api_url, self.clock, token_seconds=token_seconds
        )
        self._logins = Logins(self._identity)
        self._storage = Storage(
            self.storage_url,
            self.clock,
            link_seconds=link_seconds,
            gzip=gzip,
            ahead=not self.clock.manual,
        )
        self.changes = Changes(source or CentreSource(centre, seed), self.clock)
        explore = Explore(
            self.api_url,
            self._identity,
            self._storage,
            self.changes,
            self.clock,
            job_seconds=job_seconds,
            quota=quota,
            freshness=freshness,
            variants=variants,
        )
        self.events = Events(self.api_url, explore, self._identity, self.token_url, self.clock)
        self._reception.applications |= {
            "api": self.events,
            "identity": self._identity,
            "storage": self._storage,
        }
        self.client = self.add_client()

    def _bind(self, port: int) -> None:
        try:
            for offset, name in enumerate(("api", "identity", "storage")):
                self._origins[name] = Origin(
                    name, port and port + offset, self.clock, self._reception
                )
        except ConfigError:
            self._close_origins()
            raise

    def __repr__(self) -> str:
        return f"Sandbox(account={self.account!r}, api_url={self.api_url!r})"

    # -- life --------------------------------------------------------------------------------

    def start(self) -> Sandbox:
        """Serve, and return this sandbox."""
        for origin in self._origins.values():
            origin.start()
        return self

    def close(self) -> None:
        """Stop serving at once and delete all files. It can be called again."""
        self._close_origins()
        self._storage.close()

    def _close_origins(self) -> None:
        for origin in self._origins.values():
            origin.close()

    def __enter__(self) -> Sandbox:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    # -- what happens next -------------------------------------------------------------------

    def set_faults(self, faults: str | Iterable[str], seed: int = 7) -> None:
        """Put other faults in the place of those that are still to come.

        Parameters
        ----------
        faults : str or iterable of str
            See `td_notebooks.sandbox.faults`; requests are counted from now on. None with ``""``.
        seed : int
            Draws their moments.

        Raises
        ------
        ConfigError
            A fault is unknown.
        """
        self._reception.plan = fault.FaultPlan(fault.parse_faults(faults), seed)

    # -- what there is -----------------------------------------------------------------------

    def truth(
        self, report_type: str, start: datetime, end: datetime, at: float | None = None
    ) -> list[Mapping[str, object]]:
        """Return the rows of a span that exist at a moment, as `Changes.truth` does.

        Parameters
        ----------
        report_type : str
        start, end : datetime
            Aware; half-open, by the report's time column.
        at : float, optional
            Sandbox seconds since 1970-01-01 UTC; now by default.

        Returns
        -------
        list of dict
            By JSON key; times in UTC, durations in seconds.
        """
        return self.changes.truth(report_type, start, end, at)

    # -- credentials -------------------------------------------------------------------------

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables with which `td.connect()` and the commands find it."""
        return {
            "TALKDESK_ACCOUNT": self.account,
            "TALKDESK_REGION": "sandbox",
            "TALKDESK_API_URL": self.api_url,
            "TALKDESK_TOKEN_URL": self.token_url,
            "TALKDESK_CLIENT_ID": self.client_id,
            "TALKDESK_CLIENT_SECRET": self.client_secret,
        }

    @property
    def client_id(self) -> str:
        """Of `client`."""
        return self.client.client_id

    @property
    def client_secret(self) -> str:
        """Of `client`."""
        return self.client.client_secret

    @property
    def private_key(self) -> str:
        """Of `client`: PKCS#8 PEM text of an ES256 key."""
        return self.client.private_key

    @property
    def key_id(self) -> str:
        """Of `client`'s key."""
        return self.client.key_id

    def add_client(
        self,
        client_id: str | None = None,
        *,
        scopes: Iterable[str] = SCOPES,
        algorithm: str = "ES256",
        redirect_uris: Iterable[str] = (),
    ) -> SandboxClient:
        """Register another OAuth client and return it.

        Parameters
        ----------
        client_id : str, optional
            Drawn by default.
        scopes : iterable of str
            All it may ask for.
        algorithm : str
            Of its key: ES256, ES384, ES512, PS256, PS384 or PS512.
        redirect_uris : iterable of str
            Where a user may be sent back to after a login.

        Raises
        ------
        ConfigError
            If Talkdesk does not know the algorithm.
        """
        return self._identity.clients.add(client_id, tuple(scopes), algorithm, tuple(redirect_uris))

    def revoke_client(self, client_id: str) -> None:
        """Give a client no further token; those it has live on.

        Parameters
        ----------
        client_id : str
            It may be gone already.
        """
        self._identity.clients.revoke(client_id)

    def revoke_tokens(self) -> None:
        """Make every access token issued so far useless."""
        self._identity.revoke_tokens()

    @property
    def tokens(self) -> tuple[str, ...]:
        """All access tokens issued so far."""
        return tuple(self._identity.tokens)

    @property
    def secrets(self) -> tuple[str, ...]:
        """Every text that must not leak: client secrets, private keys, tokens, link signatures.

        Client secrets stand alone and as in a Basic header, keys as PEM and as one line of base64;
        a key that nobody has used yet does not exist. Codes, refresh tokens and identity tokens of
        user logins are among the tokens.
        """
        known = self._identity.clients
        clients = [*list(known.by_id.values()), *known.revoked]
        pems = [client.private_key for client in clients if client.key.made]
        bare = ["".join(pem.splitlines()[1:-1]) for pem in pems]
        pairs = [f"{client.client_id}:{client.client_secret}".encode() for client in clients]
        return (
            *(client.client_secret for client in clients),
            *(base64.b64encode(pair).decode() for pair in pairs),
            *pems,
            *bare,
            *self.tokens,
            *self._logins.secrets,
            *self._storage.signatures,
        )
