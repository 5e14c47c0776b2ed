"""A frame to a file, by the file's suffix; written beside it and renamed."""

from __future__ import annotations

import contextlib
import sys
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from ..errors import ConfigError, TalkdeskError

if TYPE_CHECKING:
    import pyarrow as pa

SUFFIXES = (".csv", ".parquet", ".json", ".jsonl")


def check_target(target: Path | None) -> None:
    """Complain about a target before anything is pulled for it.

    Raises
    ------
    ConfigError
        A suffix nobody writes, or a folder that does not exist.
    """
    if target is None:
        return
    if target.suffix.lower() not in SUFFIXES:
        raise ConfigError(
            f"{target} cannot be written: the suffix {target.suffix!r} is none of "
            f"{', '.join(SUFFIXES)}."
        )
    if not target.parent.is_dir():
        raise ConfigError(f"{target} cannot be written: there is no folder {target.parent}.")


def export(table: pa.Table, target: Path | None) -> None:
    """Write a table.

    Parameters
    ----------
    table : pyarrow.Table
    target : Path or None
        CSV, Parquet, JSON (an array) or JSON lines by its suffix; None writes CSV to stdout.

    Raises
    ------
    TalkdeskError
        The disk is full or the folder cannot be written; the target is as it was before.
    """
    if target is None:
        _write_csv(table, sys.stdout.buffer)
        return
    scratch = target.with_name(f".{target.name}.{uuid.uuid4().hex[:8]}.part")
    try:
        with scratch.open("wb") as file:
            _WRITERS[target.suffix.lower()](table, file)
        scratch.replace(target)
    except OSError as error:
        raise TalkdeskError(
            f"{target} could not be written: {error.strerror or error}.",
            hint="Nothing was changed there.",
        ) from None
    finally:
        with contextlib.suppress(OSError):
            scratch.unlink(missing_ok=True)


def _write_csv(table: pa.Table, file: BinaryIO) -> None:
    import pyarrow.csv

    pyarrow.csv.write_csv(_plain(table), file)


def _write_parquet(table: pa.Table, file: BinaryIO) -> None:
    import pyarrow.parquet

    pyarrow.parquet.write_table(table, file)


def _write_json(table: pa.Table, file: BinaryIO, *, lines: bool = False) -> None:
    frame = _plain(table).to_pandas(types_mapper=_nullable)
    frame.to_json(file, orient="records", lines=lines, force_ascii=False)


def _write_jsonl(table: pa.Table, file: BinaryIO) -> None:
    _write_json(table, file, lines=True)


_WRITERS: dict[str, Callable[[Any, BinaryIO], None]] = {
    ".csv": _write_csv,
    ".parquet": _write_parquet,
    ".json": _write_json,
    ".jsonl": _write_jsonl,
}


def _plain(table: pa.Table) -> pa.Table:
    """Make times ISO 8601 text and categories text, for formats that have neither."""
    import pyarrow as pa
    import pyarrow.compute as pc

    columns = []
    for column in table.columns:
        if pa.types.is_timestamp(column.type):
            # Whole seconds where nothing is lost by it.
            with contextlib.suppress(pa.ArrowInvalid):
                column = column.cast(pa.timestamp("s", tz="UTC"))
            column = pc.strftime(column, format="%Y-%m-%dT%H:%M:%SZ")
        elif pa.types.is_dictionary(column.type):
            column = column.cast(pa.string())
        columns.append(column)
    return pa.table(columns, names=table.column_names)


def _nullable(kind: object) -> object:
    """Keep whole numbers and booleans what they are beside missing values."""
    import pandas as pd
    import pyarrow as pa

    return {pa.int64(): pd.Int64Dtype(), pa.bool_(): pd.BooleanDtype()}.get(kind)
