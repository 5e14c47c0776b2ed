"""The only place that builds an HTTP client: certificates, proxies, no cookies, no redirects.

And, in this package's words, why a host gave no answer.
"""

from __future__ import annotations

import functools
import os
import platform
import ssl
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import TypeVar

import certifi
import httpx

from .auth.flow import read_body
from .auth.grants import ASKING_FOR_ACCESS, CHECK_THE_HOST, USER_AGENT
from .errors import ConfigError, NetworkError
from .redaction import redact

TIMEOUT = httpx.Timeout(30.0, connect=10.0)
LARGEST_DOCUMENT = 1 << 20

Error = TypeVar("Error", bound=BaseException)

# A proxy cannot reach this machine's own loopback: the sandbox would be out of reach, and the
# proxy would see its secrets.
_NEVER_THROUGH_A_PROXY = ("all://127.0.0.1", "all://localhost", "all://[::1]")


def open_client(
    *,
    auth: httpx.Auth | None = None,
    ca: str | None = None,
    accept: str = "application/json",
    limits: httpx.Limits | None = None,
) -> httpx.Client:
    """Build an HTTP client.

    Parameters
    ----------
    auth : httpx.Auth, optional
        What signs requests; by default nothing does.
    ca : str, optional
        File of certificates to trust instead of the system's.
    accept : str
        The header.
    limits : httpx.Limits, optional

    Raises
    ------
    ConfigError
        The environment names a proxy that cannot be used.
    """
    verify = _certificates(ca, *map(os.environ.get, ("SSL_CERT_FILE", "SSL_CERT_DIR")))
    try:
        return httpx.Client(
            # None would make httpx look for a user name in the address and in ~/.netrc.
            auth=auth or httpx.Auth(),
            verify=verify,
            timeout=TIMEOUT,
            limits=limits or httpx.Limits(),
            follow_redirects=False,
            # A cookie would go to every port of its host.
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            mounts=dict.fromkeys(_NEVER_THROUGH_A_PROXY),
            headers={
                "User-Agent": f"{USER_AGENT} python/{platform.python_version()}",
                "Accept": accept,
            },
        )
    except ImportError:
        hint = "It is a SOCKS proxy, which needs one more package: pip install 'httpx[socks]'."
    except (ValueError, httpx.InvalidURL):
        hint = "It must look like http://host:port."
    # The address is not repeated: it may hold a password.
    raise ConfigError(
        "The proxy that HTTPS_PROXY, HTTP_PROXY or ALL_PROXY names cannot be used.", hint=hint
    )


@functools.lru_cache(maxsize=16)
def _certificates(ca: str | None, *variables: str | None) -> ssl.SSLContext:
    """Return the certificates to trust; reading the system's takes longer than many a request.

    The variables are those that `ssl` reads by itself: another value is another context.
    """
    if ca:
        return ssl.create_default_context(cafile=ca)
    context = ssl.create_default_context()  # the system's; SSL_CERT_FILE and SSL_CERT_DIR count
    if not context.cert_store_stats()["x509_ca"] and not ssl.get_default_verify_paths().capath:
        context.load_verify_locations(certifi.where())
    return context


def fetch(url: str, *, timeout: float = 10.0) -> tuple[int, bytes]:
    """Ask for a public document, without any credentials; redirects are not followed.

    Certificates are those of ``TALKDESK_CA``, or the system's.

    Parameters
    ----------
    url : str
    timeout : float
        Seconds for each of connecting, sending and reading.

    Returns
    -------
    int
        The status.
    bytes
        The body, of at most a megabyte.

    Raises
    ------
    OSError
        There was no answer, or a larger one.
    """
    try:
        with (
            open_client(ca=os.environ.get("TALKDESK_CA") or None) as client,
            client.stream("GET", url, timeout=timeout) as response,
        ):
            body = read_body(response, LARGEST_DOCUMENT)
            if len(body) > LARGEST_DOCUMENT:
                raise OSError(f"{httpx.URL(url).host} sends more than any key has")
            return response.status_code, body
    except httpx.HTTPError as error:
        raise OSError(f"{httpx.URL(url).host} gave no answer: {type(error).__name__}") from None


def without_frames(error: Error) -> Error:
    """Take the traceback off an error, and off all that led to it."""
    seen: BaseException | None = error
    while seen is not None:
        seen.__traceback__ = None
        seen = seen.__cause__ or seen.__context__
    return error


# What Linux, macOS and Windows say when a name cannot be looked up.
_NO_SUCH_NAME = ("Name or service not known", "nodename nor servname", "getaddrinfo failed")


def network_error(
    error: httpx.HTTPError | httpx.InvalidURL, *, doing: str, host: str
) -> NetworkError:
    """Say in this package's words why there was no answer.

    Parameters
    ----------
    error : httpx.HTTPError or httpx.InvalidURL
        Only its kind and text are kept: it holds the request, headers included.
    doing, host : str
        For the message. If it was the token request that failed, the message tells of that.
    """
    text = redact(str(error)) or type(error).__name__
    sent = not isinstance(
        error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout | httpx.ProxyError
    )
    request = error.request if isinstance(error, httpx.RequestError) else None
    if request and request.extensions.get("doing") == ASKING_FOR_ACCESS:
        doing, host, sent = ASKING_FOR_ACCESS, request.url.host, False
    hint = CHECK_THE_HOST
    if isinstance(error, httpx.ReadTimeout):
        hint = "The host is slow or the connection is gone: try again later."
    elif any(words in text for words in _NO_SUCH_NAME):
        hint = (
            "No host of this name is known: check account and region (the account is the part "
            "before .talkdeskid.com where people log in), and that this machine is online."
        )
    result = NetworkError(f"While {doing}, {host} gave no answer: {text}.", hint=hint, sent=sent)
    if "CERTIFICATE_VERIFY_FAILED" in text:
        result.hint = (
            "The host's certificate is signed by an authority this machine does not know, often a "
            "company's own: name its file with ca= (TALKDESK_CA) or SSL_CERT_FILE."
        )
        result.retryable = False
    if isinstance(error, httpx.ProxyError) and text.startswith("407"):
        result.hint = (
            "The proxy wants a user and a password: write them into the variable that names it, as "
            "in HTTPS_PROXY=http://user:password@host:port."
        )
        result.retryable = False
    result.__cause__ = type(error)(text)
    return result
