"""JSON that is told apart: rows without a wrapper, reports without rows, and no report at all."""

from __future__ import annotations

import io
import json

import pytest

from td_notebooks.errors import DownloadError, SchemaError
from td_notebooks.frames import json as json_module
from td_notebooks.frames import read_batches, read_report
from td_notebooks.pull import Pulled, load
from td_notebooks.reports.schemas import report_types

SCORE = {
    "agent_id": "A", "ring_groups_name": "g", "team_id": "t", "sent_at": "2026-01-01 00:00:00",
    "score": 4,
}  # fmt: skip
ERROR = {"code": "1020011", "message": "job not found", "fields": []}
JOB = {
    "id": "1", "name": "calls", "type": "calls", "created_at": "2026-01-01T00:00:00",
    "timezone": "UTC", "status": "done", "format": "json",
    "timespan": {"from": "2026-01-01T00:00:00Z", "to": "2026-01-02T00:00:00Z"},
}  # fmt: skip
NO_ROWS = {
    "error": ERROR,
    "identity error": {"error": "invalid_client", "error_description": "no"},
    "job": {"job": JOB, "_links": {"self": {"href": "/"}}},
    "flat job": JOB,
    "no entries": {"entries": None, "total": 0},
    "list of jobs": {"total": 0, "count": 0, "_embedded": {"jobs": []}, "_links": {}},
}


def lines(*rows: dict) -> io.BytesIO:
    return io.BytesIO("\n".join(map(json.dumps, rows)).encode())


@pytest.mark.parametrize("data", [b"", b"\n", b" \r\n\n", b"\xef\xbb\xbf", b"\xef\xbb\xbf\n"])
def test_bulk_json_without_a_line_is_an_empty_report(data):
    frame = read_report(io.BytesIO(data), "calls", format="json_bulk")
    whole = read_report(io.BytesIO(b'{"entries":[]}'), "calls")
    assert len(frame) == 0
    assert frame.dtypes.equals(whole.dtypes)
    with pytest.raises(DownloadError, match="empty"):
        read_report(io.BytesIO(data), "calls", format="json")
    with pytest.raises(DownloadError, match="empty"):
        read_report(io.BytesIO(data), "calls")


@pytest.mark.parametrize("format", [None, "json_bulk"])
@pytest.mark.parametrize(
    "row",
    [
        {"call_id": "1", "message": "great"},
        {"id": "1", "message": "great"},
        {"id": "1", "name": "n", "status": "open"},
        {"code": "7", "error": "none", "agent": "a"},
        {},
    ],
    ids=str,
)
def test_rows_of_unknown_columns_may_have_the_keys_of_errors(row, format):
    reader = read_batches(lines(row, row), "feedback", format=format)
    assert reader.read().num_rows == 2
    assert reader.rows == 2


def test_rows_may_have_many_unknown_columns():
    row = SCORE | {f"custom_{n}": "x" for n in range(9)}
    assert read_batches(lines(row, row), "csat_score").read().num_rows == 2
    one_known = {"interaction_id": "i"} | {f"column_{n}": "x" for n in range(30)}
    assert read_batches(lines(one_known), "explore_calls").read().num_rows == 1


@pytest.mark.parametrize("format", [None, "json", "json_bulk"])
@pytest.mark.parametrize("answer", NO_ROWS)
def test_other_answers_are_no_rows(answer, format):
    for report_type in report_types():
        with pytest.raises((DownloadError, SchemaError), match="not a"):
            read_batches(lines(NO_ROWS[answer]), report_type, format=format).read()


def test_an_error_is_repeated_and_nobodys_data():
    with pytest.raises(DownloadError, match="1020011 job not found"):
        read_batches(lines(ERROR), "calls").read()
    secret = "+15550100"
    for answer in (
        {"status_code": 500, "error": {"phone": secret}},
        {"call_id": "1", "message": secret},
        {"code": {"x": secret}, "message": [secret]},
        {"entries": None, "type": secret},
    ):
        for format in (None, "json", "json_bulk"):
            with pytest.raises(DownloadError, match="its keys are") as caught:
                read_batches(lines(answer), "csat_score", format=format).read()
            assert secret not in str(caught.value)


@pytest.mark.parametrize("count", [2, 300])
@pytest.mark.parametrize("dtype_backend", [None, "pyarrow"])
def test_rows_without_a_key_are_rows(count, dtype_backend, monkeypatch):
    monkeypatch.setattr(json_module, "PIECE", 100)
    data = b'{"entries":[' + b",".join([b"{}"] * count) + b"]}"
    frame = read_report(io.BytesIO(data), "feedback", dtype_backend=dtype_backend)
    assert frame.shape == (count, 0)
    assert sum(b.num_rows for b in read_batches(io.BytesIO(data), "feedback")) == count
    part = load(io.BytesIO(data), "feedback")
    assert Pulled.join([part, part]).frame(dtype_backend).shape == (2 * count, 0)
