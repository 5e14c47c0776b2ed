"""How long measures take of a million calls, against SQL and pandas written by hand.

Run ``python benchmarks/metrics.py [rows]``. Everybody takes turns, seven times over after one round
that does not count, in one process; the table has medians, and the medians of how many times as
long as the rival ours took. Before, all results are compared: a fast wrong answer is none.

Rivals do what a person would write: DuckDB on the same Arrow table, pandas on the same frame. Ours
does more: it puts in the intervals in which nothing happened.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from td_notebooks import metrics

ROUNDS = 7
DAYS = 90
FIRST = 1_767_225_600
KEYS = ["interval", "ring_group"]
TYPES = {
    "inbound": 0.6,
    "missed": 0.05,
    "abandoned": 0.1,
    "short_abandoned": 0.02,
    "voicemail": 0.03,
    "outbound": 0.2,
}

COUNTS = """
    count(*) filter (type in ('inbound', 'missed', 'abandoned', 'short_abandoned', 'voicemail'))
        as offered,
    count(*) filter (type = 'inbound') as answered,
    count(*) filter (type in ('abandoned', 'short_abandoned')) as abandoned,
    count(*) filter (type = 'missed') as missed,
    count(*) filter (type = 'voicemail') as voicemail,
    count(*) filter (type = 'inbound' and wait_time <= 20) as within,
    sum(talk_time + hold_time) filter (type = 'inbound') as handle_time,
    avg(talk_time + hold_time) filter (type = 'inbound') as aht"""
AGENTS = "count(distinct user_id) filter (type = 'inbound') as agents"
LEVEL = """
    count(*) filter (type in ('inbound', 'missed') and wait_time <= 20 and is_in_business_hours)
        as numerator,
    count(*) filter (type in ('inbound', 'missed') and is_in_business_hours) as denominator,
    numerator / denominator as service_level"""
QUERY = """
    select time_bucket(interval '30 minutes', start_at) as interval, ring_groups as ring_group, {}
    from calls group by all order by all"""


def calls_of(rows: int) -> pa.Table:
    """Return calls of three months as the calls report has them, drawn with a fixed seed."""
    chance = np.random.default_rng(7)

    def picked(words: list[str | None], weights: list[float] | None = None) -> pa.Array:
        return pa.array(words, pa.large_string()).take(
            pa.array(chance.choice(len(words), rows, p=weights))
        )

    start = FIRST + np.sort(chance.integers(0, DAYS * 86400, rows))
    wait = chance.exponential(30, rows).astype(int)
    talk = chance.exponential(200, rows).astype(int)
    return pa.table(
        {
            "call_id": pa.array(np.char.mod("%032x", np.arange(rows))),
            "type": picked([*TYPES], [*TYPES.values()]),
            "start_at": pa.array(start * 1_000_000).cast(pa.timestamp("us", "UTC")),
            "end_at": pa.array((start + wait + talk) * 1_000_000).cast(pa.timestamp("us", "UTC")),
            "wait_time": wait,
            "talk_time": talk,
            "hold_time": chance.exponential(10, rows).astype(int),
            "ring_groups": picked([f"ring group {number}" for number in range(12)]),
            "user_id": picked([*(f"{number:024x}" for number in range(200)), None]),
            "is_in_business_hours": chance.random(rows) < 0.9,
        }
    )


def by_pandas(calls: pd.DataFrame) -> pd.DataFrame:
    """Return the interval table as one writes it with pandas."""
    answered = calls["type"] == "inbound"
    flags = pd.DataFrame(
        {
            "interval": calls["start_at"].dt.floor("30min"),
            "ring_group": calls["ring_groups"],
            "offered": calls["type"] != "outbound",
            "answered": answered,
            "abandoned": calls["type"].isin(["abandoned", "short_abandoned"]),
            "missed": calls["type"] == "missed",
            "voicemail": calls["type"] == "voicemail",
            "within": answered & (calls["wait_time"] <= 20),
            "handle_time": (calls["talk_time"] + calls["hold_time"]).where(answered, 0),
            "agents": calls["user_id"].where(answered),
        }
    )
    sums = {name: "sum" for name in flags.columns if name not in (*KEYS, "agents")}
    table = flags.groupby(KEYS, dropna=False).agg({**sums, "agents": "nunique"})
    table["aht"] = table["handle_time"] / table["answered"]
    return table.reset_index()


def rows_of(frame: object) -> list[dict[str, object]]:
    """Return a table's rows in which something was counted, for comparison."""
    table = frame if isinstance(frame, pa.Table) else pa.Table.from_pandas(frame)
    for place, name in enumerate(table.column_names):
        if pa.types.is_timestamp(table[name].type):
            table = table.set_column(place, name, table[name].cast(pa.int64()))
        elif pa.types.is_integer(table[name].type) or pa.types.is_decimal(table[name].type):
            table = table.set_column(place, name, table[name].cast(pa.float64()))
    # SQL's sum of nothing is missing; where nothing was to count, it has no row or a missing share.
    size = "answered" if "answered" in table.column_names else "denominator"
    table = table.filter(pc.greater(table[size], 0))
    names = sorted(table.column_names)
    return table.select(names).sort_by([(key, "ascending") for key in KEYS]).to_pylist()


def measure(contestants: dict[str, Callable[[], object]]) -> dict[str, list[float]]:
    """Let everybody run in turns, and return their seconds."""
    taken: dict[str, list[float]] = {name: [] for name in contestants}
    for turn in range(ROUNDS + 1):
        for name, run in contestants.items():
            start = time.perf_counter()
            run()
            if turn:
                taken[name].append(time.perf_counter() - start)
    return taken


def main(rows: int) -> None:
    """Measure and print."""
    calls = calls_of(rows)
    frame = calls.to_pandas()

    database = duckdb.connect()
    database.register("calls", calls)

    def sql(columns: str) -> Callable[[], pa.Table]:
        return lambda: database.sql(QUERY.format(columns)).to_arrow_table()

    groups = {
        "interval x ring group table, Arrow": (
            lambda: metrics.interval_table(calls, by="ring_group"),
            {
                "DuckDB SQL": (1.5, sql(f"{COUNTS}, {AGENTS}")),
                "DuckDB SQL without agents": (1.5, sql(COUNTS)),
            },
        ),
        "interval x ring group table, pandas": (
            lambda: metrics.interval_table(frame, by="ring_group"),
            {"pandas": (1.0, lambda: by_pandas(frame))},
        ),
        "service level by interval and ring group, Arrow": (
            lambda: metrics.service_level(calls, by=["30min", "ring_group"]),
            {"DuckDB SQL": (1.5, sql(LEVEL))},
        ),
    }
    print(f"{rows:,} calls, {DAYS} days, medians of {ROUNDS} turns")
    for title, (ours, rivals) in groups.items():
        mine = rows_of(ours())
        for name, (_, theirs) in rivals.items():
            expected = rows_of(theirs())
            names = expected[0].keys()
            assert [{k: row[k] for k in names} for row in mine] == expected, (title, name)
        taken = measure({"td_notebooks": ours} | {n: run for n, (_, run) in rivals.items()})
        print(f"\n{title}\n  {'td_notebooks':28}{statistics.median(taken['td_notebooks']):8.3f} s")
        for name, (target, _) in rivals.items():
            ratios = [a / b for a, b in zip(taken["td_notebooks"], taken[name], strict=True)]
            ratio = statistics.median(ratios)
            print(
                f"  {name:28}{statistics.median(taken[name]):8.3f} s   ours takes {ratio:.2f} x "
                f"(target: at most {target:.1f} x, {'met' if ratio <= target else 'MISSED'})",
                flush=True,
            )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
