"""What is written is what was there: text, times, missing values, in every format."""

import csv
import datetime as dt
import io
import json
import os
import resource
import subprocess
import sys

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from td_notebooks.cli.exports import ROWS, check_target, export
from td_notebooks.cli.json_text import json_objects
from td_notebooks.errors import ConfigError, TalkdeskError

TEXT = pa.large_string()
WORDS = [
    "+18443265295",
    "007",
    "1",
    "12e45678",
    "NA",
    "null",
    "=SUM(1)",
    "☎️🙂",
    'a "quoted", note\nof two lines\r\n\twith a tab',
    "\x00\x1f\\ \\u0041",
    "",
    " ",
    None,
]


def moments(*micros):
    return pa.array(micros, pa.timestamp("us", "UTC"))


@pytest.fixture
def table():
    n = len(WORDS)
    return pa.table(
        {
            "text": pa.array(WORDS, TEXT),
            "count": pa.array([None, 2**62, -1, *range(n - 3)], pa.int64()),
            "share": pa.array([None, 0.1 + 0.2, 1e22, float("inf"), *[0.5] * (n - 4)]),
            "flag": pa.array([None, True, False, *[True] * (n - 3)]),
            "at": moments(None, *[1_785_542_400_000_000 + i * 10**6 for i in range(n - 1)]),
            "at_millis": moments(None, *[1_785_542_400_809_000] * (n - 1)),
            "at_micros": moments(None, *[1_785_542_400_000_001] * (n - 1)),
        }
    )


def written(table, tmp_path, suffix):
    target = tmp_path / f"out{suffix}"
    export(table, target)
    return target


def test_csv_holds_text_as_it_is_and_tells_missing_from_empty(table, tmp_path):
    raw = written(table, tmp_path, ".csv").read_bytes().decode()
    rows = list(csv.DictReader(io.StringIO(raw, newline="")))
    assert [row["text"] for row in rows] == [word or "" for word in WORDS]
    back = pa.csv.read_csv(
        io.BytesIO(raw.encode()),
        parse_options=pa.csv.ParseOptions(newlines_in_values=True),
        convert_options=pa.csv.ConvertOptions(
            column_types=table.schema, strings_can_be_null=True, quoted_strings_can_be_null=False
        ),
    )
    assert back.drop_columns("share").equals(table.drop_columns("share"))
    assert rows[1]["share"] == "0.30000000000000004"


def test_times_have_the_decimals_their_column_needs(table, tmp_path):
    rows = list(csv.DictReader(io.StringIO(written(table, tmp_path, ".csv").read_text())))
    assert [rows[0][name] for name in ("at", "at_millis", "at_micros")] == ["", "", ""]
    assert rows[1]["at"] == "2026-08-01T00:00:00Z"
    assert rows[1]["at_millis"] == "2026-08-01T00:00:00.809Z"
    assert rows[1]["at_micros"] == "2026-08-01T00:00:00.000001Z"


@pytest.mark.parametrize("suffix", [".json", ".jsonl"])
def test_json_has_nulls_and_exact_values(table, tmp_path, suffix):
    raw = written(table, tmp_path, suffix).read_bytes().decode()
    rows = json.loads(raw) if suffix == ".json" else [json.loads(x) for x in raw.split("\n")[:-1]]
    assert [row["text"] for row in rows] == WORDS
    assert rows[0] == dict.fromkeys(table.column_names) | {"text": WORDS[0]}
    assert [row["count"] for row in rows] == table["count"].to_pylist()
    assert [row["flag"] for row in rows] == table["flag"].to_pylist()
    assert [rows[i]["share"] for i in (1, 2, 3)] == [0.1 + 0.2, 1e22, None]
    for name in ("at", "at_millis", "at_micros"):
        parsed = [row[name] and dt.datetime.fromisoformat(row[name]) for row in rows]
        assert parsed == table[name].to_pylist()


def test_parquet_is_the_table_itself(table, tmp_path):
    back = pq.read_table(written(table, tmp_path, ".parquet"))
    assert back.equals(table) and back.schema.equals(table.schema)


@pytest.mark.parametrize("rows", [0, 1, ROWS, ROWS + 1, 3 * ROWS])
def test_any_number_of_rows(tmp_path, rows):
    table = pa.table({"n": pa.array(range(rows), pa.int64()), "at": moments(*[10**6] * rows)})
    lines = written(table, tmp_path, ".csv").read_text().splitlines()
    assert lines[0] == '"n","at"' and len(lines) == rows + 1
    assert len(json.loads(written(table, tmp_path, ".json").read_text())) == rows
    assert len(written(table, tmp_path, ".jsonl").read_text().splitlines()) == rows
    assert pq.read_table(written(table, tmp_path, ".parquet")).num_rows == rows


def test_a_report_without_any_column(tmp_path):
    for suffix in (".csv", ".json", ".jsonl", ".parquet", ".xlsx"):
        written(pa.table({}), tmp_path, suffix)
    assert json.loads((tmp_path / "out.json").read_text()) == []
    assert json_objects(pa.record_batch({"a": [1, 2]}).select([])) == ["{}", "{}"]


SOME_TEXT = st.text(st.characters(codec="utf-8"), max_size=20)
KINDS = {
    TEXT: SOME_TEXT,
    pa.int64(): st.integers(-(2**63), 2**63 - 1),
    pa.float64(): st.floats(allow_nan=False, allow_infinity=False),
    pa.bool_(): st.booleans(),
}


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(SOME_TEXT, st.sampled_from(list(KINDS)), min_size=1, max_size=4), st.data())
def test_json_text_is_what_a_parser_reads(columns, data):
    row = st.fixed_dictionaries({name: st.none() | KINDS[kind] for name, kind in columns.items()})
    rows = data.draw(st.lists(row, max_size=5))
    lines = json_objects(pa.RecordBatch.from_pylist(rows, schema=pa.schema(list(columns.items()))))
    assert [json.loads(line) for line in lines] == rows
    assert not any("\n" in line for line in lines)


def too_big():
    return pa.table({"text": pa.array([os.urandom(64).hex() for _ in range(20_000)], TEXT)})


@pytest.fixture
def no_file_over_64_kib():
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".json", ".jsonl", ".xlsx"])
def test_a_file_that_cannot_be_finished_leaves_the_old_one(tmp_path, request, suffix):
    table, target = too_big(), tmp_path / f"calls{suffix}"
    target.write_text("old")
    request.getfixturevalue("no_file_over_64_kib")
    with pytest.raises(TalkdeskError, match="could not be written: File too large") as caught:
        export(table, target)
    assert "Nothing was changed there" in str(caught.value)
    assert target.read_text() == "old" and [*tmp_path.iterdir()] == [target]


@pytest.fixture
def small_disk(tmp_path):
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)]
    if os.geteuid() or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("mounting needs root")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize("suffix", ["csv", "xlsx"])
def test_a_full_disk(small_disk, suffix):
    target = small_disk / f"calls.{suffix}"
    with pytest.raises(TalkdeskError, match="No space left on device"):
        export(too_big(), target)
    assert not list(small_disk.iterdir())


def test_a_read_only_disk(small_disk):
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with pytest.raises(ConfigError, match="Read-only file system"):
        check_target(small_disk / "calls.csv")


def test_a_long_name_is_no_problem(tmp_path):
    target = tmp_path / ("n" * 250 + ".csv")
    check_target(target)
    export(pa.table({"n": [1]}), target)
    assert target.read_text() == '"n"\n1\n'


def test_writing_csv_and_parquet_copies_little(tmp_path):
    code = f"""if True:
        import resource, pyarrow as pa, pyarrow.csv, pyarrow.parquet, pyarrow.compute
        from pathlib import Path
        from td_notebooks.cli.exports import export
        word = pa.array(["a text of some thirty characters"] * 100_000, pa.large_string())
        table = pa.table({{f"c{{i}}": pa.concat_arrays([word]) for i in range(40)}})
        peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        for suffix in (".csv", ".parquet"):
            before = peak()
            export(table, Path({str(tmp_path)!r}) / f"out{{suffix}}")
            print((peak() - before) / table.nbytes)
    """
    shown = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    assert all(float(extra) < 0.5 for extra in shown.split()), shown
