"""How long it takes from a report file to a frame, against what an analyst would write instead.

Run ``python benchmarks/frames.py [rows ...]``. Each contestant runs in turn, five times over; the
table has the medians, and how many times longer than ours each took.
"""

from __future__ import annotations

import csv
import json
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.json

from td_notebooks.frames import read_report
from td_notebooks.frames.columns import FALSE_WORDS, TRUE_WORDS
from td_notebooks.frames.csv import parsed_type
from td_notebooks.frames.json import usual_type
from td_notebooks.reports.catalog import Column, schema

CONTACTS = schema("contacts")
ROUNDS = 5


def value(column: Column, moment: int, chance: random.Random) -> object:
    """Return a value such as the report has."""
    match column.kind:
        case "timestamp":
            return datetime.fromtimestamp(1_767_225_600 + moment, UTC).strftime("%Y-%m-%d %H:%M:%S")
        case "duration":
            return chance.randrange(600)
        case "boolean":
            return chance.choice(["Yes", "No"])
        case "category":
            return chance.choice(column.values)
        case _ if column.nullable:
            return chance.choice(["+12025550102", "Robin Sur", "agents+support", None])
    return f"{chance.getrandbits(128):032x}"


def write(folder: Path, rows: int) -> dict[str, Path]:
    """Write the same rows as CSV, JSON and lines."""
    chance = random.Random(7)
    paths = {suffix: folder / f"contacts.{suffix}" for suffix in ("csv", "json", "lines")}
    with (
        paths["csv"].open("w", newline="") as table,
        paths["json"].open("w") as report,
        paths["lines"].open("w") as lines,
    ):
        writer = csv.writer(table)
        writer.writerow(column.header for column in CONTACTS.columns)
        report.write('{"entries":[')
        for number in range(rows):
            row = {c.key: value(c, number * 20, chance) for c in CONTACTS.columns}
            writer.writerow(row.values())
            text = json.dumps(row, separators=(",", ":"))
            report.write(("," if number else "") + text)
            lines.write(text + "\n")
        report.write(f'],"total":{rows}}}')
    return paths


def contestants(paths: dict[str, Path]) -> dict[str, dict[str, Callable[[], object]]]:
    """Return what is compared, by format; ours first."""
    times = [c.header for c in CONTACTS.columns if c.kind == "timestamp"]
    dtypes: dict[str, str] = {
        c.header: {"duration": "Int64", "category": "category"}.get(c.kind, "str")
        for c in CONTACTS.columns
        if c.kind != "timestamp"
    }
    options = pyarrow.csv.ConvertOptions(
        column_types={c.header: parsed_type(c) for c in CONTACTS.columns},
        null_values=[""],
        strings_can_be_null=True,
        true_values=TRUE_WORDS,
        false_values=FALSE_WORDS,
    )
    explicit = pyarrow.json.ParseOptions(
        explicit_schema=pa.schema([(c.key, usual_type(c)) for c in CONTACTS.columns])
    )

    def entries() -> list[dict[str, object]]:
        found: list[dict[str, object]] = json.loads(paths["json"].read_text())["entries"]
        return found

    return {
        "CSV": {
            "td_notebooks": lambda: read_report(paths["csv"], "contacts"),
            "pyarrow.csv, same types, no frame": lambda: pyarrow.csv.read_csv(
                paths["csv"], convert_options=options
            ),
            "pandas.read_csv(parse_dates=...)": lambda: pd.read_csv(
                paths["csv"], parse_dates=times
            ),
            "pandas.read_csv, same types": lambda: pd.read_csv(
                paths["csv"], dtype=dtypes, parse_dates=times, keep_default_na=False, na_values=[""]
            ),
        },
        "JSON": {
            "td_notebooks": lambda: read_report(paths["json"], "contacts"),
            "pyarrow.json, lines, no frame": lambda: pyarrow.json.read_json(
                paths["lines"], parse_options=explicit
            ),
            "json.loads + DataFrame": lambda: pd.DataFrame(entries()),
            "pandas.json_normalize": lambda: pd.json_normalize(entries()),
        },
    }


def seconds(task: Callable[[], object]) -> float:
    start = time.perf_counter()
    task()
    return time.perf_counter() - start


def main(rows: int) -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        for kind, tasks in contestants(write(Path(folder), rows)).items():
            measured: dict[str, list[float]] = {name: [] for name in tasks}
            for _ in range(ROUNDS):
                for name, task in tasks.items():
                    measured[name].append(seconds(task))
            print(f"\n{kind}, {rows:,} rows of {len(CONTACTS.columns)} columns")
            for name, taken in measured.items():
                ratios = [t / own for t, own in zip(taken, measured["td_notebooks"], strict=True)]
                median = statistics.median
                print(f"  {name:36}{median(taken):8.3f} s {median(ratios):7.2f} x ours")


if __name__ == "__main__":
    for count in map(int, sys.argv[1:] or ["10000", "100000"]):
        main(count)
