"""What a run did, for the programs that watch over it: one JSON file, written whole.

::

    {"status": "partial", "exit_code": 1, "lake": "/data/lake",
     "started_at": "2026-11-25T03:00:00Z", "finished_at": …, "seconds": 81.2, "rows": 10433,
     "accounts": [{"name": "acme", "account": "acme", "region": "eu", "status": "done",
                   "reports": {"calls": {"replaced": 4, "unchanged": 0, "superseded": 0,
                                         "failed": 0, "rows": 801, …}},
                   "failed": [], "busy": [], "error": null, …}]}
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..beside import beside
from ..errors import ConfigError, TalkdeskError
from .run import AccountRun

_COUNTED = ("duplicates", "conflicts", "astray", "untimed")


@dataclass(frozen=True, slots=True)
class Summary:
    """A run over one or more accounts.

    Attributes
    ----------
    lake : str
        Its path or address.
    runs : sequence of AccountRun
    started_at, finished_at : float
        Seconds since 1970-01-01 UTC.
    """

    lake: str
    runs: Sequence[AccountRun]
    started_at: float
    finished_at: float

    @property
    def status(self) -> str:
        """``done``, ``busy``, ``failed``, or ``partial`` when some of it was done."""
        found = {run.status for run in self.runs}
        return found.pop() if len(found) == 1 else "partial" if found & _BROKEN else "busy"

    def as_dict(self, exit_code: int) -> dict[str, Any]:
        """Return it as what JSON can hold."""
        return {
            "status": self.status,
            "exit_code": exit_code,
            "lake": self.lake,
            "started_at": _moment(self.started_at),
            "finished_at": _moment(self.finished_at),
            "seconds": round(self.finished_at - self.started_at, 3),
            "rows": sum(
                o.rows for run in self.runs for o in run.outcomes if o.status == "replaced"
            ),
            "accounts": [_account(run) for run in self.runs],
        }

    def write(self, path: Path, exit_code: int) -> None:
        """Write it to a file, all of it or nothing.

        Raises
        ------
        ConfigError
            It cannot be written there.
        """
        text = json.dumps(self.as_dict(exit_code), indent=2, ensure_ascii=False) + "\n"

        def failed(problem: str) -> ConfigError:
            return ConfigError(f"The summary {path} cannot be written: {problem}.")

        with beside(path, failed) as file:
            file.write_text(text, encoding="utf-8")


_BROKEN = {"partial", "failed"}


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")[:-6] + "Z"


def _account(run: AccountRun) -> dict[str, Any]:
    reports: dict[str, dict[str, int]] = {}
    asked_from: dict[str, str] = {}
    for outcome in run.outcomes:
        counts = reports.setdefault(
            outcome.report_type,
            dict.fromkeys(("replaced", "unchanged", "superseded", "failed", "rows", *_COUNTED), 0),
        )
        counts[outcome.status] += 1
        first = outcome.start.isoformat()
        asked_from[outcome.report_type] = min(asked_from.get(outcome.report_type, first), first)
        if outcome.status == "replaced":
            counts["rows"] += outcome.rows
            for name in _COUNTED:
                counts[name] += getattr(outcome, name)
    return {
        "name": run.name,
        "account": run.account,
        "region": run.region,
        "status": run.status,
        "seconds": round(run.seconds, 3),
        "reports": reports,
        "asked_from": asked_from,
        "failed": [
            {
                "report_type": outcome.report_type,
                "start": outcome.start.isoformat(),
                "end": outcome.end.isoformat(),
                "error": _error(outcome.error),
            }
            for outcome in run.failures
        ],
        "drift": sorted({f"{o.report_type}: {o.drift}" for o in run.outcomes if o.drift}),
        "busy": list(run.busy),
        "error": _error(run.error),
    }


def _error(error: TalkdeskError | None) -> dict[str, Any] | None:
    if error is None:
        return None
    return {
        "kind": type(error).__name__,
        "message": str(error.args[0]) if error.args else "",
        "hint": error.hint,
        "retryable": error.retryable,
    }
