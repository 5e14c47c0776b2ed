"""From a report to polars, DuckDB and Parquet: the same values, and little memory."""

from __future__ import annotations

import io
import json
import sys
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from td_notebooks.errors import ConfigError, DownloadError
from td_notebooks.frames import (
    arrow_schema,
    outputs,
    read_batches,
    to_duckdb,
    to_pandas,
    to_polars,
    write_parquet,
)
from td_notebooks.frames import json as json_module
from td_notebooks.reports.schemas import schema

SCORES = schema("csat_score")
NOTE = ('a "quoted", line\n' * 2100)[: 32 * 1024]
TEXTS = ["+18443265295", "007", "1", "12e45678", "NA", "null", "nan", "=SUM(1)", "👋", NOTE]


def report(**late) -> bytes:
    keys = [column.key for column in SCORES.columns]
    entries = [
        dict(zip(keys, [text, "g", "t", f"2026-03-02 10:00:{n:02d}", n], strict=True))
        for n, text in enumerate(TEXTS)
    ]
    entries[-1] |= late
    return json.dumps({"entries": entries, "total": len(entries)}).encode()


def table() -> pa.Table:
    return read_batches(io.BytesIO(report()), "csat_score").read()


def test_text_survives_in_every_output(tmp_path):
    name = SCORES.columns[0].name
    found = table()
    write_parquet(read_batches(io.BytesIO(report()), "csat_score"), tmp_path / "scores.parquet")
    out = {
        "arrow": found[name].to_pylist(),
        "pandas": to_pandas(found, SCORES)[name].tolist(),
        "pyarrow": to_pandas(found, SCORES, dtype_backend="pyarrow")[name].tolist(),
        "polars": pytest.importorskip("polars") and to_polars(found)[name].to_list(),
        "duckdb": pytest.importorskip("duckdb")
        and [row[0] for row in to_duckdb(found).project(name).fetchall()],
        "parquet": pq.read_table(tmp_path / "scores.parquet")[name].to_pylist(),
    }
    assert out == dict.fromkeys(out, TEXTS)


def test_polars_and_duckdb_have_the_types():
    polars, duckdb = pytest.importorskip("polars"), pytest.importorskip("duckdb")
    frame = to_polars(table())
    assert frame.schema["sent_at"] == polars.Datetime("us", "UTC")
    assert frame.schema[SCORES.columns[4].name] == polars.Int64
    assert frame["sent_at"][0] == datetime(2026, 3, 2, 10, tzinfo=UTC)
    with duckdb.connect() as connection:
        scores = to_duckdb(table(), connection)
        assert scores.types[3] == "TIMESTAMP WITH TIME ZONE"
        assert scores.sum(SCORES.columns[4].name).fetchall() == [(45,)]


@pytest.mark.parametrize("package", ["polars", "duckdb"])
def test_what_is_not_installed_is_named(package, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ConfigError, match=f"{package} is not installed"):
        {"polars": to_polars, "duckdb": to_duckdb}[package](table())


def test_parquet_has_the_table_as_it_is(tmp_path, monkeypatch):
    monkeypatch.setattr(outputs, "GROUP", 1)
    monkeypatch.setattr(json_module, "SAMPLE", 2)
    path = tmp_path / "scores.parquet"
    assert write_parquet(read_batches(io.BytesIO(report()), "csat_score"), path) == len(TEXTS)
    assert pq.read_table(path).equals(table())
    assert pq.ParquetFile(path).num_row_groups > 1
    assert [child.name for child in tmp_path.iterdir()] == ["scores.parquet"]


def test_parquet_of_nothing_has_all_columns(tmp_path):
    path = tmp_path / "scores.parquet"
    assert write_parquet(read_batches(io.BytesIO(b'{"entries":[]}'), "csat_score"), path) == 0
    assert pq.read_table(path).schema == arrow_schema(SCORES)


def test_parquet_takes_columns_that_turn_up_late(tmp_path, monkeypatch):
    monkeypatch.setattr(json_module, "SAMPLE", 2)
    monkeypatch.setattr(json_module, "PIECE", 400)
    path = tmp_path / "scores.parquet"
    reader = read_batches(io.BytesIO(report(late="x")), "csat_score", block=400)
    assert write_parquet(reader, path) == len(TEXTS)
    assert pq.read_table(path)["late"].to_pylist() == [None] * 9 + ["x"]


def test_a_damaged_report_leaves_no_parquet(tmp_path):
    with pytest.raises(DownloadError):
        write_parquet(read_batches(io.BytesIO(report()[:-40]), "csat_score"), tmp_path / "x")
    assert list(tmp_path.iterdir()) == []
