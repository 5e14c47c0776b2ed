"""Any destination of dlt holds what Talkdesk has: here DuckDB, on disk."""

from __future__ import annotations

import itertools
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from world import NOW

from td_notebooks.errors import ConfigError
from td_notebooks.timespan import Timespan

DAY = 86_400.0
TODAY = datetime.fromtimestamp(NOW, UTC).replace(hour=0, minute=0, second=0, microsecond=0)
SINCE = TODAY - timedelta(days=40)


@pytest.fixture(scope="module")
def dlt() -> Any:
    with warnings.catch_warnings():
        # Of its own dependencies, while they are imported.
        warnings.simplefilter("ignore")
        import dlt
    return dlt


@pytest.fixture
def pipeline(dlt: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    # It would tell its makers about this run.
    monkeypatch.setenv("RUNTIME__DLTHUB_TELEMETRY", "false")
    monkeypatch.setenv("DLT_DATA_DIR", str(tmp_path / "dlt"))
    pipeline = dlt.pipeline(
        "talkdesk",
        destination=dlt.destinations.duckdb(str(tmp_path / "reports.duckdb")),
        dataset_name="talkdesk",
        pipelines_dir=str(tmp_path / "pipelines"),
    )
    yield pipeline


@pytest.fixture
def run(pipeline: Any) -> Callable[..., None]:
    from td_notebooks.integrations.dlt import talkdesk

    def run(client: Any, reports: tuple[str, ...] = ("calls", "user_status"), **more: Any) -> None:
        source = talkdesk(client, reports, **{"since": SINCE, "timezone": "Europe/Lisbon"} | more)
        pipeline.run(source).raise_on_failed_jobs()

    return run


def held(pipeline: Any, sql: str) -> list[tuple[Any, ...]]:
    with pipeline.sql_client() as base:
        return list(base.execute_sql(sql))


def keys(rows: Any) -> Counter[tuple[str, datetime, int]]:
    return Counter((row["user_id"], row["status_end_at"], int(row["status_time"])) for row in rows)


def stored(pipeline: Any) -> Counter[tuple[str, datetime, int]]:
    return Counter(
        (user, at.astimezone(UTC), int(seconds))
        for user, at, seconds in held(
            pipeline, "SELECT user_id, status_end_at, status_time FROM user_status"
        )
    )


def test_runs_follow_late_changed_and_deleted_rows(
    run: Any, pipeline: Any, start_sandbox: Any, open_client: Any
) -> None:
    sandbox = start_sandbox(job_seconds=0)
    recent = TODAY - timedelta(days=2), TODAY
    sandbox.changes.late("user_status", *recent, until=NOW + DAY)
    client = open_client(sandbox)

    def truth() -> Any:
        until = datetime.fromtimestamp(sandbox.clock.time() - 60, UTC)
        return keys(sandbox.truth("user_status", SINCE, until))

    run(client)
    before = stored(pipeline)
    assert before == truth() and before.total() > 500
    ((calls, days),) = held(pipeline, "SELECT count(*), count(DISTINCT td_day) FROM calls")
    until = datetime.fromtimestamp(sandbox.clock.time() - 300, UTC)
    assert calls == len(sandbox.truth("calls", SINCE, until)) and days > 28
    assert held(pipeline, "SELECT DISTINCT td_account FROM calls") == [("sandbox",)]

    sandbox.changes.delete("user_status", *recent, at=NOW + DAY)
    sandbox.changes.change("user_status", *recent, at=NOW + DAY)
    sandbox.clock.advance(DAY)
    asked = len(sandbox.requests)
    run(client)
    assert stored(pipeline) == truth() != before
    submits = Counter(r.path for r in sandbox.requests[asked:] if r.operation == "submit")
    # Of each report: three days of look-back and the present one.
    assert set(submits.values()) == {4} and len(submits) == 2

    again = stored(pipeline)
    run(client)
    assert stored(pipeline) == again


def test_more_history_can_be_asked_for_later(
    run: Any, pipeline: Any, start_sandbox: Any, open_client: Any
) -> None:
    sandbox = start_sandbox(job_seconds=0)
    client = open_client(sandbox)
    run(client, ("user_status",), since=TODAY - timedelta(days=3))
    run(client, ("user_status",), since=TODAY - timedelta(days=9))
    until = datetime.fromtimestamp(sandbox.clock.time() - 60, UTC)
    assert stored(pipeline) == keys(sandbox.truth("user_status", TODAY - timedelta(days=9), until))


def test_reports_without_a_time_are_asked_for_day_by_day(dlt: Any) -> None:
    from td_notebooks.integrations.dlt import spans

    first = SINCE.astimezone(UTC)
    now = datetime.fromtimestamp(NOW, UTC)
    assert len(spans("feedback", first, now, None, timedelta(days=3))) == 41
    pieces = spans("calls", first, now, None, timedelta(days=3))
    assert pieces[0].start == first and pieces[-1].end == now
    assert all(a.end == b.start for a, b in itertools.pairwise(pieces))
    assert len(pieces) == 4 + 2  # days, then months of the history before them


def test_columns_called_like_its_own_get_another_name(dlt: Any) -> None:
    from td_notebooks.integrations.dlt import with_days

    rows = pa.table({"td_day": ["theirs"], "call_id": ["a"]})
    span = Timespan.of(TODAY, TODAY + timedelta(days=1))
    (row,) = with_days(rows, "acme", span, None).to_pylist()
    own = {"td_account": "acme", "td_day": f"{TODAY:%Y-%m-%d}"}
    assert row == own | {"td_day_2": "theirs", "call_id": "a"}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"reports": ("cals",)}, "no report type 'cals'"),
        ({"since": "yesterday"}, "which is no date"),
        ({"lookback": "3"}, "is no number of days"),
        ({"lookback": "36h"}, "is no number of days"),
        ({"timezone": "Mars/Base"}, "Unknown time zone"),
    ],
)
def test_mistakes_are_explained_before_anything_is_asked(
    run: Any, start_sandbox: Any, open_client: Any, given: dict[str, Any], message: str
) -> None:
    sandbox = start_sandbox()
    with pytest.raises(ConfigError, match=message):
        run(open_client(sandbox), **given)
    assert not sandbox.requests


def test_the_zone_of_a_table_stays(
    run: Any, start_sandbox: Any, open_client: Any, dlt: Any
) -> None:
    client = open_client(start_sandbox(job_seconds=0))
    run(client, ("user_status",), since=TODAY)
    with pytest.raises(Exception, match="are those of Europe/Lisbon, and not of UTC"):
        run(client, ("user_status",), since=TODAY, timezone="UTC")


def test_a_lake_is_handed_on_window_by_window(
    run: Any, pipeline: Any, start_sandbox: Any, open_client: Any, tmp_path: Path
) -> None:
    from td_notebooks.lake import Lake

    lakes = [start_sandbox(job_seconds=0, account=name) for name in ("one", "two")]
    clients = [open_client(sandbox) for sandbox in lakes]

    def sync(number: int, **more: Any) -> None:
        client = clients[number]
        client.lake(tmp_path / "lake").sync("user_status", timezone="Europe/Lisbon", **more)

    def held_days() -> Counter[tuple[str, str]]:
        return Counter(
            (account, str(day))
            for account, day in held(pipeline, "SELECT td_account, td_day FROM user_status")
        )

    sync(0, since=SINCE)
    sync(1, since=TODAY - timedelta(days=5))
    lake, reports = Lake(tmp_path / "lake"), ("user_status",)
    run(lake, reports)
    before = held_days()
    counted = lake.sql("SELECT td_account AS a, count(*) AS n FROM user_status GROUP BY ALL")
    assert {a: n for a, n in counted.itertuples(index=False)} == {
        name: sum(n for (account, _), n in before.items() if account == name)
        for name in ("one", "two")
    }
    # Only the days of one window are loaded again, far back in time.
    lakes[0].changes.delete("user_status", SINCE, SINCE + timedelta(days=3), share=0.6)
    sync(0, since=SINCE, until=SINCE + timedelta(days=3), full=True)
    run(lake, reports)
    after = held_days()
    changed = {key for key in before | after if before[key] != after[key]}
    first = {(SINCE + timedelta(days=days)).date().isoformat() for days in range(-1, 4)}
    assert changed and {day for _, day in changed} <= first and {a for a, _ in changed} == {"one"}
    assert sum(after.values()) == int(lake.sql("SELECT count(*) AS n FROM user_status").n[0])
    run(lake, reports)
    assert held_days() == after


def test_a_lake_whose_table_was_made_anew_is_loaded_again(
    run: Any, pipeline: Any, start_sandbox: Any, open_client: Any, tmp_path: Path
) -> None:
    client = open_client(start_sandbox(job_seconds=0))

    def hand_on(**wish: Any) -> set[str]:
        lake = client.lake(tmp_path / "lake")
        lake.sync("user_status", timezone="Europe/Lisbon", **wish)
        run(lake, ("user_status",))
        return {str(day) for (day,) in held(pipeline, "SELECT DISTINCT td_day FROM user_status")}

    days = [SINCE + timedelta(days=number) for number in range(9)]
    names = [f"{day:%Y-%m-%d}" for day in days]
    begin = {"since": f"{SINCE:%Y-%m-%d}"}
    before = hand_on(**begin, until=names[4], lookback="90d")  # day by day
    assert set(names[:4]) <= before and not set(names[4:]) & before
    (tmp_path / "lake" / "user_status").rename(tmp_path / "away")
    assert set(names[:8]) <= hand_on(**begin, until=names[8], lookback="0d")  # in fewer windows
