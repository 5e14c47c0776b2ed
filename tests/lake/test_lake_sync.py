"""Syncs against the sandbox: what is asked, what is stored, and what comes of failures."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pandas as pd
import pyarrow as pa
import pytest
from world import NOW, SMALL

from td_notebooks.errors import ConfigError, LakeError, TokenError
from td_notebooks.front_door import connect
from td_notebooks.lake.ledger import KEY
from td_notebooks.reports.events import Finished, Submitted
from td_notebooks.reports.schedule import QUOTA
from td_notebooks.sandbox import CentreSettings, SandboxClock
from td_notebooks.sandbox.centre import Centre
from td_notebooks.sandbox.files import render

TODAY = datetime.fromtimestamp(NOW, UTC)


class Rows:
    """A contact centre whose rows a test changes, and what was asked of it."""

    def __init__(self, centre=SMALL):
        self.centre, self.asked = Centre(centre), []
        self.change = lambda report_type, rows: rows

    def rows(self, report_type, start, end):
        self.asked.append((report_type, start, end))
        return self.change(report_type, self.centre.rows(report_type, start, end))

    def render(self, *arguments, **more):
        return render(*arguments, **more)


@pytest.fixture
def rows():
    return Rows()


@pytest.fixture
def sandbox(start_sandbox, rows):
    return start_sandbox(source=rows)


@pytest.fixture
def client(sandbox, open_client):
    return open_client(sandbox)


@pytest.fixture
def lake(client, tmp_path):
    return client.lake(tmp_path / "lake")


def submits(sandbox):
    return sum(request.operation == "submit" for request in sandbox.requests)


def test_a_lake_gives_what_the_client_gives(lake, client):
    done = lake.sync("calls", "studio_flow_execution", since="40d", timezone="Europe/Lisbon")
    assert done.complete and done.commits == len(done.outcomes) and done.rows > 100
    for report_type in lake.tables:
        span = ("2026-10-12", "2026-11-18")
        mine = lake.frame(report_type, *span, timezone="America/New_York")
        theirs = client.report(report_type, *span, timezone="America/New_York", progress=False)
        pd.testing.assert_frame_equal(mine, theirs)
        assert mine.attrs == theirs.attrs
    some = lake.frame(
        "calls", "2026-11-01", "2026-11-10", columns=["end_at", "call_id", "talk_time"]
    )
    assert list(some.columns) == ["end_at", "call_id", "talk_time"] and len(some)
    reader = lake.arrow("calls", "2026-11-01", "2026-11-10", columns=["call_id"], batch_size=10)
    batches = list(reader)
    assert max(batch.num_rows for batch in batches) <= 10
    assert sorted(pa.Table.from_batches(batches)["call_id"].to_pylist()) == sorted(some.call_id)
    types = lake.sql(
        "SELECT type, sum(talk_time) AS s FROM calls WHERE td_account = ? GROUP BY 1",
        [client.account.name],
    )
    assert str(types.s.dtype) == "Int64"
    with lake.connect() as base:
        assert (
            base.sql("SELECT count(*) FROM calls").fetchall()[0][0]
            == done.frame().rows[done.frame().report_type == "calls"].sum()
        )


def test_again_asks_for_nothing_complete_and_commits_nothing(lake, sandbox, rows):
    first = lake.sync("calls", "user_status", since="60d", lookback="2d", timezone="Europe/Lisbon")
    versions = lake.history().version.tolist()
    rows.asked.clear()
    before = submits(sandbox)
    again = lake.sync(since="60d", lookback="2d", timezone="Europe/Lisbon")
    midnight = datetime(2026, 11, 16, tzinfo=ZoneInfo("Europe/Lisbon"))
    assert {o.status for o in again.outcomes} == {"unchanged"} and again.commits == 0
    assert submits(sandbox) - before == len(again.outcomes) == 2 * (2 + 2)  # two days, today in two
    assert min(start for _, start, _ in rows.asked) == midnight
    assert lake.history().version.tolist() == versions
    none = lake.sync(
        "calls", since="60d", until="2026-11-17", lookback="0d", timezone="Europe/Lisbon"
    )
    assert none.outcomes == () and len(first.outcomes) > len(again.outcomes)
    full = lake.sync("calls", since="60d", full=True, timezone="Europe/Lisbon")
    assert len(full.outcomes) == len(first.outcomes) // 2 + 1  # one more day of look-back


def test_late_and_changed_and_deleted_rows_arrive_within_the_lookback(lake, client, rows):
    lake.sync("calls", since="20d")
    old = lake.frame("calls", "2026-11-01", "2026-11-14")
    late = datetime(2026, 11, 16, 12, tzinfo=UTC)

    def change(report_type, found):
        found = [dict(row) for row in found]
        kept = [row for number, row in enumerate(found) if number % 5]
        for row in kept[::3]:
            row["notes"] = "changed later"
        if found and found[0]["end_at"] < late < found[-1]["end_at"]:
            kept.append(found[0] | {"call_id": "f" * 32, "end_at": late})
        return kept

    rows.change = change
    done = lake.sync("calls", since="20d", lookback="3d")
    assert done.commits >= 3
    pd.testing.assert_frame_equal(lake.frame("calls", "2026-11-01", "2026-11-14"), old)
    fresh = [
        client.report("calls", f"2026-11-{d}", f"2026-11-{d + 1}", progress=False)
        for d in (15, 16, 17)
    ]
    mine = lake.frame("calls", "2026-11-15", "2026-11-18")
    assert sorted(mine.call_id) == sorted(pd.concat(fresh).call_id)
    assert "f" * 32 in set(mine.call_id) and (mine.notes == "changed later").any()


def test_an_unfinished_hour_is_asked_again_until_it_is_complete(lake, sandbox, rows):
    lake.sync("calls", since="2d", lookback="0d")
    gap = lake.gaps().iloc[0]
    assert gap.end - gap.start < pd.Timedelta(minutes=1)
    sandbox.clock.advance(7 * 3600)
    assert lake.gaps().end.max() - lake.gaps().start.min() > pd.Timedelta(hours=6)
    lake.sync("calls", since="2d", lookback="0d")
    sandbox.clock.advance(86_400)
    lake.sync("calls", since="4d", lookback="0d")
    now = sandbox.clock.time()
    end = datetime.fromtimestamp(now - 300, UTC)
    truth = rows.centre.rows("calls", datetime(2026, 11, 16, tzinfo=UTC), end)
    assert sorted(r["call_id"] for r in truth) == sorted(
        lake.frame("calls", "2026-11-16", "2026-11-21").call_id
    )


@pytest.mark.parametrize("zone", ["America/New_York", "Europe/Lisbon", "Australia/Sydney"])
def test_no_hour_is_lost_or_doubled_around_a_clock_change(
    zone, start_sandbox, open_client, tmp_path
):
    centre = CentreSettings(
        calls_per_day=120,
        steady=True,
        agents=4,
        timezone=zone,
        weekday_hours=(0, 24),
        saturday_hours=(0, 24),
        sunday_hours=(0, 24),
    )
    tz = ZoneInfo(zone)
    for change in {
        "America/New_York": ("2026-03-08", "2026-11-01"),
        "Europe/Lisbon": ("2026-03-29", "2026-10-25"),
        "Australia/Sydney": ("2026-04-05", "2026-10-04"),
    }[zone]:
        day = datetime.fromisoformat(change).replace(tzinfo=tz)
        moments = [
            day + timedelta(hours=1, minutes=20),
            day + timedelta(hours=4),
            day + timedelta(days=2),
        ]
        source = Rows(centre)
        clock = SandboxClock(start=moments[0].timestamp(), manual=True)
        client = open_client(start_sandbox(source=source, clock=clock))
        lake = client.lake(tmp_path / change)
        for moment in moments:  # before it, in the middle of it, after it
            clock.advance(max(0.0, moment.timestamp() - clock.time()))
            assert lake.sync("calls", since=day.date() - timedelta(3), timezone=zone).complete
        start = (day - timedelta(3)).astimezone(UTC)
        end = datetime.fromtimestamp(int(clock.time()), UTC) - timedelta(minutes=10)
        truth = [(r["call_id"], r["end_at"]) for r in source.centre.rows("calls", start, end)]
        mine = lake.frame("calls", start, end)
        assert [
            (c, t.to_pydatetime()) for c, t in zip(mine.call_id, mine.end_at, strict=True)
        ] == truth
        hours = {t.hour for _, t in truth if day <= t < day + timedelta(days=1)}
        assert len(hours) >= 20, "calls in every hour, or nothing would be seen to be lost"


def test_a_years_backfill_of_five_reports_keeps_to_the_quota(start_sandbox, open_client, tmp_path):
    class Few(Rows):
        def rows(self, report_type, start, end):
            return self.centre.rows(report_type, start, min(end, start + timedelta(hours=30)))

    sandbox = start_sandbox(source=Few(CentreSettings(calls_per_day=1, agents=1)), job_seconds=120)
    events = []
    types = ("calls", "contacts", "ring_attempts", "user_status", "studio_flow_execution")
    began = sandbox.clock.monotonic()
    lake = open_client(sandbox).lake(tmp_path / "lake")
    done = lake.sync(*types, since="2025-11-01", until="2026-11-01", progress=events.append)
    waited = sandbox.clock.monotonic() - began
    assert done.complete and len(done.outcomes) == 60
    running = most = 0
    for event in events:
        running += isinstance(event, Submitted) - isinstance(event, Finished)
        most = max(most, running)
    assert most == QUOTA and not any(request.status == 429 for request in sandbox.requests)
    assert waited <= 1.2 * (60 / QUOTA) * 120


def test_jobs_that_fail_are_tried_again_and_what_fails_is_told(
    start_sandbox, open_client, tmp_path
):
    sandbox = start_sandbox(faults=["failed-job"])
    lake = open_client(sandbox).lake(tmp_path / "lake")
    done = lake.sync("calls", since="5d", timeout=3600)
    assert done.complete or "failed" in str(done)
    assert not done.failed or not lake.gaps(since="5d").empty


def test_one_window_fails_and_the_others_are_stored(lake, rows):
    def change(report_type, found):
        if found and found[0]["end_at"].day == 14 and len(found) < 60:
            return [row | {"end_at": row["end_at"] - timedelta(days=90)} for row in found]
        return found

    rows.change = change
    done = lake.sync("calls", since="6d", lookback="6d")
    (failed,) = done.failed
    assert not done.complete and failed.start == datetime(2026, 11, 14, tzinfo=UTC)
    assert "another window" in str(done) and done.frame().error.str.len().gt(0).sum() == 1
    gaps = lake.gaps()
    assert (gaps.start[0], gaps.end[0]) == (failed.start, failed.end)
    rows.change = lambda report_type, found: found
    assert lake.sync(lookback="0d").complete
    assert failed.start not in set(lake.gaps().start)


def test_what_cannot_be_submitted_keeps_nobody_waiting(start_sandbox, open_client, tmp_path):
    client = open_client(start_sandbox(faults="503:submit@2*60", job_seconds=1))
    began = client._clock.monotonic()
    done = client.lake(tmp_path / "lake").sync("calls", "contacts", since="6d", lookback="6d")
    assert client._clock.monotonic() - began < 300
    assert 1 <= len(done.failed) < done.commits
    assert "submitting" in str(done.failed[0].error)


def test_a_deadline_leaves_the_rest_for_the_next_time(start_sandbox, open_client, tmp_path):
    sandbox = start_sandbox(job_seconds=60)
    lake = open_client(sandbox).lake(tmp_path / "lake")
    done = lake.sync("calls", "contacts", since="2026-09-01", lookback="5d", timeout=70)
    assert done.failed and done.commits
    assert lake.sync("calls", "contacts", since="2026-09-01", lookback="5d").complete
    assert len(lake.gaps(since="2026-09-01")) <= 2


def test_new_columns_come_and_missing_ones_are_empty(lake, rows):
    lake.sync("calls", since="3d", until="2026-11-17", lookback="0d")
    rows.render = lambda *arguments, **more: with_weather(*arguments, **more)

    def with_weather(report_type, found, format, *, timezone):
        text = b"".join(render(report_type, found, format, timezone=timezone))
        yield text.replace(b'"call_id"', b'"weather?":"good","call_id"')

    done = lake.sync("calls", since="3d", lookback="1d")
    assert any("weather?" in outcome.drift for outcome in done.outcomes)
    found = lake.sql("SELECT weather, count(*) AS n FROM calls GROUP BY 1 ORDER BY 2")
    assert set(found.weather.dropna()) == {"good"} and found.weather.isna().any()
    assert "weather" not in lake.frame("calls", "2026-11-15", "2026-11-16").columns
    assert "weather" in lake.frame("calls", "2026-11-17", "2026-11-18").columns


def test_a_transform_has_its_say_before_anything_is_stored(lake):
    def hide(report_type, batch):
        at = batch.schema.get_field_index("contact_phone_number")
        field = batch.schema.field(at)
        hidden = pa.repeat(pa.scalar("#", field.type), batch.num_rows)
        return batch.set_column(at, field, hidden)

    lake.sync("calls", since="3d", transform=hide)
    assert set(lake.frame("calls", "2026-11-15", "2026-11-18").contact_phone_number) == {"#"}


def test_the_same_is_done_to_all_rows_also_when_the_ledger_was_summed_up(lake, client, tmp_path):
    class Marked:
        mark = "with pseudonyms"

        def __call__(self, report_type, batch):
            return batch

    wish = {"since": "2026-08-01", "until": "2026-09-01", "lookback": "0d"}
    lake.sync("calls", **wish, transform=Marked())
    table = lake.table("calls")
    faulty = table.ledger().summary(TODAY).replace(',"mark":"with pseudonyms"', "")
    faulty = faulty.replace('"format":2,', "")  # as it was written once
    table.snapshot().alter.set_table_properties({KEY: faulty}, raise_if_not_exists=False)
    for _ in range(2):
        lake = client.lake(tmp_path / "lake")
        with pytest.raises(ConfigError, match="stored with pseudonyms, and these would be as they"):
            lake.sync("calls", since="2026-08-01", full=True)
        assert lake.sync("calls", **wish, transform=Marked()).complete
        lake.table("calls").sum_up(TODAY, 1)
    assert client.lake(tmp_path / "lake").table("calls").ledger().entries[0].job == ""


def test_another_executor_does_the_work(lake, client):
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(2) as pool:
        assert lake.sync("calls", since="20d", executor=pool).complete
    theirs = client.report("calls", "2026-11-01", "2026-11-18", progress=False)
    pd.testing.assert_frame_equal(lake.frame("calls", "2026-11-01", "2026-11-18"), theirs)


def test_what_cannot_be_done_is_told_before_anything_is_asked(lake, client, sandbox, tmp_path):
    from td_notebooks.lake import Lake

    asked = len(sandbox.requests)
    for wrong in (
        lambda: lake.sync("callz", since="3d"),
        lambda: lake.sync("calls"),
        lambda: lake.sync(),
        lambda: lake.sync("calls", since="3d", lookback="soon"),
        lambda: lake.sync("calls", since="3d", lookback="99999999d"),
        lambda: lake.sync("calls", since="99999999d"),
        lambda: lake.sync("calls", since="2026-11-10", until="2026-11-09"),
        lambda: lake.sync("calls", since="3d", until="2026-11-01"),
        lambda: lake.sync("calls", since=TODAY + timedelta(seconds=1)),
        lambda: lake.sync("calls", since="3d", timezone="Mars"),
        lambda: Lake(tmp_path / "lake").sync("calls", since="3d"),
        lambda: lake.frame("calls", "2026-11-02", "2026-11-01"),
    ):
        with pytest.raises(ConfigError):
            wrong()
    with pytest.raises(LakeError, match="no calls"):
        lake.frame("calls", "2026-11-01", "2026-11-02")
    with pytest.raises(LakeError, match="DuckDB"):
        lake.sql("SELECT * FROM calls")
    assert len(sandbox.requests) == asked
    lake.sync("calls", since="3d")
    with pytest.raises(ConfigError, match="no column 'colour'"):
        lake.frame("calls", "2026-11-15", "2026-11-16", columns=["colour"])


def test_the_older_api_lags_behind_and_leaves_no_gap(start_sandbox, tmp_path):
    sandbox = start_sandbox(source=Rows())
    for path in ("/data/reports", "/reports"):
        with connect(sandbox=sandbox, reports_path=path) as client:
            lake = client.lake(tmp_path / path[1:])
            assert lake.sync("calls", since="2d").complete
            gaps = lake.gaps()
            assert (gaps.end - gaps.start).sum() < timedelta(minutes=1)  # since it was asked
            delay = timedelta(minutes=60 if path == "/reports" else 5)
            assert TODAY - delay <= gaps.end.max() < TODAY - delay + timedelta(minutes=1)


def test_of_a_report_that_is_not_there_everything_is_missing(tmp_path):
    from td_notebooks.lake import Lake

    (gap,) = Lake(tmp_path / "lake").gaps("calls", since="400d").itertuples()
    assert gap.account == "" and gap.end - gap.start > timedelta(days=400)
    assert Lake(tmp_path / "lake").gaps("calls").empty


def test_an_account_that_cannot_be_read_ends_the_sync(start_sandbox, open_client, tmp_path):
    sandbox = start_sandbox()
    with (
        connect(
            account=sandbox.account,
            region="sandbox",
            api_url=sandbox.api_url,
            token_url=sandbox.token_url,
            client_id=sandbox.client_id,
            client_secret="wrong",
        ) as client,
        pytest.raises(TokenError),
    ):
        client.lake(tmp_path / "lake").sync("calls", since="3d", progress=None)
    assert submits(sandbox) == 0


def test_accounts_lie_side_by_side(start_sandbox, open_client, tmp_path):
    from td_notebooks.lake import Lake

    for name in ("acme", "other"):
        client = open_client(start_sandbox(account=name, centre=SMALL))
        assert client.account.name == name
        client.lake(tmp_path / "lake").sync("calls", since="3d")
        assert len(client.lake(tmp_path / "lake").frame("calls", "2026-11-15", "2026-11-17"))
    lake = Lake(tmp_path / "lake")
    with pytest.raises(LakeError, match="2 accounts"):
        lake.frame("calls", "2026-11-15", "2026-11-17")
    assert len(lake.sql("SELECT DISTINCT td_account FROM calls")) == 2
    assert set(lake.gaps().account) == {"acme", "other"}
    assert list(itertools.islice(lake.history().account.unique(), 2))
