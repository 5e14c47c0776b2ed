"""Rows that come late, change, vanish or come twice: by the clock, and alike however one asks."""

from __future__ import annotations

import csv
import io
import itertools
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from plain_client import MakeTalker, Talker

from td_notebooks.errors import ConfigError
from td_notebooks.sandbox import CentreSettings, Sandbox, SandboxClock

DAY = datetime(2026, 3, 2, tzinfo=UTC)
NEXT = DAY + timedelta(days=1)
NOW = DAY.timestamp() + 7 * 86400
SMALL = CentreSettings(calls_per_day=60, agents=4, timezone="UTC")
SPAN = {"from": "2026-03-02T00:00:00Z", "to": "2026-03-03T00:00:00Z"}


def place(clock: SandboxClock | None = None) -> Sandbox:
    return Sandbox(centre=SMALL, clock=clock or SandboxClock(start=NOW, manual=True))


@pytest.fixture
def sandbox() -> Any:
    with place() as sandbox:
        yield sandbox


def ids(rows: Any) -> list[str]:
    return [row["call_id"] for row in rows]


def test_late_rows_appear_when_their_time_has_come(sandbox: Sandbox) -> None:
    whole = sandbox.truth("calls", DAY, NEXT)
    sandbox.changes.late("calls", DAY, NEXT, until=NOW + 3600, share=0.3)
    early = sandbox.truth("calls", DAY, NEXT)
    assert 0.1 < 1 - len(early) / len(whole) < 0.5
    assert sandbox.truth("calls", DAY, NEXT, at=NOW + 3600) == whole
    sandbox.clock.advance(3600)
    assert sandbox.truth("calls", DAY, NEXT) == whole
    assert sandbox.truth("calls", DAY, NEXT, at=NOW) == early


def test_changed_rows_keep_their_key_and_their_time(sandbox: Sandbox) -> None:
    before = sandbox.truth("calls", DAY, NEXT)
    sandbox.changes.change("calls", DAY, NEXT, at=NOW + 60, share=0.5, seed=1)
    assert sandbox.truth("calls", DAY, NEXT) == before
    after = sandbox.truth("calls", DAY, NEXT, at=NOW + 60)
    assert ids(after) == ids(before)
    differing = [(old, new) for old, new in zip(before, after, strict=True) if old != new]
    assert 0.25 < len(differing) / len(before) < 0.75
    for old, new in differing:
        (changed,) = [key for key in old if old[key] != new[key]]
        assert changed not in ("call_id", "end_at")
    sandbox.changes.change("calls", DAY, NEXT, at=NOW + 60, share=1, seed=2)
    assert all(
        a != b for a, b in zip(after, sandbox.truth("calls", DAY, NEXT, at=NOW + 60), strict=True)
    )


def test_deleted_rows_are_gone_from_their_moment_on(sandbox: Sandbox) -> None:
    before = ids(sandbox.truth("calls", DAY, NEXT))
    sandbox.changes.delete("calls", DAY, DAY + timedelta(hours=12), share=1, at=NOW + 10)
    after = ids(sandbox.truth("calls", DAY, NEXT, at=NOW + 10))
    assert after == ids(sandbox.truth("calls", DAY + timedelta(hours=12), NEXT))
    assert 0 < len(after) < len(before)
    assert ids(sandbox.truth("calls", DAY, NEXT)) == before


def test_the_rows_do_not_depend_on_how_a_span_is_cut(sandbox: Sandbox) -> None:
    for kind in ("calls", "user_status", "messaging_contacts"):
        sandbox.changes.change(kind, DAY, NEXT, seed=1)
        sandbox.changes.delete(kind, DAY + timedelta(hours=2), NEXT, seed=2)
        sandbox.changes.late(kind, DAY, NEXT, until=NOW + 5, seed=3)
        cuts = [DAY + timedelta(hours=hours) for hours in (0, 1, 9, 13, 24)]
        pieces = [
            row
            for first, last in itertools.pairwise(cuts)
            for row in sandbox.truth(kind, first, last)
        ]
        assert pieces == sandbox.truth(kind, DAY, NEXT)


def test_two_sandboxes_with_the_same_changes_agree_and_other_seeds_do_not() -> None:
    def after(seed: int) -> Any:
        with place() as sandbox:
            sandbox.changes.delete("user_status", DAY, NEXT, seed=seed)
            sandbox.changes.change("user_status", DAY, NEXT, seed=seed)
            return sandbox.truth("user_status", DAY, NEXT)

    assert after(1) == after(1) != after(2)


@pytest.mark.parametrize("format", ["json", "csv"])
def test_files_show_the_changes_and_their_own_mistakes(talk: MakeTalker, format: str) -> None:
    talker = talk(
        clock=SandboxClock(start=NOW, manual=True), source=None, centre=SMALL, job_seconds=0
    )
    changes = talker.sandbox.changes
    changes.late("calls", DAY, NEXT, until=NOW + 60)
    changes.repeat("calls", DAY, NEXT, until=NOW + 60)
    changes.add_column("calls", "surprise", since=NOW + 60)

    def file() -> list[dict[str, str]]:
        body = talker.download(talker.job(timespan=SPAN, format=format)).text
        if format == "json":
            return list(json.loads(body)["entries"])
        return list(csv.DictReader(io.StringIO(body)))

    key = "call_id" if format == "json" else "Call Id"
    first, truth = [row[key] for row in file()], ids(talker.sandbox.truth("calls", DAY, NEXT))
    assert len(first) > len(truth) == len(set(first)) and set(first) == set(truth)
    talker.sandbox.clock.advance(60)
    second, whole = file(), talker.sandbox.truth("calls", DAY, NEXT)
    assert [row[key] for row in second] == ids(whole) and len(whole) > len(truth)
    assert [row["surprise"] for row in second] == [row["surprise"] for row in whole]


def test_an_older_payload_says_the_same(talk: MakeTalker) -> None:
    talker = talk(
        clock=SandboxClock(start=NOW, manual=True), source=None, centre=SMALL, job_seconds=0
    )
    talker.sandbox.changes.serve_version("calls", "until 2026-05-11")
    talker.sandbox.changes.serve_version("calls", "v1", since=NOW + 60)
    older = _entries(talker)
    talker.sandbox.clock.advance(60)
    newer = _entries(talker)
    assert len(older) == len(newer) > 0
    for old, new in zip(older, newer, strict=True):
        assert old["interaction_id"] == new["call_id"]
        assert old["end_time"] == new["end_at"].replace("T", " ").rstrip("Z")
        assert abs(old["talk_time"] * 86400 - new["talk_time"]) < 0.01
        assert (old["in_business_hours?"] == "TRUE") is new["is_in_business_hours"]
        assert not {"call_id", "hold_time"} & set(old)


def _entries(talker: Talker) -> list[dict[str, Any]]:
    return list(talker.download(talker.job(timespan=SPAN, format="json")).json()["entries"])


def test_what_cannot_be_is_refused(sandbox: Sandbox) -> None:
    with pytest.raises(ConfigError, match="no report type 'cals'"):
        sandbox.changes.delete("cals", DAY, NEXT)
    with pytest.raises(ConfigError, match="has a column 'call_id' already"):
        sandbox.changes.add_column("calls", "call_id")
    with pytest.raises(ConfigError, match="has no version 'v9'"):
        sandbox.changes.serve_version("calls", "v9")
    with pytest.raises(ConfigError, match="cannot write explore_calls"):
        sandbox.changes.serve_version("explore_calls", "2026-05-11")


@pytest.mark.parametrize(("fault", "longer"), [("late-rows", -1), ("repeated-rows", 1)])
def test_silent_faults_leave_a_proper_file(talk: MakeTalker, fault: str, longer: int) -> None:
    talker = talk(
        clock=SandboxClock(start=NOW, manual=True),
        source=None,
        centre=SMALL,
        job_seconds=0,
        faults=f"{fault}@1",
    )
    struck = talker.download(talker.job(timespan=SPAN, format="json")).json()
    whole = talker.download(talker.job(timespan=SPAN, format="json")).json()
    assert struck["total"] == len(struck["entries"])
    assert (len(struck["entries"]) - len(whole["entries"])) * longer > 0
    assert {e["call_id"] for e in struck["entries"]} <= {e["call_id"] for e in whole["entries"]}
