"""Why a token request was refused, and what to do: pure functions.

Status and ``error`` decide; descriptions are only passed on, without the codes, tokens and secrets
that some of them repeat.
"""

from __future__ import annotations

from collections.abc import Mapping

from ..errors import TokenError
from ..redaction import without_secrets
from ..regions import Account
from ..wire import later, retry_after, skew, timestamp

CLOCK_SKEW_WORTH_SAYING = 60.0


def refusal(
    status: int,
    headers: Mapping[str, str],
    fields: Mapping[str, object],
    *,
    account: Account,
    client_id: str,
    form: Mapping[str, str],
    now: float,
) -> TokenError:
    """Return the error that an answer without a token stands for.

    Parameters
    ----------
    status, headers, fields
        The answer, and what its JSON body holds.
    account, client_id
        Who was asked, and for whom: named in the message.
    form : mapping of str to str
        What was sent apart from the client's proof.
    now : float
        Seconds since 1970-01-01 UTC.
    """
    error = _without({}, _text(fields.get("error")))
    description = _without(form, _text(fields.get("error_description")))
    said = ": ".join(part for part in (error, description) if part).rstrip(".")
    wait = retry_after(headers.get("Retry-After"), now=timestamp(headers.get("Date")))
    return TokenError(
        f"No access token for account {account.name!r} (region {account.region}): "
        f"{account.token_url} answered {status}" + (f", {said}." if said else "."),
        hint=_token_hint(status, error, headers, account, client_id, form, now, wait),
        error=error,
        error_description=description,
        status_code=status,
        retry_after=wait,
    )


def _token_hint(
    status: int,
    error: str | None,
    headers: Mapping[str, str],
    account: Account,
    client_id: str,
    form: Mapping[str, str],
    now: float,
    wait: float | None,
) -> str:
    if status == 429 or status >= 500:
        return f"The identity host is busy: try again in {later(wait)}."
    ahead = skew(headers.get("Date"), now) or 0.0
    if abs(ahead) > CLOCK_SKEW_WORTH_SAYING and status in {400, 401}:
        direction = "ahead of" if ahead > 0 else "behind"
        return f"This machine's clock is {abs(ahead):.0f} s {direction} the host's: set it right."
    if error == "invalid_scope":
        return (
            "The client was not given the scope asked for: add it to the OAuth client in Talkdesk "
            "(it takes some minutes), or ask for less with scope= (TALKDESK_SCOPE)."
        )
    if error == "unsupported_grant_type":
        return "Tick this grant type at the OAuth client in Talkdesk."
    if error == "invalid_grant" and "code" in form:
        return (
            "A code from the browser is good once and for a few minutes, and only for the client "
            f"and redirect address it was made for ({form.get('redirect_uri')}): log in again."
        )
    if error == "invalid_grant" and "refresh_token" in form:
        return (
            "The login has ended, was used elsewhere, or belongs to another client: log in again "
            "with td.login() or `td-notebooks login`."
        )
    if status in {400, 401}:
        return (
            f"Check client id {client_id!r}, its secret or private key, and that it belongs to "
            f"account {account.name!r} in region {account.region!r}. A scope just added to the "
            "client takes some minutes, too."
        )
    return (
        f"This does not look like Talkdesk's token endpoint: check account {account.name!r} and "
        f"region {account.region!r}, or token_url (TALKDESK_TOKEN_URL)."
    )


def _without(form: Mapping[str, str], description: str | None) -> str | None:
    """Mask what the host repeats: some put the refused code or token into the description."""
    for name in ("code", "refresh_token"):
        if description and form.get(name):
            description = description.replace(form[name], "•••")
    return without_secrets(description) if description else None


def _text(value: object) -> str | None:
    return value[:300] if isinstance(value, str) and value else None
