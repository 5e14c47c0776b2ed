"""Properties: any rows in any format and any pieces give what they say; no bytes do harm."""

from __future__ import annotations

import gzip
import io
import json
import math
import os
import warnings
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest import mock
from zoneinfo import ZoneInfo

import pandas as pd
import pytest
from any_rows import WRITERS, any_rows
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from td_notebooks.errors import TalkdeskError
from td_notebooks.frames import json as json_module
from td_notebooks.frames import read_batches, read_report, to_pandas
from td_notebooks.frames.csv_scan import cut
from td_notebooks.reports.schemas import schema

CASES = 20_000 if os.environ.get("TD_NIGHTLY") else 500  # of each property and format
GOLDEN = Path(__file__).parent / "golden"
FORMATS = pytest.mark.parametrize("format", list(WRITERS))
SIZES = st.sampled_from([64, 300, 1000, 2500, 6000])  # bytes
checked = settings(
    max_examples=CASES,
    deadline=timedelta(seconds=30),  # nothing may hang
    suppress_health_check=list(HealthCheck),
    print_blob=True,
    database=None,
)


@contextmanager
def pieces(size: int, sample: int):
    """Make what is parsed at once small, so that few rows pass through many pieces."""
    with (
        mock.patch.object(json_module, "PIECE", size),
        mock.patch.object(json_module, "SAMPLE", sample),
    ):
        yield


def equal(found: object, expected: object) -> bool:
    if isinstance(expected, float) and isinstance(found, float):
        # The third decimal of a second may be rounded the other way.
        return math.isclose(found, expected, rel_tol=0, abs_tol=0.001) or found == expected
    return found == expected


@FORMATS
@checked
@given(data=st.data())
def test_any_rows_come_back_from_any_pieces(format, data):
    drawn = data.draw(any_rows())
    content = data.draw(WRITERS[format](drawn))
    if data.draw(st.integers(0, 9)) == 0:
        content = gzip.compress(content, 1)
    block, size = data.draw(SIZES), data.draw(SIZES)
    with pieces(size, data.draw(st.integers(1, 5))):
        reader = read_batches(
            io.BytesIO(content), drawn.schema.report_type, format=format, block=block,
            timezone=drawn.zone,
        )  # fmt: skip
        table = reader.read()
    assert reader.rows == len(drawn.rows)
    if drawn.rows or format == "csv":
        assert reader.schema == drawn.schema
        expected = drawn.expected
        assert table.column_names == list(expected)
        for name, values in expected.items():
            found = table.column(name).to_pylist()
            assert len(found) == len(values)
            assert all(map(equal, found, values)), name
        assert reader.drift.unparsed == {}
        assert set(reader.drift.unexpected) <= {"new_column"}
        assert reader.drift.missing == ()
    if len(drawn.rows) % 4 == 0:
        dtypes = to_pandas(table, reader.schema).dtypes.astype(str)
        known = [column.name for column in reader.schema.columns]
        assert dtypes[known].to_dict() == usual_dtypes(reader.schema)


quoted = st.text('a,"\n\r', max_size=8).map(lambda text: '"' + text.replace('"', '""') + '"')
lines = st.lists(st.lists(quoted | st.text("a\r", max_size=3), min_size=1).map(",".join))


@given(lines.map("\n".join).map(str.encode), st.integers(0, 9))
@checked
def test_pieces_end_after_the_last_row_that_is_whole(rows, missing):
    held = bytearray(rows[: len(rows) - missing])
    ends = [at + 1 for at, byte in enumerate(held) if byte == ord("\n")]
    whole = [end for end in ends if held[:end].count(b'"') % 2 == 0]
    assert cut(held, 16, all=False)[0] == max(whole, default=0)
    assert cut(held, 16, all=True)[0] == len(held)


def usual_dtypes(known) -> dict[str, str]:
    kinds = {
        "text": str(pd.Series(["x"], dtype="str" if pd.__version__ >= "3" else "string").dtype),
        "category": "category",
        "integer": "Int64",
        "number": "Float64",
        "boolean": "boolean",
        "timestamp": "datetime64[us, UTC]",
        "duration": "Int64",
    }
    return {
        column.name: "Float64" if column.encoding == "fine day fraction" else kinds[column.kind]
        for column in known.columns
    }


def harmless(data: bytes, report_type: str, block: int, format: str | None) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            reader = read_batches(io.BytesIO(data), report_type, block=block, format=format)
            to_pandas(reader.read(), reader.schema, drift=reader.drift)
        except TalkdeskError:
            return


STARTS = {
    "csv": [b"", b"interaction_id,call_id\n", b'a,b\n"', b"a,b\n1,2\n", b"\xef\xbb\xbfa,b\r\n"],
    "json": [b"", b'{"entries":[', b'{"entries":[{"a":1},', b'{"total":1,"entries":[{', b"{"],
    "json_bulk": [b"", b"[", b'{"a":1}\n', b'[{"a":"', b'{"entries":['],
}


@FORMATS
@checked
@given(
    data=st.binary(max_size=200) | st.text(max_size=200).map(str.encode),
    start=st.integers(0, 4),
    report_type=st.sampled_from(["calls", "feedback", "csat_score"]),
    block=st.integers(2, 400),
    told=st.booleans(),
)
def test_arbitrary_bytes_raise_only_our_errors(format, data, start, report_type, block, told):
    with pieces(50, 1):
        harmless(STARTS[format][start] + data, report_type, block, format if told else None)


@settings(checked, max_examples=CASES // 5)
@given(
    value=st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    ),
    lines=st.booleans(),
)
def test_arbitrary_json_raises_only_our_errors(value, lines):
    whole = json.dumps(value) if lines else json.dumps({"entries": value})
    with pieces(50, 1):
        harmless(whole.encode(), "feedback", 100, None)


def golden(format: str) -> list[tuple[str, bytes]]:
    """Return good files of a format, with the report type of each."""
    suffix = "csv" if format == "csv" else "json"
    files = [(path.stem, path.read_bytes()) for path in sorted(GOLDEN.glob(f"*.{suffix}"))]
    if format != "json_bulk":
        return files
    return [
        (name, b"".join(json.dumps(row).encode() + b"\n" for row in json.loads(content)["entries"]))
        for name, content in files
    ]


FILES = {format: golden(format) for format in WRITERS}
MARKS = st.sampled_from([*b'{}[],:"\\\n\r\x00\xff', *b"0e-.tnN", 0xC3])
changes = st.lists(
    st.tuples(
        st.floats(0, 1), st.sampled_from([0, 1, 1, 2, 30]), st.lists(MARKS, max_size=3).map(bytes)
    ),
    min_size=1,
    max_size=4,
)


@FORMATS
@checked
@given(
    which=st.integers(0, 1000),
    changes=changes,
    block=st.integers(20, 3000),
    size=st.integers(50, 900),
    sample=st.integers(1, 3),
)
def test_mutated_files_raise_only_our_errors(format, which, changes, block, size, sample):
    report_type, good = FILES[format][which % len(FILES[format])]
    content = bytearray(good)
    for place, length, marks in changes:
        at = int(place * len(content))
        content[at : at + length] = marks
    with pieces(size, sample):
        harmless(bytes(content), report_type, block, format)


@pytest.mark.parametrize("zone", ["America/New_York", "Europe/Lisbon", "Australia/Sydney"])
@pytest.mark.parametrize("suffix", ["csv", "json"])
def test_every_half_hour_of_a_year(zone, suffix):
    """Compare with the standard library, which has its own idea of time zones."""
    local = [datetime(2026, 1, 1) + timedelta(minutes=30 * n) for n in range(365 * 48)]
    keys = [c.key for c in schema("csat_score").columns]
    rows = [["a", "g", "t", at.strftime("%Y-%m-%d %H:%M:%S"), 4] for at in local]
    if suffix == "csv":
        text = "\n".join(",".join(map(str, row)) for row in [keys, *rows])
    else:
        text = json.dumps({"entries": [dict(zip(keys, row, strict=True)) for row in rows]})
    frame = read_report(io.BytesIO(text.encode()), "csat_score", timezone=zone)

    info = ZoneInfo(zone)
    expected = []
    for at in local:
        moment = at.replace(tzinfo=info, fold=0).astimezone(UTC)
        if moment.astimezone(info).replace(tzinfo=None) != at:  # skipped: the moment after
            gap = at
            while (
                gap.replace(tzinfo=info).astimezone(UTC).astimezone(info).replace(tzinfo=None)
                != gap
            ):
                gap += timedelta(minutes=30)
            moment = gap.replace(tzinfo=info).astimezone(UTC)
        expected.append(moment)
    assert sorted(expected) == [moment.to_pydatetime() for moment in frame["sent_at"]]
