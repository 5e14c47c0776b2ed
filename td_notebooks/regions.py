"""Where an account's identity host and API host are.

Each region has its own pair of hosts; a token of one region is refused by the API of another. The
name of the account is the first label of its identity host. Hosts are data, and an explicit
address always wins over the table.

Sources: Talkdesk's pages on regions and on refresh tokens (us, eu, ca and the identity host of
au); the API host of au was only seen in public clients, which disagree about it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import urljoin, urlsplit

from .errors import ConfigError


class Region(NamedTuple):
    """The two hosts of a region.

    Attributes
    ----------
    name : str
    identity_domain : str
        ``{account}.{identity_domain}`` answers token requests.
    api_host : str
    """

    name: str
    identity_domain: str
    api_host: str


REGIONS = {
    region.name: region
    for region in (
        Region("us", "talkdeskid.com", "api.talkdeskapp.com"),
        Region("eu", "talkdeskid.eu", "api.talkdeskapp.eu"),
        Region("ca", "talkdeskidca.com", "api.talkdeskappca.com"),
        Region("au", "talkdeskid.au", "api.talkdeskapp.au"),
    )
}


def absolute(base: str, location: str) -> str:
    """Return the address a ``Location`` leads to from ``base``; empty if it is no address."""
    try:
        return urljoin(base, location)
    except ValueError:
        return ""


def region_of_api(url: str) -> str | None:
    """Return the name of the region whose API has this address, if it is a known one."""
    host = Origin.of(url).host
    return next((region.name for region in REGIONS.values() if region.api_host == host), None)


def region_of_identity(url: str) -> str | None:
    """Return the name of the region whose identity hosts this address is among, if it is."""
    domain = Origin.of(url).host.partition(".")[2]
    return next((r.name for r in REGIONS.values() if r.identity_domain == domain), None)


_ACCOUNT_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", re.IGNORECASE)
_LOOPBACK = {"127.0.0.1", "::1", "localhost"}


class Origin(NamedTuple):
    """Scheme, host and port: what a token is bound to."""

    scheme: str
    host: str
    port: int

    @classmethod
    def of(cls, url: str) -> Origin:
        """Return the origin of an absolute URL, with the scheme's own port where none is given.

        What is no URL at all has the empty origin.
        """
        try:
            parts = urlsplit(url)
            port = parts.port or {"https": 443, "http": 80}.get(parts.scheme, 0)
        except ValueError:
            return cls("", "", 0)
        return cls(parts.scheme.lower(), (parts.hostname or "").lower(), port)

    def __str__(self) -> str:
        return f"{self.scheme}://{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Account:
    """A Talkdesk account and where to reach it.

    Parameters
    ----------
    name : str
        The account's name: the subdomain people log in at, not its id.
    region : str
        One of `REGIONS`.
    token_url, api_url : str, optional
        Explicit addresses; they win over the region's.

    Raises
    ------
    ConfigError
        Unknown region, a name that is no subdomain, or an address that is no HTTPS URL.
    """

    name: str
    region: str = "us"
    token_url: str = ""
    api_url: str = ""

    def __post_init__(self) -> None:
        if not _ACCOUNT_NAME.fullmatch(self.name):
            raise ConfigError(_account_complaint(self.name, self.region))
        region = self.region.lower()
        if region not in REGIONS and not (self.token_url and self.api_url):
            raise ConfigError(
                f"Unknown region {self.region!r}: the known ones are {', '.join(REGIONS)}.",
                hint="For another region give both api_url and token_url "
                "(TALKDESK_API_URL, TALKDESK_TOKEN_URL).",
            )
        hosts = REGIONS.get(region)
        if hosts:
            token_url = f"https://{self.name.lower()}.{hosts.identity_domain}/oauth/token"
            object.__setattr__(self, "token_url", self.token_url or token_url)
            object.__setattr__(self, "api_url", self.api_url or f"https://{hosts.api_host}")
        object.__setattr__(self, "region", region)
        object.__setattr__(self, "api_url", self.api_url.rstrip("/"))
        _require_https("api_url", self.api_url)
        _require_https("token_url", self.token_url)

    @property
    def api_origin(self) -> Origin:
        """The one origin that may see the account's access token."""
        return Origin.of(self.api_url)

    @classmethod
    def from_root_link(cls, name: str, url: str) -> Account:
        """Find the region from the ``root`` link of an AppConnect event.

        Parameters
        ----------
        name : str
            The account's name.
        url : str
            The link, such as ``https://api.talkdeskapp.eu``.

        Raises
        ------
        ConfigError
            The link's host is not the API host of a known region, so it is not trusted.
        """
        origin = Origin.of(url)
        for region in REGIONS.values():
            if origin == Origin("https", region.api_host, 443):
                return cls(name, region.name)
        raise ConfigError(
            f"The root link {url!r} is not the API host of a known region "
            f"({', '.join(region.api_host for region in REGIONS.values())}).",
            hint="If it is a new region, give api_url and token_url yourself.",
        )


def _account_complaint(name: str, region: str) -> str:
    if not name:
        return "The account's name is empty: give the part before .talkdeskid.com, such as 'acme'."
    host = urlsplit(name if "//" in name else f"//{name}").hostname or ""
    first = host.split(".")[0]
    if ("." in host or "//" in name) and _ACCOUNT_NAME.fullmatch(first):
        known = region_of_identity(f"https://{host}")
        there = f", and the region {known!r}" if known and known != region.lower() else ""
        return (
            f"The account is given as an address, {name!r}: give its name alone, {first!r}{there}."
        )
    if name != name.strip():
        return f"The account's name {name!r} begins or ends with a space: write {name.strip()!r}."
    return f"{name!r} is not an account name: only letters, digits and hyphens occur in one."


def _require_https(setting: str, url: str) -> None:
    origin = Origin.of(url)
    if not origin.host or origin.scheme not in {"https", "http"}:
        raise ConfigError(
            f"{setting} is {url!r}, which is no address: write it as https://host/path."
        )
    if origin.scheme == "http" and origin.host not in _LOOPBACK:
        raise ConfigError(
            f"{setting} is {url!r}: secrets and tokens are sent over https only "
            "(plain http is accepted for this machine's own addresses)."
        )
    if urlsplit(url).username is not None:
        raise ConfigError(f"{setting} carries a user name or password: take it out of the address.")
