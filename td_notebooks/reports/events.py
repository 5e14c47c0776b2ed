"""What a callback is told while report jobs run: one frozen class per thing that happens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .state import JobState


@dataclass(frozen=True, slots=True)
class JobEvent:
    """Something happened to a job.

    Attributes
    ----------
    job : JobState
    elapsed : float
        Seconds since the wait, or the whole report, began.
    window, windows : int
        Which window of the report the job covers, from 1, and how many there are.
    """

    job: JobState
    elapsed: float
    window: int = 1
    windows: int = 1

    def __str__(self) -> str:
        place = f"window {self.window}/{self.windows}, " if self.windows > 1 else ""
        return f"{self.job.report_type}: {place}{self._what()} ({self.elapsed:.0f} s)"

    def _what(self) -> str:
        return self.job.status


@dataclass(frozen=True, slots=True)
class Submitted(JobEvent):
    """Talkdesk accepted the job; its id is known."""


@dataclass(frozen=True, slots=True)
class Polled(JobEvent):
    """The status was asked for and the job is not finished."""


@dataclass(frozen=True, slots=True)
class Finished(JobEvent):
    """The job is done and its file can be read."""


@dataclass(frozen=True, slots=True)
class Downloaded(JobEvent):
    """The file is here.

    Attributes
    ----------
    size : int
        Bytes.
    """

    size: int = 0

    def _what(self) -> str:
        return f"downloaded {self.size:,} bytes"


@dataclass(frozen=True, slots=True)
class Loaded(JobEvent):
    """The file became rows.

    Attributes
    ----------
    rows : int
    """

    rows: int = 0

    def _what(self) -> str:
        return f"{self.rows:,} rows"


@dataclass(frozen=True, slots=True)
class QuotaFull(JobEvent):
    """The account's simultaneous jobs are all in use; waiting for one to finish."""

    def _what(self) -> str:
        return "waiting for a free place in the account's quota"


OnEvent = Callable[[JobEvent], object]
