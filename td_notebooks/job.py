"""A report job as a user holds it: what `reports.jobs.Job` can do, and its file as a frame."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from .clock import Clock
from .errors import ConfigError
from .interrupts import interruptible
from .pull import Pulled, load
from .reports.download import Body, Stopped, StopSwitch, download, stream
from .reports.events import OnEvent
from .reports.jobs import Job
from .views import jobs_html

if TYPE_CHECKING:
    import os

    import pandas as pd

    from .frames.table import Backend
    from .reports.api import JobsApi
    from .reports.state import JobState
    from .widgets import JobsView


class ReportJob(Job):
    """A report job at Talkdesk, and what was last heard of it.

    ``refresh``, ``wait`` and ``delete`` are those of `reports.jobs.Job`.

    Attributes
    ----------
    state : JobState
        The last known snapshot; ``id``, ``report_type`` and ``status`` are taken from it.
    size : int or None
        Bytes of its file, once that was fetched: Talkdesk does not tell it before.
    """

    def __init__(self, api: JobsApi, state: JobState) -> None:
        super().__init__(api, state)
        self.size: int | None = None

    def _repr_html_(self) -> str:
        return jobs_html([self.state], now=self.api.transport.clock.time(), sizes=sizes_of([self]))

    def watch(self) -> JobsView:
        """Show the job in a table that keeps itself up to date, with wait, download and delete."""
        from .widgets import watch

        return watch(lambda: JobList([self.refresh()]), JobList([self]))

    def refresh(self) -> ReportJob:
        """Ask Talkdesk for the status once; return the job itself.

        Raises
        ------
        NotFoundError, ApiError, NetworkError, TokenError
        """
        super().refresh()
        return self

    def wait(
        self,
        *,
        timeout: float = 900.0,
        on_update: OnEvent | None = None,
        clock: Clock | None = None,
    ) -> ReportJob:
        """Wait until the job is done; return the job itself.

        Parameters
        ----------
        timeout : float
            Seconds. The job goes on at Talkdesk when they are over.
        on_update : callable, optional
            Called with a `JobEvent` after each question.
        clock : Clock, optional
            In place of the connection's: one that raises ends the waiting.

        Raises
        ------
        JobFailedError, JobCanceledError
        JobTimeoutError
            Not finished in time; the message says how to come back.
        """
        super().wait(timeout=timeout, on_update=on_update, clock=clock)
        return self

    def download(self, path: str | os.PathLike[str], *, stop: StopSwitch | None = None) -> Path:
        """Save the file just as Talkdesk made it; wait for the job first if need be.

        Parameters
        ----------
        path : path
            Written beside it first, then renamed, so that the name stands for a whole file.
        stop : StopSwitch, optional
            Ends the download from another thread, as ■ does in a cell.

        Returns
        -------
        Path

        Raises
        ------
        ConfigError
            It is not the name of a file.
        DownloadError
            It did not arrive whole, or the disk is full; nothing is left behind.
        JobError, ApiError, NetworkError, TokenError
        """
        target = Path(path)
        if not target.name or "\0" in target.name:
            raise ConfigError(
                f"A report cannot be saved as {str(path)!r}.",
                hint="Give the name of a file, such as 'calls.csv'.",
            )
        self._be_done()
        with self._stoppable(stop) as switch:
            self.size = download(self, target, stop=switch)
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
        with self._stoppable() as switch:

            def read(body: Body) -> Pulled:
                pulled = load(
                    body,
                    self.report_type,
                    # The bytes show the others; this one may have none.
                    format="json_bulk" if self.state.format == "json_bulk" else None,
                    timezone=self.state.timezone or "UTC",
                    strict=strict,
                    check=switch.check,
                )
                body.drain()
                self.size = body.size
                return pulled

            pulled = stream(self, read, stop=switch)
        return pulled.frame(dtype_backend)

    @contextlib.contextmanager
    def _stoppable(self, switch: StopSwitch | None = None) -> Iterator[StopSwitch]:
        """Yield a switch that ends a download as ■ does: with a note that says how to come back."""
        switch = switch or StopSwitch()
        clock = self.api.transport.clock
        try:
            with interruptible(clock, stop=switch.stop, way_back=lambda: self.way_back):
                yield switch
        except Stopped:
            raise self._interrupted(KeyboardInterrupt()) from None
        except KeyboardInterrupt as interrupt:
            raise self._interrupted(interrupt)  # noqa: B904 - it is the same one

    def _interrupted(self, interrupt: KeyboardInterrupt) -> KeyboardInterrupt:
        interrupt.add_note(self.way_back)
        return interrupt

    def _be_done(self) -> None:
        if self.status != "done":
            self.wait()


class JobList(list[ReportJob]):
    """Report jobs; a notebook shows them as a table.

    Parameters
    ----------
    jobs : iterable of ReportJob
    again : callable, optional
        Asks for the same list again.
    """

    def __init__(
        self, jobs: Iterable[ReportJob] = (), *, again: Callable[[], JobList] | None = None
    ) -> None:
        super().__init__(jobs)
        self._again = again

    def _repr_html_(self) -> str:
        now = self[0].api.transport.clock.time() if self else 0.0
        return jobs_html([job.state for job in self], now=now, sizes=sizes_of(self))

    def watch(self) -> JobsView:
        """Show a table that keeps itself up to date, with wait, download and delete."""
        from .widgets import watch

        return watch(self._again or (lambda: JobList(job.refresh() for job in self)), self)


def sizes_of(jobs: Iterable[ReportJob]) -> dict[str, int]:
    """Return the sizes that are known, by job id."""
    return {job.id: job.size for job in jobs if job.size is not None}
