"""Keep signed links and credentials out of texts and log lines."""

from __future__ import annotations

import logging
import re

_QUERY = re.compile(r"\?[^\s'\"<>)\]]+")
_CREDENTIAL = re.compile(r"\b(Bearer|Basic) [A-Za-z0-9._~+/=-]+")
_TOKEN = re.compile(r"\beyJ[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]*){1,2}|\btdst_[A-Za-z0-9_-]+")
_LONG = re.compile(r"[A-Za-z0-9_+/=-]{48,}")


def redact(text: str) -> str:
    """Take queries and credentials out of a text: a signed link's query opens the file."""
    return without_tokens(_CREDENTIAL.sub(r"\1 •••", _QUERY.sub("?•••", text)))


def without_tokens(text: str) -> str:
    """Take out of a text what looks like a token: some hosts repeat what they refuse."""
    return _TOKEN.sub("•••", text)


def without_secrets(text: str) -> str:
    """Take out tokens, and all else that is as long without a break as secrets are."""
    return _LONG.sub("•••", without_tokens(text))


class RedactFilter(logging.Filter):
    """Keeps signed links out of the log lines of httpx and httpcore, which show whole URLs."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Redact the line; let it pass."""
        record.msg, record.args = redact(record.getMessage()), ()
        return True


def redact_http_logs() -> None:
    """Make the loggers of httpx and httpcore redact their lines; calling it again adds nothing."""
    for name in ("httpx", "httpcore.http11", "httpcore.connection", "httpcore.proxy"):
        logger = logging.getLogger(name)
        if not any(isinstance(known, RedactFilter) for known in logger.filters):
            logger.addFilter(RedactFilter())
