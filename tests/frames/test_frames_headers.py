"""CSV files with a header, without one, and with one that comes again."""

from __future__ import annotations

import csv
import io
import warnings

import pytest
from pandas.testing import assert_frame_equal

from td_notebooks.errors import DownloadError, SchemaError
from td_notebooks.frames import Drift, DriftWarning, read_batches, read_report
from td_notebooks.reports.schemas import report_types, versions

HEADER = "agent_id,ring_groups_name,team_id,sent_at,score"
ROW = "A,g,t,2026-01-01 00:00:00,4"
VALUES = {
    "seconds": "5", "minutes": "5", "day fraction": "0.25", "fine day fraction": "0.25",
    "0d 0h 0m 0s": "0d 0h 0m 4s", "rfc3339z": "2026-05-01T10:00:00Z",
    "naive": "2026-05-01 10:00:00", "naive millis": "2026-05-01 10:00:00.809",
}  # fmt: skip


def read(text: str, report_type: str = "csat_score", **options):
    reader = read_batches(io.BytesIO(text.encode()), report_type, format="csv", **options)
    return reader.read().to_pylist(), reader


def value(column) -> str:
    """Return a value that is no number and no time, unless the column has to have one."""
    if column.kind == "boolean":
        return column.encoding.split("/")[0]
    return VALUES.get(column.encoding, {"integer": "5", "number": "1.5"}.get(column.kind, "x"))


@pytest.mark.parametrize("report_type", report_types())
def test_a_first_row_of_values_is_no_header(report_type):
    for known in versions(report_type):
        for columns in {known.columns, tuple(c for c in known.columns if c.required)} - {()}:
            row = {column.name: value(column) for column in columns}
            for changed in ({}, {columns[0].name: columns[-1].key}):  # one is a column's name
                if len(columns) == 1 and changed:
                    continue
                found, reader = read(",".join((row | changed).values()) + "\n", report_type)
                assert len(found) == 1 and found[0][columns[-1].name] is not None
                assert reader.drift == Drift()


@pytest.mark.parametrize("report_type", [t for t in report_types() if versions(t)[0].columns])
def test_a_header_in_another_language_is_no_row(report_type):
    for known in versions(report_type):
        if any(c.kind not in ("text", "category") for c in known.columns):
            header = ",".join(f"Coluna {number}" for number in range(len(known.columns)))
            with pytest.raises(SchemaError, match="it lacks"):
                read(f"{header}\n{','.join(map(value, known.columns))}\n", report_type)


def test_a_row_in_which_a_value_does_not_fit_is_a_row():
    found, reader = read(ROW.replace(",4", ",n/a"))
    assert found[0]["agent_id"] == "A" and found[0]["score"] is None
    assert reader.drift.unparsed == {"score": (1, ("n/a",))}


@pytest.mark.parametrize("block", [100, 1 << 20])
def test_a_first_row_may_be_long(block):
    long = "x" * 140_000 + ' "quoted", '
    rows = [["A", long, "t", "2026-01-01 00:00:00", "4"]] * 2
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    found, _ = read(out.getvalue(), block=block)
    assert [row["ring_groups_name"] for row in found] == [long] * 2


@pytest.mark.parametrize("block", [2, 7, 1 << 20])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_quotes_within_a_header(block, end):
    header = ['size 5" pipe', "a,b", 'c "d"\n', "e"]
    lines = ['size 5" pipe,"a,b","c ""d""\n",e', "1,2,3,4", '"5","6"" 7",8,9', ""]
    found, reader = read(end.join(lines), "feedback", block=block)
    assert reader.drift.unexpected == tuple(header)
    assert [list(row.values()) for row in found] == [list("1234"), ["5", '6" 7', "8", "9"]]


def test_rows_that_end_in_carriage_returns_alone_are_named():
    with pytest.raises(DownloadError, match="carriage returns alone"):
        read('a,b"c\r1,2\r', "feedback")
    for end in ("", "\r", "\r\n"):  # one row says nothing of how rows end
        assert read(f"a,b{end}", "feedback")[1].drift.unexpected == ("a", "b")


QUOTED = ",".join(f'"{name}"' for name in HEADER.split(","))
REPEATS = [
    HEADER, QUOTED, HEADER.upper(), QUOTED.title(), HEADER.replace("team_id", '"team_id"'),
    "\ufeff" + HEADER, "\ufeff" + QUOTED,
]  # fmt: skip


@pytest.mark.parametrize("block", [60, 1 << 20])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("again", REPEATS)
@pytest.mark.parametrize("header", [HEADER, QUOTED])
def test_a_header_that_comes_again_is_no_row(header, again, end, block):
    lines = [header, ROW, again, again, f'"{ROW[0]}"{ROW[1:]}', 'agent_id,"a\n",t,2026-01-01,', ""]
    found, reader = read(end.join(lines), block=block)
    assert [row["agent_id"] for row in found] == ["A", "A", "agent_id"]
    assert not reader.drift
    text, reader = read(end.join(lines), "feedback", block=block)
    assert [row["agent_id"] for row in text] == ["A", "A", "agent_id"]


@pytest.mark.parametrize("block", [30, 60, 1 << 20])
def test_a_header_that_comes_again_is_not_counted(block):
    lines = [HEADER, ROW, HEADER, ROW, QUOTED, "1,2", ROW, HEADER, ""]
    with pytest.raises(DownloadError, match="row 3: it has 2 fields, not 5"):
        read("\n".join(lines), block=block)


def test_a_header_with_a_blank_name_may_come_again():
    found, _ = read('a,"",c\n1,2,3\na,,c\na,2,c\n', "feedback")
    assert [list(row.values()) for row in found] == [["1", "2", "3"], ["a", "2", "c"]]


def test_a_file_of_headers_has_no_rows():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        frame = read_report(io.BytesIO(f"{HEADER}\n{HEADER}\n".encode()), "csat_score")
    assert_frame_equal(frame, read_report(io.BytesIO(HEADER.encode()), "csat_score"))
    with pytest.warns(DriftWarning):
        assert read_report(io.BytesIO(b"x\n" * 9), "feedback").shape == (0, 1)


@pytest.mark.parametrize("start", ["[", "<", "{"])
def test_a_file_without_a_header_may_start_as_other_kinds_of_files_do(start):
    found, _ = read(f"{start}{ROW}\n")
    assert found[0]["agent_id"] == f"{start}A"
    for other in (f"{start}\n", f"{start}a,b\n1,2\n", f'{start}"a":1}}'):
        with pytest.raises(DownloadError, match="not a CSV report: it is"):
            read(other)
    with pytest.raises((DownloadError, SchemaError)):
        read_report(io.BytesIO(f"{start}{ROW}".encode()), "csat_score")
