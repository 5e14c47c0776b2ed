"""A lake: one Delta table per report type, in a folder or an object store.

>>> lake = client.lake("talkdesk-lake")                                # doctest: +SKIP
>>> lake.sync("calls", "user_status", since="400d", timezone="Europe/Lisbon")  # doctest: +SKIP
>>> lake.sql("SELECT type, count(*) AS calls FROM calls GROUP BY ALL")  # doctest: +SKIP
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import unquote

from ..clock import SystemClock
from ..errors import ConfigError, LakeError
from ..reports.schemas import report_types as known_types
from ..reports.schemas import schema
from ..timespan import Moment, Timespan
from .access import Access
from .place import Place
from .replace import OnStep, ignore
from .sync import Synced, sync
from .table import Table

if TYPE_CHECKING:
    import duckdb
    import pandas as pd
    import pyarrow as pa

    from ..frames.table import Backend
    from ..reports.events import OnEvent
    from .care import Tended
    from .stage import Transform


class Lake:
    """A store of reports.

    ``client.lake(path)`` makes one that can pull; without ``access`` it can only be asked.

    Parameters
    ----------
    path : path or str
        A folder, made by the first `sync`; or an address such as ``s3://bucket/lake``.
    storage_options : mapping of str to str, optional
        What an object store needs, such as its keys; passed on to `deltalake`.
    access : Access, optional
        The way to the account to pull from.
    on_step : callable, optional
        Told of each `Step` of each window, on the thread that takes it.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        storage_options: Mapping[str, str] | None = None,
        access: Access | None = None,
        on_step: OnStep = ignore,
    ) -> None:
        self.place = Place.of(path, storage_options)
        self._access = access
        self._on_step = on_step
        self._tables: dict[str, Table] = {}

    def __repr__(self) -> str:
        account = f" account={self._access.account.name!r}" if self._access else ""
        return f"<Lake {self.place.path}{account}>"

    @property
    def tables(self) -> list[str]:
        """The report types that are there, in alphabetical order."""
        return [name for name in known_types() if self.table(name).exists()]

    def table(self, report_type: str) -> Table:
        """Return the table of a report type, whether it is there yet or not.

        Raises
        ------
        ConfigError
            There is no such report type.
        """
        schema(report_type)
        if report_type not in self._tables:
            self._tables[report_type] = Table(self.place, report_type)
        return self._tables[report_type]

    # ── filling it ──

    def sync(
        self,
        *report_types: str,
        since: Moment | timedelta | None = None,
        until: Moment | None = None,
        lookback: str | timedelta = "3d",
        full: bool = False,
        timezone: str = "UTC",
        executor: Executor | None = None,
        progress: OnEvent | None = None,
        timeout: float = 6 * 3600.0,
        transform: Transform | None = None,
    ) -> Synced:
        """Pull what is missing, and the last days again.

        It may be killed at any moment, run twice, late, or on two machines at once. Each window is
        replaced in one commit or not at all, and what is missing is found in the table itself.

        Parameters
        ----------
        *report_types : str
            Such as ``"calls"``; by default those that are there.
        since : date, datetime, timedelta or str, optional
            From when on everything shall be there: a day, or a length of time back from now such
            as ``"400d"``. By default the start of what is there.
        until : date, datetime or str, optional
            By default now.
        lookback : timedelta or str
            How far back complete windows are asked for again, because rows come late and change:
            ``"3d"``, ``"12h"``. Of a day and more it begins at a local midnight.
        full : bool
            Ask for everything again.
        timezone : str
            IANA name of the zone whose days and months the windows follow. Times are in UTC.
        executor : concurrent.futures.Executor, optional
            What runs the windows (download, check, commit), such as Dask's
            ``client.get_executor()``. By default a few threads.
        progress : callable, optional
            Called with a `JobEvent` for everything that happens to a job.
        timeout : float
            Seconds for everything; what is not finished then counts as failed.
        transform : callable, optional
            Given the report type and a record batch, returns the batch to be stored in its place,
            before anything touches the disk. It must be picklable if ``executor`` pickles. If it
            has a ``mark``, all windows of a table must have been stored under the same one.

        Returns
        -------
        Synced
            What was asked and stored, and the windows that failed: they are asked for next time.

        Raises
        ------
        ConfigError
            A wrong type, zone or length of time, a time that is empty or in the future, or no
            account to pull from.
        LakeError
            The disk is full or cannot be written to; the tables are as before.
        TokenError, ForbiddenError
            The account cannot be read.
        """
        if self._access is None:
            raise ConfigError(
                f"The lake {self.place.path} has no account to pull from.",
                hint="Make it with client.lake(path).",
            )
        wanted = report_types or tuple(self.tables)
        if not wanted:
            raise ConfigError(
                "There is nothing in the lake yet.", hint="Say what to pull: lake.sync('calls', …)."
            )
        tables = [self.table(report_type) for report_type in dict.fromkeys(wanted)]
        return sync(
            self.place,
            tables,
            self._access,
            since=since,
            until=until,
            lookback=lookback,
            full=full,
            timezone=timezone,
            executor=executor,
            progress=progress,
            timeout=timeout,
            transform=transform,
            on_step=self._on_step,
        )

    # ── asking it ──

    def sql(self, query: str, parameters: Sequence[object] | None = None) -> pd.DataFrame:
        """Answer a question in SQL (DuckDB's); tables are called as their report types.

        Besides its report's columns each table has ``td_account``; ``td_time``, the time that
        decides to which window a row belongs; ``td_month``, its month in UTC, by which the files
        are parted; ``td_row``, the place in the report's file.

        Parameters
        ----------
        query : str
        parameters : sequence, optional
            For the question marks in it.

        Returns
        -------
        pandas.DataFrame
            Missing values stay missing: whole numbers are ``Int64``, flags ``boolean``.

        Raises
        ------
        LakeError
            DuckDB does not understand the question.
        """
        from . import ask

        mentioned = ask.words(query) & set(known_types())
        tables = [self.table(name) for name in sorted(mentioned)]
        return ask.sql(tables, query, parameters, there=lambda: self.tables)

    def connect(self) -> duckdb.DuckDBPyConnection:
        """Return a DuckDB connection with the tables as they are now.

        For whoever wants relations, or more than one question to the same state. Close it.
        """
        from . import ask

        return ask.connect([self.table(name) for name in self.tables])

    def frame(
        self,
        report_type: str,
        start: Moment,
        end: Moment,
        *,
        columns: Sequence[str] | None = None,
        timezone: str = "UTC",
        account: str | None = None,
        dtype_backend: Backend | None = None,
    ) -> pd.DataFrame:
        """Return the rows of a span as ``client.report`` would.

        Parameters
        ----------
        report_type : str
        start, end : date, datetime or str
            The span ``[start, end)``.
        columns : sequence of str, optional
            Which ones to read; all by default.
        timezone : str
            IANA name of the zone the dates are meant in.
        account : str, optional
            By default the one the lake pulls from, or the only one there is.
        dtype_backend : {"numpy_nullable", "pyarrow"}, optional

        Returns
        -------
        pandas.DataFrame
            In the order of the report's time column; ``frame.attrs["td"]`` tells the units.

        Raises
        ------
        LakeError
            The report is not there, or the account is not clear.
        ConfigError
            There is no such report type, column or zone.
        """
        from . import ask

        return ask.frame(
            self.table(report_type),
            *_in_utc(start, end, timezone),
            account=self._account(account),
            columns=columns,
            dtype_backend=dtype_backend,
        )

    def arrow(
        self,
        report_type: str,
        start: Moment,
        end: Moment,
        *,
        columns: Sequence[str] | None = None,
        timezone: str = "UTC",
        account: str | None = None,
        batch_size: int = 1 << 16,
    ) -> pa.RecordBatchReader:
        """Return the rows of a span batch by batch, with bounded memory.

        Parameters and errors are those of `frame`, and:

        Parameters
        ----------
        report_type, start, end, columns, timezone, account
        batch_size : int
            Rows of a batch at most.

        Returns
        -------
        pyarrow.RecordBatchReader
            In no particular order.
        """
        from . import ask

        return ask.batches(
            self.table(report_type),
            *_in_utc(start, end, timezone),
            account=self._account(account),
            columns=columns,
            batch_size=batch_size,
        )

    def files(self, report_type: str) -> list[str]:
        """Return the Parquet files that hold a report now, for tools that read Parquet only.

        They never change; files of older versions lie beside them, so a tool must be given this
        list, and not the folder. ``td_account`` and ``td_month`` are in their paths only
        (Hive's way), and files from before a column appeared do not have it.

        Parameters
        ----------
        report_type : str

        Returns
        -------
        list of str
            Paths, or addresses in the object store.

        Raises
        ------
        LakeError
            The report is not there.
        """
        delta = self.table(report_type).snapshot()
        if delta is None:
            raise LakeError(f"There is no {report_type} in {self.place.path}.")
        paths = sorted(delta.file_uris())
        # Those of a folder come spelt as in an address: "my%20lake".
        return paths if self.place.folder is None else [unquote(path) for path in paths]

    # ── looking after it ──

    def gaps(
        self,
        *report_types: str,
        since: Moment | timedelta | None = None,
        until: Moment | None = None,
        timezone: str = "UTC",
    ) -> pd.DataFrame:
        """List what is missing, or was not complete when it was asked for.

        Parameters
        ----------
        *report_types : str
            By default those that are there.
        since, until
            As for `sync`. By default from the first window of each account until what Talkdesk
            can have by now.
        timezone : str

        Returns
        -------
        pandas.DataFrame
            ``report_type``, ``account``, ``start``, ``end`` (UTC); one row per gap. The account
            is empty where a report is not there at all and no account is known.

        Raises
        ------
        ConfigError
            A wrong type, zone or length of time, or a time that is empty or in the future.
        """
        from . import overview

        return overview.gaps(
            self._chosen(report_types),
            since=since,
            until=until,
            timezone=timezone,
            now=self._now(),
            account=self._account(None),
        )

    def history(self, *report_types: str) -> pd.DataFrame:
        """List the windows that were stored, newest first, as far as the tables' logs go back.

        Parameters
        ----------
        *report_types : str
            By default those that are there.

        Returns
        -------
        pandas.DataFrame
            One row per commit: ``report_type``, ``version``, ``committed_at`` and the columns of
            `Entry`. Times are in UTC.
        """
        from . import overview

        return overview.history(self._chosen(report_types))

    def tend(self, *report_types: str, keep: str | timedelta = "7d") -> list[Tended]:
        """Put small files together and remove those that nobody needs any more.

        Safe beside readers and writers.

        Parameters
        ----------
        *report_types : str
            By default those that are there.
        keep : timedelta or str
            How long files stay that only older versions need; at least an hour. A question that
            takes longer than that must be asked again.

        Returns
        -------
        list of Tended
        """
        from . import care

        return [care.tend(table, keep, now=self._now()) for table in self._chosen(report_types)]

    def _chosen(self, report_types: Sequence[str]) -> list[Table]:
        return [self.table(name) for name in report_types or self.tables]

    def _account(self, account: str | None) -> str | None:
        return account or (self._access.account.name if self._access else None)

    def _now(self) -> datetime:
        clock = self._access.clock if self._access else SystemClock()
        return datetime.fromtimestamp(int(clock.time()), UTC)


def _in_utc(start: Moment, end: Moment, timezone: str) -> tuple[datetime, datetime]:
    span = Timespan.of(start, end, timezone)
    return span.start.astimezone(UTC), span.end.astimezone(UTC)
