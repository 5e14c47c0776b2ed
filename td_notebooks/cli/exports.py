"""A table to a file, by the file's suffix; written beside it and renamed.

Text goes out exactly as it came in. Times are ISO 8601 in UTC, with as many decimals as the column
needs. Missing values are empty fields in CSV (an empty text is ``""``) and ``null`` in JSON. The
formats other than Parquet are written some thousand rows at a time. What an Excel workbook does
with text and times is told in `td_notebooks.frames.spreadsheet`.
"""

from __future__ import annotations

import contextlib
import os
import stat
import sys
import uuid
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from ..errors import ConfigError, TalkdeskError

if TYPE_CHECKING:
    import pyarrow as pa

ROWS = 1 << 14


def check_suffix(target: Path) -> None:
    """Complain about a suffix that nobody writes, or not on this machine.

    Raises
    ------
    ConfigError
        The suffix is none of those known, or the package that writes such files is not installed.
    """
    if target.suffix.lower() not in _WRITERS:
        raise ConfigError(
            f"{target} cannot be written: the suffix {target.suffix!r} is none of "
            f"{', '.join(_WRITERS)}.",
            hint="The suffix decides the format.",
        )
    if target.suffix.lower() == ".xlsx":
        from ..extras import needed

        needed("xlsxwriter", extra="excel", purpose="An Excel file")


def check_excel_safe(target: Path | None, *, excel_safe: bool) -> None:
    """Complain when something else than CSV shall be made safe for a spreadsheet.

    Raises
    ------
    ConfigError
    """
    if excel_safe and target and target.suffix.lower() not in (".csv", ".xlsx"):
        raise ConfigError(
            f"--excel-safe is for CSV; {target} will be none.",
            hint="Leave it out: programs that read this format take text for text.",
        )


def check_target(target: Path) -> None:
    """Try to write beside a target, before anything is pulled for it.

    Raises
    ------
    ConfigError
        There is no such folder, nothing can be written in it, or the target is a folder itself.
    """
    problem = f"there is no folder {target.parent}" if not target.parent.is_dir() else ""
    problem = problem or ("it is a folder" if target.is_dir() else "")
    try:
        if not problem:
            scratch = _beside(target.resolve())
            _create(scratch, target).close()
            scratch.unlink()
    except OSError as error:
        problem = error.strerror or str(error)
    if problem:
        raise ConfigError(f"{target} cannot be written: {problem}.", hint="Give another place.")


def export(table: pa.Table, target: Path | None, *, excel_safe: bool = False) -> None:
    """Write a table.

    Parameters
    ----------
    table : pyarrow.Table
    target : Path or None
        CSV, Parquet, JSON (an array), JSON lines or an Excel workbook by its suffix; None writes
        CSV to stdout. A link is followed, and a file that is replaced keeps its permissions.
    excel_safe : bool
        Put an apostrophe before every text in CSV that a spreadsheet could take for a formula.

    Raises
    ------
    ConfigError
        No sheet of Excel holds so many rows; nothing was written.
    TalkdeskError
        The disk is full, for example; the target is as it was before.
    """
    if target is None:
        _write_csv(table, sys.stdout.buffer, excel_safe=excel_safe)
        return
    writer = _WRITERS[target.suffix.lower()]
    if writer is _write_csv and excel_safe:
        writer = partial(_write_csv, excel_safe=True)
    replace_file(
        target,
        lambda file: writer(table, file),
        "Nothing was changed there. The report's jobs stay at Talkdesk for 30 days: "
        "`td-notebooks jobs list` names them.",
    )


def replace_file(target: Path, write: Callable[[BinaryIO], object], hint: str) -> None:
    """Write a file beside its place, and put it there when it is whole.

    Parameters
    ----------
    target : Path
        A link is followed, and a file that is replaced keeps its permissions.
    write : callable
        Given the open file.
    hint : str
        What to say if it cannot be written.

    Raises
    ------
    TalkdeskError
        The disk is full, for example; the target is as it was before.
    """
    scratch = _beside(target.resolve())
    try:
        with _create(scratch, target) as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        scratch.replace(target.resolve())
    except OSError as error:
        raise TalkdeskError(
            f"{target} could not be written: {error.strerror or error}.", hint=hint
        ) from None
    finally:
        with contextlib.suppress(OSError):
            scratch.unlink(missing_ok=True)


def _beside(target: Path) -> Path:
    # No longer than a name may be, whatever the target's name.
    return target.with_name(f".{uuid.uuid4().hex[:12]}.part")


def _create(scratch: Path, target: Path) -> BinaryIO:
    """Open a new file that no more people may read than the target it will replace."""
    mode = stat.S_IMODE(target.stat().st_mode) if target.exists() else 0o666
    return os.fdopen(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb")


def _write_parquet(table: pa.Table, file: BinaryIO) -> None:
    import pyarrow.parquet

    pyarrow.parquet.write_table(table, file)


def _write_xlsx(table: pa.Table, file: BinaryIO) -> None:
    from ..frames.spreadsheet import write_xlsx

    write_xlsx(table, file)


def _write_csv(table: pa.Table, file: BinaryIO, *, excel_safe: bool = False) -> None:
    import pyarrow.csv

    from ..frames.spreadsheet import neutralise

    batches = _plain_batches(table)
    if excel_safe:
        batches = map(neutralise, batches)
    with pyarrow.csv.CSVWriter(file, next(batches).schema) as writer:
        for batch in batches:
            writer.write_batch(batch)


def _write_jsonl(table: pa.Table, file: BinaryIO) -> None:
    for rows in _json_rows(table):
        file.write(("\n".join(rows) + "\n").encode())


def _write_json(table: pa.Table, file: BinaryIO) -> None:
    before = "[\n"
    for rows in _json_rows(table):
        file.write((before + ",\n".join(rows)).encode())
        before = ",\n"
    file.write(b"\n]\n" if before == ",\n" else b"[]\n")


_WRITERS: dict[str, Callable[[Any, BinaryIO], None]] = {
    ".csv": _write_csv,
    ".parquet": _write_parquet,
    ".json": _write_json,
    ".jsonl": _write_jsonl,
    ".xlsx": _write_xlsx,
}


def _json_rows(table: pa.Table) -> Iterator[list[str]]:
    from .json_text import json_objects

    return filter(None, map(json_objects, _plain_batches(table)))


def _plain_batches(table: pa.Table) -> Iterator[pa.RecordBatch]:
    """Yield an empty batch, then all rows, with times as text: for formats that have no times."""
    import pyarrow as pa

    units = {
        at: _unit(column)
        for at, column in enumerate(table.columns)
        if pa.types.is_timestamp(column.type)
    }
    for part in (table.slice(0, 0), table):
        for batch in part.to_batches(max_chunksize=ROWS) or [_empty(part.schema)]:
            columns = [
                _iso(column, units[at]) if at in units else column
                for at, column in enumerate(batch.columns)
            ]
            yield pa.RecordBatch.from_arrays(columns, names=table.column_names)


def _empty(schema: pa.Schema) -> pa.RecordBatch:
    import pyarrow as pa

    return pa.RecordBatch.from_pylist([], schema=schema)


def _unit(times: pa.ChunkedArray) -> str:
    """Return the coarsest unit that loses nothing of a column of times."""
    import pyarrow as pa

    for unit in ("s", "ms"):
        with contextlib.suppress(pa.ArrowInvalid):
            times.cast(pa.timestamp(unit, times.type.tz))
            return unit
    return "us"


def _iso(times: pa.Array, unit: str) -> pa.Array:
    import pyarrow as pa
    import pyarrow.compute as pc

    # By hand: strftime, and times with a zone made text, take some microseconds for each value.
    utc = times.cast(pa.timestamp(unit)).cast(pa.string())
    return pc.binary_join_element_wise(pc.replace_substring(utc, " ", "T"), "Z", "")
