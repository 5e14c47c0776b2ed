"""Windows of one pull below one another, of which some are empty or of another payload version."""

from __future__ import annotations

import csv
import io
import json

import pytest
from pandas.testing import assert_frame_equal, assert_series_equal

import td_notebooks as td
from td_notebooks.frames import DriftWarning, arrow_schema
from td_notebooks.frames.columns import arrow_type
from td_notebooks.pull import Pulled, load
from td_notebooks.reports.schemas import Column, Schema, report_types, versions

VALUES = {
    "rfc3339z": "2026-03-02T10:00:00Z", "naive": "2026-03-02 10:00:00", "day fraction": 0.25,
    "seconds": 21600, "true/false": True, "Yes/No": "Yes", "TRUE/FALSE": "TRUE",
}  # fmt: skip
NEW, OLD = versions("calls")


def entry(known: Schema) -> dict:
    def value(column: Column):
        return VALUES.get(column.encoding, {"integer": 4, "number": 0.5}.get(column.kind, "x"))

    return {column.key: value(column) for column in known.columns}


def as_json(known: Schema, rows: list[dict]) -> bytes:
    return json.dumps({"entries": rows}).encode()


def as_csv(known: Schema, rows: list[dict]) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerows([[c.header for c in known.columns], *(row.values() for row in rows)])
    return out.getvalue().encode()


def window(known: Schema, count: int, write=as_json, **other) -> Pulled:
    rows = [entry(known) | other] * count
    return load(io.BytesIO(write(known, rows)), known.report_type)


@pytest.mark.parametrize("write", [as_json, as_csv])
@pytest.mark.parametrize("counts", [(0, 2), (2, 0), (0, 2, 0)])
def test_a_window_without_rows_does_not_decide_the_version(write, counts):
    whole = Pulled.join([window(OLD, count, write) for count in counts])
    assert whole.schema == OLD
    assert whole.table.schema == arrow_schema(OLD)
    assert_frame_equal(whole.frame(), window(OLD, 2).frame())


def test_windows_without_rows_have_the_columns_of_their_headers():
    assert Pulled.join([window(NEW, 0), window(NEW, 0)]).table.schema == arrow_schema(NEW)
    stranger = load(io.BytesIO(b"a,b\n"), "feedback")
    assert Pulled.join([stranger, stranger]).table.column_names == ["a", "b"]


@pytest.mark.parametrize("report_type", [t for t in report_types() if len(versions(t)) > 1])
@pytest.mark.parametrize("turn", [1, -1])
def test_columns_of_another_version_keep_their_type(report_type, turn):
    parts = [window(known, 2) for known in versions(report_type)][::turn]
    whole = Pulled.join(parts)
    assert whole.schema == parts[0].schema
    for part in parts:
        for column in part.schema.columns:
            assert whole.table.schema.field(column.name).type == arrow_type(column)
    # A version whose columns nobody has published may have the names of the one before.
    new, old = versions("explore_calls")
    row = {key: value for key, value in entry(old).items() if key != "call_type"} | {"rating": "?"}
    later = load(io.BytesIO(as_json(new, [row])), "explore_calls")
    assert later.schema == new
    whole = Pulled.join([window(old, 1), later][::turn])
    first, second = whole.table.select(["start_time", "talk_time", "transfer"]).to_pylist()
    assert first == second
    assert sorted(whole.table["rating"].to_pylist(), key=str) == [4, None]
    assert whole.drift.unparsed == {"rating": (1, ("?",))}


@pytest.mark.parametrize("backend", [None, "numpy_nullable", "pyarrow"])
@pytest.mark.parametrize("turn", [1, -1])
def test_frames_of_two_versions_keep_the_types_that_one_of_them_knows(backend, turn):
    new, old = versions("explore_calls")
    known = window(old, 2).frame(backend)
    row = {key: value for key, value in entry(old).items() if key != "call_type"} | {"rating": "?"}
    with pytest.warns(DriftWarning, match="unknown columns"):
        other = load(io.BytesIO(as_json(new, [row])), "explore_calls").frame(backend)
    assert other.attrs["td"].version == new.version
    whole = td.concat([known, other][::turn])
    assert whole.dtypes.astype(str).to_dict() == known.dtypes.astype(str).to_dict()
    first, second = whole.iloc[0], whole.iloc[-1]
    lacking = ["rating", "call_type"]
    assert_series_equal(first.drop(lacking), second.drop(lacking), check_names=False)
    assert whole["rating"].dropna().tolist() == [4, 4]
    assert whole.attrs["td"].drift.unparsed == {"rating": (1, ("?",))}
    assert other["start_time"].tolist() == [VALUES["naive"]], "what was given is as it was"


def test_a_column_that_somebody_changed_is_put_below_what_it_was():
    frame = window(NEW, 1).frame()
    changed = frame.astype({"type": "str", "talk_time": "float64", "call_id": "category"})
    for pair in ([frame, changed], [changed, frame]):
        whole = td.concat(pair)
        for name in ("type", "talk_time", "call_id"):
            assert whole[name].tolist() == frame[name].tolist() * 2
