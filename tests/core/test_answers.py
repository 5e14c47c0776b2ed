"""Every documented error answer becomes its own exception, with a hint that can be acted on."""

import pytest

from td_notebooks.answers import (
    Answer,
    api_error,
    repeatable,
    retry_delay,
)
from td_notebooks.errors import (
    ApiError,
    BadRequestError,
    ConflictError,
    DownloadError,
    ForbiddenError,
    NetworkError,
    NotFoundError,
    QuotaError,
    RateLimitError,
    ServerError,
    TokenError,
    UnauthorizedError,
)
from td_notebooks.regions import Account
from td_notebooks.wire import retry_after

ACCOUNT = Account("acme", "eu")

TABLE = [
    (400, "1020001", BadRequestError, "Correct the fields"),
    (400, "1020005", BadRequestError, "start must be before the end"),
    (400, "1020013", BadRequestError, "cuts a longer span"),
    (400, "1020016", BadRequestError, "IANA name"),
    (401, "1020018", UnauthorizedError, "api.talkdeskapp.eu"),
    (403, "1020004", ForbiddenError, "Add the scope"),
    (404, "1020011", NotFoundError, "submit again"),
    (404, "1020008", NotFoundError, "30 days"),
    (404, "1020009", NotFoundError, "30 days"),
    (409, "1020007", ConflictError, "Wait until the job is finished"),
    (429, "1020017", QuotaError, "15 of the account's"),
    (503, "1020019", ServerError, "try again later"),
]


def answer(status, code=None, headers=None, **more):
    import json

    body = {"message": "as Talkdesk says", **more}
    if code:
        body["code"] = code
    return Answer(status, headers or {}, json.dumps(body).encode())


@pytest.mark.parametrize(("status", "code", "kind", "hint"), TABLE)
def test_each_documented_code(status, code, kind, hint):
    error = api_error(
        answer(
            status,
            code,
            {"platform-tid": "t-1"},
            fields=[{"name": "timespan[from]", "description": "is wrong"}, "noise"],
        ),
        doing="submitting",
        account=ACCOUNT,
        scopes=frozenset({"data-reports:read"}),
        needs="data-reports:write",
    )
    assert type(error) is kind
    assert (error.status_code, error.code, error.request_id) == (status, code, "t-1")
    assert error.fields == (("timespan[from]", "is wrong"),)
    text = str(error)
    assert text.startswith(f"While submitting, Talkdesk answered {status} ({code}): as Talkdesk")
    assert "timespan[from]: is wrong" in text
    assert hint in text and hint in error.hint
    assert ("data-reports:read" in text) == (status in {401, 403})
    assert ("data-reports:write" in text) == (status == 403)
    assert ("by its platform-tid, t-1." in text) == (status >= 500)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, BadRequestError),
        (401, UnauthorizedError),
        (403, ForbiddenError),
        (404, NotFoundError),
        (409, ConflictError),
        (418, ApiError),
        (429, RateLimitError),
        (500, ServerError),
        (504, ServerError),
    ],
)
def test_an_error_without_the_documented_body(status, kind):
    for body in (b"", b"<html>", b"[1]", b"[" * 100_000):
        error = api_error(Answer(status, {}, body), doing="asking", account=ACCOUNT)
        assert type(error) is kind and error.hint and error.code is None


def test_good_answers_are_no_errors():
    for status in (200, 202, 204, 300, 303):
        assert api_error(Answer(status, {}, b""), doing="asking", account=ACCOUNT) is None


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("", None),
        ("7", 7.0),
        ("1.5", 1.5),
        ("-1", None),
        ("inf", None),
        ("soon", None),
        ("Fri, 31 Dec 99999999999999999999 23:59:59 GMT", None),
        ("Thu, 01 Jan 1970 00:00:30 GMT", 20.0),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0.0),
    ],
)
def test_retry_after(header, seconds):
    assert retry_after(header, now=10.0) == seconds


def test_a_date_in_retry_after_counts_from_the_answers_own_date():
    error = api_error(
        answer(
            429,
            headers={
                "Retry-After": "Thu, 01 Jan 2026 00:00:30 GMT",
                "Date": "Thu, 01 Jan 2026 00:00:10 GMT",
            },
        ),
        doing="asking",
        account=ACCOUNT,
    )
    assert error.retry_after == 20.0


@pytest.mark.parametrize(
    ("error", "without", "with_side_effects"),
    [
        (NetworkError("", sent=True), True, False),
        (NetworkError("", sent=False), True, True),
        (RateLimitError(""), True, True),
        (RateLimitError("", retry_after=120), True, True),
        (RateLimitError("", retry_after=121), False, False),
        (ServerError("", status_code=503), True, True),
        (ServerError("", status_code=503, retry_after=121), False, False),
        (ServerError("", status_code=500), True, False),
        (ServerError("", status_code=502), True, False),
        (TokenError("", status_code=503), True, True),
        (TokenError("", status_code=401), False, False),
        (BadRequestError(""), False, False),
        (NotFoundError(""), False, False),
        (DownloadError(""), True, False),
    ],
)
def test_what_is_repeated(error, without, with_side_effects):
    assert repeatable(error, side_effects=False, wait_for_quota=True) is without
    assert repeatable(error, side_effects=True, wait_for_quota=True) is with_side_effects


def test_a_used_up_quota_is_waited_for_where_that_is_wanted():
    error = QuotaError("")
    assert repeatable(error, side_effects=True, wait_for_quota=True)
    assert not repeatable(error, side_effects=True, wait_for_quota=False)


def test_pauses_grow_jitter_and_obey():
    error = NetworkError("")
    assert [retry_delay(n, error, chance=1) for n in (1, 2, 3, 9)] == [0.5, 1, 2, 20]
    assert [retry_delay(n, error, chance=0) for n in (1, 2, 3, 9)] == [0.25, 0.5, 1, 10]
    assert retry_delay(1, RateLimitError("", retry_after=42), chance=0) == 42
    assert retry_delay(1, ServerError("", status_code=503, retry_after=7), chance=0) == 7
    assert retry_delay(1, RateLimitError(""), chance=1) == 0.5
    assert retry_delay(3, RateLimitError("", retry_after=0.001), chance=1) == 2
    assert retry_delay(1, TokenError("", status_code=429, retry_after=42), chance=0) == 42
