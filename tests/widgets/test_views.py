"""What a notebook shows without a kernel."""

from __future__ import annotations

from datetime import UTC, datetime
from html.parser import HTMLParser

import pandas as pd
import pytest

import td_notebooks as td
from td_notebooks.metrics.quality import Finding, QualityCard
from td_notebooks.progress import Tally
from td_notebooks.reports.state import JobState
from td_notebooks.views import (
    age_text,
    bar_html,
    code_html,
    job_line_html,
    jobs_html,
    preview_html,
    problem_html,
    quality_html,
    size_text,
)

NASTY = "<script>alert('x')</script>&\"'"
NOON = datetime(2026, 8, 3, 12, tzinfo=UTC)


class Words(HTMLParser):
    """The texts of a page, and the tags around them."""

    def __init__(self, page):
        super().__init__()
        self.texts, self.tags = [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)

    def handle_data(self, data):
        self.texts.append(data)


def test_a_job_is_a_row_with_the_way_back():
    state = JobState("calls", "7f", "done", start=NOON, end=NOON, created_at=NOON)
    texts = Words(jobs_html([state], now=NOON.timestamp() + 200)).texts
    assert texts[0] == "Report jobs as of 2026-08-03 12:03 UTC"
    assert texts[-6:] == [
        "✔ done",
        "calls",
        "2026-08-03 12:00 to 2026-08-03 12:00 UTC",
        "3 min",
        "—",
        "client.job('calls', '7f')",
    ]


def test_what_is_not_known_of_a_job_is_a_dash():
    texts = Words(jobs_html([JobState("calls", "7f", "queued")], now=0)).texts
    assert texts[-6:-1] == ["… queued", "calls", "—", "—", "—"]
    assert "No report jobs" in jobs_html([], now=0)


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (None, "—"),
        (0, "0 B"),
        (999, "999 B"),
        (1_000, "1.0 kB"),
        (2_345_678, "2.3 MB"),
        (7_100_000_000, "7.1 GB"),
    ],
)
def test_sizes(size, text):
    assert size_text(size) == text
    sizes = {} if size is None else {"7f": size}
    page = jobs_html([JobState("calls", "7f", "done")], now=0, sizes=sizes)
    assert Words(page).texts[-2] == text


@pytest.mark.parametrize(
    "page",
    [
        jobs_html([JobState(NASTY, NASTY, NASTY)], now=0),
        job_line_html(JobState(NASTY, NASTY, NASTY), now=0),
        quality_html(QualityCard(NASTY, 1, (Finding(NASTY, 1, NASTY),))),
        preview_html(pd.DataFrame({NASTY: [NASTY]})),
        problem_html(NASTY),
        code_html(NASTY),
    ],
    ids=["jobs", "job line", "quality", "preview", "problem", "code"],
)
def test_everything_is_escaped(page):
    words = Words(page)
    assert "script" not in words.tags
    assert any("<script>alert(" in text for text in words.texts)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "0 s"),
        (119, "119 s"),
        (120, "2 min"),
        (7199, "119 min"),
        (7200, "2 h"),
        (172_799, "47 h"),
        (172_800, "2 days"),
    ],
)
def test_ages(seconds, text):
    assert age_text(seconds) == text


def test_jobs_of_an_account_are_a_table(start_sandbox, open_client):
    client = open_client(start_sandbox())
    assert "No report jobs" in client.jobs("calls")._repr_html_()
    job = client.submit("calls", "2026-08-03", "2026-08-04").wait()
    jobs = client.jobs("calls")
    assert isinstance(jobs, list) and isinstance(jobs[0], td.ReportJob)
    assert f"client.job(&#x27;calls&#x27;, &#x27;{job.id}&#x27;)" in jobs._repr_html_()
    texts = Words(job._repr_html_()).texts
    assert "✔ done" in texts and texts[-2] == "—"
    size = job.download("calls.json").stat().st_size
    assert Words(job._repr_html_()).texts[-2] == f"{size / 1000:.1f} kB"
    assert job.size == size


def test_quality_is_one_line_unless_something_was_found():
    passed, found = Finding("gaps", 0, "days"), Finding("duplicates", 3, "rows")
    page = quality_html(QualityCard("calls", 9, (passed,)))
    assert Words(page).texts == ["Quality: 1 checks passed.", "✔ gaps", "0", "days"]
    page = quality_html(QualityCard("calls", 9, (passed, found)))
    in_sight, folded = page.split("<details")
    assert Words(in_sight).texts == [
        "Quality: 1 of 2 checks found something.",
        *("✘ duplicates", "3", "rows"),
    ]
    assert Words(f"<details{folded}").texts == ["1 checks passed.", "✔ gaps", "0", "days"]


def test_whole_days_have_no_hours():
    day = NOON.replace(hour=0)
    state = JobState("calls", "7f", "done", start=day, end=day)
    assert "2026-08-03 to 2026-08-03 UTC" in Words(jobs_html([state], now=0)).texts


def test_a_preview_has_types_units_and_drift(start_sandbox, open_client):
    client = open_client(start_sandbox(faults="new-column@1"))
    with pytest.warns(UserWarning, match="unknown columns"):
        frame = client.report("calls", "2026-08-03", "2026-08-06", progress=False)
    texts = Words(preview_html(frame)).texts
    assert texts[0] == f"{len(frame)} rows, {frame.shape[1]} columns."
    assert "unknown columns, kept as text" in texts[1]
    assert {"Int64, s", "boolean", "datetime64[us, UTC]"} <= set(texts)
    assert len(Words(preview_html(frame)).tags) < 10 * frame.shape[1]


def test_a_preview_shows_missing_values_and_shortens_long_ones():
    frame = pd.DataFrame({"a": pd.array([None, 1], "Int64"), "b": ["x" * 99, None]})
    texts = Words(preview_html(frame)).texts
    assert texts.count("—") == 2 and "x" * 59 + "…" in texts
    assert "Drift: none." in "".join(texts)
    assert "<b>0 rows, 2 columns.</b>" in preview_html(frame.iloc[:0])


def test_a_bar_can_be_read_aloud():
    assert 'value="0.000" max="1" aria-label="progress"' in bar_html(Tally())
