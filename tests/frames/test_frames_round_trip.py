"""Every report type through the sandbox: whatever the format, the same frame."""

from __future__ import annotations

import warnings

import pytest
from pandas.testing import assert_frame_equal

from td_notebooks.errors import ConfigError, SchemaError
from td_notebooks.frames import DriftWarning, read_report
from td_notebooks.pull import load
from td_notebooks.reports.schemas import report_types, schema

SPAN = ("2026-03-02", "2026-03-04")


@pytest.mark.parametrize("report_type", report_types())
def test_every_format_gives_the_same_frame(report_type, start_sandbox, open_client):
    client = open_client(start_sandbox())
    frames = []
    with warnings.catch_warnings():
        if not schema(report_type).columns or len(schema(report_type).columns) == 1:
            warnings.simplefilter("ignore", DriftWarning)  # all its columns are strangers
        for format in schema(report_type).formats:
            frames.append(client.report(report_type, *SPAN, format=format, progress=False))
    assert len(frames[0]) > 0
    for frame in frames[1:]:
        assert_frame_equal(frame, frames[0])
        assert frame.attrs == frames[0].attrs


def test_a_file_is_kept_even_when_it_cannot_be_read(tmp_path):
    path, kept = tmp_path / "report", tmp_path / "kept" / "scores.csv"
    header = ",".join(column.header for column in schema("csat_score").columns)
    path.write_text(f"{header}\na,g,t,2026-03-02 10:00:00,often\n")
    with pytest.raises(SchemaError, match="often"):
        load(path, "csat_score", strict=True, keep=kept)
    assert kept.read_bytes() == path.read_bytes()
    assert [child.name for child in kept.parent.iterdir()] == ["scores.csv"]
    with pytest.warns(DriftWarning, match="often"):
        assert len(read_report(kept, "csat_score")) == 1
    pulled = load(path, "csat_score")
    assert pulled.drift.unparsed == {schema("csat_score").columns[4].name: (1, ("often",))}


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    path = tmp_path / "report"
    path.write_text("x")
    with pytest.raises(ConfigError, match="could not be kept"):
        load(path, "csat_score", keep=path / "inside")
