"""``%talkdesk`` and ``%%talkdesk_sql``: thin adapters, loaded with ``%load_ext td_notebooks``.

::

    %talkdesk calls 2026-08-01 2026-09-01 --zone Europe/Lisbon --as calls

    %%talkdesk_sql --as by_type
    SELECT type, count(*) AS calls FROM calls GROUP BY ALL

    %%talkdesk_sql --lake talkdesk-lake
    SELECT td_month, count(*) AS calls FROM calls GROUP BY ALL ORDER BY td_month
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import TYPE_CHECKING, Any
from zoneinfo import available_timezones

from IPython.core.error import UsageError
from IPython.core.magic import Magics, cell_magic, line_magic, magics_class
from IPython.core.magic_arguments import argument, magic_arguments, parse_argstring

from .client import Talkdesk
from .errors import ConfigError, TalkdeskError
from .extras import needed
from .front_door import connect
from .reports.schemas import report_types

if TYPE_CHECKING:
    import pyarrow as pa
    from duckdb import DuckDBPyConnection
    from IPython.core.interactiveshell import InteractiveShell

    from .lake import Lake

_WORD = re.compile(r"[^\W\d]\w*")
_OPTIONS = ("--zone", "--as", "--format", "--client")
_SQL_OPTIONS = ("--as", "--lake")


def load(shell: InteractiveShell) -> None:
    """Register the magics and the completion of their words.

    Parameters
    ----------
    shell : InteractiveShell
    """
    shell.register_magics(TalkdeskMagics)
    for word in ("%talkdesk", "talkdesk", "%%talkdesk_sql"):
        shell.set_hook("complete_command", lambda _, event: complete(event.line), str_key=word)


def complete(line: str) -> list[str]:
    """Return the words that can come next in a line that begins with ``%talkdesk``.

    Parameters
    ----------
    line : str
        Up to the cursor.
    """
    words = line.split()
    if line[-1:].isspace():
        words.append("")
    if words[0] == "%%talkdesk_sql":
        return list(_SQL_OPTIONS) if words[-1].startswith("-") else []
    if len(words) <= 2:
        return list(report_types())
    if words[-2] == "--zone":
        return sorted(available_timezones())
    return list(_OPTIONS) if words[-1].startswith("-") else []


@magics_class
class TalkdeskMagics(Magics):
    """The magics; they use the connection of the notebook."""

    @magic_arguments()
    @argument("report_type", help="such as calls")
    @argument("start", help="first day, or moment")
    @argument("end", help="the day after the last")
    @argument("--zone", default="UTC", help="IANA name of the zone the dates are meant in")
    @argument("--as", dest="name", help="the variable that gets the frame; else it is the result")
    @argument("--format", help="json, csv or json_bulk")
    @argument("--client", help="the variable that holds the connection")
    @line_magic
    def talkdesk(self, line: str) -> object:
        """Pull a report into a DataFrame."""
        given = parse_argstring(self.talkdesk, line)
        target = _variable(given.name)
        frame = _or_usage_error(
            lambda: self._client(given.client).report(
                given.report_type, given.start, given.end, timezone=given.zone, format=given.format
            )
        )
        return self._hand_over(frame, target)

    @magic_arguments()
    @argument("--as", dest="name", help="the variable that gets the frame; else it is the result")
    @argument("--lake", help="a lake to ask: its variable, or its folder")
    @cell_magic
    def talkdesk_sql(self, line: str, cell: str) -> object:
        """Ask the frames of the notebook, or a lake, a question in SQL (DuckDB's).

        Any DataFrame or Arrow table is a table by the name of its variable. With a lake its report
        types are tables, too; they come before frames of the same name.
        """
        given = parse_argstring(self.talkdesk_sql, line)
        target = _variable(given.name)
        found = _or_usage_error(lambda: query(cell, self._names(), lake=self._lake(given.lake)))
        return self._hand_over(found, target)

    def _lake(self, name: str | None) -> Lake | None:
        """Return the lake in a variable, or in a folder."""
        if name is None:
            return None
        from .lake import Lake

        named = self._names().get(name)
        if isinstance(named, Lake):
            return named
        return Lake(named if isinstance(named, str | os.PathLike) else name)

    def _names(self) -> Mapping[str, Any]:
        assert self.shell is not None
        names: dict[str, Any] = self.shell.user_ns
        return names

    def _push(self, names: dict[str, object]) -> None:
        assert self.shell is not None
        self.shell.push(names)

    def _client(self, name: str | None) -> Talkdesk:
        """Return the connection named, the only one there is, or one from the settings."""
        if name:
            named = self._names().get(name)
            if not isinstance(named, Talkdesk):
                raise ConfigError(f"There is no connection called {name}: td.connect() makes one.")
            return named
        found = {
            id(value): (key, value)
            for key, value in self._names().items()
            if isinstance(value, Talkdesk) and not key.startswith("_")
        }
        if len(found) > 1:
            keys = sorted(key for key, _ in found.values())
            raise ConfigError(
                f"There are several connections: {', '.join(keys)}.",
                hint=f"Say which one: --client {keys[0]}",
            )
        for _, client in found.values():
            return client
        client = connect()
        self._push({"client": client})
        return client

    def _hand_over(self, frame: object, name: str | None) -> object:
        if name is None:
            return frame
        self._push({name: frame})
        return None


def query(sql: str, names: Mapping[str, object], *, lake: Lake | None = None) -> object:
    """Answer a question in SQL about frames and a lake.

    Parameters
    ----------
    sql : str
        In DuckDB's dialect.
    names : mapping
        Variables; those that are frames and that the question mentions become tables.
    lake : Lake, optional
        Its report types are tables, too; they come before frames of the same name.

    Returns
    -------
    pandas.DataFrame or None
        Missing values stay missing: whole numbers are ``Int64``, flags ``boolean``.

    Raises
    ------
    ConfigError
        DuckDB is not installed, or does not understand the question; there is nothing in the lake.
    """
    duckdb = needed("duckdb", extra="duckdb", purpose="%%talkdesk_sql")
    mentioned = {word.lower() for word in _WORD.findall(sql)}
    if lake is not None:
        if not lake.tables:
            raise ConfigError(
                f"There is nothing in {lake!r}.", hint="Fill it first: client.lake(…).sync(…)"
            )
        mentioned -= set(lake.tables)
    with lake.connect() if lake else _connect(duckdb) as base:
        for name, value in names.items():
            table = _as_table(value) if name.lower() in mentioned else None
            if table is not None:
                base.register(name, table)
        try:
            answer = base.sql(sql)
            # A statement such as SET has no answer.
            return None if answer is None else _as_frame(answer.to_arrow_table())
        except duckdb.Error as error:
            raise ConfigError(f"DuckDB: {error}") from None


def _connect(duckdb: ModuleType) -> DuckDBPyConnection:
    # Variables of this package's own functions are no tables.
    base: DuckDBPyConnection = duckdb.connect(config={"python_enable_replacements": "false"})
    base.execute("SET TimeZone = 'UTC'")
    return base


def _as_table(value: object) -> pa.Table | None:
    """Return a frame of any kind as Arrow; None for anything else."""
    import pandas as pd
    import pyarrow as pa

    if isinstance(value, pd.DataFrame):
        return pa.Table.from_pandas(value, preserve_index=False)
    return pa.table(value) if hasattr(value, "__arrow_c_stream__") else None


def _as_frame(table: pa.Table) -> object:
    import pandas as pd
    import pyarrow as pa

    kinds = {
        pa.bool_(): pd.BooleanDtype(),
        pa.int32(): pd.Int32Dtype(),
        pa.int64(): pd.Int64Dtype(),
        pa.float64(): pd.Float64Dtype(),
    }
    return table.to_pandas(types_mapper=kinds.get)


def _variable(name: str | None) -> str | None:
    if name is not None and not name.isidentifier():
        raise UsageError(f"--as {name}: that is no name of a variable.")
    return name


def _or_usage_error(work: Callable[[], Any]) -> Any:
    try:
        return work()
    except TalkdeskError as error:
        # IPython shows this one without a traceback; notes would get lost.
        raise UsageError("\n".join([str(error), *getattr(error, "__notes__", ())])) from None
