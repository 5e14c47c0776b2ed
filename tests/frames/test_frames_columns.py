"""Which column a name stands for, and what unknown ones are called."""

from __future__ import annotations

import io
import json

import pyarrow as pa
import pytest

from td_notebooks.frames import DriftWarning, read_batches, read_report
from td_notebooks.frames import json as json_module
from td_notebooks.frames.columns import TEXT, convert
from td_notebooks.reports.schemas import python_name, schema

SCORE = {
    "agent_id": "A", "ring_groups_name": "g", "team_id": "t", "sent_at": "2026-01-01 00:00:00",
    "score": 4,
}  # fmt: skip


def as_csv(*rows: dict) -> bytes:
    lines = [list(rows[0]), *(row.values() for row in rows)]
    return "\n".join(",".join(map(str, line)) for line in lines).encode()


def as_json(*rows: dict) -> bytes:
    return json.dumps({"entries": rows}).encode()


def table(data: bytes, report_type: str = "csat_score", **options):
    return read_batches(io.BytesIO(data), report_type, **options).read()


@pytest.mark.parametrize("write", [as_csv, as_json])
@pytest.mark.parametrize("other", ["AGENT_ID", "Agent-Id", "agentid"])
def test_a_column_goes_to_the_name_that_is_spelt_exactly(write, other):
    for row in ({other: "WRONG"} | SCORE, SCORE | {other: "WRONG"}):
        found = table(write(row)).to_pylist()[0]
        assert found.pop(python_name(other).replace("agent_id", "agent_id_2")) == "WRONG"
        assert found == table(write(SCORE)).to_pylist()[0]


def test_a_column_given_to_a_name_stays_with_it(monkeypatch):
    monkeypatch.setattr(json_module, "SAMPLE", 1)
    early = {"Agent Id": "A"} | {k: v for k, v in SCORE.items() if k != "agent_id"}
    found = table(as_json(early, {"agent_id": "B"} | early))
    assert found["agent_id"].to_pylist() == ["A", "A"]
    assert found["agent_id_2"].to_pylist() == [None, "B"]


def test_names_that_are_taken_have_no_column():
    known = schema("csat_score")
    assert known.match(["AGENT_ID", "agent_id", "Agent Id"]) == (None, known.columns[0], None)
    assert known.match(["agent_id", "score"], {"agent_id"}) == (None, known.columns[4])


@pytest.mark.parametrize(
    ("wire_name", "name"),
    [
        ("No. of Agents", "no_of_agents"),
        ("Score 1.5", "score_1_5"),
        ("1.5", "1_5"),
        ("Avg. Handle Time", "avg_handle_time"),
        ("Inc.", "inc"),
        ("view.Field Name", "field_name"),
        ("a.b.c?", "c"),
        ("a.?", "a"),
    ],
)
def test_only_the_name_of_a_view_is_left_out(wire_name, name):
    assert python_name(wire_name) == name


@pytest.mark.parametrize("write", [as_csv, as_json])
def test_names_do_not_depend_on_the_order_of_columns(write):
    strangers = {"x y": "1", "x-y": "2", "x_y": "3"}
    expected = {"x_y": "3", "x_y_2": "1", "x_y_3": "2"}
    for row in (strangers, dict(reversed(strangers.items()))):
        found = table(write(SCORE | row))
        assert {name: found[name][0].as_py() for name in expected} == expected
        assert found.column_names[5:] == [  # they stand as in the file
            {"1": "x_y_2", "2": "x_y_3", "3": "x_y"}[value] for value in row.values()
        ]


def test_keys_that_no_text_can_hold_share_a_column():
    rows = '{"entries":[{"\\ud800":"x"},{"\\ud801":"y"},{"\\ud800":null,"\\ud801":"z"}]}'
    with pytest.warns(DriftWarning, match="\ufffd"):
        frame = read_report(io.BytesIO(rows.encode()), "feedback")
    assert frame["column"].tolist() == ["x", "y", "z"]


def test_what_a_column_is_written_as_does_not_depend_on_the_pieces(monkeypatch):
    rows = (
        [SCORE | {"agent_id": n} for n in range(30)] + [SCORE] * 20 + [SCORE | {"agent_id": [""]}]
    )
    for sample in (5, 1000):
        monkeypatch.setattr(json_module, "SAMPLE", sample)
        reader = read_batches(io.BytesIO(as_json(*rows)), "csat_score")
        reader.read()
        assert reader.drift.retyped == {"agent_id": ("text", "lists and numbers")}


@pytest.mark.parametrize("key", ["agent_id", "new"])
def test_zero_with_a_sign_is_zero_in_any_piece(key, monkeypatch):
    monkeypatch.setattr(json_module, "PIECE", 600)
    rows = as_json(*[SCORE | {key: n} for n in range(300)]).replace(b": 200}", b": -0}")
    rows = rows.replace(b'"agent_id": 200,', b'"agent_id": -0,')
    assert b"-0}" in rows or b"-0," in rows
    for sample in (5, 1000):
        monkeypatch.setattr(json_module, "SAMPLE", sample)
        assert table(rows)[key][200].as_py() == "0"


@pytest.mark.parametrize("number", ["0xFFFFFFFFFFFFFFFF", "0x8000000000000000", "0x10", "0Xf"])
def test_a_number_does_not_depend_on_its_neighbours(number):
    column = schema("csat_score").columns[4]
    alone = convert(pa.array([number], TEXT), column, "UTC")
    beside = convert(pa.array([number, "?"], TEXT), column, "UTC")
    assert alone.null_count == 0
    assert beside.to_pylist() == [*alone.to_pylist(), None]
