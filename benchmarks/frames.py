"""How long it takes, and how much memory, from a report file to a frame; against what others do.

Run ``make bench``, or ``python benchmarks/frames.py [rows ...]``. Each contestant has a process of
its own each time; they take turns, five times over (those that no target names, twice). The table
has the medians, and the medians of how many times longer than ours each took. Below it stand the
targets and what was measured; they are meant for a million rows and two cores without other work.

Before each run the system is made to have memory at hand. A virtual machine gives back what it
does not use, and gets it again page by page: that took as long as the work itself, and a contestant
that came after a larger one had it for nothing.

Peak memory is what the process held at most beyond what it held before, in megabytes. A network of
1 Gbit/s is one that a server of our own paces; without that, client and server share the cores.
"""

from __future__ import annotations

import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import sample

ROUNDS = 5
MEANT = 1_000_000  # rows that the targets are meant for, at least
FEW = 2  # rounds of those that no target names
GIGABIT = 125_000_000  # bytes a second
AT_HAND = {"csv": 2 << 10, "json": 8 << 10}  # bytes a row, as many as any contestant takes
PAGE = 1000  # rows in a page of the paging reader
OURS = "td_notebooks"
PARQUET = "td_notebooks, to Parquet"
HTTP = "td_notebooks, HTTP to frame"
DISK = "HTTP to disk alone"
GBIT = ", 1 Gbit/s"
FLOOR = {"csv": "pyarrow.csv alone, same types", "json": "pyarrow.json alone, lines"}
PLAIN = "pandas.read_csv(parse_dates=...)"
TYPED = "pandas.read_csv, same types"
LOADS = "json.loads + DataFrame"


def ours(path: Path, rows: int) -> object:
    from td_notebooks.frames import read_report

    return read_report(path, "contacts")


def arrow_csv(path: Path, rows: int) -> object:
    import pyarrow.csv

    from td_notebooks.frames.columns import FALSE_WORDS, TRUE_WORDS
    from td_notebooks.frames.csv_parse import parsed_type

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

    from td_notebooks.frames.json_parse import usual_type

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


def from_http(path: Path, rows: int, line: str = "") -> object:
    """Read a file while it arrives, as a pull does."""
    import httpx

    from td_notebooks.frames import read_report
    from td_notebooks.reports.download import Body, StopSwitch

    with httpx.stream("GET", address(path, line)) as answer:
        return read_report(Body(answer.iter_bytes(), StopSwitch(), "reading"), "contacts")


def download_only(path: Path, rows: int, line: str = "") -> object:
    import httpx

    target = path.with_name(f"fetched-{path.name}")
    with httpx.stream("GET", address(path, line)) as answer, target.open("wb") as file:
        for chunk in answer.iter_bytes(1 << 16):
            file.write(chunk)
    return None


def address(path: Path, line: str) -> str:
    return f"{os.environ['BENCH_ADDRESS']}{line}{path.name}"


def to_parquet(path: Path, rows: int) -> object:
    from td_notebooks.frames import read_batches, write_parquet

    return write_parquet(read_batches(path, "contacts"), path.with_suffix(".parquet"))


Contestant = Callable[[Path, int], object]


class Taken(NamedTuple):
    """What one run took."""

    seconds: float
    peak: float  # megabytes
    frame: float  # megabytes of the frame it made, if it made one


CONTESTANTS: dict[str, dict[str, Contestant]] = {
    "csv": {
        OURS: ours,
        FLOOR["csv"]: arrow_csv,
        PLAIN: pandas_csv,
        TYPED: pandas_csv_typed,
        "polars.read_csv": polars_csv,
        "duckdb.read_csv": duckdb_csv,
        PARQUET: to_parquet,
        HTTP: from_http,
        DISK: download_only,
        HTTP + GBIT: partial(from_http, line="gigabit/"),
        DISK + GBIT: partial(download_only, line="gigabit/"),
    },
    "json": {
        OURS: ours,
        FLOOR["json"]: arrow_json,
        LOADS: loads,
        "pandas.json_normalize": normalize,
        "record by record, in pages": pages,
        "polars.read_json": polars_json,
        "duckdb.read_json": duckdb_json,
        PARQUET: to_parquet,
        HTTP: from_http,
        DISK: download_only,
    },
}


@dataclass(frozen=True)
class Target:
    """What was promised, and how to tell from one round: seconds, peak and frame by contestant."""

    promise: str
    most: float
    measured: Callable[[Mapping[str, Taken]], float]
    unit: str = "x"
    least: bool = False  # the number is a least, not a most

    def line(self, rounds: Sequence[Mapping[str, Taken]]) -> str:
        """Say what was measured, as the median of the rounds."""
        found = statistics.median(map(self.measured, rounds))
        met = found >= self.most if self.least else found <= self.most
        return (
            f"  target {self.promise}, at {'least' if self.least else 'most'} {self.most:g} "
            f"{self.unit}: measured {found:.2f} {self.unit}: {'met' if met else 'MISSED'}"
        )


def whole_way(gbit: str = "") -> Target:
    return Target(
        f"HTTP to frame{gbit}, against the slower of download and reading",
        1.2,
        lambda took: took[HTTP + gbit].seconds / max(took[DISK + gbit].seconds, took[OURS].seconds),
    )


MEMORY = [
    Target(
        "memory of building a frame, against the frame",
        2.2,
        lambda took: took[OURS].peak / took[OURS].frame,
    ),
    Target("memory from file to Parquet", 300, lambda took: took[PARQUET].peak, unit="MB"),
]
TARGETS = {
    "csv": [
        Target(
            "time against the bare pyarrow.csv parse",
            1.15,
            lambda took: took[OURS].seconds / took[FLOOR["csv"]].seconds,
        ),
        Target(
            "faster than pandas.read_csv(parse_dates=...)",
            2,
            lambda took: took[PLAIN].seconds / took[OURS].seconds,
            least=True,
        ),
        Target(
            "faster than pandas.read_csv asked for the same types",
            4.5,
            lambda took: took[TYPED].seconds / took[OURS].seconds,
            least=True,
        ),
        whole_way(),
        whole_way(GBIT),
        *MEMORY,
    ],
    "json": [
        Target(
            "time against the bare pyarrow.json parse of lines",
            1.3,
            lambda took: took[OURS].seconds / took[FLOOR["json"]].seconds,
        ),
        Target(
            "faster than json.loads + DataFrame",
            7,
            lambda took: took[LOADS].seconds / took[OURS].seconds,
            least=True,
        ),
        Target(
            "less memory than json.loads + DataFrame",
            6,
            lambda took: took[LOADS].peak / took[OURS].peak,
            least=True,
        ),
        whole_way(),
        *MEMORY,
    ],
}
NAMED = {OURS, PARQUET, HTTP, DISK, HTTP + GBIT, DISK + GBIT, *FLOOR.values(), PLAIN, TYPED, LOADS}


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
            path = folder / Path(self.path).name
            pace = GIGABIT if self.path.startswith("/gigabit/") else math.inf
            self.send_response(200)
            self.send_header("Content-Length", str(path.stat().st_size))
            self.end_headers()
            begun, sent = time.perf_counter(), 0
            with path.open("rb") as file:
                while more := os.sendfile(self.wfile.fileno(), file.fileno(), None, 1 << 18):
                    sent += more
                    early = sent / pace - (time.perf_counter() - begun)
                    if early > 0:
                        time.sleep(early)

        def log_message(self, *given: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    print(f"http://127.0.0.1:{server.server_port}/", flush=True)
    server.serve_forever()


def megabytes(field: str, told: str = "/proc/self/status") -> float:
    """Return what the process holds (VmRSS) or held at most (VmHWM), or another size told."""
    for line in Path(told).read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1]) / 1024
    raise LookupError(field)


def run_here(kind: str, name: str, path: Path, rows: int) -> None:
    """Run one contestant and print its seconds and megabytes."""
    warnings.simplefilter("ignore")
    import numpy
    import pandas  # noqa: F401 -- importing is nobody's merit
    import pyarrow.csv
    import pyarrow.json  # noqa: F401

    import td_notebooks.frames  # noqa: F401

    tiny = sample.write(path.parent, 100)[kind]
    CONTESTANTS[kind][name](tiny, 100)
    available = int(megabytes("MemAvailable", "/proc/meminfo") * 2**20)
    numpy.ones(min(AT_HAND[kind] * rows, available // 2), "int8")
    before = megabytes("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")
    start = time.perf_counter()
    result = CONTESTANTS[kind][name](path, rows)
    seconds = time.perf_counter() - start
    size = getattr(result, "memory_usage", None)
    frame = float(size(index=True, deep=False).sum()) / 2**20 if size else 0.0
    print(json.dumps(Taken(seconds, megabytes("VmHWM") - before, frame)))


def run_once(kind: str, name: str, path: Path, rows: int) -> Taken | str:
    """Run one contestant in a process of its own; return what it took, or what it complained of."""
    command = [sys.executable, __file__, "--one", kind, name, path, str(rows)]
    with served(path.parent) as address:
        environment = os.environ | {"BENCH_ADDRESS": address}
        run = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    return run.stderr.strip().splitlines()[-1] if run.returncode else Taken(*json.loads(run.stdout))


def main(rows: int, folder: Path) -> None:
    """Measure and print."""
    paths = sample.write(folder, rows)
    for kind, contestants in CONTESTANTS.items():
        rounds: list[dict[str, Taken]] = []
        failed: set[str] = set()
        for number in range(ROUNDS):
            rounds.append({})
            for name in contestants:
                if name in failed or (number >= FEW and name not in NAMED):
                    continue
                taken = run_once(kind, name, paths[kind], rows)
                if isinstance(taken, str):
                    failed.add(name)
                    print(f"{name}: {taken[:90]}")
                else:
                    rounds[-1][name] = taken
        size = paths[kind].stat().st_size / 1e6
        print(f"\n{kind}, {rows:,} rows of {len(sample.COLUMNS)} columns, {size:,.0f} MB")
        for name in contestants:
            some = [(took[name], took[OURS]) for took in rounds if name in took]
            if some and name not in failed:
                print(
                    f"  {name:40}{statistics.median(its.seconds for its, _ in some):8.3f} s"
                    f"{statistics.median(its.seconds / own.seconds for its, own in some):8.2f}"
                    f" x ours{statistics.median(its.peak for its, _ in some):9,.0f} MB"
                )
        for target in TARGETS[kind] if rows >= MEANT else ():
            print(target.line(rounds), flush=True)


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
