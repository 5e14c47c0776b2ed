"""What can go wrong between a client and Talkdesk, by name and by seed.

A fault is written ``name``, ``name@3``, ``name@3*2``, ``name*2`` or ``name@*``: at the third
request it applies to, there and at the next one, at any request. Without ``@`` its moment is
drawn from the seed. ``name:submit@1`` counts submits only. `FAULTS` lists the names.

Three steps, kept apart: a text becomes `Fault` values (`parse_faults`), a `FaultPlan` decides
which one strikes a request (a pure function of the list and of how many requests it has seen),
and `answer` applies it. A few concern a job or a file and are left to the application, which finds
the name in `Request.fault`.
"""

from __future__ import annotations

import difflib
import re
import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ..errors import ConfigError
from .chance import seeded
from .problems import problem
from .server import Response, json_response

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from .server import Request

API = ("submit", "list", "status", "file", "delete", "cancel")
ANY = ("token", *API, "storage")


@dataclass(frozen=True, slots=True)
class FaultKind:
    """A named fault.

    Attributes
    ----------
    operations : tuple of str
        The requests it can strike.
    meaning : str
        One line for people.
    within : int
        Without ``@`` it strikes one of the first so many requests.
    silent : bool
        What comes is a proper report: a client of one file has no way to notice. `random_faults`
        leaves these out.
    """

    operations: tuple[str, ...]
    meaning: str
    within: int
    silent: bool = False


FAULTS: dict[str, FaultKind] = {
    "reset": FaultKind(ANY, "connection reset, request not handled", 5),
    "refused": FaultKind(ANY, "connection closed at once, request not handled", 5),
    "lost-answer": FaultKind(ANY, "request handled, connection closed before the answer", 5),
    "stall": FaultKind(ANY, "answer delayed by some seconds", 5),
    "html": FaultKind(ANY, "200 with a proxy's HTML page in place of the answer", 5),
    "empty-body": FaultKind(ANY, "answer without its body", 5),
    "garbage-json": FaultKind(("token", *API), "answer whose JSON breaks off", 5),
    "429": FaultKind(API, "429 without Retry-After", 4),
    "429-retry-after": FaultKind(API, "429 with Retry-After", 4),
    "500": FaultKind(API, "500", 4),
    "502": FaultKind(API, "502 with HTML", 4),
    "503": FaultKind(API, "503", 4),
    "503-audit": FaultKind(API, "503 1020019: the operation could not be audited", 4),
    "401-once": FaultKind(API, "401 1020018 although the token is valid", 4),
    "revoked": FaultKind(API, "all access tokens revoked now", 4),
    "quota": FaultKind(("submit",), "429 1020017: others use the account's quota", 2),
    "failed-job": FaultKind(("submit",), "the job fails", 2),
    "canceled-job": FaultKind(("submit",), "the job is canceled by somebody", 2),
    "stuck-job": FaultKind(("submit",), "the job never finishes", 2),
    "unknown-status": FaultKind(("submit",), "the job has an undocumented status for a while", 2),
    "damaged-row": FaultKind(("submit",), "one record of the job's file breaks off", 2),
    "new-column": FaultKind(("submit",), "the job's file has a column nobody documented", 2),
    "missing-column": FaultKind(("submit",), "the job's file lacks its first column", 2),
    "late-rows": FaultKind(
        ("submit",), "the job's file lacks rows that later files have", 2, silent=True
    ),
    "repeated-rows": FaultKind(("submit",), "the job's file has rows twice", 2, silent=True),
    "deleted-file": FaultKind(("file",), "the file is deleted before it is fetched", 2),
    "expired-link": FaultKind(("file",), "the link to storage has already expired", 2),
    "redirect-elsewhere": FaultKind(("status", "file"), "Location on somebody else's host", 3),
    "truncated": FaultKind(("storage",), "half of the file, then the connection closes", 2),
    "slow": FaultKind(("storage",), "the file arrives in drips", 2),
    "slow-token": FaultKind(("token",), "token answer delayed by some seconds", 1),
    "token-500": FaultKind(("token",), "500 from the identity host", 1),
    "token-429": FaultKind(("token",), "429 from the identity host", 1),
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault to come.

    Attributes
    ----------
    name : str
        A key of `FAULTS`.
    operation : str or None
        Only at requests of this operation.
    at : int or None
        The first request it strikes, from 1; None to draw it from the seed.
    times : int or None
        How many requests in a row it strikes; None for all that follow.
    """

    name: str
    operation: str | None = None
    at: int | None = None
    times: int | None = 1

    def concerns(self, operation: str) -> bool:
        """Tell whether a request of `operation` counts."""
        return operation in FAULTS[self.name].operations and self.operation in (None, operation)

    def due(self, count: int) -> bool:
        """Tell whether it strikes the request number `count` (from 1) that concerns it."""
        assert self.at is not None, "placed by FaultPlan"
        return count >= self.at and (self.times is None or count < self.at + self.times)


_FAULT = re.compile(
    r"(?P<name>[a-z0-9-]+)(?::(?P<operation>[a-z]+))?(?:@(?P<at>[1-9]\d*|\*))?(?:\*(?P<times>[1-9]\d*))?"
)


def parse_faults(faults: str | Iterable[str]) -> tuple[Fault, ...]:
    """Read fault texts.

    Parameters
    ----------
    faults : str or iterable of str
        ``"reset@3,429,expired-link"``, or the parts.

    Raises
    ------
    ConfigError
        If a text is malformed, or its name or operation unknown.
    """
    texts = faults.split(",") if isinstance(faults, str) else faults
    return tuple(_parse(text) for text in (text.strip() for text in texts) if text)


def _parse(text: str) -> Fault:
    found = _FAULT.fullmatch(text)
    if found is None:
        raise ConfigError(
            f"{text!r} is not a fault.", hint="Write name, name@3, name*2, name@3*2 or name@*."
        )
    name, operation, at, times = found.group("name", "operation", "at", "times")
    if name not in FAULTS:
        close = difflib.get_close_matches(name, FAULTS, 3, 0.5) or sorted(FAULTS)
        raise ConfigError(f"There is no fault {name!r}.", hint=f"Known: {', '.join(close)}.")
    if operation and operation not in FAULTS[name].operations:
        known = ", ".join(FAULTS[name].operations)
        raise ConfigError(f"The fault {name} cannot strike {operation!r}.", hint=f"Only {known}.")
    if at == "*":
        return Fault(name, operation, 1, int(times) if times else None)
    return Fault(name, operation, int(at) if at else None, int(times or 1))


def random_faults(seed: int, n: int | None = None) -> list[str]:
    """Draw a mixture of faults.

    Parameters
    ----------
    seed : int
    n : int, optional
        How many; one to four, drawn as well, by default.

    Returns
    -------
    list of str
        For `parse_faults`; the same for the same seed.
    """
    draw = seeded(seed, "mixture")
    loud = sorted(name for name, kind in FAULTS.items() if not kind.silent)
    names = draw.choices(loud, k=draw.randint(1, 4) if n is None else n)
    return [f"{name}@{draw.randint(1, FAULTS[name].within)}" for name in names]


class FaultPlan:
    """Counts requests and says which fault strikes. Safe to share between threads.

    At most one fault strikes a request; another one that is due waits for its next request. Those
    that always strike give way to the others.

    Parameters
    ----------
    faults : sequence of Fault
    seed : int
        Draws the moment of those without one.
    """

    def __init__(self, faults: Sequence[Fault], seed: int) -> None:
        draw = seeded(seed, "faults")
        placed = [
            replace(fault, at=fault.at or draw.randint(1, FAULTS[fault.name].within))
            for fault in faults
        ]
        self.faults = sorted(placed, key=lambda fault: fault.times is None)
        self._counts = [0] * len(placed)
        self._lock = threading.Lock()

    def strike(self, operation: str) -> str | None:
        """Count a request and return the name of its fault, if any."""
        struck: str | None = None
        with self._lock:
            for index, fault in enumerate(self.faults):
                if not fault.concerns(operation):
                    continue
                due = fault.due(self._counts[index] + 1)
                if due and struck is not None:
                    continue  # it waits
                self._counts[index] += 1
                if due:
                    struck = fault.name
        return struck


@dataclass(frozen=True, slots=True)
class FaultSettings:
    """How bad the faults are.

    Attributes
    ----------
    stall_seconds : float
        Machine seconds that ``stall`` and ``slow-token`` take.
    slow_seconds : float
        Machine seconds over which ``slow`` spreads a file.
    retry_after : int
        Seconds in the Retry-After header of ``429-retry-after``.
    elsewhere : str
        Where ``redirect-elsewhere`` leads.
    """

    stall_seconds: float = 2.0
    slow_seconds: float = 1.0
    retry_after: int = 2
    elsewhere: str = "https://elsewhere.invalid/report"


def _page(status: int, title: str) -> Response:
    body = f"<!DOCTYPE html>\n<html><head><title>{title}</title></head><body>{title}</body></html>"
    return Response(status, body.encode(), {"Content-Type": "text/html; charset=utf-8"})


def _too_many(retry_after: int | None = None) -> Response:
    body = {"code": "0012001", "message": "API rate limit exceeded"}
    headers = None if retry_after is None else {"Retry-After": str(retry_after)}
    return json_response(429, body, headers)


#: In place of handling the request.
_INSTEAD: Mapping[str, Callable[[FaultSettings], Response]] = {
    "reset": lambda _: Response(0, ending="reset"),
    "refused": lambda _: Response(0, ending="none"),
    "html": lambda _: _page(200, "Sign in to the network"),
    "429": lambda _: _too_many(),
    "429-retry-after": lambda settings: _too_many(settings.retry_after),
    "500": lambda _: json_response(500, {"message": "Internal Server Error"}),
    "502": lambda _: _page(502, "502 Bad Gateway"),
    "503": lambda _: json_response(503, {"message": "Service Unavailable"}),
    "503-audit": lambda _: problem("1020019"),
    "401-once": lambda _: problem("1020018"),
    "quota": lambda _: problem("1020017"),
    "token-500": lambda _: json_response(
        500, {"error": "server_error", "error_description": "Internal Server Error"}
    ),
    "token-429": lambda _: _too_many(),
}


def _broken_off(response: Response, settings: FaultSettings) -> Response:
    body = response.body if isinstance(response.body, bytes) else b""
    return replace(response, body=body[: len(body) // 2] or b"{", length=None)


def _elsewhere(response: Response, settings: FaultSettings) -> Response:
    status = response.status if "Location" in response.headers else 303
    return replace(
        response, status=status, headers={**response.headers, "Location": settings.elsewhere}
    )


#: What is done to the answer.
_AFTERWARDS: Mapping[str, Callable[[Response, FaultSettings], Response]] = {
    "lost-answer": lambda response, _: replace(response, ending="none"),
    "truncated": lambda response, _: replace(response, ending="half"),
    "empty-body": lambda response, _: replace(response, body=b"", length=None),
    "garbage-json": _broken_off,
    "redirect-elsewhere": _elsewhere,
    "slow": lambda response, settings: replace(response, drip=settings.slow_seconds),
    "stall": lambda response, settings: replace(response, delay=settings.stall_seconds),
    "slow-token": lambda response, settings: replace(response, delay=settings.stall_seconds),
}


def answer(
    request: Request, handle: Callable[[Request], Response], settings: FaultSettings
) -> Response:
    """Answer a request with the fault that strikes it, or properly."""
    fault = request.fault or ""
    if fault in _INSTEAD:
        return _INSTEAD[fault](settings)
    response = handle(request)
    return _AFTERWARDS[fault](response, settings) if fault in _AFTERWARDS else response
