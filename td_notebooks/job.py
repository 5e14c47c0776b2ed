"""A report job as a user holds it: what `reports.jobs.Job` can do, and its file as a frame."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from .pull import load
from .reports.download import download, fetch
from .reports.events import OnEvent
from .reports.jobs import Job
from .views import jobs_html

if TYPE_CHECKING:
    import os

    import pandas as pd

    from .frames.table import Backend


class ReportJob(Job):
    """A report job at Talkdesk, and what was last heard of it.

    ``refresh``, ``wait`` and ``delete`` are those of `reports.jobs.Job`.

    Attributes
    ----------
    state : JobState
        The last known snapshot; ``id``, ``report_type`` and ``status`` are taken from it.
    """

    def _repr_html_(self) -> str:
        return jobs_html([self.state], now=self.api.transport.clock.time())

    def refresh(self) -> ReportJob:
        """Ask Talkdesk for the status once; return the job itself.

        Raises
        ------
        NotFoundError, ApiError, NetworkError, TokenError
        """
        super().refresh()
        return self

    def wait(self, *, timeout: float = 900.0, on_update: OnEvent | None = None) -> ReportJob:
        """Wait until the job is done; return the job itself.

        Parameters
        ----------
        timeout : float
            Seconds. The job goes on at Talkdesk when they are over.
        on_update : callable, optional
            Called with a `JobEvent` after each question.

        Raises
        ------
        JobFailedError, JobCanceledError
        JobTimeoutError
            Not finished in time; the message says how to come back.
        """
        super().wait(timeout=timeout, on_update=on_update)
        return self

    def download(self, path: str | os.PathLike[str]) -> Path:
        """Save the file just as Talkdesk made it; wait for the job first if need be.

        Parameters
        ----------
        path : path
            Written beside it first, then renamed, so that the name stands for a whole file.

        Returns
        -------
        Path

        Raises
        ------
        DownloadError
            It did not arrive whole, or the disk is full; nothing is left behind.
        JobError, ApiError, NetworkError, TokenError
        """
        target = Path(path)
        self._be_done()
        download(self, target)
        return target

    def frame(self, *, dtype_backend: Backend | None = None, strict: bool = False) -> pd.DataFrame:
        """Load the file as a typed DataFrame; wait for the job first if need be.

        Parameters
        ----------
        dtype_backend : {"numpy_nullable", "pyarrow"}, optional
        strict : bool
            Raise `SchemaError` at a value that does not fit its column's type.

        Raises
        ------
        DownloadError, SchemaError, JobError, ApiError, NetworkError, TokenError
        """
        self._be_done()
        with tempfile.TemporaryDirectory(prefix="td_notebooks-") as folder:
            path = Path(folder) / "report"
            pulled = fetch(
                self,
                path,
                lambda size: load(
                    path,
                    self.report_type,
                    timezone=self.state.timezone or "UTC",
                    strict=strict,
                ),
            )
        return pulled.frame(dtype_backend)

    def _be_done(self) -> None:
        if self.status != "done":
            self.wait()


class JobList(list[ReportJob]):
    """Report jobs; a notebook shows them as a table."""

    def _repr_html_(self) -> str:
        now = self[0].api.transport.clock.time() if self else 0.0
        return jobs_html([job.state for job in self], now=now)
