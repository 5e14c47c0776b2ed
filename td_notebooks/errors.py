"""Every exception this package raises on purpose.

::

    TalkdeskError
    ├── ConfigError                 settings missing or contradictory
    ├── AuthError                   no usable access token
    │   ├── TokenError              the identity host refused
    │   └── NotLoggedInError
    ├── NetworkError                no answer at all
    ├── ApiError                    an answer of 4xx or 5xx
    │   ├── BadRequestError         400
    │   ├── UnauthorizedError       401, after one renewal
    │   ├── ForbiddenError          403
    │   ├── NotFoundError           404
    │   ├── ConflictError           409
    │   ├── RateLimitError          429
    │   │   └── QuotaError          429 with code 1020017: the account's simultaneous jobs
    │   └── ServerError             5xx
    ├── JobError
    │   ├── JobFailedError
    │   ├── JobCanceledError
    │   └── JobTimeoutError         also a TimeoutError
    ├── DownloadError               truncated, expired link, not a report
    ├── SchemaError                 the file does not have the report's columns
    ├── EventError                  an AppConnect event that must not be believed
    └── LakeError

Each takes one positional message and optional keywords kept as attributes, so that all of them
survive pickle and copy (they cross executors). The message says what was being done, what went
wrong and what to do next; ``hint`` repeats the last part for programs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


class TalkdeskError(Exception):
    """Base of all errors of this package.

    Parameters
    ----------
    message : str
        One sentence or two for the person who reads it.
    hint : str, optional
        What to do next. It is appended to the message.

    Attributes
    ----------
    retryable : bool
        Whether the same call may succeed later, with nothing changed.
    """

    retryable: bool = False

    def __init__(self, message: str = "", *, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint

    def __str__(self) -> str:
        message = super().__str__()
        return f"{message} {self.hint}" if self.hint else message


class ConfigError(TalkdeskError):
    """A setting is missing, unusable or contradicts another."""


class AuthError(TalkdeskError):
    """There is no usable access token."""


class TokenError(AuthError):
    """The identity host refused a token request.

    Attributes
    ----------
    error, error_description : str or None
        The two fields of an OAuth error body.
    status_code : int or None
    retryable : bool
        True when the host was only busy (429 or 5xx).
    retry_after : float or None
        Seconds to wait, if the answer said so.
    """

    def __init__(
        self,
        message: str = "",
        *,
        hint: str | None = None,
        error: str | None = None,
        error_description: str | None = None,
        status_code: int | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.error = error
        self.error_description = error_description
        self.status_code = status_code
        self.retryable = status_code == 429 or (status_code or 0) >= 500
        self.retry_after = retry_after


class NotLoggedInError(AuthError):
    """A call was made before anybody logged in."""


class NetworkError(TalkdeskError):
    """The host gave no answer.

    Attributes
    ----------
    sent : bool
        Whether the request may have reached the host. When False (connection refused, unknown
        host) even a request with side effects can be repeated.
    """

    retryable = True

    def __init__(self, message: str = "", *, hint: str | None = None, sent: bool = True) -> None:
        super().__init__(message, hint=hint)
        self.sent = sent


class ApiError(TalkdeskError):
    """The API answered with an error.

    Attributes
    ----------
    status_code : int or None
    code : str or None
        Talkdesk's seven digits.
    fields : tuple of (str, str)
        Names of the inputs the API complains about, each with its complaint.
    request_id : str or None
        What Talkdesk's support asks for.
    retry_after : float or None
        Seconds to wait, if the answer said so.
    """

    def __init__(
        self,
        message: str = "",
        *,
        hint: str | None = None,
        status_code: int | None = None,
        code: str | None = None,
        fields: Sequence[tuple[str, str]] = (),
        request_id: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.message = message
        self.status_code = status_code
        self.code = code
        self.fields = tuple(fields)
        self.request_id = request_id
        self.retry_after = retry_after


class BadRequestError(ApiError):
    """400: an input is wrong."""


class UnauthorizedError(ApiError):
    """401, after the token had been renewed once."""


class ForbiddenError(ApiError):
    """403: the token's scopes do not allow this."""


class NotFoundError(ApiError):
    """404: no such job, file or path."""


class ConflictError(ApiError):
    """409: not possible in the job's present status."""


class RateLimitError(ApiError):
    """429: too many requests."""

    retryable = True


class QuotaError(RateLimitError):
    """429 with code 1020017: all of the account's simultaneous report jobs are in use."""


class ServerError(ApiError):
    """5xx: Talkdesk could not answer now."""

    retryable = True


class JobError(TalkdeskError):
    """A report job did not end well.

    Attributes
    ----------
    job : object or None
        The last known state of the job (`td_notebooks.reports.JobState`).
    """

    def __init__(
        self, message: str = "", *, hint: str | None = None, job: object | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.job = job


class JobFailedError(JobError):
    """Talkdesk reported the job as failed."""

    retryable = True


class JobCanceledError(JobError):
    """The job was canceled or its file deleted."""


class JobTimeoutError(JobError, TimeoutError):
    """The job was not finished at the deadline; it goes on at Talkdesk."""

    retryable = True


class DownloadError(TalkdeskError):
    """The report file did not arrive whole, or it is not a report."""

    retryable = True


class SchemaError(TalkdeskError):
    """A report file lacks columns that its type must have.

    Attributes
    ----------
    report_type : str or None
    missing, unexpected : tuple of str
        Wire names.
    """

    def __init__(
        self,
        message: str = "",
        *,
        hint: str | None = None,
        report_type: str | None = None,
        missing: Sequence[str] = (),
        unexpected: Sequence[str] = (),
    ) -> None:
        super().__init__(message, hint=hint)
        self.report_type = report_type
        self.missing = tuple(missing)
        self.unexpected = tuple(unexpected)


class EventError(TalkdeskError):
    """An AppConnect event that must not be believed."""


class LakeError(TalkdeskError):
    """The local store cannot do what was asked."""
