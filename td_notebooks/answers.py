"""What an answer of the API means, and whether to ask again: pure functions.

Codes and texts: Talkdesk's OpenAPI document for Explore. Decisions hang on the status, and on the
one code that needs another treatment than its status; texts are only passed on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from .errors import (
    ApiError,
    BadRequestError,
    ConflictError,
    ForbiddenError,
    NetworkError,
    NotFoundError,
    QuotaError,
    RateLimitError,
    ServerError,
    TalkdeskError,
    TokenError,
    UnauthorizedError,
)
from .redaction import without_tokens
from .regions import REGIONS, Account, Origin, region_of_api, region_of_identity
from .wire import json_object, later, retry_after, timestamp

LONGEST_RETRY_AFTER = 120.0
QUOTA_CODE = "1020017"
AUDIENCE_CODE = "0700001"

_STATUS_ERRORS: dict[int, type[ApiError]] = {
    400: BadRequestError,
    401: UnauthorizedError,
    403: ForbiddenError,
    404: NotFoundError,
    409: ConflictError,
    429: RateLimitError,
}

# Talkdesk's codes for Explore (its OpenAPI document), each with what the reader can do.
_HINTS = {
    "1020001": "Correct the fields it names.",
    "1020005": "The start must be before the end.",
    "1020013": "One job covers at most a month: client.report(...) cuts a longer span by itself.",
    "1020016": "Give an IANA name such as 'Europe/Lisbon'.",
    "1020004": "Add the scope to the OAuth client in Talkdesk; it takes some minutes.",
    "1020011": "Job records are kept for a limited time: check the id and the report type, or "
    "submit again.",
    "1020008": "The file is not ready, was deleted, or is older than 30 days: submit again.",
    "1020009": "The file is not ready, was deleted, or is older than 30 days: submit again.",
    "1020007": "Wait until the job is finished.",
    QUOTA_CODE: "All 15 of the account's simultaneous report jobs are in use, by this program or "
    "by others: wait for some to finish.",
    "1020019": "Talkdesk's audit service is unavailable for the moment: try again later.",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """A response, read up to `LONGEST_ANSWER` bytes.

    Attributes
    ----------
    whole : bool
        False when the body goes on: it is a report, not an answer about one.
    """

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    whole: bool = True

    def json(self) -> dict[str, object]:
        """Return the body as a JSON object; an empty one if it is none."""
        return json_object(self.body)


def api_error(
    answer: Answer,
    *,
    doing: str,
    account: Account,
    scopes: frozenset[str] = frozenset(),
    audience: str = "",
    needs: str = "",
) -> ApiError | None:
    """Turn an answer into the error it stands for; None when it is none.

    Parameters
    ----------
    answer : Answer
    doing : str
        What was being done, to begin the message with: ``"submitting calls"``.
    account : Account
        Named in the messages about tokens.
    scopes : frozenset of str
        What the token in use was granted.
    audience : str
        The API that the token in use says it is for.
    needs : str
        The scope the request needs, where known.
    """
    if answer.status < 400:
        return None
    said = answer.json()
    code = str(said.get("code") or "") or None
    text = str(said.get("message") or said.get("description") or said.get("error") or "")
    text = without_tokens(text[:300])
    fields = _fields(said.get("fields"))
    parts = [f"While {doing}, Talkdesk answered {answer.status}"]
    parts += [f" ({code})" if code else "", f": {text}" if text else ""]
    parts += ["; ".join(["", *(f"{name}: {complaint}" for name, complaint in fields)]), "."]
    wait = retry_after(answer.headers.get("Retry-After"), now=timestamp(answer.headers.get("Date")))
    hint = _HINTS.get(code or "") or _hint(answer.status, account, scopes, wait)
    if answer.status == 401:
        elsewhere = _elsewhere(account, audience, code == AUDIENCE_CODE or "audience" in text)
        hint = elsewhere or hint
    if answer.status == 403 and needs:
        hint += f" It needs {needs}; the token has {', '.join(sorted(scopes)) or 'none known'}."
    request_id = answer.headers.get("platform-tid")
    if request_id and answer.status >= 500:
        hint += f" Talkdesk's support finds it by its platform-tid, {request_id[:64]}."
    return _kind(answer.status, code)(
        "".join(parts),
        hint=hint,
        status_code=answer.status,
        code=code,
        fields=fields,
        request_id=request_id,
        retry_after=wait,
    )


def _kind(status: int, code: str | None) -> type[ApiError]:
    if status == 429 and code == QUOTA_CODE:
        return QuotaError
    return _STATUS_ERRORS.get(status, ServerError if status >= 500 else ApiError)


def _fields(value: object) -> tuple[tuple[str, str], ...]:
    if not isinstance(value, list):
        return ()
    return tuple(
        (str(item.get("name", "")), str(item.get("description", "")))
        for item in value
        if isinstance(item, dict)
    )


def _hint(status: int, account: Account, scopes: frozenset[str], wait: float | None) -> str:
    if status == 401:
        granted = ", ".join(sorted(scopes)) or "unknown"
        return (
            f"A fresh token of account {account.name!r} was refused by {account.api_origin.host} "
            f"(scopes: {granted}): check that the account lives in region {account.region!r} and "
            "that its OAuth client is still active."
        )
    if status == 403:
        return "The OAuth client needs another scope: add it in Talkdesk; it takes some minutes."
    if status == 404:
        return f"Check the id, the report type, and that {account.api_origin.host} is right."
    if status == 429:
        return f"Too many requests: try again in {later(wait)}."
    if status >= 500:
        return "Talkdesk cannot answer for the moment: try again later."
    return "Check what was asked."


def _elsewhere(account: Account, audience: str, refused_for_it: bool) -> str:
    """Say where the account seems to be, if its token is not for the API that refused it."""
    if audience and Origin.of(audience) != account.api_origin:
        region = region_of_api(audience)
        return f"The token is for {audience[:100]}, not for {account.api_url}: " + (
            f"the account seems to be in region {region!r}; set it (TALKDESK_REGION={region}) and "
            "leave api_url (TALKDESK_API_URL) out."
            if region
            else "set api_url (TALKDESK_API_URL) to it if you know this host."
        )
    if not refused_for_it:
        return ""
    ours, theirs = region_of_api(account.api_url), region_of_identity(account.token_url)
    if theirs and theirs != ours:
        return (
            f"The token comes from {account.token_url}, so the account seems to be in region "
            f"{theirs!r}: set it (TALKDESK_REGION={theirs}) and leave api_url out."
        )
    others = ", ".join(name for name in REGIONS if name != ours)
    return f"The account seems to be in another region than {account.region!r}: try {others}."


def repeatable(error: TalkdeskError, *, side_effects: bool, wait_for_quota: bool) -> bool:
    """Say whether a failed request may be sent again as it was.

    Parameters
    ----------
    error : TalkdeskError
    side_effects : bool
        Whether handling it twice would do something twice.
    wait_for_quota : bool
        Whether a used-up quota is waited for here.
    """
    if not error.retryable:
        return False
    if isinstance(error, QuotaError) and not wait_for_quota:
        return False
    if told_to_wait(error) > LONGEST_RETRY_AFTER:
        return False
    if not side_effects or isinstance(error, RateLimitError | TokenError):
        return True
    if isinstance(error, ServerError):
        return error.status_code == 503
    return isinstance(error, NetworkError) and not error.sent


def retry_delay(attempt: int, error: TalkdeskError, *, chance: float) -> float:
    """Return the seconds before the next attempt: growing, jittered, no less than the host says.

    Parameters
    ----------
    attempt : int
        How many attempts there have been, from 1.
    error : TalkdeskError
    chance : float
        From 0 to 1.
    """
    growing = min(20.0, 0.5 * 2.0 ** (attempt - 1))
    return max(told_to_wait(error), growing * (0.5 + 0.5 * chance))


def told_to_wait(error: TalkdeskError) -> float:
    """Return the seconds an answer asked to wait for; 0 if it did not."""
    return (isinstance(error, ApiError | TokenError) and error.retry_after) or 0.0
