"""Whether a host can be reached at all: its name, its port, the proxy on the way."""

from __future__ import annotations

import socket
import time
import urllib.request
from urllib.parse import urlsplit

from ..errors import ConfigError, NetworkError
from ..regions import Origin

TIMEOUT = 10.0
_SHOWN = 3


def reach(url: str, *, what: str) -> str:
    """Look a host up and connect to it, or to the proxy that leads there; send nothing.

    Parameters
    ----------
    url : str
        An address at the host.
    what : str
        For messages: ``"identity host"``.

    Returns
    -------
    str
        How it was reached.

    Raises
    ------
    ConfigError
        There is no host of this name.
    NetworkError
        It cannot be looked up now, or does not answer.
    """
    _, host, port = Origin.of(url)
    proxy = proxy_for(url)
    where = f"the {what} {host}"
    if proxy:
        host, port = proxy
        where = f"the proxy {host} (which leads to {where})"
    addresses = _look_up(host, port, where)
    began = time.perf_counter()
    try:
        socket.create_connection((host, port), TIMEOUT).close()
    except OSError as error:
        raise NetworkError(
            f"Connecting to port {port} of {where} at {', '.join(addresses)} failed: "
            f"{error.strerror or error}.",
            hint="Is this machine online, and does its firewall let it out? Companies often "
            "demand a proxy: set HTTPS_PROXY.",
        ) from None
    spent = (time.perf_counter() - began) * 1000
    shown = f"{where} " if proxy else f"{host} "
    return f"{shown}connects at port {port} in {spent:.0f} ms"


def proxy_for(url: str) -> tuple[str, int] | None:
    """Return host and port of the proxy that the environment demands for an address, if any.

    Its user name and password stay where they are.
    """
    scheme, host, _ = Origin.of(url)
    proxies = urllib.request.getproxies()
    proxy = proxies.get(scheme) or proxies.get("all")
    if not proxy or urllib.request.proxy_bypass(host):
        return None
    parts = urlsplit(proxy if "//" in proxy else f"http://{proxy}")
    try:
        port = parts.port
    except ValueError:
        port = None
    if not parts.hostname:
        raise ConfigError(f"The proxy for {scheme} addresses in the environment is no address.")
    return parts.hostname, port or {"https": 443, "socks5": 1080}.get(parts.scheme, 80)


def _look_up(host: str, port: int, where: str) -> list[str]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        if getattr(error, "errno", None) == socket.EAI_AGAIN:
            raise NetworkError(
                f"The name of {where} cannot be looked up now: {error}.",
                hint="Is this machine online? Else ask for the name server it should use.",
            ) from None
        raise ConfigError(
            f"There is no host of the name {host}, which is to be {where}.",
            hint="Check account and region: the account is the part before .talkdeskid.com "
            "where people log in, and a region has hosts of its own.",
        ) from None
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))[:_SHOWN]
