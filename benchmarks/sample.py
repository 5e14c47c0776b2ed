"""One report file in three formats: the same rows of a busy year, drawn with a fixed seed.

They are the contacts of a week in the sandbox's contact centre, over and over, each time a week
later and with identifiers and customers of their own. So columns are as wide, as varied and as
often empty as in life, and some names need quotes or have letters that are not ASCII.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from td_notebooks.reports.schemas import schema
from td_notebooks.sandbox import CentreSettings
from td_notebooks.sandbox.centre import Centre

COLUMNS = schema("contacts").columns
WEEK = timedelta(days=7)
MONDAY = datetime(2026, 3, 2, tzinfo=UTC)


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
    frame = _frame(rows)
    frame.rename({column.key: column.header for column in COLUMNS}).write_csv(paths["csv"])
    frame.write_ndjson(paths["lines"])
    with paths["lines"].open("rb") as lines, paths["json"].open("wb") as report:
        report.write(b'{"entries":[' + next(lines).rstrip())
        for line in lines:
            report.write(b"," + line.rstrip())
        report.write(b'],"total":%d}' % rows)
    return paths


def _frame(rows: int) -> pl.DataFrame:
    """Return rows as the wire writes their values."""
    centre = Centre(CentreSettings(calls_per_day=min(rows, 4000), agents=120))
    week = pl.DataFrame(
        centre.rows("contacts", MONDAY, MONDAY + WEEK), infer_schema_length=None
    ).select(column.key for column in COLUMNS)
    times = pl.col(pl.Datetime)
    weeks = (week.with_columns(times + number * WEEK) for number in range(rows // len(week) + 1))
    chance = np.random.default_rng(7)
    return (
        pl.concat(weeks)
        .head(rows)
        .with_columns(
            times.dt.strftime("%Y-%m-%d %H:%M:%S"),
            pl.col(pl.Boolean).replace_strict({True: "Yes", False: "No"}, return_dtype=pl.String),
            pl.col(pl.Null).cast(pl.String),
            interaction_id=_hexadecimal(rows, chance),
            contact_id=_hexadecimal(rows, chance),
            contact_person_number="+1"
            + pl.Series(chance.integers(2_012_000_000, 9_899_999_999, rows)).cast(pl.String),
        )
    )


def _hexadecimal(rows: int, chance: np.random.Generator) -> pl.Series:
    digits = chance.bytes(16 * rows).hex()
    return pl.Series([digits[at : at + 32] for at in range(0, 32 * rows, 32)])
