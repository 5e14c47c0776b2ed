"""Exit codes: what a scheduler needs to know of what happened.

====  ==========================================
   0  done
   1  something else went wrong
   2  usage or configuration
   3  no access: secret, token or scope
   4  the report job failed
   5  no such job or file
  75  try again later (``EX_TEMPFAIL``)
 130  interrupted
====  ==========================================
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

DONE, OTHER, USAGE, ACCESS, JOB, NOT_FOUND, LATER, INTERRUPTED = 0, 1, 2, 3, 4, 5, 75, 130


def exit_code(error: TalkdeskError) -> int:
    """Return the exit code that stands for an error."""
    if isinstance(error, JobError) and not isinstance(error, JobTimeoutError):
        return JOB
    if error.retryable:
        return LATER
    if isinstance(error, ConfigError | BadRequestError):
        return USAGE
    if isinstance(error, AuthError | UnauthorizedError | ForbiddenError):
        return ACCESS
    return NOT_FOUND if isinstance(error, NotFoundError) else OTHER
