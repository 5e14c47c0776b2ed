"""What came of a pull: an Arrow table, and what was unexpected about it.

The frames layer, and pandas with it, is imported when a file is read.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Protocol, cast

from .beside import beside
from .errors import ConfigError, TalkdeskError

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from .frames import Drift
    from .frames.table import Backend
    from .reports.schemas import Format, Schema


@dataclass(frozen=True, slots=True)
class Pulled:
    """One report file, or several of one report in order, as a table.

    Attributes
    ----------
    table : pyarrow.Table
    schema : Schema
    drift : Drift
    """

    table: pa.Table
    schema: Schema
    drift: Drift

    def frame(self, dtype_backend: Backend | None = None) -> pd.DataFrame:
        """Return the table as a DataFrame; warn of drift once."""
        from .frames import to_pandas

        return to_pandas(self.table, self.schema, dtype_backend=dtype_backend, drift=self.drift)

    @classmethod
    def join(cls, parts: Sequence[Pulled]) -> Pulled:
        """Put the parts of one report together, in order."""
        from .frames import Drift, assemble
        from .frames.assemble import typed

        # A window without rows does not show in which payload version it was written.
        full = [part for part in parts if part.table.num_rows] or parts
        schema = full[0].schema
        known = {c.name: c for part in reversed(full) for c in part.schema.columns}
        tables, misfits = zip(*(typed(part.table, known) for part in full), strict=True)
        drift = sum((*(part.drift for part in parts), *misfits), Drift())
        return cls(assemble(tables, schema), schema, drift)


class Source(Protocol):
    """What a report is read from: a file, or one that is still on its way."""

    def read(self, size: int, /) -> bytes:
        """Return up to `size` bytes; none at the end."""


def load(
    source: Path | Source,
    report_type: str,
    *,
    format: Format | None = None,
    timezone: str = "UTC",
    strict: bool = False,
    keep: Path | None = None,
    check: Callable[[], None] = lambda: None,
) -> Pulled:
    """Read a report file.

    Parameters
    ----------
    source : Path or Source
    report_type : str
    format : str, optional
        By default the one the first bytes show.
    timezone : str
        The zone of its times without an offset.
    strict : bool
        Raise at a value that does not fit its type, instead of leaving it empty.
    keep : Path, optional
        Where the file itself shall stay, whether it can be read or not; `read_report` reads it
        again.
    check : callable
        Called now and then; what it raises ends the reading.

    Raises
    ------
    DownloadError, SchemaError
    ConfigError
        The file cannot be kept there.
    """
    from .frames import read_batches

    with contextlib.ExitStack() as end:
        if keep is not None:
            if isinstance(source, Path):
                source = end.enter_context(source.open("rb"))
            source = end.enter_context(_kept(source, keep))
        reader = read_batches(
            cast("BinaryIO | Path", source),
            report_type,
            format=format,
            timezone=timezone,
            strict=strict,
        )
        table = reader.read(check)
    return Pulled(table, reader.schema, reader.drift)


@contextlib.contextmanager
def _kept(source: Source, target: Path) -> Iterator[_Keeping]:
    """Keep all that `source` brings, also when it is no report; nothing if it does not end."""
    failed = functools.partial(_not_kept, target)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise failed(error.strerror or str(error)) from None
    unread: TalkdeskError | None = None
    with beside(target, failed) as path, path.open("wb") as file:
        keeping = _Keeping(source, file, failed)
        try:
            yield keeping
        except TalkdeskError as error:
            if not file.tell():
                raise
            unread = error
        keeping.drain()
    if unread:
        raise unread


@dataclass(frozen=True, slots=True)
class _Keeping:
    """A source that writes what is read from it to a file."""

    source: Source
    file: BinaryIO
    failed: Callable[[str], ConfigError]

    def read(self, size: int, /) -> bytes:
        data = self.source.read(size)
        try:
            self.file.write(data)
        except OSError as error:
            raise self.failed(error.strerror or str(error)) from None
        return data

    def drain(self) -> None:
        """Read what is left."""
        while self.read(1 << 16):
            pass


def _not_kept(target: Path, problem: str) -> ConfigError:
    return ConfigError(
        f"The report file could not be kept as {target}: {problem}.",
        hint="Give another place, or pull without keeping it.",
    )
