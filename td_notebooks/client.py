"""The client: one account's reports as methods.

`Talkdesk.report` composes what the lower layers do: cut the span into windows, submit them within
the quota, poll, download and parse side by side, join in order.

Jobs of `Talkdesk.report` are asked for in UTC, whatever zone the dates are meant in. Most reports
write times without an offset, in the zone the job was asked in; in UTC no hour is ambiguous or
missing, and it does not matter whether that reading is right.
"""

from __future__ import annotations

import copy
import os
import warnings
from collections.abc import Callable, Mapping
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING

from .auth.flow import TalkdeskAuth
from .clock import Clock, SystemClock
from .errors import ConfigError
from .interrupts import interruptible, relay_interrupts
from .job import JobList, ReportJob
from .progress import Progress
from .pull import Pulled, load
from .reports.api import JobsApi, check_format
from .reports.download import Body, stream
from .reports.events import Downloaded, Loaded, OnEvent
from .reports.jobs import Job
from .reports.schedule import Collecting, Schedule
from .reports.schemas import schema
from .settings import Settings
from .timespan import Moment, Timespan
from .transport import Transport

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from .auth.grants import AccessToken
    from .frames.table import Backend
    from .lake import Lake
    from .regions import Account
    from .widgets import ReportForm


class Talkdesk:
    """A connection to one Talkdesk account.

    Use `td_notebooks.connect`, which finds the settings. It may be shared by threads, and used in
    a ``with`` statement.

    Parameters
    ----------
    settings : Settings
    clock : Clock, optional
        Where time comes from; tests and the sandbox bring their own.
    on_close : callable, optional
        Called once by `close`.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Clock | None = None,
        on_close: Callable[[], object] | None = None,
    ) -> None:
        self.settings = settings
        self._on_close = on_close
        self._clock = clock or SystemClock()
        auth = TalkdeskAuth(
            settings.account, settings.credentials, scope=settings.scope, clock=self._clock
        )
        self._transport = Transport(auth, ca=settings.ca, clock=self._clock)
        self._api = JobsApi(self._transport, settings.reports_path)
        relay_interrupts()

    def __repr__(self) -> str:
        return f"<Talkdesk account={self.account.name!r} region={self.account.region!r}>"

    def __enter__(self) -> Talkdesk:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()
        on_close, self._on_close = self._on_close, None
        if on_close:
            on_close()

    @property
    def account(self) -> Account:
        """The account and its addresses."""
        return self.settings.account

    @property
    def transport(self) -> Transport:
        """What sends the requests."""
        return self._transport

    def renew_token(self) -> AccessToken:
        """Get a fresh access token now, to see that the way in is open.

        Calls do this by themselves when they need to.

        Raises
        ------
        TokenError, NetworkError
        """
        return self._transport.renew_token()

    def report(
        self,
        report_type: str,
        start: Moment,
        end: Moment,
        *,
        timezone: str = "UTC",
        format: str | None = None,
        dtype_backend: Backend | None = None,
        progress: bool | OnEvent | None = None,
        timeout: float = 3600.0,
        strict: bool = False,
        keep: str | os.PathLike[str] | None = None,
    ) -> pd.DataFrame:
        """Pull a report into one typed DataFrame.

        Parameters
        ----------
        report_type : str
            Such as ``"calls"``; ``td-notebooks reports`` lists them.
        start, end : date, datetime or str
            The span ``[start, end)``, of any length; dates are local midnights.
        timezone : str
            IANA name of the zone the dates are meant in.
        format : str, optional
            ``"json"``, ``"csv"`` or ``"json_bulk"``: what is downloaded. It makes no difference to
            the frame.
        dtype_backend : {"numpy_nullable", "pyarrow"}, optional
        progress : bool or callable, optional
            None shows progress as suits the place, False shows none, a callable gets every
            `JobEvent`; what it raises ends the report.
        timeout : float
            Seconds for everything.
        strict : bool
            Raise `SchemaError` at a value that does not fit its column's type, in place of leaving
            it empty and counting it.
        keep : path, optional
            A folder in which the raw files stay, to be read again with `td_notebooks.read_report`.
            Their times are in UTC, as that takes them by default.

        Returns
        -------
        pandas.DataFrame
            One row per row of the report, in the order of its time column. Times are in UTC,
            durations in seconds; ``frame.attrs["td"]`` tells units and what was unexpected.

        Raises
        ------
        ConfigError
            A wrong type, zone, format, span or `dtype_backend`, before any request.
        JobFailedError, JobTimeoutError, DownloadError, SchemaError
        ApiError, NetworkError, TokenError
        """
        if dtype_backend is not None:
            from .frames.table import check_backend

            check_backend(dtype_backend)
        pulled = self._pull(
            report_type, start, end, timezone, format, progress, timeout, strict, keep
        )
        return pulled.frame(dtype_backend)

    def table(
        self,
        report_type: str,
        start: Moment,
        end: Moment,
        *,
        timezone: str = "UTC",
        format: str | None = None,
        progress: bool | OnEvent | None = None,
        timeout: float = 3600.0,
        strict: bool = False,
        keep: str | os.PathLike[str] | None = None,
    ) -> pa.Table:
        """Pull a report into one Arrow table; parameters and errors as for `report`."""
        from .frames import DriftWarning

        pulled = self._pull(
            report_type, start, end, timezone, format, progress, timeout, strict, keep
        )
        if pulled.drift:
            warnings.warn(f"The {report_type} report: {pulled.drift}.", DriftWarning, stacklevel=2)
        return pulled.table

    def submit(
        self,
        report_type: str,
        start: Moment,
        end: Moment,
        *,
        timezone: str = "UTC",
        format: str | None = None,
        name: str | None = None,
    ) -> ReportJob:
        """Submit one job and return at once.

        Parameters
        ----------
        report_type, start, end, format
            As for `report`, but at most a month.
        timezone : str
            The zone of the dates, and of the times without an offset in the file.
        name : str, optional
            Shown in Talkdesk's list; a unique ending is added.

        Returns
        -------
        ReportJob

        Raises
        ------
        ConfigError
            Before any request.
        QuotaError, ApiError, NetworkError, TokenError
        """
        schema(report_type)
        span = Timespan.of(start, end, timezone)
        job = self._api.submit(report_type, span, format=format, name=name)
        return ReportJob(self._api, job.state)

    def job(self, report_type: str, job_id: str) -> ReportJob:
        """Come back to a job by its id, after a restart for example.

        Parameters
        ----------
        report_type, job_id : str

        Raises
        ------
        NotFoundError
            There is no such job of this type.
        """
        return ReportJob(self._api, self._api.attach(report_type, job_id).state)

    def jobs(self, report_type: str, *, limit: int = 50) -> JobList:
        """Return the account's recent jobs of one type, newest first.

        Parameters
        ----------
        report_type : str
        limit : int
            At most this many.

        Returns
        -------
        JobList
            A list of `ReportJob`; a notebook shows it as a table; ``.watch()`` shows one that keeps
            itself up to date.
        """
        if limit < 0:
            raise ConfigError(
                f"There are no {limit} jobs to list.", hint="Give a limit that is no less than 0."
            )
        states = list(self._api.states(report_type))
        if all(state.created_at for state in states):
            states.sort(key=lambda state: state.created_at or 0, reverse=True)
        return JobList(
            (ReportJob(self._api, state) for state in states[:limit]),
            again=lambda: self.jobs(report_type, limit=limit),
        )

    def lake(
        self,
        path: str | os.PathLike[str],
        *,
        storage_options: Mapping[str, str] | None = None,
    ) -> Lake:
        """Return an incremental store of this account's reports; needs ``td_notebooks[lake]``.

        Parameters
        ----------
        path : path or str
            A folder, or an address such as ``s3://bucket/lake``. Nothing is made before the
            first `Lake.sync`.
        storage_options : mapping of str to str, optional
            What an object store needs, such as its keys.

        Returns
        -------
        Lake
        """
        from .lake import Access, Lake

        access = Access(self.settings, self._api, self._clock)
        return Lake(path, storage_options=storage_options, access=access)

    def explore(self) -> ReportForm:
        """Show a form that pulls reports: type, dates, zone, progress, a way to stop.

        Returns
        -------
        ReportForm
            Later cells use its ``frame``.
        """
        from .widgets import explore

        return explore(self)

    def with_clock(self, clock: Clock) -> Talkdesk:
        """Return the same connection with its waits measured by another clock.

        Parameters
        ----------
        clock : Clock
            One that raises ends a report.
        """
        twin = copy.copy(self)
        twin._clock, twin._on_close = clock, None
        return twin

    def _pull(
        self,
        report_type: str,
        start: Moment,
        end: Moment,
        timezone: str,
        format: str | None,
        progress: bool | OnEvent | None,
        timeout: float,
        strict: bool,
        keep: str | os.PathLike[str] | None,
    ) -> Pulled:
        known = schema(report_type)
        format = check_format(known, format)
        windows = [_in_utc(month) for month in Timespan.of(start, end, timezone).months()]

        def collect(job: Job, collecting: Collecting) -> Pulled:
            def read(body: Body) -> Pulled:
                pulled = load(
                    body,
                    report_type,
                    format=format,
                    strict=strict,
                    keep=Path(keep) / f"{job.id}.{format}" if keep else None,
                    check=collecting.stop.check,
                )
                body.drain()
                collecting.tell(Downloaded, size=body.size)
                return pulled

            pulled = stream(job, read, stop=collecting.stop)
            collecting.tell(Loaded, rows=pulled.table.num_rows)
            return pulled

        schedule = Schedule(
            windows,
            submit=lambda span: self._api.submit(
                report_type, span, format=format, wait_for_quota=False
            ),
            collect=collect,
            clock=self._clock,
            timeout=timeout,
            report_type=report_type,
        )
        with (
            Progress(progress) as schedule.on_event,
            interruptible(self._clock, way_back=schedule.way_back) as schedule.clock,
        ):
            parts = schedule.run()
        return Pulled.join(parts)


def _in_utc(span: Timespan) -> Timespan:
    return Timespan(span.start.astimezone(UTC), span.end.astimezone(UTC), "UTC")
