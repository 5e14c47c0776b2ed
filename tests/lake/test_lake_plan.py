"""Which windows are asked for, and what is known of those that are there: no I/O."""

from __future__ import annotations

import itertools
import json
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from windows_by_hand import day

from td_notebooks.errors import ConfigError
from td_notebooks.lake.ledger import Entry, Ledger
from td_notebooks.lake.plan import (
    Wish,
    end_of,
    known_until,
    length_of,
    lookback_start,
    start_of,
    windows,
)
from td_notebooks.lake.spans import difference, overlaps, splits, union
from td_notebooks.timespan import LONGEST_JOB

ZONES = ("UTC", "America/New_York", "Europe/Lisbon", "Australia/Sydney", "Asia/Kolkata")
HOUR = timedelta(hours=1)


def entry(start, end, *, asked_at=None, known=None, account="acme", **more):
    asked_at = asked_at or end + timedelta(days=1)
    return Entry(account, start, end, asked_at, known or min(end, asked_at), **more)


def pulled(spans, asked_at, delay=timedelta(minutes=5), **more):
    return [
        entry(s.start, s.end, asked_at=asked_at, known=known_until(s.end, asked_at, delay), **more)
        for s in spans
    ]


def local(text, zone):
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))


def test_history_in_months_the_lookback_in_days_today_in_two():
    now = local("2026-11-18T11:06:40", "America/New_York")
    wish = Wish(
        local("2026-08-10", "America/New_York"),
        now,
        now,
        lookback=timedelta(days=2),
        timezone="America/New_York",
    )
    found = windows(wish, Ledger(), "acme")
    edges = [
        (s.start.astimezone(now.tzinfo).isoformat(), s.end.astimezone(now.tzinfo).isoformat())
        for s in found
    ]
    assert [start[:16] for start, _ in edges] == [
        "2026-08-10T00:00",
        "2026-09-01T00:00",
        "2026-10-01T00:00",
        "2026-11-01T00:00",
        "2026-11-16T00:00",
        "2026-11-17T00:00",
        "2026-11-18T00:00",
        "2026-11-18T11:00",
    ]
    assert edges[-1][1] == now.isoformat()


def test_what_is_complete_and_old_is_not_asked_again_but_with_full():
    now = day(20.5)
    wish = Wish(day(1), now, now, lookback=timedelta(days=2))
    first = windows(wish, Ledger(), "acme")
    ledger = Ledger(tuple(pulled(first, now)))
    again = windows(wish, ledger, "acme")
    assert [s.start for s in again] == [day(18), day(19), day(20)]
    full = windows(Wish(day(1), now, now, lookback=timedelta(days=2), full=True), ledger, "acme")
    assert min(s.start for s in full) == day(1)
    assert windows(wish, ledger, "another") == first


def test_without_a_lookback_only_the_unfinished_hour_is_asked_again():
    now = day(20) + 10 * HOUR + timedelta(minutes=20)
    wish = Wish(day(1), now, now, lookback=timedelta(0))
    ledger = Ledger(tuple(pulled(windows(wish, Ledger(), "acme"), now)))
    assert [(s.start, s.end) for s in windows(wish, ledger, "acme")] == [(day(20) + 10 * HOUR, now)]


def test_an_unfinished_hour_is_never_complete():
    asked = day(20) + 10 * HOUR + timedelta(minutes=3)
    ledger = Ledger(tuple(pulled(windows(Wish(day(19), asked, asked), Ledger(), "acme"), asked)))
    assert ledger.complete("acme") == [(day(19), asked - timedelta(minutes=5))]
    later = asked + timedelta(days=30)
    missing = windows(Wish(day(19), later, later, lookback=timedelta(0)), ledger, "acme")
    assert missing[0].start == day(20) + 9 * HOUR  # the hour it is in, as a whole


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize(
    "change", ["2026-03-08", "2026-03-29", "2026-04-05", "2026-10-04", "2026-10-25", "2026-11-01"]
)
def test_no_hour_is_skipped_or_asked_twice_around_a_clock_change(zone, change):
    start = local(change, zone) - timedelta(days=40)
    for hours in range(0, 120, 19):
        now = (local(change, zone).astimezone(UTC) + hours * HOUR).replace(minute=13)
        found = windows(Wish(start, now, now, timezone=zone), Ledger(), "acme")
        assert found[0].start == start and found[-1].end == now
        assert all(a.end == b.start for a, b in itertools.pairwise(found))
        assert all(s.length <= LONGEST_JOB for s in found)


moments = st.integers(0, 24 * 400).map(lambda hours: day(1) + hours * HOUR)
spans = st.tuples(moments, moments).filter(lambda s: s[0] < s[1])
minutes = st.integers(0, 60 * 24 * 400).map(lambda m: day(1) + timedelta(minutes=m))
entries = st.lists(
    st.builds(
        lambda start, length, known, loose, asked: entry(
            start,
            start + length,
            known=start + length * known,
            untimed=int(loose),
            asked_at=day(1) + timedelta(days=900, seconds=asked),
        ),
        moments,
        st.integers(1, 31 * 24).map(lambda hours: hours * HOUR),
        st.sampled_from([1.0, 1.0, 1.0, 0.5, 0.0]),
        st.booleans(),
        st.integers(0, 10**6),
    ),
    max_size=8,
).map(lambda found: _whole(sorted(found, key=lambda e: e.asked_at)))


def _whole(found):
    """Leave out what the table would have refused: windows that divide one with loose rows."""
    ledger = Ledger()
    for one in found:
        if not ledger.forbids("acme", one.span, None):
            ledger = ledger.after([one], ledger.version + 1)
    return ledger


@settings(max_examples=50, deadline=None)
@given(entries, moments, minutes, st.sampled_from(ZONES), st.booleans(), st.integers(0, 40))
def test_windows_cover_what_is_missing_and_divide_nothing(ledger, since, until, zone, full, back):
    wish = Wish(since, until, until, timedelta(days=back), full, zone)
    found = windows(wish, ledger, "acme")
    asked = [(s.start, s.end) for s in found]
    assert asked == sorted(asked)
    assert all(a[1] <= b[0] for a, b in itertools.pairwise(asked))
    assert all(end - start <= LONGEST_JOB for start, end in asked)
    wholes = ledger.undividable("acme")
    assert not any(splits(edge, whole) for span in asked for edge in span for whole in wholes)
    if since < until:
        wanted = [(since, until)]
        if not full:
            begin = max(since, lookback_start(until, wish.lookback, zone))
            old = [(s, min(e, begin)) for s, e in ledger.complete("acme")]
            wanted = difference(wanted, old)
        assert not difference(wanted, asked)
    else:
        assert not found


@settings(max_examples=50, deadline=None)
@given(entries, st.integers(0, 500))
def test_a_summary_tells_the_same_of_what_is_there(ledger, days):
    short = Ledger.from_summary(ledger.summary(day(1) + timedelta(days=days)))
    assert short.version == ledger.version
    assert short.complete("acme") == ledger.complete("acme")
    assert short.undividable("acme") == ledger.undividable("acme")


def test_a_summary_keeps_what_was_done_to_the_rows():
    marks = ["", "pseudonyms", "pseudonyms", ""]
    days = [entry(day(n), day(n + 1), mark=mark) for n, mark in enumerate(marks, 1)]
    short = Ledger.from_summary(Ledger(tuple(days), 4).summary(day(1) + timedelta(days=200)))
    found = [(e.start, e.end, e.mark) for e in short.entries]
    assert found == [
        (day(1), day(2), ""),
        (day(2), day(4), "pseudonyms"),
        (day(4), day(5), ""),
    ]


def test_a_summary_of_another_format_is_not_read():
    text = Ledger((entry(day(1), day(2)),), 4).summary(day(9))
    assert Ledger.from_summary(text).version == 4
    told = json.loads(text)
    del told["format"]  # the first one had none
    assert Ledger.from_summary(json.dumps(told)) == Ledger()


def test_a_summary_of_years_is_short():
    hours = [entry(day(1) + n * HOUR, day(1) + (n + 1) * HOUR, rows=5) for n in range(24 * 200)]
    text = Ledger(tuple(hours), 99).summary(day(1) + timedelta(days=200))
    assert len(text) < 300_000  # the last five weeks are kept whole
    assert Ledger.from_summary(text).complete("acme") == [(day(1), day(201))]


def test_an_entry_survives_its_text_and_unknown_fields():
    one = entry(day(1), day(2), rows=3, job="j", sha256="ff", payload="v1", zone="Europe/Lisbon")
    text = one.dump()
    assert Entry.load(text) == one
    assert Entry.load(text[:-1] + ',"later":1}') == one
    with pytest.raises(ValueError, match="no entry"):
        Entry.load("[]")


def test_newer_rows_are_not_replaced_by_older_ones():
    ledger = Ledger((entry(day(1), day(5), asked_at=day(9)),))
    assert ledger.forbids("acme", (day(4), day(6)), day(8))
    assert not ledger.forbids("acme", (day(4), day(6)), day(10))
    assert not ledger.forbids("acme", (day(5), day(6)), day(8))
    assert not ledger.forbids("acme", (day(4), day(6)), None)


@settings(max_examples=40, deadline=None)
@given(st.lists(spans, max_size=6), st.lists(spans, max_size=6), moments)
def test_sets_of_moments(one, other, moment):
    def within(found):
        return any(start <= moment < end for start, end in found)

    assert within(union(one)) == within(one)
    assert within(difference(one, other)) == (within(one) and not within(other))
    assert all(overlaps(span, span) for span in one)


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("3d", timedelta(days=3)),
        ("36h", timedelta(hours=36)),
        (" 2W ", timedelta(days=14)),
        ("90min", timedelta(minutes=90)),
        ("1.5h", timedelta(minutes=90)),
        (timedelta(days=1), timedelta(days=1)),
    ],
)
def test_lengths_of_time(text, length):
    assert length_of(text) == length


TOO_LONG = ["99999999d", "9" * 400 + "w", timedelta(days=40_000)]


@pytest.mark.parametrize("text", ["", "3", "d", "3 years", "-3d", timedelta(-1), 3, *TOO_LONG])
def test_what_is_no_length_of_time(text):
    with pytest.raises(ConfigError):
        length_of(text)


def test_a_start_is_a_date_or_a_length_back():
    now = local("2026-11-18T11:00", "Europe/Lisbon")
    assert start_of("2d", now, "Europe/Lisbon") == local("2026-11-16", "Europe/Lisbon")
    assert start_of("2026-01-01", now, "Europe/Lisbon") == local("2026-01-01", "Europe/Lisbon")
    with pytest.raises(ConfigError, match="no date"):
        start_of("yesterday", now, "UTC")
    for length in TOO_LONG:
        with pytest.raises(ConfigError, match="more than a century"):
            start_of(length, now, "UTC")
    with pytest.raises(ConfigError, match="years 1 and 9999"):
        start_of("0001-01-01", now, "Asia/Tokyo")


def test_what_is_wanted_has_begun_and_ends_later():
    now = local("2026-11-18T23:30", "UTC")
    assert start_of("2026-11-19", now, "Asia/Tokyo") < now
    with pytest.raises(ConfigError, match="in the future"):
        start_of("2026-11-19", now, "UTC")
    assert end_of(None, now, "UTC") == end_of("2030-01-01", now, "UTC", day(1)) == now
    with pytest.raises(ConfigError, match=r"ends .* before it has begun"):
        end_of("2026-08-01", now, "UTC", day(1))


def test_the_lookback_counts_from_now_and_not_from_an_end_in_the_past():
    wish = Wish(day(1), day(1, 10), day(20, 11), timedelta(days=3))
    found = windows(wish, Ledger(), "acme")
    assert [s.start for s in found] == [day(1), day(1, 9)]
    ledger = Ledger(tuple(pulled(found, day(20, 11))))
    assert windows(wish, ledger, "acme") == []
