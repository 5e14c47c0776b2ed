"""Erlang C and A against published numbers, another way of computing them, and a simulation."""

from __future__ import annotations

import heapq
import math
from datetime import UTC, datetime, timedelta
from fractions import Fraction

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyworkforce.queuing import ErlangC

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
    given = {"calls": 100, "aht": 180, "agents": 14}
    assert erlang_a(**given, patience=math.inf) == erlang_c(**given)
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


@pytest.mark.parametrize("width", [900, 1800, 3600])
def test_an_interval_table_tells_how_long_its_intervals_are(width):
    begins = [datetime(2026, 3, 2, 9, tzinfo=UTC) + timedelta(seconds=width * n) for n in range(3)]
    calls = width // 12  # one every twelve seconds: as many agents, however time is cut
    table = pa.table(
        {
            "interval": begins,
            "offered": [calls] * 3,
            "answered": [calls] * 3,
            "aht": [180.0] * 3,
        }
    )
    need = required_agents(150, 180)
    assert staffing(table)["required"].to_pylist() == [need] * 3
    gaps = table.take([0, 2])
    assert staffing(gaps, interval=width)["required"].to_pylist() == [need] * 2
    with pytest.raises(ConfigError, match=f"begin {width} s apart"):
        staffing(table, interval=2 * width)


def test_intervals_of_which_little_is_known():
    table = pa.table(
        {
            "offered": pa.array([100, None, 100, 0]),
            "answered": pa.array([100, None, 3, 0]),
            "aht": [180.0, math.nan, 0.0, math.nan],  # three calls that took no time
        }
    )
    assert staffing(table)["required"].to_pylist() == [14, None, 14, 0]
    assert staffing(table.to_pandas())["required"].fillna(-1).tolist() == [14, -1, 14, 0]
    with pytest.raises(ConfigError, match="took time"):
        staffing(table.slice(2, 1))
    with pytest.raises(ConfigError, match="80% as"):
        staffing(table.slice(3, 1), shrinkage=1.0)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: erlang_c(calls=-1, aht=180, agents=3),
        lambda: erlang_c(calls=1, aht=0, agents=3),
        lambda: erlang_c(calls=1, aht=180, agents=2.5),
        lambda: erlang_a(calls=1, aht=180, agents=2, patience=0),
        lambda: required_agents(1, 180, service_level=80),
        lambda: required_agents(1, 180, shrinkage=1),
        *(
            lambda name=name, number=number: required_agents(
                **{"calls": 100, "aht": 180, "within": 20, "interval": 1800, name: number}
            )
            for name in ("calls", "aht", "within", "interval")
            for number in (math.nan, math.inf, -1.0)
        ),
        lambda: erlang_c(calls=1, aht=180, agents=math.inf),
        lambda: erlang_a(calls=1, aht=180, agents=2, patience=math.nan),
    ],
)
def test_impossible_queues_are_refused(wrong):
    with pytest.raises(ConfigError):
        wrong()


#: Calls in an interval, handle time, agents and threshold, all in seconds; the service level that
#: calculators and textbooks print for them.
WORKED = [
    (100, 180, 1800, 13, 20, 0.7956),
    (100, 180, 1800, 14, 20, 0.8884),
    (360, 240, 1800, 55, 15, 0.8459),
    (1, 1800, 3600, 1, 0, 0.5),
]


def exactly(calls, aht, interval, agents, within):
    """Return Erlang C's waiting probability, in fractions, and its service level."""
    load = Fraction(calls * aht, interval)
    terms = [Fraction(1)]
    for k in range(1, agents + 1):
        terms.append(terms[-1] * load / k)
    waiting = terms[-1] * agents / (agents - load)
    waits = waiting / (sum(terms[:-1]) + waiting)
    return float(waits), 1 - float(waits) * math.exp(-float(agents - load) * within / aht)


@pytest.mark.parametrize(("calls", "aht", "interval", "agents", "within", "level"), WORKED)
def test_worked_examples(calls, aht, interval, agents, within, level):
    queue = erlang_c(calls=calls, aht=aht, agents=agents, within=within, interval=interval)
    waits, exact = exactly(calls, aht, interval, agents, within)
    assert queue.service_level == pytest.approx(exact, abs=1e-12)
    assert queue.wait_probability == pytest.approx(waits, abs=1e-12)
    assert round(queue.service_level, 4) == level
    assert queue.asa == pytest.approx(waits * aht / (agents - calls * aht / interval))


def test_tables_of_waiting_probabilities():
    # Load in erlangs, agents.
    table = {(1, 2): 1 / 3, (2, 3): 4 / 9, (3, 4): 0.5094, (4, 5): 0.5541, (3, 5): 0.2362}
    loads, agents = zip(*table, strict=True)
    queue = erlang_c(calls=np.array(loads), aht=1800, agents=agents)
    assert queue.wait_probability.round(4) == pytest.approx([round(p, 4) for p in table.values()])
    # 0.2 calls a second of 240 seconds for 55 agents.
    textbook = erlang_c(calls=0.2, aht=240, agents=55, within=15, interval=1)
    assert round(textbook.wait_probability, 3) == 0.239
    assert round(textbook.asa, 1) == 8.2
    assert round(textbook.occupancy, 3) == 0.873


def test_erlang_c_against_pyworkforce():
    for calls, aht, agents in [(100, 180, 13), (100, 180, 20), (700, 312, 125), (5, 600, 3)]:
        ours = erlang_c(calls=calls, aht=aht, agents=agents)
        theirs = ErlangC(transactions=calls, aht=aht / 60, interval=30, asa=20 / 60)
        assert ours.service_level == pytest.approx(theirs.service_level(agents), abs=1e-6)
        assert ours.wait_probability == pytest.approx(theirs.waiting_probability(agents), abs=1e-6)
        assert ours.occupancy == pytest.approx(theirs.achieved_occupancy(agents), abs=1e-6)
        for target, cap, shrinkage in [(0.8, 1.0, 0.0), (0.9, 0.85, 0.3)]:
            theirs = ErlangC(
                transactions=calls, aht=aht / 60, interval=30, asa=20 / 60, shrinkage=shrinkage
            )
            need = theirs.required_positions(target, max_occupancy=cap)
            found = required_agents(calls, aht, service_level=target, max_occupancy=cap)
            assert found == need["raw_positions"]
            scheduled = required_agents(
                calls, aht, service_level=target, max_occupancy=cap, shrinkage=shrinkage
            )
            assert scheduled == need["positions"]


def test_small_queues_by_hand():
    # One agent, one erlang of work, patience as long as a call: the number of calls is Poisson.
    queue = erlang_a(calls=10, aht=180, agents=1, patience=180, within=0)
    assert queue.wait_probability == pytest.approx(1 - math.exp(-1), abs=1e-12)
    assert queue.abandonment == pytest.approx(math.exp(-1), abs=1e-12)
    assert queue.occupancy == pytest.approx(1 - math.exp(-1), abs=1e-12)
    # Whatever the number of agents, with such a patience it stays Poisson.
    for agents in (2, 5, 40):
        many = erlang_a(calls=10 * agents, aht=180, agents=agents, patience=180, within=0)
        below = sum(math.exp(k * math.log(agents) - math.lgamma(k + 1)) for k in range(agents))
        assert many.wait_probability == pytest.approx(1 - below * math.exp(-agents), abs=1e-10)


def simulated_day(chance, *, rate, aht, agents, patience, within, seconds=86400, warm=7200):
    """Let callers come, be served in turn or hang up; return how many came and how many in time."""
    free = [0.0] * agents
    heapq.heapify(free)
    arrivals = np.cumsum(chance.exponential(1 / rate, int(rate * (seconds + warm) * 1.2) + 200))
    arrivals = arrivals[arrivals < seconds + warm]
    service = chance.exponential(aht, len(arrivals))
    leave = chance.exponential(patience, len(arrivals))
    came = good = 0
    for at, work, bears in zip(arrivals.tolist(), service.tolist(), leave.tolist(), strict=True):
        wait = max(0.0, free[0] - at)
        answered = wait <= bears
        if answered:
            heapq.heapreplace(free, at + wait + work)
        if at >= warm:
            came += 1
            good += answered and wait <= within
    return came, good


@pytest.mark.parametrize(("agents", "patience"), [(9, 60), (11, 240)])
def test_two_hundred_simulated_days_do_what_erlang_a_says(agents, patience):
    days, rate, aht = 200, 120 / 3600, 300
    chance = np.random.default_rng(20)
    counts = np.array(
        [
            simulated_day(chance, rate=rate, aht=aht, agents=agents, patience=patience, within=20)
            for _ in range(days)
        ]
    )
    level = counts[:, 1].sum() / counts[:, 0].sum()
    # Days are independent, calls of a day are not: the interval comes from the days' spread.
    spread = counts[:, 1] - level * counts[:, 0]
    error = spread.std(ddof=1) * math.sqrt(days) / counts[:, 0].sum()
    expected = erlang_a(calls=120, aht=aht, agents=agents, patience=patience, interval=3600)
    assert abs(level - expected.service_level) < 1.96 * error
    assert error < 0.003


def test_a_simulated_centre_does_what_erlang_a_says():
    days = 12
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
    assert error < 0.02
