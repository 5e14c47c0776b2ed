"""Talkdesk reports as typed pandas DataFrames.

The names a notebook needs, each loaded when it is first used, so that importing the package costs
nothing.

>>> import td_notebooks as td
>>> client = td.connect(sandbox=True)
>>> calls = client.report("calls", "2026-08-01", "2026-08-02", progress=False)
>>> td.metrics.service_level(calls, within=20).variant
'talkdesk_calls'
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from . import appconnect as appconnect
    from . import metrics as metrics
    from . import plots as plots
    from . import reports as reports
    from .client import Talkdesk
    from .errors import TalkdeskError
    from .frames import concat, read_report
    from .front_door import connect
    from .job import ReportJob
    from .metrics import quality
    from .regions import Account
    from .sandbox import Sandbox
    from .secret import Secret
    from .widgets import login

__version__ = "0.1.0"

__all__ = [
    "Account",
    "ReportJob",
    "Sandbox",
    "Secret",
    "Talkdesk",
    "TalkdeskError",
    "__version__",
    "appconnect",
    "concat",
    "connect",
    "login",
    "metrics",
    "plots",
    "quality",
    "read_report",
    "reports",
]

_HOMES = {
    "Account": "regions",
    "ReportJob": "job",
    "Sandbox": "sandbox",
    "Secret": "secret",
    "Talkdesk": "client",
    "TalkdeskError": "errors",
    "concat": "frames",
    "connect": "front_door",
    "login": "widgets",
    "quality": "metrics",
    "read_report": "frames",
}


def __getattr__(name: str) -> object:
    if name in {"appconnect", "metrics", "plots", "reports"}:
        return import_module(f".{name}", __name__)
    if name in _HOMES:
        value = getattr(import_module(f".{_HOMES[name]}", __name__), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def load_ipython_extension(shell: Any) -> None:
    """Bring ``%talkdesk`` and ``%%talkdesk_sql``: what ``%load_ext td_notebooks`` calls."""
    from .magics import load

    load(shell)


def __dir__() -> list[str]:
    return __all__
