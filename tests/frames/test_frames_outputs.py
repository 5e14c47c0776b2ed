"""From a report to polars, DuckDB and Parquet: the same values, and little memory."""

from __future__ import annotations

import csv
import gzip
import io
import json
import sys
from datetime import UTC, datetime

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from td_notebooks.cli.exports import export
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
NOTE = ('a "quoted", line\n' * 2100)[: 32 * 1024]  # a character more than a cell has room for
TEXTS = ["+18443265295", "007", "1", "12e45678", "NA", "null", "nan", "=SUM(1)", "👋", NOTE]
TEXTS += ["Zoë\r\n", "\ta", "1.50", "TRUE", "2026-03-02"]


def entries(**late) -> list[dict]:
    keys = [column.key for column in SCORES.columns]
    rows = [
        dict(zip(keys, [text, "g", "t", f"2026-03-02 10:00:{n:02d}", n], strict=True))
        for n, text in enumerate(TEXTS)
    ]
    rows[-1] |= late
    return rows


def report(**late) -> bytes:
    rows = entries(**late)
    return json.dumps({"entries": rows, "total": len(rows)}).encode()


def as_csv() -> bytes:
    out = io.StringIO()
    writer = csv.DictWriter(out, [column.key for column in SCORES.columns])
    writer.writeheader()
    writer.writerows(entries())
    return out.getvalue().encode()


INPUTS = {
    "csv": as_csv,
    "csv, gzip": lambda: gzip.compress(as_csv()),
    "json": report,
    "json_bulk, lines": lambda: b"\n".join(json.dumps(row).encode() for row in entries()),
    "json_bulk, array": lambda: json.dumps(entries(), ensure_ascii=False).encode(),
}


def table(data: bytes | None = None) -> pa.Table:
    return read_batches(io.BytesIO(data or report()), "csat_score").read()


def in_workbook(path, name) -> list[str]:
    """Return the texts of a column, with what goes on beside it."""
    head, *rows = openpyxl.load_workbook(path).active.iter_rows(values_only=True)
    places = [at for at, title in enumerate(head) if title.split(" (")[0] == name]
    return ["".join(row[at] or "" for at in places) for row in rows]


@pytest.mark.parametrize("format", INPUTS)
def test_text_survives_from_every_format_in_every_output(format, tmp_path):
    name, data = SCORES.columns[0].name, INPUTS[format]()
    found = table(data)
    write_parquet(read_batches(io.BytesIO(data), "csat_score"), tmp_path / "scores.parquet")
    for suffix in ("csv", "json", "jsonl", "xlsx", "parquet"):
        export(found, tmp_path / f"out.{suffix}")
    polars, duckdb = pytest.importorskip("polars"), pytest.importorskip("duckdb")
    with (tmp_path / "out.csv").open(newline="") as file:
        from_csv = [row[name] for row in csv.DictReader(file)]
    lines = (tmp_path / "out.jsonl").read_bytes().splitlines()
    with duckdb.connect() as connection:
        from_duckdb = [row[0] for row in to_duckdb(found, connection).project(name).fetchall()]
    out = {
        "arrow": found[name].to_pylist(),
        "pandas": to_pandas(found, SCORES)[name].tolist(),
        "numpy_nullable": to_pandas(found, SCORES, dtype_backend="numpy_nullable")[name].tolist(),
        "pyarrow": to_pandas(found, SCORES, dtype_backend="pyarrow")[name].tolist(),
        "polars": to_polars(found)[name].to_list(),
        "duckdb": from_duckdb,
        "parquet": pq.read_table(tmp_path / "scores.parquet")[name].to_pylist(),
        "parquet, polars": polars.read_parquet(tmp_path / "out.parquet")[name].to_list(),
        "csv": from_csv,
        "json": [row[name] for row in json.loads((tmp_path / "out.json").read_text("utf-8"))],
        "jsonl": [json.loads(line)[name] for line in lines],
        "xlsx": in_workbook(tmp_path / "out.xlsx", name),
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
        assert scores.sum(SCORES.columns[4].name).fetchall() == [(sum(range(len(TEXTS))),)]


@pytest.mark.parametrize("package", ["polars", "duckdb"])
def test_what_is_not_installed_is_named(package, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ConfigError, match=f"needs {package}, which is not installed"):
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
    assert pq.read_table(path)["late"].to_pylist() == [None] * (len(TEXTS) - 1) + ["x"]


def test_a_damaged_report_leaves_no_parquet(tmp_path):
    with pytest.raises(DownloadError):
        write_parquet(read_batches(io.BytesIO(report()[:-40]), "csat_score"), tmp_path / "x")
    assert list(tmp_path.iterdir()) == []
