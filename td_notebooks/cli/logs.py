"""Logs of a run with nobody watching: lines of text, or one JSON object a line, on stderr."""

from __future__ import annotations

import json
import logging
import sys
import warnings
from datetime import UTC, datetime
from enum import StrEnum

from .streams import in_shell_words, say


class LogFormat(StrEnum):
    """How a line of the log is written."""

    TEXT = "text"
    JSON = "json"


class _Lines(logging.Formatter):
    """Time in UTC, level, message: the same things in both formats."""

    def __init__(self, format: LogFormat) -> None:
        super().__init__()
        self._as_json = format is LogFormat.JSON

    def format(self, record: logging.LogRecord) -> str:
        """Write a record, and its traceback if it has one."""
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")[:-6]
        told = in_shell_words(record.getMessage())
        trace = self.formatException(record.exc_info) if record.exc_info else None
        if not self._as_json:
            return f"{at}Z {record.levelname} {told}" + (f"\n{trace}" if trace else "")
        fields = {"time": f"{at}Z", "level": record.levelname.lower(), "message": told}
        if trace:
            fields["traceback"] = trace
        return json.dumps(fields, ensure_ascii=False)


class _Stderr(logging.Handler):
    """Writes where everything else of this process is written."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record."""
        say(self.format(record))


def log_to_stderr(format: LogFormat, *, quiet: bool, verbose: bool) -> logging.Logger:
    """Send what the package logs, and warnings, to stderr; return the logger.

    Parameters
    ----------
    format : LogFormat
    quiet : bool
        Only warnings and errors.
    verbose : bool
        Everything, of other packages too.
    """
    log, root = logging.getLogger("td_notebooks"), logging.getLogger()
    handler = _Stderr()
    handler.setFormatter(_Lines(format))
    if not verbose:
        handler.setLevel(logging.WARNING if quiet else logging.INFO)
        handler.addFilter(_of_this_package_or_bad)
        log.setLevel(logging.INFO)
    for old in [known for known in root.handlers if _writes_to_stderr(known)]:
        root.removeHandler(old)
    root.addHandler(handler)
    warnings.showwarning = lambda message, *where: log.warning("%s", message)
    return log


def _of_this_package_or_bad(record: logging.LogRecord) -> bool:
    return record.levelno >= logging.WARNING or record.name.startswith("td_notebooks")


def _writes_to_stderr(handler: logging.Handler) -> bool:
    stream = getattr(handler, "stream", None)
    return isinstance(handler, _Stderr) or (stream is not None and stream is sys.stderr)
