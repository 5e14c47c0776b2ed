"""Exit codes: what a scheduler needs to know of what happened.

====  ===============================================
   0  done
   1  partial (`sync`: some of it is asked for next time), or something else such as a full disk
   2  usage or configuration
   3  no access: secret, token or scope
   4  the report job failed
   5  no such job or file
  75  try again later (``EX_TEMPFAIL``)
 130  interrupted (Ctrl-C)
 141  the reader of stdout went away, as in ``| head``
 143  told to end (SIGTERM, SIGHUP)
====  ===============================================
"""

from __future__ import annotations

from ..errors import (
    AuthError,
    BadRequestError,
    ConfigError,
    ForbiddenError,
    JobError,
    JobTimeoutError,
    NotFoundError,
    TalkdeskError,
    UnauthorizedError,
)

DONE, OTHER, USAGE, ACCESS, JOB, NOT_FOUND = range(6)
LATER, INTERRUPTED, NO_READER, TERMINATED = 75, 130, 141, 143

SUMMARY = (
    "Exit codes: 0 done, 2 usage or configuration, 3 no access, 4 the job failed, "
    "5 not found, 75 try again later, 1 partial or anything else."
)


class Terminated(KeyboardInterrupt):
    """The system asked this process to end; handled as an interrupt is."""


def exit_code(error: BaseException) -> int:
    """Return the exit code that stands for an error or an interrupt."""
    if isinstance(error, KeyboardInterrupt):
        return TERMINATED if isinstance(error, Terminated) else INTERRUPTED
    if isinstance(error, BrokenPipeError):
        return NO_READER
    if isinstance(error, JobError) and not isinstance(error, JobTimeoutError):
        return JOB
    if isinstance(error, TalkdeskError) and error.retryable:
        return LATER
    if isinstance(error, ConfigError | BadRequestError):
        return USAGE
    if isinstance(error, AuthError | UnauthorizedError | ForbiddenError):
        return ACCESS
    return NOT_FOUND if isinstance(error, NotFoundError) else OTHER
