"""Properties: any rows in any format and any pieces give one frame; no bytes do harm."""

from __future__ import annotations

import io
import json
import os
import warnings
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest import mock
from zoneinfo import ZoneInfo

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from td_notebooks.errors import TalkdeskError
from td_notebooks.frames import json as json_module
from td_notebooks.frames import read_batches, read_report, to_pandas
from td_notebooks.reports.schemas import Column, report_types, schema

CASES = 20_000 if os.environ.get("TD_NIGHTLY") else 500
GOLDEN = sorted((Path(__file__).parent / "golden").iterdir())
KNOWN = [name for name in report_types() if schema(name).columns]
ROWS = CASES // 20  # each of them is some five files of up to 84 rows
relaxed = {"deadline": None, "suppress_health_check": list(HealthCheck), "print_blob": True}

texts = st.one_of(
    st.sampled_from(["+18443265295", "007", "1", "12e45678", "NA", "null", "=SUM(1)", "a},{b"]),
    st.text(st.characters(codec="utf-8", exclude_characters="\x00\r"), min_size=1, max_size=20),
)


def wire(column: Column) -> st.SearchStrategy[tuple[object, str]]:
    """Draw a value as JSON has it and as CSV has it."""
    match column.kind, column.encoding:
        case "boolean", "true/false":
            values = st.booleans().map(lambda v: (v, json.dumps(v)))
        case "boolean", encoding:
            values = st.sampled_from(encoding.split("/")).map(lambda v: (v, v))
        case "timestamp", encoding:
            pattern = {
                "rfc3339z": "%Y-%m-%dT%H:%M:%SZ",
                "naive": "%Y-%m-%d %H:%M:%S",
                "naive millis": "%Y-%m-%d %H:%M:%S.809",
            }[encoding]
            values = st.datetimes(datetime(2016, 1, 1), datetime(2036, 1, 1)).map(
                lambda v: (v.strftime(pattern), v.strftime(pattern))
            )
        case "duration", "0d 0h 0m 0s":
            values = st.integers(0, 10**6).map(lambda v: (f"0d 0h 0m {v}s",) * 2)
        case "duration", "day fraction" | "fine day fraction":
            values = st.floats(0, 30).map(lambda v: (v, repr(v)))
        case "integer" | "duration", _:
            values = st.integers(-(2**31), 2**31).map(lambda v: (v, str(v)))
        case "number", _:
            values = st.floats(allow_nan=False, allow_infinity=False).map(lambda v: (v, repr(v)))
        case "category", _:
            values = st.sampled_from([*column.values, "another"]).map(lambda v: (v, v))
        case _, "json array":
            values = st.lists(texts, max_size=3).map(
                lambda v: (v, json.dumps(v, ensure_ascii=False, separators=(",", ":")))
            )
        case _:
            values = texts.map(lambda v: (v, v))
    missing = st.sampled_from([(None, ""), ("", "")])
    return values if not column.nullable else values | missing


@contextmanager
def pieces(size: int, sample: int):
    with (
        mock.patch.object(json_module, "PIECE", size),
        mock.patch.object(json_module, "SAMPLE", sample),
    ):
        yield


def read(data: bytes, report_type: str, block: int, **options) -> pd.DataFrame:
    reader = read_batches(io.BytesIO(data), report_type, block=block, **options)
    return to_pandas(reader.read(), reader.schema, drift=reader.drift)


def field(text: str) -> str:
    quoted = any(mark in text for mark in ',"\n')
    return '"' + text.replace('"', '""') + '"' if quoted else text


@settings(max_examples=ROWS, **relaxed)
@given(data=st.data())
def test_any_rows_in_any_format_and_any_pieces(data):
    known = schema(data.draw(st.sampled_from(KNOWN)))
    columns = data.draw(st.permutations(known.columns))
    rows = data.draw(st.lists(st.tuples(*map(wire, columns)), max_size=12))
    rows *= data.draw(st.sampled_from([1, 1, 7]))
    entries = [{c.key: v[0] for c, v in zip(columns, row, strict=True)} for row in rows]
    wrapper = {"entries": entries, "total": len(rows)}
    if data.draw(st.booleans()):
        wrapper = dict(reversed(wrapper.items()))
    layout = data.draw(st.sampled_from([{}, {"indent": 1}, {"separators": (",", ":")}]))
    lines = [[c.header for c in columns], *([v[1] for v in row] for row in rows)]
    end = data.draw(st.sampled_from(["\n", "\r\n"]))
    files = [
        end.join(",".join(map(field, line)) for line in lines) + end,
        json.dumps(wrapper, **layout),
        json.dumps(wrapper, ensure_ascii=False),
        json.dumps(entries),
    ]
    if entries:
        files.append("\n".join(json.dumps(entry) for entry in entries))
    block, size = data.draw(st.integers(20, 4000)), data.draw(st.integers(20, 2000))
    zone = data.draw(st.sampled_from(["UTC", "Europe/Lisbon", "America/New_York"]))
    frames = []
    with pieces(size, data.draw(st.integers(1, 5))):
        for file in files:
            reader = read_batches(io.BytesIO(file.encode()), known.report_type, block=block,
                                  timezone=zone)  # fmt: skip
            table = reader.read()
            assert reader.rows == len(rows)
            assert not reader.drift.unparsed
            assert not reader.drift.unexpected
            frames.append(to_pandas(table, reader.schema))
    for frame in frames[1:]:
        assert_frame_equal(frame, frames[0])


def harmless(data: bytes, report_type: str, block: int) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            read(data, report_type, block)
        except TalkdeskError:
            return


@settings(max_examples=CASES, **relaxed)
@given(
    data=st.one_of(
        st.binary(max_size=300),
        st.text(max_size=200).map(str.encode),
        st.binary(max_size=200).map(lambda b: b'{"entries":[' + b),
        st.binary(max_size=200).map(lambda b: b"interaction_id,call_id\n" + b),
        st.recursive(
            st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
            lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        ).map(lambda v: json.dumps({"entries": v}).encode()),
    ),
    report_type=st.sampled_from(["calls", "feedback", "csat_score"]),
    block=st.integers(2, 400),
)
def test_arbitrary_bytes_raise_only_our_errors(data, report_type, block):
    with pieces(50, 1):
        harmless(data, report_type, block)


@settings(max_examples=CASES, **relaxed)
@given(data=st.data())
def test_mutated_files_raise_only_our_errors(data):
    path = data.draw(st.sampled_from(GOLDEN))
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content)))
        size = data.draw(st.sampled_from([0, 1, 1, 2, 30]))
        marks = st.sampled_from([*b'{}[],:"\\\n\r\x00\xff', *b"0e-.tnN", 0xC3])
        content[at : at + size] = bytes(data.draw(st.lists(marks, max_size=3)))
    with pieces(data.draw(st.integers(50, 900)), data.draw(st.integers(1, 3))):
        harmless(bytes(content), path.stem, data.draw(st.integers(20, 3000)))


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
