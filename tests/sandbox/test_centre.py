from __future__ import annotations

import random
import subprocess
import sys
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from math import exp
from zoneinfo import ZoneInfo

import pytest

from td_notebooks.errors import ConfigError
from td_notebooks.reports import schemas
from td_notebooks.sandbox import centre as centre_module
from td_notebooks.sandbox.centre import Centre, CentreSettings
from td_notebooks.sandbox.files import columns_of, layout
from td_notebooks.sandbox.rows import WRITERS

FIVE = tuple(WRITERS)
START = datetime(2026, 3, 2, tzinfo=UTC)
WEEK = (START, START + timedelta(7))
CLOSED = {"weekday_hours": None, "saturday_hours": None}


def dated(row, schema):
    keys = {c.name: c.key for c in schema.columns}
    return row[keys[schema.time_column]]


def identity(row, schema):
    keys = {c.name: c.key for c in schema.columns}
    return tuple(row[keys[name]] for name in schema.primary_key)


@pytest.fixture(scope="module")
def week():
    centre = Centre()
    return {report_type: centre.rows(report_type, *WEEK) for report_type in FIVE} | {
        "events": centre.events(*WEEK)
    }


# -- the same rows, whoever asks and however ------------------------------------------------------


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("report_type", [*FIVE, "audit_logs", "feedback", "events"])
def test_a_span_is_the_sum_of_its_pieces_asked_in_any_order(report_type, seed):
    start, end = datetime(2026, 3, 27, 12, tzinfo=UTC), datetime(2026, 3, 31, 7, tzinfo=UTC)
    rng = random.Random(f"{report_type}/{seed}")
    length = int((end - start).total_seconds())
    cuts = [start + timedelta(seconds=s) for s in sorted(rng.sample(range(1, length), 9))]
    # Midnight of the centre's zone, where a day's last status ends and the next day begins.
    cuts = sorted({*cuts, datetime(2026, 3, 29, tzinfo=UTC), datetime(2026, 3, 29, 23, tzinfo=UTC)})
    pieces = list(zip([start, *cuts], [*cuts, end], strict=True))
    whole, cut = Centre(), Centre()

    def ask(centre, span):
        return centre.events(*span) if report_type == "events" else centre.rows(report_type, *span)

    answers = {}
    for piece in rng.sample(pieces, len(pieces)):
        answers[piece] = ask(cut, piece)
    joined = [row for piece in pieces for row in answers[piece]]
    assert joined == ask(whole, (start, end))
    assert len(joined) > 50


def test_threads_get_what_one_alone_gets(week):
    shared = Centre()
    days = [START + timedelta(n) for n in range(7)] * 3
    random.Random(1).shuffle(days)

    def ask(day):
        return day, {t: shared.rows(t, day, day + timedelta(1)) for t in FIVE}

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, days))
    for day, answer in answers:
        for report_type, rows in answer.items():
            schema = layout(report_type)
            expected = [
                row for row in week[report_type] if day <= dated(row, schema) < day + timedelta(1)
            ]
            assert rows == expected


def test_few_days_are_kept(monkeypatch, week):
    monkeypatch.setattr(centre_module, "CACHED_CALLS", 1200)
    centre = Centre()
    assert centre.rows("calls", *WEEK) == week["calls"]
    assert sum(len(day.calls) for day in centre._days.values()) <= 1200
    monkeypatch.setattr(centre_module, "CACHED_CALLS", 0)
    assert centre.rows("contacts", *WEEK) == week["contacts"]
    assert len(centre._days) == 1


def test_an_empty_span_has_no_rows():
    assert Centre().rows("calls", START, START) == []
    assert Centre().events(START, START - timedelta(1)) == []


def test_an_unknown_report_type_is_refused():
    with pytest.raises(ConfigError, match="calls"):
        Centre().rows("callz", START, START)


def test_starting_is_quick_and_loads_only_the_standard_library():
    code = (
        "import sys, td_notebooks.sandbox.centre, td_notebooks.sandbox.files\n"
        "heavy = {'pandas', 'pyarrow', 'httpx', 'numpy', 'cryptography', 'IPython'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# -- the shape of the rows ------------------------------------------------------------------------


@pytest.mark.parametrize("report_type", schemas.report_types())
def test_rows_have_the_documented_keys_in_order_and_lie_in_the_span(report_type):
    schema = layout(report_type)
    rows = Centre().rows(report_type, START, START + timedelta(2))
    assert len(rows) >= 40
    expected = [c.key for c in columns_of(schema)] or ["id", "name", "value"]
    assert all(list(row) == expected for row in rows)
    if schema.time_column:
        moments = [dated(row, schema) for row in rows]
        assert moments == sorted(moments)
        assert moments[0] >= START and moments[-1] < START + timedelta(2)
        assert all(moment.tzinfo is UTC and not moment.microsecond for moment in moments)
    if schema.primary_key:
        assert len({identity(row, schema) for row in rows}) == len(rows)


@pytest.mark.parametrize("report_type", schemas.report_types())
def test_values_fit_their_columns(report_type):
    kinds = {
        "text": (str, list),
        "category": str,
        "integer": int,
        "number": (int, float),
        "boolean": bool,
        "timestamp": datetime,
        "duration": (int, float),
    }
    columns = columns_of(layout(report_type))
    for row in Centre().rows(report_type, START, START + timedelta(2)):
        for column in columns:
            value = row[column.key]
            if value is None:
                assert column.nullable, column.key
            else:
                assert isinstance(value, kinds[column.kind]), column.key
            if column.kind == "duration":
                assert value is None or value >= 0
                assert column.encoding == "fine day fraction" or not isinstance(value, float)


def test_known_categories_only(week):
    own = {"Lunch", "open", "closed", "callback", "support", "sales", "billing"}
    for report_type in FIVE:
        for column in columns_of(layout(report_type)):
            if column.kind == "category":
                seen = {row[column.key] for row in week[report_type]} - {None}
                assert seen <= {*column.values, *own}, column.key


def test_what_careless_readers_stumble_over_is_there(week):
    calls = week["calls"]
    notes = {row["notes"] for row in calls}
    assert any('"' in note for note in notes if note)
    assert any("\n" in note for note in notes if note)
    assert {"007", "NA", "=SUM(1,2)", None} < notes
    assert any("+" in row["ring_groups"] for row in calls)
    assert any(row["ring_groups"] == "support+billing" for row in week["user_status"])
    assert any(not row["user_name"].isascii() for row in week["ring_attempts"])
    assert {row["type"] for row in calls} == {
        "abandoned", "inbound", "missed", "outbound", "outbound_missed", "short_abandoned",
        "voicemail",
    }  # fmt: skip
    assert {row["attempt_type"] for row in week["ring_attempts"]} == {
        "Answered", "Ignored", "Rejected", "Canceled", "Device Unavailable",
    }  # fmt: skip
    numbers = Counter(row["contact_phone_number"] for row in calls if row["type"] == "inbound")
    assert sum(times > 1 for times in numbers.values()) > 50, "callers come back"
    assert any(row["time_in_step"] % 1 for row in week["studio_flow_execution"])


# -- the five reports agree -----------------------------------------------------------------------


def by_call(rows, key="interaction_id"):
    groups = defaultdict(list)
    for row in rows:
        groups[row[key]].append(row)
    return groups


def test_ids_are_the_same_everywhere(week):
    calls = {row["call_id"]: row for row in week["calls"]}
    assert set(by_call(week["contacts"])) == set(calls)
    assert set(by_call(week["ring_attempts"])) <= set(calls)
    inbound = {i for i, row in calls.items() if not row["type"].startswith("outbound")}
    assert set(by_call(week["studio_flow_execution"])) == inbound


def test_contacts_reproduce_the_call(week):
    types = {
        "Answered": "inbound", "Missed": "missed", "Abandoned": "abandoned",
        "Short Abandoned": "short_abandoned", "Voicemail": "voicemail",
        "Connected": "outbound", "Not Connected": "outbound_missed",
    }  # fmt: skip
    contacts = by_call(week["contacts"])
    seen = Counter()
    for call in week["calls"]:
        legs = sorted(contacts[call["call_id"]], key=lambda c: (c["started_at"], c["transfer_in"]))
        first, last = legs[0], legs[-1]
        assert call["type"] == types[first["contact_type"]]
        assert call["total_time"] == (call["end_at"] - call["start_at"]).total_seconds()
        assert call["talk_time"] == sum(leg["talk_time"] for leg in legs)
        assert call["hold_time"] == sum(leg["hold_time"] for leg in legs)
        assert call["wait_time"] == first["wait_time"]
        assert call["user_id"] == first["user_id"]
        assert call["handling_user_id"] == (last["user_id"] or first["user_id"])
        assert call["is_callback_from_queue"] == first["callback"]
        assert call["is_transfer"] == first["transfer_out"] == (len(legs) == 2)
        assert call["total_ringing_time"] == first["ring_time"]
        assert [leg["last_contact"] for leg in legs] == [False] * (len(legs) - 1) + [True]
        if call["type"] == "inbound":
            before_queue = (first["started_at"] - call["start_at"]).total_seconds()
            waits = sum(leg["wait_time"] for leg in legs)
            recording = (call["end_at"] - last["finished_at"]).total_seconds()
            recording = 0 if last["contact_type"] == "Answered" else recording
            if last["contact_type"] != "Voicemail":
                total = before_queue + waits + call["talk_time"] + call["hold_time"] + recording
                assert call["total_time"] == total
        if len(legs) == 2:
            assert first["transfer_out_type"] == last["transfer_in_type"] in ("Warm", "Blind")
            assert last["started_at"] == first["answered_at"] + timedelta(
                seconds=first["talk_time"] + first["hold_time"]
            )
            assert first["soft_hold_time"] > 0 or first["transfer_out_type"] == "Blind"
        seen[call["type"], len(legs), call["is_external_transfer"]] += 1
    assert seen["inbound", 2, False] > 20 and seen["inbound", 2, True] > 0


def test_a_contacts_times_add_up(week):
    for row in week["contacts"]:
        length = (row["finished_at"] - row["started_at"]).total_seconds()
        assert row["duration"] == length
        assert row["hold_time"] == row["hard_hold_time"] + row["soft_hold_time"]
        assert row["handle_time"] == (
            row["talk_time"] + row["hold_time"] + row["after_call_work_time"]
        )
        if row["contact_type"] in ("Answered", "Connected"):
            reached = row["answered_at"] or row["connected_at"]
            assert (
                row["wait_time"] + row["connect_time"]
                == (reached - row["started_at"]).total_seconds()
            )
            assert length == row["wait_time"] + row["connect_time"] + row["handle_time"]
        else:
            assert row["handle_time"] == 0
        if row["direction"] == "IN":
            assert row["within_service_level_threshold"] == (row["wait_time"] <= 20)
        if row["contact_type"] == "Short Abandoned":
            assert row["short_abandon_time"] == row["wait_time"] < 5
        if row["contact_type"] == "Abandoned":
            assert row["abandon_time"] == row["wait_time"] >= 5


def test_every_answer_has_its_ring_and_the_agents_status(week):
    attempts = by_call(week["ring_attempts"], "contact_id")
    status = {(row["user_id"], row["status_start_at"]): row for row in week["user_status"]}
    answered = 0
    for contact in week["contacts"]:
        rings = attempts[contact["contact_id"]]
        answers = [ring for ring in rings if ring["attempt_type"] == "Answered"]
        assert contact["ring_time"] == sum(ring["ring_attempt_duration"] for ring in rings)
        if contact["contact_type"] != "Answered" or contact["user_id"] is None:
            assert not answers
        else:
            (answer,) = answers
            assert answer["ring_finished_at_time"] == contact["answered_at"]
            assert answer["user_name"] == contact["user_name"]
            assert answer["team_name"] == contact["team_name"]
            answered += 1
        if contact["user_id"]:
            begin = contact["answered_at"] or contact["started_at"]
            busy = status[contact["user_id"], begin]
            assert busy["status_label"] == "On a Call"
            length = contact["connect_time"] + contact["talk_time"] + contact["hold_time"]
            assert busy["status_time"] == length
            if work := contact["after_call_work_time"]:
                after = status[contact["user_id"], busy["status_end_at"]]
                assert after["status_label"] == "After Call Work"
                assert after["status_time"] == work
    assert answered > 1000
    # And the other way round: nobody is on a call without a contact.
    talks = sum(row["status_label"] == "On a Call" for row in week["user_status"])
    assert talks == sum(contact["user_id"] is not None for contact in week["contacts"])


def test_the_flow_leads_to_the_queue(week):
    contacts = by_call(week["contacts"])
    finished = "studio_flow_executions_aggregated.flow_execution_finished_time"
    exits = Counter()
    for call_id, steps in by_call(week["studio_flow_execution"]).items():
        steps.sort(key=lambda step: step["step_execution_order"])
        assert [step["step_execution_order"] for step in steps] == list(range(len(steps)))
        first = min(contacts[call_id], key=lambda contact: contact["started_at"])
        assert steps[0]["step_name"] == "Initial step"
        assert len({step[finished] for step in steps}) == 1
        for queue in (step for step in steps if step["step_name"] == "Queue"):
            assert queue["timestamp"] == first["started_at"]
            exits[queue["exit"], first["contact_type"]] += 1
            if queue["exit"] == "success":
                assert queue[finished] == first["answered_at"]
                assert abs(queue["time_in_step"] - first["wait_time"]) <= 1
        assert (first["contact_type"] == "Voicemail") == (
            steps[-1]["component_title"] == "Voicemail"
        )
    assert {("success", "Answered"), ("call_aborted", "Abandoned")} <= set(exits)
    assert any(way_out == "callback" for way_out, _ in exits)


def test_the_log_tells_the_same_story(week):
    kinds = Counter(event.kind for event in week["events"])
    calls = Counter(row["type"] for row in week["calls"])
    attempts = Counter(row["attempt_type"].lower() for row in week["ring_attempts"])
    inbound = sum(n for t, n in calls.items() if not t.startswith("outbound"))
    assert kinds["arrived"] == inbound
    assert kinds["dialled"] == calls["outbound"] + calls["outbound_missed"]
    assert kinds["connected"] == calls["outbound"]
    for outcome in ("answered", "ignored", "rejected", "canceled", "device unavailable"):
        assert kinds[outcome] == attempts[outcome]
    contacts = Counter(row["contact_type"].lower() for row in week["contacts"])
    for outcome in ("abandoned", "short abandoned", "missed", "voicemail"):
        assert kinds[outcome] == contacts[outcome]
    answers = {e.contact_id: e for e in week["events"] if e.kind == "answered"}
    queued = {e.contact_id: e for e in week["events"] if e.kind == "queued"}
    for row in week["contacts"]:
        if row["contact_type"] == "Answered" and row["user_id"]:
            event = answers[row["contact_id"]]
            assert event.at.replace(microsecond=0) == row["answered_at"]
            assert (event.user_id, event.ring_group) == (row["user_id"], row["ring_groups"])
            waited = (event.at - queued[row["contact_id"]].at).total_seconds()
            assert abs(waited - row["wait_time"]) < 1
    moments = [event.at for event in week["events"]]
    assert moments == sorted(moments)


# -- statuses -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("timezone", "changes"),
    [
        ("Europe/Lisbon", {date(2026, 3, 29): 23, date(2026, 10, 25): 25}),
        ("America/New_York", {date(2026, 3, 8): 23, date(2026, 11, 1): 25}),
        ("Australia/Sydney", {date(2026, 10, 4): 23, date(2026, 4, 5): 25}),
        ("Asia/Kolkata", {date(2026, 3, 29): 24}),
    ],
)
@pytest.mark.parametrize("hours", [(8.0, 20.0), (0.0, 24.0)])
def test_statuses_cover_each_agents_day_without_overlap(timezone, changes, hours):
    zone = ZoneInfo(timezone)
    settings = CentreSettings(timezone=timezone, sunday_hours=hours, saturday_hours=hours)
    centre = Centre(settings)
    for day, hours_of_day in changes.items():
        first = datetime.combine(day - timedelta(1), datetime.min.time(), zone)
        midnight = datetime.combine(day, datetime.min.time(), zone)
        next_midnight = datetime.combine(day + timedelta(1), datetime.min.time(), zone)
        last = datetime.combine(day + timedelta(2), datetime.min.time(), zone)
        rows = by_call(
            # A stretch belongs to the moment it ends: the last one of a day to the next midnight.
            centre.rows("user_status", first + timedelta(seconds=1), last + timedelta(seconds=1)),
            "user_id",
        )
        assert len(rows) == settings.agents
        labels = set()
        for stretches in rows.values():
            stretches.sort(key=lambda row: row["status_start_at"])
            assert stretches[0]["status_start_at"] == first
            assert stretches[-1]["status_end_at"] == last
            for before, after in pairwise(stretches):
                assert before["status_end_at"] == after["status_start_at"]
            for row in stretches:
                length = (row["status_end_at"] - row["status_start_at"]).total_seconds()
                assert row["status_time"] == length > 0
            ends = [row["status_end_at"] for row in stretches]
            assert midnight in ends and next_midnight in ends, "cut at local midnight"
            within = [r for r in stretches if midnight <= r["status_start_at"] < next_midnight]
            assert sum(row["status_time"] for row in within) == hours_of_day * 3600
            labels |= {row["status_label"] for row in within}
        assert labels >= {"Available", "On a Call", "After Call Work", "Offline", "Away"}


def test_a_closed_day_is_one_stretch():
    day = datetime(2026, 3, 8, tzinfo=UTC)
    rows = Centre(CentreSettings(timezone="UTC")).rows(
        "user_status", day + timedelta(seconds=1), day + timedelta(days=1, seconds=1)
    )
    assert [row["status_time"] for row in rows] == [86400] * 14


def test_a_team_change_cuts_a_stretch_in_two():
    centre = Centre()
    rows = centre.rows(
        "user_status", datetime(2026, 4, 1, tzinfo=UTC), datetime(2026, 5, 1, tzinfo=UTC)
    )
    moved = []
    for stretches in by_call(rows, "user_id").values():
        stretches.sort(key=lambda row: row["status_start_at"])
        for before, after in pairwise(stretches):
            if before["team_id"] != after["team_id"]:
                moved.append((before, after))
    ((before, after),) = moved
    assert before["status_label"] == after["status_label"]
    assert after["status_start_at"] == datetime(2026, 4, 15, 10, 30, tzinfo=UTC)
    with_team = centre.rows("calls", after["status_start_at"], datetime(2026, 5, 1, tzinfo=UTC))
    late = {
        row["team_name"]
        for row in with_team
        if row["user_id"] == after["user_id"] and row["start_at"] >= after["status_start_at"]
    }
    assert late == {after["team_name"]}
    assert len({row["team_name"] for row in rows}) == 3


# -- settings do what they say --------------------------------------------------------------------


def calls_with(**settings):
    return Centre(CentreSettings(**settings)).rows("calls", *WEEK)


def share(rows, **wanted):
    hits = [row for row in rows if all(row[key] == value for key, value in wanted.items())]
    return len(hits) / len(rows)


def offered(rows):
    return [row for row in rows if not row["type"].startswith("outbound")]


def test_seed_and_volume(week):
    assert calls_with(seed=8) != week["calls"]
    weekdays = [row for row in offered(calls_with(calls_per_day=1000, closed_share=0))
                if row["start_at"].weekday() < 5]  # fmt: skip
    assert len(weekdays) == pytest.approx(5000, rel=0.05)


def test_more_agents_answer_more_and_impatient_callers_leave():
    few, many = offered(calls_with(agents=5)), offered(calls_with(agents=40))
    assert share(few, type="inbound") < 0.65 < 0.93 < share(many, type="inbound")
    impatient = offered(calls_with(patience=10.0))
    assert share(impatient, type="inbound") < share(offered(calls_with()), type="inbound") - 0.2


def test_shares():
    rows = calls_with(outbound_share=0.0, transfer_share=0.0, callback_share=0.0, csat_share=1.0)
    assert not any(row["type"].startswith("outbound") or row["is_transfer"] for row in rows)
    assert not any(row["is_callback_from_queue"] for row in rows)
    assert all(row["csat_score"] for row in rows if row["type"] == "inbound")
    rows = calls_with(transfer_share=0.5, agents=40, callback_share=1.0, callback_after=1.0)
    assert share([r for r in rows if r["type"] == "inbound"], is_transfer=True) == pytest.approx(
        0.5, abs=0.05
    )
    assert any(row["is_callback_from_queue"] for row in rows)
    rows = calls_with(outbound_share=0.5, agents=60)
    assert len(rows) - len(offered(rows)) == pytest.approx(len(rows) / 2, rel=0.1)
    rows = calls_with(ring_groups=("north", "south"), shares=(1.0, 4.0), transfer_share=0.0)
    assert share(offered(rows), ring_groups="south") == pytest.approx(0.8, abs=0.03)
    assert {row["ring_groups"] for row in rows} <= {"north", "south", "north+south"}


def test_times_are_means():
    rows = calls_with(talk_time=100.0, hold_share=1.0, hold_time=50.0, agents=40)
    talked = [row for row in rows if row["type"] == "inbound" and not row["is_transfer"]]
    assert sum(r["talk_time"] for r in talked) / len(talked) == pytest.approx(100, rel=0.08)
    assert sum(r["hold_time"] for r in talked) / len(talked) == pytest.approx(50, rel=0.08)


def test_nobody_answers_rings():
    centre = Centre(
        CentreSettings(
            ignored_share=1.0, max_wait=60.0, ring_timeout=10.0, patience=1e9, callback_share=0.0
        )
    )
    rows = offered(centre.rows("calls", *WEEK))
    assert {row["type"] for row in rows} == {"missed", "voicemail"}
    assert {row["wait_time"] for row in rows if row["is_in_business_hours"]} == {60}
    attempts = centre.rows("ring_attempts", *WEEK)
    assert {row["attempt_type"] for row in attempts} == {"Ignored", "Canceled"}
    assert max(row["ring_attempt_duration"] for row in attempts) <= 11
    never = Centre(CentreSettings(agents=1, patience=0.0, outbound_share=0.0))
    assert {row["type"] for row in never.rows("calls", *WEEK) if row["is_in_business_hours"]} <= {
        "short_abandoned"
    }


def test_opening_hours():
    rows = calls_with(weekday_hours=(9.5, 12.0), saturday_hours=None, sunday_hours=None,
                      timezone="America/New_York")  # fmt: skip
    zone = ZoneInfo("America/New_York")
    for row in rows:
        local = row["start_at"].astimezone(zone)
        opened = local.weekday() < 5 and 9.5 <= local.hour + local.minute / 60 < 12
        assert row["is_in_business_hours"] == opened
        assert opened or row["type"] in ("voicemail", "missed")
    assert not calls_with(**CLOSED, closed_share=0.0)
    closed = calls_with(**CLOSED, closed_share=0.1)
    assert len(closed) == pytest.approx(280, rel=0.2)


def test_calls_end_on_the_day_they_begin_even_around_the_clock():
    always = {"weekday_hours": (0.0, 24.0), "timezone": "UTC", "agents": 30}
    rows = calls_with(
        **always, talk_time=1500.0, transfer_share=0.5, max_wait=4000.0, patience=3000.0
    )
    assert all(row["start_at"].date() == row["end_at"].date() for row in rows)
    assert any(row["end_at"].hour == 23 and row["end_at"].minute > 50 for row in rows)


def test_many_agents_have_different_names():
    people = Centre(CentreSettings(agents=900)).people
    assert len({agent.name for agent in people.agents}) == 900
    assert len({agent.id for agent in people.agents}) == 900
    assert all(agent.email.isascii() and " " not in agent.email for agent in people.agents)


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        ({"timezone": "Mars/Olympus"}, "Mars/Olympus"),
        ({"timezone": "../etc"}, "no such zone"),
        ({"agents": 0}, "at least 1"),
        ({"ring_groups": ()}, "at least one group"),
        ({"shares": (1.0,)}, "one number per ring group"),
        ({"shares": (1.0, 1.0, 0.0)}, "positive"),
        ({"weekday_hours": (20.0, 8.0)}, "opening hours"),
        ({"outbound_share": 1.0}, "outbound_share"),
        ({"ring_timeout": 90.0}, "ring_timeout"),
        ({"patience": -1.0}, "negative"),
    ],
)
def test_settings_that_cannot_be(wrong, complaint):
    with pytest.raises(ConfigError, match=complaint):
        CentreSettings(**wrong)


# -- queueing theory ------------------------------------------------------------------------------


def erlang_a(rate, service, patience, agents):
    """Share abandoned in the stationary M/M/n+M queue: a birth-death chain."""
    weight, weights = 1.0, [1.0]
    for k in range(1, 400):
        weight *= rate / (min(k, agents) / service + max(0, k - agents) / patience)
        weights.append(weight)
    total = sum(weights)
    waiting = sum(max(0, k - agents) * w for k, w in enumerate(weights)) / total
    return waiting / patience / rate


def test_the_theory_centre_behaves_as_erlang_a_says():
    settings = CentreSettings.erlang(calls_per_hour=120, agents=7, talk_time=200, patience=120)
    events = Centre(settings).events(START, START + timedelta(14))
    kinds = Counter(event.kind for event in events)
    left = kinds["abandoned"] + kinds["short abandoned"]
    assert kinds["arrived"] == pytest.approx(120 * 24 * 14, rel=0.02)
    assert left + kinds["answered"] == kinds["arrived"]
    expected = erlang_a(120 / 3600, 200, 120, 7)
    assert left / kinds["arrived"] == pytest.approx(expected, rel=0.05)


def test_patience_is_exponential():
    settings = CentreSettings.erlang(calls_per_hour=300, agents=1, talk_time=600, patience=60)
    rows = Centre(settings).rows("calls", START, START + timedelta(1))
    gone = [row["wait_time"] for row in rows if "abandoned" in row["type"]]
    assert sum(wait > 60 for wait in gone) / len(gone) == pytest.approx(exp(-1), abs=0.03)
