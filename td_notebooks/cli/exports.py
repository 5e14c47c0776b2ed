"""A table to a file, by the file's suffix; written beside it and renamed.

Text goes out exactly as it came in. Times are ISO 8601 in UTC, with as many decimals as the column
needs. Missing values are empty fields in CSV (an empty text is ``""``) and ``null`` in JSON. The
formats other than Parquet are written some thousand rows at a time. What an Excel workbook does
with text and times is told in `td_notebooks.frames.spreadsheet`.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from ..beside import beside, is_device, new_beside
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
        if not problem and not is_device(target):
            new_beside(target.resolve()).unlink()
    except OSError as error:
        problem = error.strerror or str(error)
    if problem:
        raise ConfigError(f"{target} cannot be written: {problem}.", hint="Give another place.")


def check_folder(folder: Path) -> None:
    """Make a folder if need be, and try to write in it, before anything is pulled for it.

    Raises
    ------
    ConfigError
        Nothing can be written there.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        new_beside(folder / "file").unlink()
    except OSError as error:
        raise ConfigError(
            f"Nothing can be kept in {folder}: {error.strerror or error}.",
            hint="Give another folder.",
        ) from None


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
        A link is followed, a file that is replaced keeps its permissions, and a device or a pipe
        stays what it is.
    write : callable
        Given the open file.
    hint : str
        What to say if it cannot be written.

    Raises
    ------
    TalkdeskError
        The disk is full, for example; the target is as it was before.
    """

    def failed(problem: str) -> TalkdeskError:
        return TalkdeskError(f"{target} could not be written: {problem}.", hint=hint)

    with beside(target, failed) as path, path.open("wb") as file:
        write(file)


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
