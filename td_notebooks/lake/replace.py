"""Replace one window of a table, and nothing else, in one commit.

The files with the window's rows are put in their places first; files that hold rows of the window
leave the table in the same commit, and what they hold besides it is written again. Until the commit
nobody sees the new files; after it nobody sees the old ones, but for readers that began before.
Files that were put and never committed are removed by `care.tend`, as those of a killed sync.
"""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pyarrow as pa
import pyarrow.parquet as pq

from ..errors import SchemaError
from .files import GROUP_ROWS, DataFile, Writer, as_plain, outside, plain, remove
from .ledger import KEY, Entry
from .needs import needed
from .rows import ACCOUNT, MONTH, months
from .spans import Span

if TYPE_CHECKING:
    from deltalake import DeltaTable

    from .stage import Staged
    from .table import Table

#: Bytes sent to an object store at a time.
CHUNK = 1 << 20

Done = Literal["replaced", "unchanged", "superseded"]


class Step(StrEnum):
    """What happens to a window, in this order; a callback may be told of each."""

    SUBMITTED = "submitted"
    ARRIVING = "arriving"
    STAGED = "staged"
    CREATED = "created"
    WIDENED = "widened"
    KEPT = "kept"
    PUT = "put"
    COMMITTED = "committed"
    CLOSED = "closed"


OnStep = Callable[[Step], object]


def ignore(step: Step) -> None:
    """Take no notice of a step."""


def replace(
    table: Table,
    staged: Staged,
    entry: Entry,
    *,
    asked_at: datetime | None,
    on_step: OnStep = ignore,
) -> Done:
    """Replace one window by the rows of its file, in one commit.

    Parameters
    ----------
    table : Table
    staged : Staged
    entry : Entry
        Goes with the commit.
    asked_at : datetime or None
        When the job was made, by Talkdesk's clock; None when it does not tell.
    on_step : callable, optional

    Returns
    -------
    {"replaced", "unchanged", "superseded"}
        ``unchanged``: the table has these very rows, and nothing was committed;
        ``superseded``: it has newer ones, or the window would divide one that must be whole.

    Raises
    ------
    SchemaError
        A column has another type than in the table.
    LakeError
        The disk is full or read-only, or others commit without end; the table is as before.
    """
    places = _Places(table, entry.account)

    def attempt(delta: DeltaTable | None) -> Done:
        if delta is None:
            delta = table.create(staged.arrow_schema)
            on_step(Step.CREATED)
        ledger = table.read_ledger(delta)
        if ledger.forbids(entry.account, entry.span, asked_at):
            return "superseded"
        if is_known(ledger.latest(entry.account, entry.span), entry):
            return "unchanged"
        if new := _new_columns(table, delta, staged.arrow_schema):
            table.widen(delta, new)
            on_step(Step.WIDENED)
        old = list(_holding(delta, entry))
        kept = _kept(places, old, entry, staged.folder)
        on_step(Step.KEPT)
        added = [*map(places.put, staged.files), *map(places.put, kept)]
        on_step(Step.PUT)
        places.at_stake = True
        table.commit(delta, [*added, *map(_removal, old)], {KEY: entry.dump()})
        on_step(Step.COMMITTED)
        table.close_off(delta.version())
        on_step(Step.CLOSED)
        return "replaced"

    try:
        return table.committing(attempt, f"writing {table.report_type} of {entry.account}")
    except BaseException:
        places.take_back()
        raise


def is_known(before: Entry | None, entry: Entry) -> bool:
    """Say whether the table has an entry's rows already, and knows as much about its time.

    Parameters
    ----------
    before : Entry or None
        What `Ledger.latest` found.
    entry : Entry
        The same window, or a longer one that begins with it: an hour unfinished then and now.
    """
    if before is None or entry.sha256 != before.sha256 or entry.rows != before.rows:
        return False
    if before.payload != entry.payload:
        return False
    return before.end == entry.end if before.complete else not entry.complete


class _Places:
    """Where the files of one account go in a table, and how they get there."""

    def __init__(self, table: Table, account: str) -> None:
        self._account = account
        self._root = Path(table.uri) if table.place.folder else None
        self._table = table
        self._put: dict[Path, Any] = {}
        self.at_stake = False  # once a commit was begun, its files may be part of the table

    def put(self, file: DataFile) -> Any:
        """Put a file in its place, if it is not there yet; return what the log says of it."""
        if file.path in self._put:
            return self._put[file.path]
        name = f"{ACCOUNT}={self._account}/{MONTH}={file.month}/{file.path.name}"
        size = file.path.stat().st_size
        if self._root is not None:
            target = self._root / name
            for folder in (target.parent.parent, target.parent):
                folder.mkdir(mode=0o700, exist_ok=True)
            file.path.replace(target)
        else:
            store = self._table.store()
            with (
                file.path.open("rb") as source,
                store.open_output_stream(name, buffer_size=2 * CHUNK) as sink,
            ):
                shutil.copyfileobj(source, sink, CHUNK)
        action = needed("deltalake").transaction.AddAction(
            path=name,
            size=size,
            partition_values={ACCOUNT: self._account, MONTH: file.month},
            modification_time=int(time.time() * 1000),
            data_change=True,
            stats=file.statistics,
        )
        self._put[file.path] = action
        return action

    def take_back(self) -> None:
        """Remove the files that were put, unless a commit may have taken them up."""
        if self.at_stake:
            return
        names = [action.path for action in self._put.values()]
        if self._root is not None:
            remove(self._root / name for name in names)
            return
        for name in names:
            with contextlib.suppress(OSError):
                self._table.store().delete_file(name)

    @contextlib.contextmanager
    def open(self, name: str) -> Iterator[pq.ParquetFile]:
        """Yield a file of the table."""
        source = str(self._root / name) if self._root else self._table.store().open_input_file(name)
        with pq.ParquetFile(source) as file:
            yield file


def _new_columns(table: Table, delta: DeltaTable, schema: pa.Schema) -> list[pa.Field]:
    """Return the columns that the table lacks.

    Raises
    ------
    SchemaError
        A column has another type than in the table.
    """
    there = {field.name: plain(field.type) for field in pa.schema(delta.schema())}
    for field in schema:
        old = there.get(field.name, field.type)
        if old != field.type:
            raise SchemaError(
                f"The column {field.name} of {table.report_type} is {old} in "
                f"{table.place.path} and {field.type} in the report.",
                hint=f"The catalogue has changed: move the folder {table.report_type} away "
                "and pull it again.",
                report_type=table.report_type,
            )
    return [field for field in schema if field.name not in there]


def _holding(delta: DeltaTable, entry: Entry) -> Iterator[dict[str, Any]]:
    """Yield the files of the snapshot that may hold rows of a window."""
    first, last = months(entry.start, entry.end)
    files = pa.table(delta.get_add_actions(flatten=True))
    account, month = (files.column(f"partition.{name}").to_pylist() for name in (ACCOUNT, MONTH))
    here = [
        number
        for number, (whose, when) in enumerate(zip(account, month, strict=True))
        if whose == entry.account and first <= when <= last
    ]
    for file in files.take(pa.array(here, pa.int64())).to_pylist():
        span = _span(file)
        if span is None or (span[0] < entry.end and span[1] >= entry.start):
            yield file


def _span(file: dict[str, Any]) -> Span | None:
    """Return the first and the last time in a file; None if the log does not tell."""
    low, high = file.get("min.td_time"), file.get("max.td_time")
    return None if low is None or high is None else (low, high)


def _kept(places: _Places, old: list[dict[str, Any]], entry: Entry, folder: Path) -> list[DataFile]:
    """Write again what the files hold besides the window."""
    with Writer(folder) as writer:
        for file in old:
            span = _span(file)
            if span is not None and entry.start <= span[0] and span[1] < entry.end:
                continue
            with places.open(file["path"]) as source:
                for batch in source.iter_batches(GROUP_ROWS):
                    writer.write(as_plain(outside(batch, entry.start, entry.end)))
    return writer.files


def _removal(file: dict[str, Any]) -> Any:
    return needed("deltalake").transaction.RemoveAction(
        path=file["path"],
        data_change=True,
        deletion_timestamp=int(datetime.now(UTC).timestamp() * 1000),
        size=file["size_bytes"],
        partition_values={
            ACCOUNT: file[f"partition.{ACCOUNT}"],
            MONTH: file[f"partition.{MONTH}"],
        },
    )
