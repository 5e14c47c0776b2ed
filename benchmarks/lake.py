"""What a sync costs: one more day on two years of days, and the memory of a million rows.

Prints how much longer one day takes on a table of 730 daily windows than on an empty one (at most
1.5 times), and the memory of a process that syncs one window of a million calls (at most 400 MB).
Run with ``python benchmarks/lake.py``; ``python benchmarks/lake.py 100000`` has fewer rows.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from lake_rows import ManyCalls

from td_notebooks.front_door import connect
from td_notebooks.lake import Access, Entry, Lake
from td_notebooks.lake.replace import replace
from td_notebooks.lake.stage import stage
from td_notebooks.reports.download import Body, StopSwitch
from td_notebooks.sandbox import Sandbox, SandboxClock

NOW = datetime(2026, 11, 18, tzinfo=UTC)
DAYS, PER_DAY = 730, 300
SPEED = 20.0


def fill(lake: Lake, calls: ManyCalls, folder: Path) -> None:
    """Store two years, a day at a time, as a nightly sync would have."""
    table = lake.table("calls")
    for number in range(DAYS):
        start = NOW - timedelta(days=DAYS + 1 - number)
        end = start + timedelta(days=1)
        chunks = calls.render("calls", calls.rows("calls", start, end), "json", timezone="UTC")
        body = Body(iter(list(chunks)), StopSwitch(), "filling a table")
        work = folder / str(number)
        work.mkdir()
        found = stage(body, work, "calls", start=start, end=end)
        asked_at = end + timedelta(hours=1)
        entry = Entry(
            "sandbox", start, end, asked_at, end, rows=found.rows, sha256=found.sha256, job="x"
        )
        replace(table, found, entry, asked_at=asked_at)
    table.sum_up(NOW, 100)


def one_more_day(lake: Lake, number: int) -> float:
    """Return the seconds that a sync of one new day takes."""
    start = NOW + timedelta(days=number)
    began = time.perf_counter()
    done = lake.sync("calls", since=start, until=start + timedelta(days=1), lookback="0d")
    assert done.commits == 1, done
    return time.perf_counter() - began


def growth() -> float:
    """Return how much longer a day takes on two years than on nothing."""
    calls = ManyCalls(PER_DAY)
    clock = SandboxClock(start=(NOW + timedelta(days=40)).timestamp(), manual=True)
    with (
        tempfile.TemporaryDirectory() as place,
        Sandbox(clock=clock, source=calls, job_seconds=0.0) as sandbox,
        connect(sandbox=sandbox) as client,
    ):
        folder = Path(place)
        old = client.lake(folder / "old")
        fill(old, calls, folder)
        one_more_day(client.lake(folder / "warm"), 0)
        ratios = []
        for number in range(7):
            here = one_more_day(client.lake(folder / "old"), number)
            there = one_more_day(client.lake(folder / f"new-{number}"), number)
            ratios.append(here / there)
    return statistics.median(ratios)


CHILD = """
import json, resource, sys
sys.path.insert(0, sys.argv[1])
import lake
print(json.dumps(lake.child(sys.argv[2])))
"""


def child(path: str) -> int:
    """Sync a month of calls; return the most memory this process had, in MB."""
    import resource

    clock = SandboxClock(start=NOW.timestamp(), speed=SPEED)
    with connect() as client:
        access = Access(client.settings, client.with_clock(clock)._api, clock)
        done = Lake(path, access=access).sync("calls", since="2026-08-01", until="2026-09-01")
    assert done.commits == 1, done
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def memory(rows: int) -> int:
    """Return the MB that a sync of one window of so many rows takes."""
    clock = SandboxClock(start=NOW.timestamp(), speed=SPEED)
    with (
        tempfile.TemporaryDirectory() as folder,
        Sandbox(clock=clock, source=ManyCalls(rows // 31), job_seconds=1.0) as sandbox,
    ):
        here = str(Path(__file__).parent)
        done = subprocess.run(
            [sys.executable, "-c", CHILD, here, f"{folder}/lake"],
            env=os.environ | sandbox.environment,
            stdout=subprocess.PIPE,
            check=True,
        )
    return int(json.loads(done.stdout))


if __name__ == "__main__":
    print(
        f"one more day on {DAYS} days: {growth():.2f} times the time of one on none (at most 1.5)"
    )
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    print(f"a window of {count:,} rows: {memory(count)} MB (at most 400)")
