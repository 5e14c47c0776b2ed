"""A table of report jobs that keeps itself up to date, with wait, download and delete.

While a job is under way the list is asked for again, ever less often; when all are finished, only
the button asks. The table itself needs no live kernel to be read later: it is HTML.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets

from ..clock import StoppableClock
from ..reports.download import StopSwitch
from ..reports.events import JobEvent
from ..reports.jobs import poll_delay
from ..views import job_line_html, note_html, problem_html, size_text
from .background import in_background
from .form import Form, described, hide

if TYPE_CHECKING:
    from ..clock import Clock
    from ..job import JobList, ReportJob

ROWS = 10
_LONGEST_FOLLOWING = 3600.0


class JobsView(Form):
    """The newest jobs, a row each.

    Parameters
    ----------
    ask : callable
        Returns the jobs as they are now.
    jobs : sequence of ReportJob
        As they were last heard of.
    folder : path, optional
        Where files are saved; by default the kernel's working folder.

    Attributes
    ----------
    jobs : sequence of ReportJob
        As last heard of, those without a row included.
    rows : list of JobRow
    refresh, stop : ipywidgets.Button
    heading, message : ipywidgets.HTML
    """

    def __init__(
        self,
        ask: Callable[[], JobList],
        jobs: Sequence[ReportJob] = (),
        *,
        folder: Path | None = None,
    ) -> None:
        super().__init__()
        self.jobs = list(jobs)
        self._ask = ask
        self._folder = folder or Path()
        self._sizes: dict[str, int] = {}
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._following: Future[None] | None = None
        self._busy = False
        self._stop: Callable[[], None] = lambda: None
        self.heading = widgets.HTML(layout=widgets.Layout(flex="1 1 auto"))
        self.refresh = _button("Refresh", "Ask Talkdesk for the list again")
        self.stop = _button("Stop", "Stop waiting or downloading", disabled=True)
        self.rows = [JobRow(self) for _ in range(min(ROWS, max(1, len(self.jobs))))]
        self.message = widgets.HTML()
        top = widgets.HBox([self.heading, self.refresh, self.stop])
        self.fill(top, *(row.box for row in self.rows), self.message)
        self.refresh.on_click(lambda button: self._refresh())
        self.stop.on_click(lambda button: self._stop())
        self._show_jobs()
        self._follow()

    def __repr__(self) -> str:
        return f"<JobsView of {len(self.jobs)} jobs>"

    def close(self) -> None:
        """End what is under way, and stop keeping the table up to date."""
        self._closed.set()
        self._stop()

    def wait(self, job: ReportJob) -> None:
        """Wait for a job beside the cells; what pressing Wait does."""
        clock = StoppableClock(job.api.transport.clock)

        def tell(event: JobEvent) -> None:
            self.message.value = note_html(f"Waiting for {_name(job)}: {event}")

        def work() -> str:
            job.wait(on_update=tell, clock=clock)
            return f"✔ {_name(job)} is done."

        self._begin(f"Waiting for {_name(job)}…", work, clock.stop)

    def download(self, job: ReportJob) -> None:
        """Save a job's file beside the cells; what pressing Download does."""
        switch = StopSwitch()
        target = self._folder / file_name(job)

        def work() -> str:
            job.download(target, stop=switch)
            self._sizes[job.id] = job.size or 0
            return f"✔ Saved {target} ({size_text(job.size)})."

        self._begin(f"Downloading {_name(job)}…", work, switch.stop)

    def delete(self, job: ReportJob) -> None:
        """Delete a job's file at Talkdesk; what pressing Delete twice does."""

        def work() -> str:
            job.delete()
            return f"✔ {_name(job)}: {job.status} at Talkdesk."

        self._begin(f"Deleting {_name(job)}…", work, lambda: None)

    def _begin(self, said: str, work: Callable[[], str], stop: Callable[[], None]) -> None:
        """Do one thing at a time; every button but Stop waits for its end."""
        if self._busy:
            return
        self._stop = stop
        self._be_busy(True)
        self.message.value = note_html(said)

        def run() -> None:
            try:
                self.message.value = note_html(work())
            except KeyboardInterrupt as stopped:
                notes = getattr(stopped, "__notes__", ())
                self.message.value = note_html(" ".join(["Stopped.", *dict.fromkeys(notes)]))
            except Exception as error:  # everything is said in the form
                self.message.value = problem_html(described(error))
            finally:
                self._be_busy(False)

        in_background(run, name="td-job")

    def _refresh(self) -> None:
        if not self._closed.is_set():
            self._begin("Asking Talkdesk…", self._update, lambda: None)

    def _update(self) -> str:
        heard = self._ask()
        with self._lock:
            self.jobs = list(heard)
        self._show_jobs()
        self._follow()
        return ""

    def _follow(self) -> None:
        """Keep the table up to date for as long as a job of it is under way."""
        going = self._following is not None and not self._following.done()
        if not going and self._unfinished() and not self._closed.is_set():
            self._following = in_background(self._keep_up, name="td-jobs")

    def _unfinished(self) -> bool:
        return any(not job.finished for job in self.jobs[: len(self.rows)])

    def _keep_up(self) -> None:
        clock = self._clock()
        began = clock.monotonic()
        try:
            while self._unfinished() and (took := clock.monotonic() - began) < _LONGEST_FOLLOWING:
                clock.sleep(max(2.0, poll_delay(took)), wake=self._closed)
                if self._closed.is_set():
                    return
                heard = self._ask()
                with self._lock:
                    self.jobs = list(heard)
                self._show_jobs()
        except Exception as error:  # a closed connection, for one
            self.message.value = problem_html(f"Not kept up to date any more. {described(error)}")

    def _show_jobs(self) -> None:
        with self._lock:
            shown = self.jobs[: len(self.rows)]
            for row, job in zip(self.rows, shown, strict=False):
                size = self._sizes.get(job.id, job.size)
                row.show(job, now=self._clock().time(), size=size, busy=self._busy)
            for row in self.rows[len(shown) :]:
                row.clear()
            kinds = " and ".join(sorted({job.report_type for job in self.jobs}))
            more = len(self.jobs) - len(shown)
            rest = f", {more} older ones are not shown" if more else ""
            said = f"{kinds}: {len(self.jobs)} report jobs{rest}" if kinds else "No report jobs."
            self.heading.value = f"<b>{said}</b>"

    def _clock(self) -> Clock:
        return self.jobs[0].api.transport.clock

    def _be_busy(self, busy: bool) -> None:
        self._busy = busy
        self.refresh.disabled = busy
        self.stop.disabled = not busy
        self._show_jobs()


class JobRow:
    """A job and its buttons.

    Parameters
    ----------
    view : JobsView

    Attributes
    ----------
    job : ReportJob or None
    text : ipywidgets.HTML
    wait, download, delete : ipywidgets.Button
        Delete asks back: it has to be pressed twice.
    """

    def __init__(self, view: JobsView) -> None:
        self.job: ReportJob | None = None
        self._view = view
        self._asked = False
        self.text = widgets.HTML(layout=widgets.Layout(flex="1 1 auto", min_width="0"))
        self.wait = _button("Wait")
        self.download = _button("Download")
        self.delete = _button("Delete")
        self.box = widgets.HBox(
            [self.text, self.wait, self.download, self.delete],
            layout=widgets.Layout(align_items="center"),
        )
        self.wait.on_click(lambda button: self._do(view.wait))
        self.download.on_click(lambda button: self._do(view.download))
        self.delete.on_click(lambda button: self._ask_or_delete())
        self.clear()

    def clear(self) -> None:
        """Show nothing."""
        self.job = None
        hide(self.box)

    def show(self, job: ReportJob, *, now: float, size: int | None, busy: bool) -> None:
        """Show a job.

        Parameters
        ----------
        job : ReportJob
        now : float
            Seconds since 1970-01-01 UTC.
        size : int or None
            Bytes of its file, if they are known.
        busy : bool
            Whether no button may be pressed.
        """
        if busy or self.job is None or self.job.id != job.id:
            self._ask_back(False)
        self.job = job
        hide(self.box, False)
        self.text.value = job_line_html(job.state, now=now, size=size)
        for button, can in (
            (self.wait, not job.finished),
            (self.download, job.status == "done"),
            (self.delete, job.finished and job.status != "deleted"),
        ):
            button.disabled = busy or not can
            button.tooltip = f"{button.description} {_name(job)}"

    def _do(self, action: Callable[[ReportJob], None]) -> None:
        if self.job:
            action(self.job)

    def _ask_or_delete(self) -> None:
        if self._asked:
            self._do(self._view.delete)
        else:
            self._ask_back(True)

    def _ask_back(self, asked: bool) -> None:
        self._asked = asked
        self.delete.description = "Sure?" if asked else "Delete"
        self.delete.button_style = "danger" if asked else ""


def file_name(job: ReportJob) -> str:
    """Return the name that a job's file is saved under.

    Parameters
    ----------
    job : ReportJob
    """
    state = job.state
    span = [f"{moment:%Y-%m-%d}" for moment in (state.start, state.end) if moment]
    suffix = "csv" if state.format == "csv" else "json"
    return f"{'-'.join([job.report_type, *span, job.id[:8]])}.{suffix}"


def _name(job: ReportJob) -> str:
    return f"{job.report_type} job {job.id[:8]}"


def _button(label: str, tooltip: str = "", **traits: Any) -> Any:
    layout = widgets.Layout(width="86px", flex="0 0 auto")
    return widgets.Button(description=label, tooltip=tooltip, layout=layout, **traits)
