"""The forecast knows the week by local clocks, its own doubt, and when it knows too little."""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd
import pytest
from metric_frames import KINDS, NATIVE, rows

from td_notebooks import metrics
from td_notebooks.errors import ConfigError, SchemaError

ZONE = "Europe/Lisbon"


def history(first, last, count, **more):
    """Return an interval table whose counts are a function of the local time."""
    begins = pd.date_range(first, last, freq="30min", tz=ZONE, inclusive="left")
    offered = np.array([count(at) for at in begins])
    return pd.DataFrame(
        {
            "interval": begins,
            "offered": offered,
            "answered": offered - offered // 4,
            "handle_time": 300.0 * (offered - offered // 4),
            **more,
        }
    )


def by_the_clock(at):
    """Return a number that tells weekday and time of day; nobody calls on Sundays."""
    return 0 if at.weekday() == 6 else at.weekday() * 100 + 2 * at.hour + at.minute // 30


def noisy(at, random, usual=12.0):
    return int(random.poisson(usual * (1 + at.hour % 5) / 3)) if 8 <= at.hour < 20 else 0


def test_each_time_of_the_week_is_expected_as_it_was():
    table = history("2026-07-06", "2026-08-03", by_the_clock)
    found = metrics.forecast(table)
    assert len(found) == 336
    assert found["interval"].min() == pd.Timestamp("2026-08-03", tz=ZONE)
    assert found["offered"].tolist() == [by_the_clock(at) for at in found["interval"]]
    assert (found["low"] <= found["offered"]).all() and (found["offered"] <= found["high"]).all()
    assert (found["low"] >= 0).all()
    answered = found["answered"] / found["offered"]
    assert np.allclose(answered[found["offered"] > 50], 0.75, atol=0.02)
    assert found["aht"].unique() == pytest.approx(300)


@pytest.mark.parametrize(
    ("first", "sunday", "half_hours"),
    [("2026-03-02", "2026-03-29", 334), ("2026-09-28", "2026-10-25", 338)],
)
def test_the_pattern_is_that_of_local_clocks(first, sunday, half_hours):
    """In the week in which clocks change, each time of the week keeps its number."""
    monday = pd.Timestamp(sunday) - pd.Timedelta(days=6)
    table = history(first, monday, lambda at: at.hour + 1)
    found = metrics.forecast(table)
    assert len(found) == half_hours
    assert found["offered"].tolist() == [at.hour + 1 for at in found["interval"]]
    assert found["interval"].iloc[-1] == pd.Timestamp(f"{sunday} 23:30", tz=ZONE)
    assert str(found["interval"].dt.tz) == ZONE
    # History that has the change is no worse.
    after = history(first, monday + pd.Timedelta(days=14), lambda at: at.hour + 1)
    assert metrics.forecast(after)["offered"].tolist() == [
        at.hour + 1 for at in metrics.forecast(after)["interval"]
    ]


def test_only_what_was_before_is_looked_at():
    table = history("2026-06-01", "2026-08-31", by_the_clock)
    table.loc[table["interval"] >= pd.Timestamp("2026-07-20", tz=ZONE), "offered"] = 9_999
    past = metrics.forecast(table, "2026-07-20", "2026-07-22")
    assert past["offered"].tolist() == [by_the_clock(at) for at in past["interval"]]
    assert len(past) == 96
    # And of that, the latest weeks.
    latest = metrics.forecast(table, weeks=2)
    assert set(latest["offered"]) == {9_999}


def test_days_that_tell_nothing_are_left_out():
    table = history("2026-07-06", "2026-08-03", by_the_clock)
    table.loc[table["interval"].dt.date == pd.Timestamp("2026-07-29").date(), "offered"] = 0
    assert metrics.forecast(table)["offered"].tolist() != [
        by_the_clock(at) for at in metrics.forecast(table)["interval"]
    ]
    found = metrics.forecast(table, without=["2026-07-29"])
    assert found["offered"].tolist() == [by_the_clock(at) for at in found["interval"]]
    with pytest.raises(ConfigError, match="no day"):
        metrics.forecast(table, without=["Christmas"])


def test_the_range_holds_the_share_it_promises():
    random = np.random.default_rng(5)
    table = history("2026-01-05", "2026-08-31", lambda at: noisy(at, random))
    for coverage in (0.5, 0.8, 0.95):
        inside = []
        for week in range(8):
            start = pd.Timestamp("2026-07-06", tz=ZONE) + pd.Timedelta(days=7 * week)
            found = metrics.forecast(table, start.to_pydatetime(), coverage=coverage)
            both = found.merge(table, on="interval", suffixes=("", "_came"))
            busy = both[both["offered"] > 1]
            inside.append(
                (busy["low"] <= busy["offered_came"]) & (busy["offered_came"] <= busy["high"])
            )
        assert abs(np.concatenate(inside).mean() - coverage) < 0.04


def test_exponential_smoothing_follows_growth_and_the_mean_does_not():
    random = np.random.default_rng(3)
    monday = pd.Timestamp("2026-06-01", tz=ZONE)
    table = history(
        "2026-06-01",
        "2026-08-10",
        lambda at: noisy(at, random, 10 + 0.3 * (at - monday).days),
    )
    came = table[table["interval"] >= pd.Timestamp("2026-08-03", tz=ZONE)]["offered"].to_numpy()
    error = {
        method: np.abs(metrics.forecast(table, "2026-08-03", method=method)["offered"] - came).sum()
        for method in ("seasonal", "ets")
    }
    assert error["ets"] < 0.8 * error["seasonal"]
    found = metrics.forecast(table, "2026-08-03", method="ets")
    busy = found["offered"] > 1
    inside = (found["low"] <= came) & (came <= found["high"])
    assert 0.7 < inside[busy].mean() <= 0.95


def test_exponential_smoothing_of_a_level_that_never_changes():
    table = history("2026-07-06", "2026-08-03", by_the_clock)
    found = metrics.forecast(table, method="ets")
    assert found["offered"].tolist() == pytest.approx(
        [by_the_clock(at) for at in found["interval"]]
    )
    # From the middle of a day on, and with a gap before.
    assert len(metrics.forecast(table, "2026-08-02T12:00", "2026-08-03", method="ets")) == 24
    assert len(metrics.forecast(table, "2026-08-12", "2026-08-13", method="ets")) == 48


def test_groups_are_kept_apart_or_added_up():
    sales = history("2026-07-06", "2026-08-03", lambda at: 6, ring_group="sales")
    support = history("2026-07-06", "2026-08-03", lambda at: at.hour, ring_group="support")
    table = pd.concat([support, sales], ignore_index=True)
    apart = metrics.forecast(table, by="ring_group")
    assert len(apart) == 2 * 336 and apart["ring_group"].tolist()[:2] == ["sales", "support"]
    assert set(apart[apart["ring_group"] == "sales"]["offered"]) == {6}
    table["ring_group"] = table["ring_group"].astype("category")
    assert metrics.forecast(table, by="ring_group")["offered"].tolist() == apart["offered"].tolist()
    together = metrics.forecast(table)
    assert together["offered"].tolist() == [6 + at.hour for at in together["interval"]]


def test_times_of_the_week_that_were_never_there_are_left_out():
    table = history("2026-07-06", "2026-08-03", by_the_clock)
    open_hours = table[table["interval"].dt.hour.between(8, 19)]
    found = metrics.forecast(open_hours)
    assert len(found) == 7 * 24 and set(found["interval"].dt.hour) == set(range(8, 20))


def test_it_feeds_staffing():
    table = history("2026-07-06", "2026-08-03", lambda at: 100)
    need = metrics.staffing(metrics.forecast(table).head(4), within=20, shrinkage=0.3)
    wanted = metrics.required_agents(100, 300)
    assert need["required"].tolist() == [wanted] * 4
    assert need["scheduled"].tolist() == [metrics.required_agents(100, 300, shrinkage=0.3)] * 4


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_frame(kind):
    import pyarrow as pa

    table = history("2026-07-06", "2026-07-20", by_the_clock)
    given = KINDS[kind](pa.Table.from_pandas(table, preserve_index=False))
    found = metrics.forecast(given, "2026-07-20", "2026-07-21", timezone=ZONE)
    assert isinstance(found, NATIVE[kind])
    expected = metrics.forecast(table, "2026-07-20", "2026-07-21")
    assert rows(found) == rows(expected)


def test_only_counts_are_enough():
    table = history("2026-07-06", "2026-07-20", by_the_clock)[["interval", "offered"]]
    assert list(metrics.forecast(table).columns) == ["interval", "offered", "low", "high"]


TWO_WEEKS = history("2026-07-06", "2026-07-20", by_the_clock)


@pytest.mark.parametrize(
    ("table", "more", "said"),
    [
        (TWO_WEEKS.head(0), {}, "needs a whole week of history"),
        (TWO_WEEKS.head(0), {"start": "2026-07-20"}, "there are 0 days"),
        (
            TWO_WEEKS.head(0).assign(ring_group="x"),
            {"start": "2026-07-20", "by": "ring_group"},
            "there are 0 days",
        ),
        (TWO_WEEKS, {"by": "offered"}, "cannot be kept apart by offered"),
        (TWO_WEEKS.head(3 * 48), {}, "there are 3 days"),
        (TWO_WEEKS, {"start": "2026-07-06"}, "there are 0 days"),
        (TWO_WEEKS, {"method": "ets"}, "needs three weeks"),
        (TWO_WEEKS, {"method": "prophet"}, "Known: seasonal, ets"),
        (TWO_WEEKS, {"coverage": 80}, "write 80% as 0.8"),
        (TWO_WEEKS, {"weeks": 0}, "one week at least"),
        (TWO_WEEKS.iloc[::3], {}, "5400 s apart"),
        (TWO_WEEKS, {"start": "2026-07-21", "end": "2026-07-20"}, "before it has begun"),
    ],
)
def test_too_little_or_wrong_is_one_sentence(table, more, said):
    with pytest.raises(ConfigError, match=said):
        metrics.forecast(table, **more)


def test_a_column_that_is_not_there():
    with pytest.raises(SchemaError, match="no column offered"):
        metrics.forecast(TWO_WEEKS.drop(columns="offered"))


def test_without_statsmodels_the_extra_is_named(monkeypatch):
    for name in [name for name in sys.modules if name.split(".")[0] == "statsmodels"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "statsmodels", None)
    table = history("2026-07-06", "2026-08-03", by_the_clock)
    with pytest.raises(ConfigError, match=r"td_notebooks\[forecast\]"):
        metrics.forecast(table, method="ets")
    assert len(metrics.forecast(table)) == 336
