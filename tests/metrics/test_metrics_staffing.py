"""Erlang C and A against published numbers, another way of computing them, and a simulation."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from td_notebooks.errors import ConfigError
from td_notebooks.metrics import (
    erlang_a,
    erlang_c,
    required_agents,
    service_level,
    staffing,
)
from td_notebooks.sandbox.centre import Centre, CentreSettings


def birth_and_death(load_rate, rate, agents, leaving, within, states=400):
    """Return service level, waiting probability and abandonment by stepping through a chain."""
    weights = [1.0]
    for k in range(1, states):
        weights.append(
            weights[-1] * load_rate / (min(k, agents) * rate + max(0, k - agents) * leaving)
        )
    pi = np.array(weights) / sum(weights)
    # A caller with q ahead: they shrink by one at n·rate + q·leaving, the caller leaves meanwhile.
    many = states - agents
    down = agents * rate + np.arange(many) * leaving
    out = down + leaving
    fastest = out.max()
    served = np.zeros(many + 1)  # probability of having been served, by q + 1; 0 is served
    served[0] = 1.0
    in_time = np.zeros(many + 1)
    log_weight = -fastest * within
    for step in range(int(fastest * within + 30 * math.sqrt(fastest * within)) + 60):
        in_time += math.exp(log_weight) * served
        served[1:] = served[1:] * (1 - out / fastest) + served[:-1] * down / fastest
        log_weight += math.log(fastest * within) - math.log(step + 1)
    queue = pi[agents:] @ np.arange(many)
    level = pi[:agents].sum() + pi[agents:] @ in_time[1:]
    return level, pi[agents:].sum(), queue * leaving / load_rate


def test_published_service_levels():
    queue = erlang_c(calls=100, aht=180, agents=[10, 13, 14])
    assert queue.service_level == pytest.approx([0, 0.7955948, 0.8883500], abs=1e-6)
    assert queue.asa[0] == math.inf
    assert queue.occupancy == pytest.approx([1, 10 / 13, 10 / 14])
    assert isinstance(erlang_c(calls=100, aht=180, agents=14).service_level, float)
    # One agent: everybody waits with the probability of finding a call.
    single = erlang_c(calls=9, aht=100, agents=1, interval=1800, within=0)
    assert single.wait_probability == pytest.approx(0.5)
    assert single.asa == pytest.approx(0.5 * 100 / 0.5)


@pytest.mark.parametrize("agents", [1, 7, 10, 13])
@pytest.mark.parametrize("patience", [20, 180, 2000])
def test_erlang_a_against_the_chain(agents, patience):
    queue = erlang_a(calls=100, aht=180, agents=agents, patience=patience)
    level, waits, abandoned = birth_and_death(100 / 1800, 1 / 180, agents, 1 / patience, 20, 700)
    assert queue.service_level == pytest.approx(level, abs=1e-8)
    assert queue.wait_probability == pytest.approx(waits, abs=1e-8)
    assert queue.abandonment == pytest.approx(abandoned, abs=1e-8)
    assert queue.occupancy == pytest.approx(10 * (1 - abandoned) / agents, abs=1e-8)


def test_erlang_a_becomes_erlang_c_when_nobody_leaves():
    a = erlang_a(calls=100, aht=180, agents=13, patience=1e10)
    c = erlang_c(calls=100, aht=180, agents=13)
    assert a.service_level == pytest.approx(c.service_level, abs=1e-6)
    assert a.asa == pytest.approx(c.asa, abs=1e-4)


def test_ten_thousand_agents():
    calls = 99_000  # 9 900 erlangs
    queue = erlang_c(calls=calls, aht=180, agents=[9_901, 10_000, 11_000])
    assert np.all(np.isfinite(queue.asa)) and np.all(np.diff(queue.service_level) > 0)
    for patience in (1, 60, 1e5):
        answer = erlang_a(calls=calls, aht=180, agents=[5_000, 10_000], patience=patience)
        assert answer.occupancy[0] == pytest.approx(1)
        assert answer.abandonment[0] == pytest.approx(1 - 5_000 / 9_900, abs=1e-3)
        assert 0 <= answer.service_level[0] < answer.service_level[1] <= 1
    assert 9_900 < required_agents(calls, 180) < 10_000


def test_nobody_calls_and_nobody_answers():
    assert required_agents(0, 180) == 0
    for quiet in (
        erlang_c(calls=0, aht=180, agents=0),
        erlang_a(calls=0, aht=180, agents=3, patience=60),
    ):
        assert (quiet.service_level, quiet.asa, quiet.occupancy) == (1, 0, 0)
    assert erlang_a(calls=5, aht=180, agents=0, patience=60).abandonment == 1
    assert erlang_a(calls=5, aht=180, agents=1, patience=60, within=0).service_level < 1
    assert erlang_a(calls=5, aht=180, agents=1, patience=0.01).service_level < 1


@settings(max_examples=60, deadline=None)
@given(
    calls=st.integers(1, 500),
    aht=st.integers(10, 900),
    target=st.sampled_from([0.5, 0.8, 0.95]),
    patience=st.sampled_from([None, 60, 600]),
    cap=st.sampled_from([0.7, 0.9, 1.0]),
)
def test_required_agents_are_the_fewest(calls, aht, target, patience, cap):
    found = required_agents(calls, aht, service_level=target, patience=patience, max_occupancy=cap)

    def fits(agents):
        if patience is None:
            queue = erlang_c(calls=calls, aht=aht, agents=agents)
        else:
            queue = erlang_a(calls=calls, aht=aht, agents=agents, patience=patience)
        return queue.service_level >= target and queue.occupancy <= cap

    assert fits(found)
    assert not fits(found - 1)


def test_shrinkage_and_the_cap_on_occupancy():
    assert required_agents(100, 180) == 14
    assert required_agents(100, 180, shrinkage=0.3) == 20
    assert required_agents(100, 180, max_occupancy=0.5) == 20
    assert required_agents(100, 180, patience=120) < 14


def test_an_interval_table_is_staffed():
    table = pa.table(
        {
            "offered": [100, 0, 100, 10],
            "answered": [90, 0, 0, 10],
            "aht": pa.array([180.0, None, None, 90.0]),
        }
    )
    result = staffing(table, shrinkage=0.3)
    mean = (90 * 180 + 10 * 90) / 100
    assert result["required"].to_pylist() == [
        14,
        0,
        required_agents(100, mean),
        required_agents(10, 90),
    ]
    assert result["scheduled"].to_pylist()[:2] == [20, 0]
    with pytest.raises(ConfigError, match="handle time"):
        staffing(table.slice(2, 1))


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: erlang_c(calls=-1, aht=180, agents=3),
        lambda: erlang_c(calls=1, aht=0, agents=3),
        lambda: erlang_c(calls=1, aht=180, agents=2.5),
        lambda: erlang_a(calls=1, aht=180, agents=2, patience=0),
        lambda: required_agents(1, 180, service_level=80),
        lambda: required_agents(1, 180, shrinkage=1),
    ],
)
def test_impossible_queues_are_refused(wrong):
    with pytest.raises(ConfigError):
        wrong()


def test_a_simulated_centre_does_what_erlang_a_says():
    days = 40
    centre = Centre(
        CentreSettings.erlang(calls_per_hour=40, agents=4, talk_time=300, patience=120, seed=5)
    )
    start = datetime(2026, 1, 5, tzinfo=UTC)
    levels = []
    for day in range(days):
        begin = start + timedelta(days=day)
        contacts = pa.Table.from_pylist(
            [
                {name: row[name] for name in ("contact_type", "wait_time", "started_at")}
                for row in centre.rows("contacts", begin, begin + timedelta(days=1))
            ]
        )
        # Reports show differences of cut seconds: up to 20 s and a half, on average.
        levels.append(float(service_level(contacts, within=20, variant="abandoned_negative")))
    expected = erlang_a(
        calls=40, aht=300, agents=4, patience=120, within=20.5, interval=3600
    ).service_level
    error = np.std(levels, ddof=1) / math.sqrt(days)
    assert abs(np.mean(levels) - expected) < 3 * error
    assert error < 0.01
