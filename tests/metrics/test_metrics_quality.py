"""The quality card finds what was put in."""

from __future__ import annotations

import json

import pyarrow as pa
import pytest
import what_happened as truth

from td_notebooks import metrics
from td_notebooks.errors import SchemaError
from td_notebooks.metrics.quality import Finding


def counts(card):
    return {finding.check: finding.count for finding in card.findings}


def spoilt(name, changes):
    """Return a report with some rows changed, and one of them twice."""
    table = truth.report(name)
    rows = table.to_pylist()
    for place, change in changes.items():
        rows[place] |= change
    return pa.Table.from_pylist(rows, schema=table.schema)


@pytest.mark.parametrize("name", ["calls", "contacts", "user_status", "ring_attempts"])
def test_a_sound_report_is_clean(name):
    card = metrics.quality(truth.report(name), ring_attempts=truth.report("ring_attempts"))
    assert card.clean, card
    assert card.report_type == name
    assert f"{len(card.findings)} checks passed" in repr(card)


def test_each_check_finds_its_rows():
    rows = truth.report("calls").to_pylist()
    missed = next(i for i, row in enumerate(rows) if row["type"] == "abandoned" and i > 5)
    calls = spoilt(
        "calls",
        {
            0: {"call_id": rows[1]["call_id"]},
            2: {"wait_time": -1.0, "hold_time": -3.0},
            3: {"start_at": rows[3]["end_at"], "end_at": rows[3]["start_at"]},
            4: {"data_status": "Damaged"},
            5: {"end_at": None},
            missed: {"talk_time": 10.0},
        },
    )
    found = counts(metrics.quality(calls))
    assert found == {
        "duplicates": 1,
        "no time": 1,
        "negative times": 1,
        "end before start": 1,
        "talk without answer": 1,
        "damaged": 1,
    }


def test_rows_without_a_key_repeat_nobodys():
    keyless = spoilt("calls", {0: {"call_id": None}, 1: {"call_id": None}, 2: {"call_id": None}})
    assert counts(metrics.quality(keyless))["duplicates"] == 0


def test_overlapping_statuses():
    statuses = truth.report("user_status").to_pylist()
    first = statuses[0]
    later = next(
        i for i, row in enumerate(statuses) if row["user_id"] == first["user_id"] and i > 0
    )
    earlier = statuses[later]["status_start_at"].replace(microsecond=0)
    assert earlier == first["status_end_at"]
    shifted = spoilt("user_status", {0: {"status_end_at": statuses[later]["status_end_at"]}})
    assert counts(metrics.quality(shifted))["overlaps"] == 1


def test_the_span_and_the_rings():
    contacts = truth.report("contacts")
    card = metrics.quality(
        contacts,
        start="2026-03-24",
        end="2026-03-31",
        timezone=truth.ZONE,
        ring_attempts=truth.report("ring_attempts").slice(0, 0),
    )
    found = counts(card)
    assert found["gaps"] == 2
    assert "2026-03-24, 2026-03-25" in repr(card)
    assert found["outside the span"] > 0
    by_agents = [r for r in truth.contacts() if r["outcome"] == "A" and r["user"]]
    assert found["no ring attempts"] == len(by_agents)
    assert json.loads(json.dumps(card.as_dict()))["rows"] == len(contacts)


def test_drift_is_shown_and_html_is_safe():
    frame = truth.report("calls").to_pandas()
    drift = {"unexpected": ["<b>new</b>"], "missing": [], "unparsed": {}}
    frame.attrs["td"] = {"report_type": "calls", "version": "v1", "units": {}, "drift": drift}
    card = metrics.quality(frame)
    assert counts(card)["drift"] == 1
    assert "&lt;b&gt;new" in card._repr_html_()
    assert "<b>" not in card._repr_html_()
    assert card.findings[-1] == Finding("drift", 1, "columns differ from the catalogue: <b>new</b>")


def test_a_frame_that_is_no_report():
    with pytest.raises(SchemaError, match="no report"):
        metrics.quality(pa.table({"x": [1]}))
    assert metrics.quality(pa.table({"x": [1]}), "calls").findings == ()
