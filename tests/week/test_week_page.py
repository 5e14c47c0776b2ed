"""The page of a week says what the measures say, asks nobody for anything, and is sound HTML."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import cache
from html.parser import HTMLParser

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from tables import table_of

from td_notebooks import metrics
from td_notebooks.errors import ConfigError, SchemaError
from td_notebooks.sandbox.centre import Centre, CentreSettings
from td_notebooks.week import week_before, week_of, week_page

ZONE = "Europe/Lisbon"
WEEK = week_of("2026-08-12", ZONE)
ENDS = {"p", "li"}
VOID = {"meta", "path", "use", "rect"}


@cache
def report(name):
    """Return two weeks of a report, and a day on either side."""
    centre = Centre(CentreSettings(seed=3, calls_per_day=60, agents=5))
    first, last = week_before(WEEK).start - timedelta(days=1), WEEK.end + timedelta(days=1)
    return table_of(name, centre.rows(name, first, last))


def reports():
    return {"contacts": report("contacts"), "statuses": report("user_status")}


@cache
def whole_page():
    return week_page(report("calls"), WEEK, **reports(), account="acme")


@pytest.fixture
def no_pictures(monkeypatch):
    """Leave the pictures undrawn: most of a page's time is theirs."""
    svg = '<svg role="img"></svg>'
    monkeypatch.setattr("td_notebooks.plots.inline.inline_svg", lambda draw, name: (name, svg))


class Page(HTMLParser):
    """What stands in a page: its text, tags, ids; whether its tags match."""

    def __init__(self, html):
        super().__init__()
        self.open, self.text, self.ids, self.pointers, self.tags = [], [], [], [], []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.tags.append((tag, given))
        self.ids += [given["id"]] if "id" in given else []
        self.pointers += re.findall(r"#([\w-]+)", given.get("href", ""))
        self.pointers += re.findall(r"url\(#([\w-]+)\)", " ".join(map(str, given.values())))
        self.pointers += given.get("aria-labelledby", "").split()
        if tag not in {"meta"}:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def text_of(html):
    body = re.sub(r"<svg.*?</svg>|<style>.*?</style>", "", html, flags=re.DOTALL)
    return " ".join(" ".join(Page(body).text).split())


def of_week(table, column, week=WEEK):
    times = table[column]
    return table.filter(pc.and_(pc.greater_equal(times, week.start), pc.less(times, week.end)))


def test_the_headlines_are_the_measures():
    text = text_of(whole_page())
    calls, before = (of_week(report("calls"), "start_at", w) for w in (WEEK, week_before(WEEK)))
    level, last = (metrics.service_level(frame, within=20) for frame in (calls, before))
    assert f"{level.value:.1%}" in text
    assert f"{level.numerator:,} ÷ {level.denominator:,}" in text
    assert "[service_level: talkdesk_calls]" in text
    step = 100 * (level.value - last.value)
    sign, word = ("▲", "better") if step > 0 else ("▼", "worse")
    assert f"{sign} {abs(step):.1f} points from {last.value:.1%}, {word}" in text
    abandoned = metrics.abandonment_rate(calls)
    assert f"{abandoned.numerator:,} ÷ {abandoned.denominator:,}" in text
    asa = metrics.asa(calls)
    assert (
        f"{asa.value:.1f} s" in text and f"{asa.numerator:,.0f} s ÷ {asa.denominator:,.0f}" in text
    )
    aht = metrics.aht(of_week(report("contacts"), "started_at"))
    assert f"{round(aht.value) // 60} min {round(aht.value) % 60:02d} s" in text
    busy = metrics.occupancy(report("user_status"), start=WEEK.start, end=WEEK.end)
    assert f"{busy.value:.1%}" in text
    assert f"{busy.numerator / 3600:,.1f} h ÷ {busy.denominator / 3600:,.1f} h" in text
    assert text.startswith(
        "Week 33: 10 to 16 August 2026 Week 33: 10 to 16 August 2026 Account acme"
    )
    assert "Account acme" in text and "days of Europe/Lisbon" in text


def test_every_ring_group_is_there_with_its_parts():
    text = text_of(whole_page())
    levels = metrics.service_level(of_week(report("calls"), "start_at"), by="ring_group")
    assert len(levels) > 3
    for row in levels.to_pylist():
        if row["denominator"]:
            assert f"{row['numerator']} of {row['denominator']}" in text
            assert str(row["ring_group"] or "no ring group") in text


def test_the_quality_of_each_report_is_told(no_pictures):
    text = text_of(week_page(report("calls"), WEEK, **reports()))
    for name in ("calls", "contacts", "user_status"):
        assert re.search(rf"{name} : [\d,]+ rows, all \d checks passed", text)
    calls = report("calls")
    twice = pa.concat_tables([calls, of_week(calls, "start_at").slice(0, 3)])
    text = text_of(week_page(twice, WEEK))
    assert "1 of 8 checks found something. 3 rows repeat an earlier row's call_id" in text


def test_the_page_is_sound_and_asks_nobody_for_anything():
    html = whole_page()
    page = Page(html)
    assert len(page.ids) == len(set(page.ids))
    assert set(page.pointers) <= set(page.ids)
    assert not re.search(r"https?:|//\w|@import|javascript:", html)
    tags = {tag for tag, _ in page.tags}
    assert not tags & {"script", "link", "img", "iframe", "object", "form", "base"}
    assert not [name for _, given in page.tags for name in given if name.startswith("on")]
    figures = [given for tag, given in page.tags if tag == "svg"]
    assert len(figures) == 4
    assert all(given["role"] == "img" and given["aria-labelledby"] for given in figures)
    policy = next(given["content"] for _, given in page.tags if "http-equiv" in given)
    assert policy.startswith("default-src 'none'")
    assert "viewport" in html and "@media print" in html and "prefers-color-scheme: dark" in html
    assert len(html) < 500_000


def test_the_same_week_gives_the_same_page():
    again = week_page(report("calls"), WEEK, **reports(), account="acme")
    assert again == whole_page()


def test_a_page_says_when_it_was_made(no_pictures):
    made = week_page(report("calls"), WEEK, made_at=datetime(2026, 8, 17, 5, tzinfo=UTC))
    assert "Made 2026-08-17 06:00." in made


def test_what_people_typed_is_escaped(no_pictures):
    calls = report("calls")
    nasty = "<script>alert(1)</script>&\"'"
    place = calls.column_names.index("ring_groups")
    named = calls.set_column(place, "ring_groups", pa.array([nasty] * len(calls)))
    html = week_page(named, WEEK, account=f"a{nasty}")
    assert "<script" not in html and html.count("&lt;script&gt;alert(1)&lt;/script&gt;&amp;") == 2
    Page(html)


def test_calls_alone_are_enough(no_pictures):
    text = text_of(week_page(report("calls"), WEEK))
    assert "Occupancy" not in text and "agents" not in text
    assert "talk + hold, inbound" in text
    assert "contacts :" not in text


def test_without_a_week_before_nothing_is_compared(no_pictures):
    text = text_of(week_page(of_week(report("calls"), "start_at"), WEEK))
    assert text.count("no week before to compare with") == 5
    assert "better" not in text and "worse" not in text


def test_an_empty_week_is_a_page_too():
    tables = {name: report(name).slice(0, 0) for name in ("calls", "contacts", "user_status")}
    html = week_page(
        tables["calls"], WEEK, contacts=tables["contacts"], statuses=tables["user_status"]
    )
    text = text_of(html)
    assert "Calls 0 no week before" in text and "Service level — " in text
    assert "calls : 0 rows" in text
    Page(html)


def set_in(table, name, values):
    return table.set_column(table.column_names.index(name), name, values)


def test_what_reports_do_not_tell_is_left_out(no_pictures):
    calls, contacts, statuses = (report(name) for name in ("calls", "contacts", "user_status"))
    of_no_length = pa.array([0.0] * len(contacts))
    for name in ("talk_time", "hold_time", "after_call_work_time"):
        contacts = set_in(contacts, name, of_no_length)
    untyped = set_in(report("contacts"), "inside_business_hours", pa.nulls(len(contacts)))
    for given in (contacts, untyped, untyped.to_pandas(), untyped.slice(0, 0)):
        page = week_page(calls, WEEK, contacts=given, statuses=statuses)
        assert "about-volume" in page and "about-agents" not in page
    assert "about-agents" in week_page(calls, WEEK, **reports())
    at_once = week_page(calls, WEEK, within=0)
    assert "about-days" in at_once and "about-waits" not in at_once


@pytest.mark.parametrize("make", [pl.from_arrow, lambda t: t.to_pandas(), duckdb.from_arrow])
def test_every_kind_of_frame(make, no_pictures):
    frames = {name: make(table) for name, table in reports().items()}
    expected = week_page(report("calls"), WEEK, **reports())
    assert week_page(make(report("calls")), WEEK, **frames) == expected


def test_which_week_it_is(no_pictures):
    assert str(WEEK) == "2026-08-10 to 2026-08-17"
    assert str(week_before(WEEK)) == "2026-08-03 to 2026-08-10"
    # In Lisbon it is Monday already.
    monday = datetime(2026, 8, 16, 23, 30, tzinfo=UTC)
    assert str(week_of(None, ZONE, now=monday)) == "2026-08-10 to 2026-08-17"
    assert str(week_of(None, "UTC", now=monday)) == "2026-08-03 to 2026-08-10"
    # Clocks change.
    assert week_of("2026-03-29", ZONE).length == timedelta(days=7, hours=-1)
    assert week_before(week_of("2026-11-01", ZONE)).length == timedelta(days=7, hours=1)
    with pytest.raises(ConfigError, match="no date"):
        week_of("last week", ZONE)
    assert "28 December to 3 January 2027" in week_page(
        report("calls").slice(0, 0), week_of("2027-01-01", ZONE)
    )


def test_wrong_input():
    with pytest.raises(SchemaError, match="a page of the week"):
        week_page(pa.table({"x": [1]}), WEEK)
    with pytest.raises(ConfigError, match="Write 80% as"):
        week_page(report("calls"), WEEK, target=80)
