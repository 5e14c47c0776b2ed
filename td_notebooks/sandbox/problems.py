"""The error answers of Explore and of the API gateway.

Codes and messages are those of Talkdesk's public OpenAPI document (operations tagged "Explore API"
and "Account"), where they stand as examples.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .server import json_response

if TYPE_CHECKING:
    from .server import Response

#: Code -> status, message, description.
PROBLEMS: dict[str, tuple[int, str, str | None]] = {
    "1020001": (400, "Input parameters validation failed", None),
    "1020004": (403, "Provided scopes do not allow access to the requested resource", None),
    "1020005": (400, "Timespan lower boundary must be older than upper boundary", None),
    "1020007": (409, "Operation not allowed due to the current job status", None),
    "1020008": (404, "Report file not found", None),
    "1020009": (404, "Report file not found", None),
    "1020011": (404, "Report execution not found", None),
    "1020013": (400, "Requested report time span too long", None),
    "1020016": (400, "Invalid timezone received", None),
    "1020017": (
        429,
        "Reached the maximum of account-based quota of 15 simultaneous reports",
        "The account is using all of it's available quota.",
    ),
    "1020018": (401, "Unauthorized", "The provided authorization is not valid."),
    "1020019": (
        503,
        "Unable to audit operation",
        "The audit service could not audit the operation.",
    ),
    "0060001": (401, "Access denied.", None),
    "0060002": (403, "Forbidden access.", None),
}


def problem(
    code: str, *, status: int | None = None, fields: dict[str, str] | None = None
) -> Response:
    """Return the error answer of a code.

    Parameters
    ----------
    code : str
        Talkdesk's seven digits, a key of `PROBLEMS`.
    status : int, optional
        Another status than the documented one (the older API says 403 where Explore says 409).
    fields : dict of str to str, optional
        Inputs complained about, each with the complaint.
    """
    documented, message, description = PROBLEMS[code]
    body: dict[str, object] = {"code": code, "message": message}
    if description:
        body["description"] = description
    if fields:
        body["fields"] = [{"name": name, "description": text} for name, text in fields.items()]
    return json_response(status or documented, body)


def api_not_found() -> Response:
    """Return what the gateway says to a path it does not know."""
    return json_response(404, {"message": "API not found"})
