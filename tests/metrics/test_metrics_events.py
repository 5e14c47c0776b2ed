"""Every measure is what the simulation's own log says, overall and in every group."""

from __future__ import annotations

import itertools
import math

import pyarrow as pa
import pytest
import what_happened as truth
from metric_frames import rows

from td_notebooks import metrics
from td_notebooks.metrics.service_level import VARIANTS

BYS = [["ring_group"], ["15min"], ["30min"], ["1h"], ["day"], ["week"], ["weekday"]]
BYS += [["ring_group", "30min"], ["weekday", "ring_group"]]
REPORTS = {"calls": truth.calls, "contacts": truth.contacts}


def share(known, good, counts):
    chosen = [row for row in known if counts(row)]
    return sum(bool(good(row)) for row in chosen), len(chosen)


def mean(known, value, outcomes, hours=False):
    chosen = [row for row in known if row["outcome"] in outcomes and (row["open"] or not hours)]
    return sum(row[value] for row in chosen), len(chosen)


def by_agents(frame):
    """Leave out conversations at numbers outside, of which the log says nothing."""
    return frame.filter(frame["user_id"].is_valid())


def handling(known, *parts):
    mine = [row for row in known if row["conversation"] is not None]
    return sum(row[part] for row in mine for part in parts), len(mine)


MEASURES = {
    **{
        variant: (
            lambda frame, variant=variant, **by: metrics.service_level(
                frame, variant=variant, **by
            ),
            lambda known, variant=variant: truth.service_level(known, variant),
        )
        for variant in VARIANTS
    },
    "answered within": (
        lambda frame, **by: metrics.service_level(frame, within=45, missed_within=False, **by),
        lambda known: truth.service_level(known, "talkdesk_calls", 45, missed=False),
    ),
    "short ones counted": (
        lambda frame, **by: metrics.service_level(
            frame, variant="talkdesk_contacts", leave_out_short=False, business_hours=True, **by
        ),
        lambda known: truth.service_level(
            known, "talkdesk_contacts", hours=True, leave_out_short=False
        ),
    ),
    "asa": (metrics.asa, lambda known: mean(known, "wait", "A")),
    "average wait": (metrics.average_wait, lambda known: mean(known, "wait", "AM", hours=True)),
    "time to abandon": (metrics.time_to_abandon, lambda known: mean(known, "wait", {"B"})),
    "time to abandon, short too": (
        lambda frame, **by: metrics.time_to_abandon(frame, leave_out_short=False, **by),
        lambda known: mean(known, "wait", {"B", "SA"}),
    ),
    "abandonment rate": (
        metrics.abandonment_rate,
        lambda known: share(known, lambda r: r["outcome"] == "B", lambda r: r["outcome"] != "SA"),
    ),
    "abandonment rate, short too": (
        lambda frame, **by: metrics.abandonment_rate(frame, leave_out_short=False, **by),
        lambda known: share(known, lambda r: r["outcome"] in {"B", "SA"}, lambda r: True),
    ),
    "missed rate": (
        metrics.missed_rate,
        lambda known: share(known, lambda r: r["outcome"] == "M", lambda r: True),
    ),
    "voicemail rate": (
        metrics.voicemail_rate,
        lambda known: share(known, lambda r: r["outcome"] == "V", lambda r: True),
    ),
    "callback rate": (
        metrics.callback_rate,
        lambda known: share(known, lambda r: r["callback"], lambda r: True),
    ),
}
#: Measures of the contacts report alone.
OF_CONTACTS = {
    "transfer rate": (
        lambda frame, **by: metrics.transfer_rate(frame, direction="inbound", **by),
        lambda known: share(known, lambda r: r["handed on"], lambda r: r["outcome"] == "A"),
    ),
    "aht": (
        lambda frame, **by: metrics.aht(by_agents(frame), **by),
        lambda known: handling(known, "conversation", "work"),
    ),
    "after-call work": (
        lambda frame, **by: metrics.after_call_work(by_agents(frame), **by),
        lambda known: handling(known, "work"),
    ),
}
ALL = {(name, report): both for name, both in MEASURES.items() for report in REPORTS}
ALL |= {(name, "contacts"): both for name, both in OF_CONTACTS.items()}


@pytest.mark.parametrize(("name", "report"), ALL)
def test_measures_are_what_happened(name, report):
    measure, expected = ALL[name, report]
    known, frame = REPORTS[report](), truth.report(report)
    overall = measure(frame)
    assert (overall.numerator, overall.denominator) == expected(known)
    assert overall.denominator > 5
    for by in BYS:
        groups = truth.grouped(known, by)
        table = rows(measure(frame, by=by, timezone=truth.ZONE))
        names = ["interval" if word.endswith(("min", "h")) else word for word in by]
        column = list(table[0])[list(table[0]).index("denominator") + 1]
        found = {}
        for row in table:
            counts = row["numerator"], row["denominator"]
            assert row[column] == (pytest.approx(counts[0] / counts[1]) if counts[1] else None)
            found[tuple(row[name] for name in names)] = counts
        assert len(found) == len(table)
        # Outbound rows make groups of their own, in which there is nothing to count.
        assert {k: v for k, v in found.items() if v != (0, 0)} == {
            group: expected(its) for group, its in groups.items() if expected(its) != (0, 0)
        }


def test_longest_wait():
    waits = [row["wait"] for row in truth.contacts() if row["outcome"] in "AM"]
    frame = truth.report("contacts")
    assert metrics.longest_wait(frame) == max(waits) > 60
    for report, known in REPORTS.items():
        for by in BYS:
            expected = {
                group: max((r["wait"] for r in its if r["outcome"] in "AM"), default=None)
                for group, its in truth.grouped(known(), by).items()
            }
            table = rows(metrics.longest_wait(truth.report(report), by=by, timezone=truth.ZONE))
            names = ["interval" if word.endswith(("min", "h")) else word for word in by]
            found = {tuple(row[name] for name in names): row["longest_wait"] for row in table}
            assert {k: v for k, v in found.items() if v is not None} == {
                k: v for k, v in expected.items() if v is not None
            }
    assert metrics.longest_wait(frame, business_hours=True) == max(waits)


def test_handle_time_and_its_parts():
    mine = [row for row in truth.contacts() if row["conversation"] is not None]
    frame = truth.report("contacts")
    # The log says nothing of conversations at numbers outside.
    frame = frame.filter(frame["user_id"].is_valid())
    aht = metrics.aht(frame)
    assert aht.denominator == len(mine)
    assert aht.numerator == sum(row["conversation"] + row["work"] for row in mine)
    assert aht.talk.numerator + aht.hold.numerator == sum(row["conversation"] for row in mine)
    assert aht.after_call_work.numerator == sum(row["work"] for row in mine)
    assert aht.talk.value + aht.hold.value + aht.after_call_work.value == pytest.approx(aht.value)
    assert metrics.after_call_work(frame).value == aht.after_call_work.value
    assert float(metrics.hold_time(frame)) == aht.hold.value
    assert repr(aht).startswith(f"AHT {aht.value:,.1f} s (")
    for row in rows(metrics.aht(frame, by="ring_group")):
        its = [r for r in mine if r["group"] == row["ring_group"]]
        assert row["numerator"] == sum(r["conversation"] + r["work"] for r in its)
        parts = row["talk_time"], row["hold_time"], row["after_call_work_time"]
        assert parts == (None,) * 3 if not its else sum(parts) == pytest.approx(row["aht"])
    calls = metrics.aht(truth.report("calls"))
    assert calls.variant == "talk + hold, inbound"
    assert math.isnan(calls.after_call_work)


def test_transfers():
    handed_on = sum(row["onward"] for row in truth.contacts())
    rate = metrics.transfer_rate(truth.report("contacts"), direction="inbound")
    assert rate.numerator == handed_on
    assert rate.denominator == sum(row["outcome"] == "A" for row in truth.contacts())
    pairs = rows(metrics.transfers(truth.report("contacts")))
    assert sum(row["transfers"] for row in pairs) == handed_on
    assert all(row["from_ring_group"] != row["to_ring_group"] for row in pairs)


@pytest.mark.parametrize(
    ("booked", "moment"), [("start", "start"), ("answer", "left"), ("end", "over")]
)
def test_interval_table(booked, moment):
    frame = truth.report("contacts")
    contacts = truth.contacts()
    if booked == "end":
        # The log does not say when conversations at numbers outside were over.
        frame = frame.filter(frame["ring_groups"].is_valid())
        contacts = [row for row in contacts if row["group"]]
    options = {"by": "ring_group", "timezone": truth.ZONE, "booked": booked}
    table = rows(metrics.interval_table(frame, **options))
    known = {}
    for row in contacts:
        known.setdefault((row[moment] // 1800 * 1800, row["group"]), []).append(row)
    for row in table:
        its = known.pop((row["interval"], row["ring_group"]), [])
        count = lambda *outcomes, its=its: sum(r["outcome"] in outcomes for r in its)  # noqa: E731
        assert row["offered"] == len(its)
        assert row["answered"] == count("A")
        assert row["abandoned"] == count("B", "SA")
        assert (row["missed"], row["voicemail"]) == (count("M"), count("V"))
        assert row["within"] == sum(r["outcome"] == "A" and r["wait"] <= 20 for r in its)
        assert row["agents"] == len({r["user"] for r in its} - {None})
        assert (row["aht"] is None) == (row["answered"] == 0)
        if row["ring_group"]:
            handled = [r for r in its if r["outcome"] == "A"]
            assert row["handle_time"] == sum(r["conversation"] + r["work"] for r in handled)
    assert known == {}


def test_occupied_time_of_each_agent():
    busy = {}
    for user, label, begin, end in truth.busy():
        busy[user, label] = busy.get((user, label), 0) + end - begin
    found = {
        (row["user_id"], row["status_label"]): row["status_time"]
        for row in rows(metrics.time_by_status(truth.report("user_status")))
    }
    assert {key: found.get(key) for key in busy} == busy
    occupancy = metrics.occupancy(truth.report("user_status"))
    assert occupancy.numerator == sum(busy.values())


@pytest.mark.parametrize("by", ["30min", "1h", "day", "week", "weekday"])
def test_occupied_time_of_each_interval(by):
    expected = {}
    for user, _, begin, end in truth.busy():
        for second in range(begin // 60 * 60, end, 60):  # every cut is at a full minute
            spent = min(end, second + 60) - max(begin, second)
            group = user, truth.key({"start": second}, by)
            expected[group] = expected.get(group, 0) + spent
    table = rows(
        metrics.occupancy(truth.report("user_status"), by=["user_id", by], timezone=truth.ZONE)
    )
    name = "interval" if by.endswith(("min", "h")) else by
    found = {(row["user_id"], row[name]): row["numerator"] for row in table if row["numerator"]}
    assert found == {group: spent for group, spent in expected.items() if spent}


def test_repeat_contacts():
    phones = {}
    for row in truth.report("calls").to_pylist():
        if not row["type"].startswith("outbound"):
            phones.setdefault(row["contact_phone_number"], []).append(row["start_at"].timestamp())
    again = 0
    for moments in phones.values():
        moments.sort()
        again += sum(b - a <= 86400 for a, b in itertools.pairwise(moments))
    for report in REPORTS:
        rate = metrics.repeat_contact_rate(truth.report(report), within_days=1)
        assert rate.denominator == len(truth.calls())
        assert abs(rate.numerator - again) <= (report == "contacts")
        assert rate.variant == "again within 1 day"


@pytest.mark.parametrize("word", ["anonymous", "Restricted"])
def test_who_withholds_the_number_is_not_one_person(word):
    calls = truth.report("calls")
    place = calls.column_names.index("contact_phone_number")
    hidden = calls.set_column(place, "contact_phone_number", pa.array([word] * len(calls)))
    assert metrics.repeat_contact_rate(hidden).denominator == 0
