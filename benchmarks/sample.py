"""One report file in three formats: the same rows of a busy year, drawn with a fixed seed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from td_notebooks.reports.schemas import Column, schema

COLUMNS = schema("contacts").columns
SPAN = 10_000_000  # seconds; rows are spread evenly


def write(folder: Path, rows: int) -> dict[str, Path]:
    """Write rows as CSV, as a JSON report and as JSON lines; what is there already is kept.

    Parameters
    ----------
    folder : Path
    rows : int

    Returns
    -------
    dict of str to Path
    """
    paths = {suffix: folder / f"contacts-{rows}.{suffix}" for suffix in ("csv", "lines", "json")}
    if paths["json"].exists():
        return paths
    chance = np.random.default_rng(7)
    frame = pl.DataFrame({column.key: _values(column, rows, chance) for column in COLUMNS})
    frame.rename({column.key: column.header for column in COLUMNS}).write_csv(paths["csv"])
    frame.write_ndjson(paths["lines"])
    with paths["lines"].open("rb") as lines, paths["json"].open("wb") as report:
        report.write(b'{"entries":[' + next(lines).rstrip())
        for line in lines:
            report.write(b"," + line.rstrip())
        report.write(b'],"total":%d}' % rows)
    return paths


def _values(column: Column, rows: int, chance: np.random.Generator) -> pl.Series:
    match column.kind:
        case "timestamp":
            moments = 1_767_225_600 + np.arange(rows) * SPAN // rows
            return pl.from_epoch(pl.Series(moments), "s").dt.strftime("%Y-%m-%d %H:%M:%S")
        case "duration":
            return pl.Series(chance.integers(0, 600, rows))
        case "boolean":
            return _picked(["Yes", "No"], rows, chance)
        case "category":
            return _picked(list(column.values), rows, chance)
        case _ if column.nullable:
            return _picked(["+12025550102", "Robin Sur", "agents+support", None], rows, chance)
    return pl.Series(chance.integers(0, 2**63, rows)).map_elements(
        lambda number: f"{number:032x}", return_dtype=pl.String
    )


def _picked(values: list[str | None], rows: int, chance: np.random.Generator) -> pl.Series:
    return pl.Series(values, dtype=pl.String).gather(chance.integers(0, len(values), rows))
