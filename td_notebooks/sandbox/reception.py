"""Where the requests of all hosts come in: a fault may strike, and each is remembered."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from . import faults as fault

if TYPE_CHECKING:
    from collections.abc import Callable

    from .server import Request, Response


class Application(Protocol):
    """What answers the requests of one host."""

    def operation(self, method: str, path: str) -> str:
        """Return what a request is for; empty if nobody serves it."""
        ...

    def __call__(self, request: Request) -> Response:
        """Answer."""
        ...


@dataclass(frozen=True, slots=True)
class RequestRecord:
    """What is remembered of one request.

    Attributes
    ----------
    origin : str
        ``identity``, ``api`` or ``storage``.
    method, path : str
        Without the query.
    operation : str
        ``token``, ``submit``, ...; empty for a path nobody serves.
    status : int
        0 when no answer was given.
    had_authorization : bool
        Whether it carried an Authorization header.
    fault : str or None
        What struck it.
    """

    origin: str
    method: str
    path: str
    operation: str
    status: int
    had_authorization: bool
    fault: str | None


class Reception:
    """Answers requests from any thread.

    Parameters
    ----------
    plan : FaultPlan
    settings : FaultSettings
    revoke_tokens : callable
        What the fault ``revoked`` does.

    Attributes
    ----------
    plan : FaultPlan
        Which fault strikes next.
    applications : dict of str to Application
        By the origin of a request.
    requests : list of RequestRecord
        In the order in which they were answered.
    """

    def __init__(
        self,
        plan: fault.FaultPlan,
        settings: fault.FaultSettings,
        revoke_tokens: Callable[[], None],
    ) -> None:
        self.plan = plan
        self.applications: dict[str, Application] = {}
        self.requests: list[RequestRecord] = []
        self._settings = settings
        self._revoke_tokens = revoke_tokens

    def __call__(self, request: Request) -> Response:
        """Answer a request, or let a fault do it."""
        application = self.applications[request.origin]
        operation = application.operation(request.method, request.path)
        struck = self.plan.strike(operation)
        if struck == "revoked":
            self._revoke_tokens()
        request = replace(request, operation=operation, fault=struck)
        response = fault.answer(request, application, self._settings)
        self.requests.append(
            RequestRecord(
                request.origin,
                request.method,
                request.path,
                operation,
                0 if response.ending in ("none", "reset") else response.status,
                "Authorization" in request.headers,
                struck,
            )
        )
        return response
