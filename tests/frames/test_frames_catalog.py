"""The catalogue: complete, free of contradictions, and every statement in it used."""

from __future__ import annotations

import tomllib
from importlib.resources import files
from unittest import mock

import pyarrow as pa
import pytest

from td_notebooks.errors import ConfigError
from td_notebooks.frames.columns import arrow_schema
from td_notebooks.reports import schemas
from td_notebooks.reports.schemas import (
    catalog,
    choose,
    python_name,
    report_types,
    schema,
    versions,
)

ENCODINGS = {
    "boolean": {"true/false", "Yes/No", "YES/NO", "TRUE/FALSE"},
    "timestamp": {"rfc3339z", "naive", "naive millis"},
    "duration": {"seconds", "minutes", "day fraction", "fine day fraction", "0d 0h 0m 0s"},
    "text": {None, "a+b", "a + b", "a,b", "json array text", "json array"},
    "category": {None},
    "integer": {None},
    "number": {None},
}
ALL = [schema for report_type in report_types() for schema in versions(report_type)]
NAMED = pytest.mark.parametrize("known", ALL, ids=lambda s: f"{s.report_type} {s.version}")


def test_there_are_35_report_types():
    assert len(report_types()) == 35
    assert "calls" in report_types()


@NAMED
def test_statements_agree(known):
    names = [column.name for column in known.columns]
    assert len(set(names)) == len(names)
    assert all(name.isidentifier() for name in names)
    assert known.time_column is None or known.time_column in names
    assert set(known.primary_key) <= set(names)
    assert known.title
    for column in known.columns:
        assert column.encoding in ENCODINGS[column.kind]
        assert column.meaning
        assert not column.values or column.kind == "category"


@NAMED
def test_keys_labels_and_names_find_their_column(known):
    for spellings in ("key", "header", "name"):
        wire_names = [getattr(column, spellings) for column in known.columns]
        assert known.match(wire_names) == known.columns
        assert known.match(name.upper().replace("_", " ") for name in wire_names) == known.columns
    assert known.absent([column.key for column in known.columns]) == ()


@NAMED
def test_every_column_has_an_arrow_type(known):
    arrow = arrow_schema(known)
    assert arrow.names == [column.name for column in known.columns]
    for column in known.columns:
        field = arrow.field(column.name)
        assert field.metadata[b"key"].decode() == column.key
        assert field.metadata.get(b"unit") == (b"s" if column.kind == "duration" else None)
        assert (column.kind == "timestamp") == pa.types.is_timestamp(field.type)


def test_files_hold_no_statement_that_is_not_read():
    version_keys = {
        "version", "primary_key", "time_column", "envelope", "zone", "confidence", "columns",
    }  # fmt: skip
    column_keys = {
        "key", "name", "kind", "label", "encoding", "required", "nullable", "missing", "values",
        "meaning", "confidence",
    }  # fmt: skip
    for report_type in report_types():
        path = files("td_notebooks.reports").joinpath("catalogue", f"{report_type}.toml")
        facts = tomllib.loads(path.read_text("utf-8"))
        assert set(facts) <= {"title", "row", "default_format", "freshness_seconds", "versions"}
        for version in facts.get("versions", []):
            assert set(version) <= version_keys
            for column in version["columns"]:
                assert set(column) <= column_keys


def test_unknown_types_and_versions_name_the_closest():
    with pytest.raises(ConfigError, match="calls"):
        schema("call")
    with pytest.raises(ConfigError, match="report_types"):
        schema("zzzzzz")
    with pytest.raises(ConfigError, match="until 2026-05-11"):
        schema("explore_calls", "v9")
    assert schema("calls", "v1").time_column == "end_at"


def test_a_version_is_chosen_by_the_columns():
    old = schema("explore_calls", "until 2026-05-11")
    assert choose("explore_calls", [column.header for column in old.columns]) == old
    assert choose("explore_calls", ["interaction_id", "anything"]).version == "2026-05-11"
    assert choose("explore_calls", []).version == "2026-05-11"


def test_names_are_easy_to_type():
    assert python_name("transfer?") == "transfer"
    assert python_name("wrap-up_duration") == "wrap_up_duration"
    assert python_name("view.Field Name") == "field_name"
    assert python_name("??") == "column"


def test_facts_that_differ_from_the_usual():
    assert schema("calls").envelope
    assert schema("user_status").freshness_seconds == 60
    assert schema("adherence").default_format == "csv"
    assert schema("contacts").default_format == "json"
    assert schema("calls").zone == "UTC"
    assert schema("contacts").zone == "requested"
    assert schema("feedback").columns == ()


def test_the_table_has_a_row_per_column():
    table = catalog()
    assert len(table) == sum(len(known.columns) or 1 for known in ALL)
    assert list(table["report_type"].unique()) == list(report_types())
    assert table.query("current").groupby("report_type")["version"].nunique().eq(1).all()
    row = table.query("report_type == 'calls' and name == 'talk_time' and current").iloc[0]
    assert row["unit"] == "s" and row["encoding"] == "seconds"
    assert row["grain"] == "one call" and row["default_format"] == "json" and row["envelope"]
    assert table.query("name == 'data_status'")["values"].unique().tolist() == ["Valid, Damaged"]
    keys = table.query("report_type == 'calls' and primary_key and current")
    assert keys["name"].tolist() == ["call_id"]
    assert table.query("report_type == 'user_status' and time_column")["key"].tolist() == [
        "status_end_at"
    ]


def test_the_table_of_one_report_has_the_same_types():
    whole = catalog()
    for report_type in ("calls", "feedback"):
        one = catalog(report_type)
        assert list(one.columns) == list(whole.columns)
        expected = whole[whole["report_type"] == report_type].reset_index(drop=True)
        assert one.astype(object).equals(expected.astype(object)) or len(one) == 1
        assert one["primary_key"].dtype == whole["primary_key"].dtype == "boolean"
    assert catalog("feedback")["name"].isna().all()
    with pytest.raises(ConfigError, match="no report type"):
        catalog("call")


def test_every_statement_reaches_the_table():
    """Change each statement of a file in turn: the table changes, or the statement is not used."""
    path = files("td_notebooks.reports").joinpath("catalogue", "studio_flow_execution.toml")
    facts = tomllib.loads(path.read_text("utf-8"))
    facts |= {"default_format": "csv"}
    facts["versions"][0]["columns"] = facts["versions"][0]["columns"][:2]
    column = facts["versions"][0]["columns"][0]
    column |= {"name": "a_name", "label": "A Label", "required": False, "nullable": False,
               "missing": "empty", "values": ["x"], "confidence": "client"}  # fmt: skip
    facts["versions"][0] |= {"primary_key": ["a_name"], "time_column": "a_name"}

    def shown(facts):
        with mock.patch.object(schemas, "versions", lambda _: schemas.read("x", facts)):
            return catalog("x").to_json()

    before = shown(facts)
    for place in (facts, facts["versions"][0], column):
        for statement, value in place.items():
            if statement in ("versions", "columns"):
                continue
            other = {bool: lambda v: not v, list: lambda v: [], int: lambda v: v + 1}.get(
                type(value), lambda v: v + "_"
            )
            with mock.patch.dict(place, {statement: other(value)}):
                assert shown(facts) != before, statement
