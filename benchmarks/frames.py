"""How long it takes, and how much memory, from a report file to a frame; against what others do.

Run ``make bench``, or ``python benchmarks/frames.py [rows ...]``. Each contestant has a process of
its own each time; they take turns, five times over. The table has the medians, and the medians of
how many times longer than ours each took.

Peak memory is what the process held at most beyond what it held before, in megabytes.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import sample

ROUNDS = 5
PAGE = 1000  # rows in a page of the paging reader
OURS = "td_notebooks"


def ours(path: Path, rows: int) -> object:
    from td_notebooks.frames import read_report

    return read_report(path, "contacts")


def arrow_csv(path: Path, rows: int) -> object:
    import pyarrow.csv

    from td_notebooks.frames.columns import FALSE_WORDS, TRUE_WORDS
    from td_notebooks.frames.csv import parsed_type

    options = pyarrow.csv.ConvertOptions(
        column_types={c.header: parsed_type(c) for c in sample.COLUMNS},
        null_values=[""],
        strings_can_be_null=True,
        true_values=TRUE_WORDS,
        false_values=FALSE_WORDS,
    )
    return pyarrow.csv.read_csv(path, convert_options=options)


def arrow_json(path: Path, rows: int) -> object:
    import pyarrow as pa
    import pyarrow.json

    from td_notebooks.frames.json import usual_type

    types = pa.schema([(c.key, usual_type(c)) for c in sample.COLUMNS])
    return pyarrow.json.read_json(
        path.with_suffix(".lines"),
        parse_options=pyarrow.json.ParseOptions(explicit_schema=types),
    )


def pandas_csv(path: Path, rows: int) -> object:
    import pandas as pd

    times = [c.header for c in sample.COLUMNS if c.kind == "timestamp"]
    return pd.read_csv(path, parse_dates=times)


def pandas_csv_typed(path: Path, rows: int) -> object:
    import pandas as pd

    kinds: dict[str, Any] = {"duration": "Int64", "category": "category"}
    flags = [c.header for c in sample.COLUMNS if c.kind == "boolean"]
    times = [c.header for c in sample.COLUMNS if c.kind == "timestamp"]
    frame = pd.read_csv(
        path,
        dtype={c.header: kinds.get(c.kind, "str") for c in sample.COLUMNS if c.kind != "timestamp"},
        parse_dates=times,
        keep_default_na=False,
        na_values=[""],
    )
    for name in flags:
        frame[name] = frame[name].map({"Yes": True, "No": False}).astype("boolean")
    for name in times:
        frame[name] = frame[name].dt.tz_localize("UTC")
    return frame


def polars_csv(path: Path, rows: int) -> object:
    import polars as pl

    return pl.read_csv(path, try_parse_dates=True)


def duckdb_csv(path: Path, rows: int) -> object:
    import duckdb

    return duckdb.read_csv(str(path)).to_arrow_table()


def loads(path: Path, rows: int) -> object:
    import pandas as pd

    return pd.DataFrame(json.loads(path.read_text())["entries"])


def normalize(path: Path, rows: int) -> object:
    import pandas as pd

    return pd.json_normalize(json.loads(path.read_text())["entries"])


def pages(path: Path, rows: int) -> object:
    """Read as a connector does that hands on one record after the other."""
    import pandas as pd

    def records() -> Iterator[dict[str, object]]:
        yield from json.loads(path.read_bytes())["entries"]

    found: list[dict[str, object]] = []
    page: list[dict[str, object]] = []
    for record in records():
        page.append(dict(record))
        if len(page) == PAGE:
            found.extend(json.loads(json.dumps(page)))
            page = []
    return pd.DataFrame(found + page)


def polars_json(path: Path, rows: int) -> object:
    import polars as pl

    return pl.read_json(path).explode("entries").unnest("entries")


def duckdb_json(path: Path, rows: int) -> object:
    import duckdb

    found = duckdb.sql(
        f"select unnest(entries, recursive := true) from read_json('{path}', "
        "maximum_object_size = 2147483647)"
    )
    return found.to_arrow_table()


def from_http(path: Path, rows: int) -> object:
    """Fetch a file and read it, as a pull does: to a file on disk, then to a frame."""
    from td_notebooks.frames import read_report

    download_only(path, rows)
    return read_report(fetched(path), "contacts")


def download_only(path: Path, rows: int) -> object:
    import httpx

    address = os.environ["BENCH_ADDRESS"] + path.name
    with httpx.stream("GET", address) as answer, fetched(path).open("wb") as file:
        for chunk in answer.iter_bytes(1 << 16):
            file.write(chunk)
    return None


def to_parquet(path: Path, rows: int) -> object:
    from td_notebooks.frames import read_batches, write_parquet

    return write_parquet(read_batches(path, "contacts"), path.with_suffix(".parquet"))


Contestant = Callable[[Path, int], object]
CONTESTANTS: dict[str, dict[str, Contestant]] = {
    "csv": {
        OURS: ours,
        "pyarrow.csv alone, same types": arrow_csv,
        "pandas.read_csv(parse_dates=...)": pandas_csv,
        "pandas.read_csv, same types": pandas_csv_typed,
        "polars.read_csv": polars_csv,
        "duckdb.read_csv": duckdb_csv,
        "td_notebooks, to Parquet": to_parquet,
        "td_notebooks, HTTP to frame": from_http,
        "HTTP to disk alone": download_only,
    },
    "json": {
        OURS: ours,
        "pyarrow.json alone, lines": arrow_json,
        "json.loads + DataFrame": loads,
        "pandas.json_normalize": normalize,
        "record by record, in pages": pages,
        "polars.read_json": polars_json,
        "duckdb.read_json": duckdb_json,
        "td_notebooks, to Parquet": to_parquet,
        "td_notebooks, HTTP to frame": from_http,
        "HTTP to disk alone": download_only,
    },
}


def fetched(path: Path) -> Path:
    return path.with_name(f"fetched-{path.name}")


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Start a web server in a process of its own that gives out the files of a folder."""
    command = [sys.executable, __file__, "--serve", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.kill()


def serve(folder: Path) -> None:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = folder / self.path.lstrip("/")
            self.send_response(200)
            self.send_header("Content-Length", str(path.stat().st_size))
            self.end_headers()
            with path.open("rb") as file:
                while chunk := file.read(1 << 18):
                    self.wfile.write(chunk)

        def log_message(self, *given: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    print(f"http://127.0.0.1:{server.server_port}/", flush=True)
    server.serve_forever()


def resident(field: str) -> float:
    """Return what the process holds (VmRSS) or held at most (VmHWM), in megabytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1]) / 1024
    raise LookupError(field)


def run_here(kind: str, name: str, path: Path, rows: int) -> None:
    """Run one contestant and print its seconds and megabytes."""
    warnings.simplefilter("ignore")
    import pandas  # noqa: F401 -- importing is nobody's merit
    import pyarrow.csv
    import pyarrow.json  # noqa: F401

    import td_notebooks.frames  # noqa: F401

    tiny = sample.write(path.parent, 100)[kind]
    CONTESTANTS[kind][name](tiny, 100)
    before = resident("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")
    start = time.perf_counter()
    result = CONTESTANTS[kind][name](path, rows)
    seconds = time.perf_counter() - start
    size = getattr(result, "memory_usage", None)
    frame = float(size(index=True, deep=False).sum()) / 2**20 if size else 0.0
    print(json.dumps([seconds, resident("VmHWM") - before, frame]))


def main(rows: int, folder: Path, rounds: int = ROUNDS) -> None:
    """Measure and print."""
    paths = sample.write(folder, rows)
    for kind, contestants in CONTESTANTS.items():
        measured: dict[str, list[list[float]]] = {name: [] for name in contestants}
        failed: set[str] = set()
        for _ in range(rounds):
            for name in contestants:
                if name in failed:
                    continue
                command = [sys.executable, __file__, "--one", kind, name, paths[kind], str(rows)]
                with served(folder) as address:
                    environment = os.environ | {"BENCH_ADDRESS": address}
                    run = subprocess.run(
                        command, capture_output=True, text=True, check=False, env=environment
                    )
                if run.returncode:
                    failed.add(name)
                    print(f"{name}: {run.stderr.strip().splitlines()[-1][:90]}")
                else:
                    measured[name].append(json.loads(run.stdout))
        columns = len(sample.COLUMNS)
        size = paths[kind].stat().st_size / 1e6
        print(f"\n{kind}, {rows:,} rows of {columns} columns, {size:,.0f} MB")
        for name, taken in measured.items():
            if taken and name not in failed:
                times, peaks, _ = zip(*taken, strict=True)
                ratios = [t / own[0] for t, own in zip(times, measured[OURS], strict=True)]
                median = statistics.median
                print(
                    f"  {name:36}{median(times):8.3f} s {median(ratios):7.2f} x ours"
                    f"{median(peaks):9,.0f} MB",
                    flush=True,
                )


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["--serve", path]:
            serve(Path(path))
        case ["--one", kind, name, path, rows]:
            run_here(kind, name, Path(path), int(rows))
        case given:
            with tempfile.TemporaryDirectory() as scratch:
                for count in map(int, given or ["10000", "100000", "1000000"]):
                    main(count, Path(scratch))
