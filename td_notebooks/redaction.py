"""Keep signed links and credentials out of texts and log lines."""

from __future__ import annotations

import logging
import re

_QUERY = re.compile(r"\?[^\s'\"<>)\]]+")
_CREDENTIAL = re.compile(r"\b(Bearer|Basic) [A-Za-z0-9._~+/=-]+")


def redact(text: str) -> str:
    """Take queries and credentials out of a text: a signed link's query opens the file."""
    return _CREDENTIAL.sub(r"\1 •••", _QUERY.sub("?•••", text))


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
