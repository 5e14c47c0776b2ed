"""A lake, a sandbox that knows every row, and the ways in which they are shaken.

What a table may hold is kept here from what the sandbox wrote into files, and not from what the
lake says of itself: `Served` is one file, `World.allowed` what any part of time may look like now.
"""

from __future__ import annotations

import itertools
import multiprocessing
import os
import random
import signal
import sys
import threading
import time
from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from multiprocessing import forkserver
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
import truth_worker

from td_notebooks.errors import TalkdeskError
from td_notebooks.front_door import connect
from td_notebooks.reports.schemas import schema
from td_notebooks.sandbox import CentreSettings, Sandbox, SandboxClock
from td_notebooks.sandbox.centre import Centre
from td_notebooks.sandbox.damage import NEW_KEY
from td_notebooks.sandbox.faults import FaultSettings, random_faults
from td_notebooks.sandbox.files import layout, render
from td_notebooks.sandbox.payloads import in_version

Row = frozenset[tuple[str, Any]]
Timed = list[tuple[datetime, Row]]

ZONES = ("UTC", "Europe/Lisbon", "America/New_York", "Australia/Sydney")
# Within some weeks of these moments the clocks of all three zones change.
STARTS = (datetime(2026, 3, 24, 13, 7, tzinfo=UTC), datetime(2026, 10, 27, 13, 7, tzinfo=UTC))
REPORTS = ("calls", "user_status")
LOOKBACKS = ("0d", "12h", "12h", "1d", "1d", "2d", "4d")
SWIFT = FaultSettings(stall_seconds=0.02, slow_seconds=0.02, elsewhere="http://127.0.0.1:9/report")
HISTORY = timedelta(days=9)
OLDER = "until 2026-05-11"
FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["truth_worker"])


def start_forks() -> None:
    """Start the process that the others are forked from; it imports for them what takes long.

    Before Python 3.13 only the environment tells it where modules are.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join(filter(None, sys.path)))
        forkserver.ensure_running()


@dataclass(frozen=True)
class Served:
    """A file that the sandbox wrote: the span it was asked about, and its rows in order of time."""

    report_type: str
    start: datetime
    end: datetime
    rows: Timed

    def within(self, start: datetime, end: datetime) -> frozenset[Row]:
        first = bisect_left(self.rows, start, key=lambda timed: timed[0])
        last = bisect_left(self.rows, end, key=lambda timed: timed[0])
        return frozenset(row for _, row in self.rows[first:last])


def canonical(row: Mapping[str, Any], names: Mapping[str, str]) -> Row:
    """Return a row by the names of the table, without what is missing."""
    return frozenset(
        (names.get(key, key), plain(value))
        for key, value in row.items()
        if value not in (None, "") and not key.startswith("td_") and key != NEW_KEY
    )


def plain(value: Any) -> Any:
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return round(float(value), 2)
    return value.astimezone(UTC) if isinstance(value, datetime) else value


def times(report_type: str) -> tuple[str, ...]:
    """Return the keys that may hold a row's time, by the versions there are."""
    return ("end_at", "end_time") if report_type == "calls" else ("status_end_at",)


def timed(report_type: str, rows: Iterable[Mapping[str, Any]]) -> Timed:
    known = {"calls": (layout("calls"), schema("calls", OLDER))}.get(
        report_type, (layout(report_type),)
    )
    names = {column.key: column.name for version in known for column in version.columns}
    found = [
        (
            next(row[key] for key in times(report_type) if row.get(key)).astimezone(UTC),
            canonical(row, names),
        )
        for row in rows
    ]
    return sorted(found, key=lambda pair: pair[0])


class CachedCentre:
    """A contact centre whose days are kept as rows, for all the sequences of a process."""

    def __init__(self, settings: CentreSettings) -> None:
        self._centre = Centre(settings)
        self._rows: dict[tuple[str, datetime], list[Any]] = {}
        self._lock = threading.Lock()

    def rows(self, report_type: str, start: datetime, end: datetime) -> list[Any]:
        key = next(c.key for c in layout(report_type).columns if c.key in times(report_type))
        day = start.replace(hour=0, minute=0, second=0, microsecond=0)
        found: list[Any] = []
        with self._lock:
            while day < end:
                after = day + timedelta(days=1)
                if (report_type, day) not in self._rows:
                    self._rows[report_type, day] = self._centre.rows(report_type, day, after)
                found += self._rows[report_type, day]
                day = after
        return [row for row in found if start <= row[key] < end]

    render = staticmethod(render)


#: What happens how often. Syncs take time: there are fewer of them in every day's tests.
DENSE = {
    "edit": 46,
    "advance": 22,
    "sync": 13,
    "sync_amid_faults": 7,
    "sync_with_a_wrong_clock": 3,
    "kill": 4,
    "race": 2,
    "new_payload": 1,
    "tend": 2,
}
SPARSE = DENSE | {
    "edit": 56,
    "advance": 25,
    "sync": 7,
    "sync_amid_faults": 4,
    "sync_with_a_wrong_clock": 2,
    "kill": 2,
    "race": 1,
}
CENTRES = {
    zone: CachedCentre(CentreSettings(calls_per_day=8, agents=2, timezone=zone)) for zone in ZONES
}


@dataclass
class World:
    """One sequence of things that happen, drawn from a seed with some weights."""

    seed: int
    folder: Path
    weights: Mapping[str, int]
    log: list[str] = field(default_factory=list)
    served: list[Served] = field(default_factory=list)
    phases: list[tuple[bool, list[Served]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.draw = random.Random(self.seed)
        self.zone = ZONES[self.seed % len(ZONES)]
        self.clock = SandboxClock(
            start=STARTS[self.seed // len(ZONES) % 2].timestamp(), manual=True
        )
        self.since = (self.now - HISTORY).astimezone(ZoneInfo(self.zone)).date().isoformat()
        self.sandbox = Sandbox(
            clock=self.clock,
            source=CENTRES[self.zone],
            job_seconds=0,
            fault_settings=SWIFT,
            token_seconds=10**9,
        )
        self._remember_files()
        self.lake_path = str(self.folder / "lake")
        self.reports = REPORTS if self.seed % 5 == 0 else (REPORTS[self.seed % 2],)
        self._pending: list[float] = []
        self._extra = False

    def _remember_files(self) -> None:
        changes, asked = self.sandbox.changes, threading.local()
        rows, write = changes.rows, changes.render

        def remember_span(report_type: str, start: datetime, end: datetime) -> Any:
            asked.span = start, end
            return rows(report_type, start, end)

        def remember_rows(report_type: str, content: Any, *rest: Any, **more: Any) -> Any:
            if span := getattr(asked, "span", None):
                self.served.append(Served(report_type, *span, timed(report_type, content)))
                asked.span = None
            return write(report_type, content, *rest, **more)

        changes.rows, changes.render = remember_span, remember_rows  # type: ignore[method-assign]

    def __enter__(self) -> World:
        start_forks()
        self.sandbox.start()
        self.client = connect(sandbox=self.sandbox)
        self.lake = self.client.lake(self.lake_path)
        return self

    def __exit__(self, *error: object) -> None:
        self.client.close()
        self.sandbox.close()

    @property
    def now(self) -> datetime:
        return datetime.fromtimestamp(self.clock.time(), UTC)

    # -- what happens ----------------------------------------------------------------------------

    def operate(self) -> None:
        (name,) = self.draw.choices(list(self.weights), list(self.weights.values()))
        before = len(self.log)
        getattr(self, name)()
        if len(self.log) == before:
            self.log.append(name)

    def edit(self) -> None:
        """Make rows of some span late, changed, gone or doubled."""
        report_type, draw = self.draw.choice(self.reports), self.draw
        start = self.now - timedelta(hours=draw.choice((3, 20, 40, 100, 300)) * draw.random())
        end = start + timedelta(hours=draw.choice((2, 12, 48)))
        kind = draw.choice(("late", "change", "change", "delete", "repeat"))
        more: dict[str, Any] = {
            "share": draw.choice((0.1, 0.5, 1.0)),
            "seed": draw.randrange(10**6),
        }
        if kind == "late":
            more["until"] = self.clock.time() + draw.choice((600, 7200, 86400, 3 * 86400))
            self._pending.append(more["until"])
        elif kind == "repeat" and draw.random() < 0.7:
            more["until"] = self.clock.time() + draw.choice((3600, 86400))
        getattr(self.sandbox.changes, kind)(report_type, start, end, **more)
        self.log.append(f"{kind} {report_type} {start:%m-%d %H:%M} to {end:%m-%d %H:%M} {more}")

    def advance(self) -> None:
        seconds = self.draw.choice((1, 61, 900, 3600, 5 * 3600, 20 * 3600, 30 * 3600))
        self.clock.advance(seconds)
        self.log.append(f"advance {seconds} to {self.now:%m-%d %H:%M:%S}")

    def wish(self) -> dict[str, Any]:
        return {
            "since": self.since,
            "lookback": self.draw.choice(LOOKBACKS),
            "full": self.draw.random() < 0.06,
            "timezone": self.zone,
            "timeout": 600.0,
        }

    def sync(self, client: Any = None, **wish: Any) -> None:
        wish = wish or self.wish()
        lake = client.lake(self.lake_path) if client else self.lake
        begun = len(self.served)
        try:
            synced = lake.sync(*self.reports, **wish)
            clean = all(o.status in ("replaced", "unchanged") for o in synced.outcomes)
            said = str(synced)
        except TalkdeskError as error:
            clean, said = False, f"{type(error).__name__}: {error}"
        self.phases.append((clean, self.served[begun:]))
        self.log.append(f"sync {wish}: {said}")

    def sync_amid_faults(self) -> None:
        faults = random_faults(self.draw.randrange(10**6))
        self.log.append(f"faults {faults}")
        self.sandbox.set_faults(faults)
        self.sync()
        self.sandbox.set_faults("")

    def sync_with_a_wrong_clock(self) -> None:
        skew = self.draw.choice((-30 * 3600, -3600, -300, 300, 3600, 26 * 3600))
        self.log.append(f"a clock wrong by {skew} s")
        self.sync(self.client.with_clock(Skewed(self.clock, skew)))

    def _start(self, **how: Any) -> Any:
        place = self.sandbox
        access = (
            place.account, place.api_url, place.token_url, place.client_id, place.client_secret,
        )  # fmt: skip
        process = FORKS.Process(
            target=truth_worker.work,
            args=(access, self.clock.time(), self.lake_path, self.reports, self.wish()),
            kwargs=how,
        )
        process.start()
        return process

    def kill(self) -> None:
        """Kill a process that syncs: at a step of the write path, at a request, or any time."""
        begun, requests, draw = len(self.served), len(self.sandbox.requests), self.draw
        open_before = self._connections()
        way = draw.choice(("step", "request", "time"))
        if way == "step":
            process = self._start(kill_at=(draw.choice(truth_worker.STEPS), draw.randint(1, 4)))
        else:
            process = self._start()
            deadline = time.monotonic() + (60 if way == "request" else draw.random() * 1.5)
            some = requests + draw.randint(1, 24)
            while process.is_alive() and time.monotonic() < deadline:
                if way == "request" and len(self.sandbox.requests) >= some:
                    break
                time.sleep(0.001)
            if process.is_alive():
                os.kill(process.pid, signal.SIGKILL)
        process.join(300)  # on a machine with much else to do
        assert process.exitcode in (0, -signal.SIGKILL), process.exitcode
        self._wait_for_last_files(open_before)
        self.phases.append((False, self.served[begun:]))
        self.log.append(f"kill by {way}: {process.exitcode}")

    def _connections(self) -> set[Any]:
        return {
            connection
            for origin in self.sandbox._origins.values()
            for connection in origin.connections
        }

    def _wait_for_last_files(self, open_before: set[Any]) -> None:
        """Wait until the sandbox has written what the dead process asked for.

        It would be taken for a file that the next sync was given.
        """
        for origin in self.sandbox._origins.values():
            httpx.get(origin.url, trust_env=False)  # accepted after all that the process opened
        deadline = time.monotonic() + 60
        while self._connections() - open_before:
            assert time.monotonic() < deadline, "the sandbox still answers a dead process"
            time.sleep(0.001)

    def race(self) -> None:
        """Let two processes sync at once, and sometimes this one too."""
        begun = len(self.served)
        processes = [self._start() for _ in range(2)]
        if self.draw.random() < 0.5:
            self.sync()
            self.phases.pop()
        for process in processes:
            process.join(300)  # on a machine with much else to do
            assert process.exitcode == 0, process.exitcode
        self.phases.append((False, self.served[begun:]))
        self.log.append("race")

    def new_payload(self) -> None:
        """Let a column appear, or write calls as they were written until May, or as now again."""
        changes = self.sandbox.changes
        if not self._extra and self.draw.random() < 0.5:
            self._extra = True
            for report_type in self.reports:
                changes.add_column(report_type, "brand_new")
            self.log.append("a new column")
        elif "calls" in self.reports:
            version = self.draw.choice((OLDER, "v1"))
            changes.serve_version("calls", version)
            self.log.append(f"calls as {version}")

    def tend(self) -> None:
        if self.lake.tables:
            self.lake.tend(keep="1h")

    # -- what must be ----------------------------------------------------------------------------

    def settle(self) -> tuple[str, datetime]:
        """Sync for the last time, when nothing changes meanwhile; return look-back and moment."""
        self.sandbox.set_faults("")
        while any(0 <= moment - self.clock.time() < 3600 for moment in self._pending):
            self.clock.advance(3600)
        wish, until = self.wish(), self.now
        self.sync(**wish)
        clean, _ = self.phases[-1]
        assert clean, self.log[-1]
        return str(wish["lookback"]), until

    def check(self, lookback: str, until: datetime) -> None:
        """Compare the table with the truth, and with what was pulled.

        Parameters
        ----------
        lookback : str
            Of the last sync.
        until : datetime
            When it began.
        """
        for report_type in self.reports:
            held = self.lake.arrow(report_type, "2026-01-01", "2027-01-01").read_all().to_pylist()
            table = Served(
                report_type,
                datetime.min.replace(tzinfo=UTC),
                datetime.max.replace(tzinfo=UTC),
                timed(report_type, held),
            )
            assert len({row for _, row in table.rows}) == len(table.rows), "rows are there twice"
            recent = self.recent(lookback, until)
            known = until - timedelta(seconds=schema(report_type).freshness_seconds)
            if recent < known:
                rows = self.sandbox.truth(report_type, recent, known)
                version = self.sandbox.changes.version(report_type, self.clock.time())
                rows = in_version(report_type, version, rows) if version else rows
                truth = Served(report_type, recent, known, timed(report_type, rows))
                differ(truth.within(recent, known), table.within(recent, known), "the truth")
            self.check_history(table, min(recent, known))

    def recent(self, lookback: str, until: datetime) -> datetime:
        """Return where the look-back begins; computed by hand here."""
        if lookback == "0d":
            return until
        tz = ZoneInfo(self.zone)
        if lookback == "12h":
            return (until - timedelta(hours=12)).replace(minute=0, second=0, microsecond=0)
        day = (until - timedelta(days=int(lookback[:-1]))).astimezone(tz).date()
        return datetime(day.year, day.month, day.day, tzinfo=tz).astimezone(UTC)

    def check_history(self, table: Served, before: datetime) -> None:
        """Compare what lies before the look-back with the files that may be there."""
        mine = [
            (clean, [s for s in files if s.report_type == table.report_type])
            for clean, files in self.phases
        ]
        begin = datetime.fromisoformat(self.since).replace(tzinfo=ZoneInfo(self.zone))
        edges = {before, begin, table.start}
        for _, files in mine:
            edges |= {edge for file in files for edge in (file.start, file.end)}
        for start, end in itertools.pairwise(sorted(edge for edge in edges if edge <= before)):
            allowed, pulled = {frozenset[Row]()}, start < begin
            for clean, files in mine:
                found = [f.within(start, end) for f in files if f.start <= start and end <= f.end]
                if found:
                    pulled = True
                    allowed = {found[-1]} if clean else allowed | set(found)
            assert pulled, f"{start} to {end} was never pulled when Talkdesk had all of it"
            held = table.within(start, end)
            if held not in allowed:
                closest = min(allowed, key=lambda some: len(some ^ held))
                differ(closest, held, f"any of {len(allowed)} files for {start} to {end}")


def differ(expected: frozenset[Row], held: frozenset[Row], what: str) -> None:
    assert expected == held, (
        f"the table is not {what}: {len(expected - held)} rows are missing, "
        f"{len(held - expected)} should not be there;\n"
        f"missing: {[sorted(row, key=str) for row in list(expected - held)[:1]]}\n"
        f"too many: {[sorted(row, key=str) for row in list(held - expected)[:1]]}"
    )


class Skewed:
    """A clock that is wrong by some seconds."""

    def __init__(self, clock: SandboxClock, seconds: float) -> None:
        self._clock, self._seconds = clock, seconds

    def monotonic(self) -> float:
        return self._clock.monotonic()

    def time(self) -> float:
        return self._clock.time() + self._seconds

    def sleep(self, seconds: float, *, wake: Any = None) -> None:
        self._clock.sleep(seconds, wake=wake)
