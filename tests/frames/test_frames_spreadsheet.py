"""What a spreadsheet gets: workbooks read back by another library, and CSV that is no formula."""

from __future__ import annotations

import csv
import io
import sys
from datetime import datetime

import openpyxl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from td_notebooks.cli.exports import check_suffix, export
from td_notebooks.errors import ConfigError
from td_notebooks.frames import neutralise, spreadsheet, write_xlsx

TEXT = pa.large_string()
NOTE = ("a \"quoted\" line,\n<and> &amp; 'more'\r\n" * 1000)[: 31 * 1024]
WORDS = ["+18443265295", "007", "1", "12e45678", "NA", "null", "=SUM(1)", "-5", "@x", "👋", NOTE]
WORDS += ["1.50", "TRUE", "2026-03-02", "1/2", "http://example.com", "'=1", " padded ", "\ta\n"]
WORDS += ["<r>a</r>", "<r><t>a</t></r>", "a\rb", "&lt;", "]]>"]


def sheet(table: pa.Table):
    file = io.BytesIO()
    write_xlsx(table, file)
    return openpyxl.load_workbook(file).active


def cells(table: pa.Table) -> list[list[object]]:
    return [list(row) for row in sheet(table).iter_rows(values_only=True)]


def test_text_is_text_whatever_it_looks_like():
    found = sheet(pa.table({"text": pa.array(WORDS, TEXT)}))
    assert [cell.value for cell in found["A"]] == ["text", *WORDS]
    assert {cell.data_type for cell in found["A"]} == {"s"}
    assert {cell.number_format for cell in found["A"][1:]} == {"@"}
    assert not any(cell.hyperlink for cell in found["A"])


def test_numbers_flags_and_missing_values():
    table = pa.table(
        {
            "n": pa.array([-5, None, 999_999_999_999_999, 10**15, 2**62], pa.int64()),
            "x": pa.array([0.1 + 0.2, None, 1e300, 5e-324, float("inf")]),
            "b": pa.array([True, None, False, True, True]),
            "t": pa.array([None] * 5, TEXT),
        }
    )
    assert cells(table) == [
        ["n", "x", "b", "t"],
        [-5, 0.1 + 0.2, True, None],
        [None, None, None, None],
        [999_999_999_999_999, 1e300, False, None],
        ["1000000000000000", 5e-324, True, None],
        [str(2**62), "inf", True, None],
    ]


def test_times_are_dates_in_utc_and_say_so():
    moments = [0, None, 1_785_542_400_809_000, 1_785_542_400_000_001, -2_303_891_200_000_000]
    table = pa.table({"at": pa.array(moments, pa.timestamp("us", "UTC"))})
    found = sheet(table)["A"]
    assert [cell.value for cell in found[1:]] == [
        datetime(1970, 1, 1),
        None,
        datetime(2026, 8, 1, 0, 0, 0, 809_000),
        "2026-08-01T00:00:00.000001Z",  # finer than Excel's dates
        "1896-12-28T14:13:20.000000Z",  # before them
    ]
    assert found[1].number_format == 'yyyy-mm-dd hh:mm:ss.000 "UTC"'
    seconds = sheet(table.slice(0, 2))["A"]
    assert seconds[1].number_format == 'yyyy-mm-dd hh:mm:ss "UTC"'


def test_tables_of_other_makers():
    table = pa.table(
        {
            "kind": pa.array(["=1", "x" * 32_768, None]).dictionary_encode(),
            "view": pa.array(["+1", "a", "b"], pa.string_view()),
            "wall": pa.array([0, None, -2_303_891_200], pa.timestamp("s")),
            "day": pa.array([0, None, 1], pa.date32()),
        }
    )
    head, *rows = cells(table)
    assert head == ["kind", "kind (2)", "view", "wall", "day"]
    assert rows[0] == ["=1", None, "+1", datetime(1970, 1, 1), "1970-01-01"]
    assert len(rows[1][0]) == 32_767 and rows[1][1] == "x"
    assert rows[2][3] == "1896-12-28T14:13:20.000000"
    assert sheet(table)["D"][1].number_format == "yyyy-mm-dd hh:mm:ss"
    (safe,) = neutralise(table.to_batches()[0]).slice(0, 1).to_pylist()
    assert (safe["kind"], safe["view"]) == ("'=1", "'+1")


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(-2_203_891_200_000, 253_402_300_799_999), min_size=1))
def test_every_millisecond_comes_back(millis):
    times = pa.array(millis, pa.timestamp("ms")).cast(pa.timestamp("us", "UTC"))
    found = [row[0] for row in cells(pa.table({"at": times}))[1:]]
    assert found == times.cast(pa.timestamp("ms")).to_pylist()


def test_a_text_too_long_for_a_cell_goes_on_beside_it():
    longest = "x" * 32_767
    texts = [longest, longest + "y", None, "👋" * 32_767 + "z", "short"]
    head, *rows = cells(pa.table({"notes": pa.array(texts, TEXT), "n": pa.array(range(5))}))
    assert head == ["notes", "notes (2)", "notes (3)", "n"]
    assert ["".join(part or "" for part in row[:3]) or None for row in rows] == texts
    assert [row[3] for row in rows] == [*range(5)]
    assert rows[0][1] is None and rows[1][1] == "y"
    lengths = [len(part.encode("utf-16-le")) // 2 for part in rows[3][:3]]
    assert max(lengths) <= 32_767


def test_more_rows_than_a_sheet_has_are_refused_before_anything_is_written(tmp_path):
    target = tmp_path / "calls.xlsx"
    target.write_text("old")
    table = pa.table({"n": pa.nulls(spreadsheet.SHEET_ROWS, pa.int64())})
    for write in (write_xlsx, export):
        with pytest.raises(ConfigError, match="has 1,048,575 rows below its header; the report"):
            write(table, target)
    wide = pa.table({f"c{n}": pa.array([], pa.int64()) for n in range(16_385)})
    with pytest.raises(ConfigError, match="16,384 columns"):
        write_xlsx(wide, target)
    assert target.read_text() == "old" and [*tmp_path.iterdir()] == [target]


@pytest.mark.parametrize("rows", [0, 1, 1023, 1024, 1025, 3000])
def test_no_row_is_lost_between_batches(tmp_path, rows):
    target = tmp_path / "calls.xlsx"
    write_xlsx(pa.table({"n": pa.array(range(rows), pa.int64())}), target)
    found = openpyxl.load_workbook(target).active
    assert [row[0] for row in found.iter_rows(values_only=True)] == ["n", *range(rows)]
    assert [*tmp_path.iterdir()] == [target]


def test_the_extra_is_named_before_anything_is_pulled(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "xlsxwriter", None)
    with pytest.raises(ConfigError, match=r"pip install 'td_notebooks\[excel\]'"):
        check_suffix(tmp_path / "calls.xlsx")
    monkeypatch.delitem(sys.modules, "td_notebooks.frames.workbook", raising=False)
    with pytest.raises(ConfigError, match="needs xlsxwriter, which is not installed"):
        write_xlsx(pa.table({"n": [1]}), tmp_path / "calls.xlsx")
    assert not [*tmp_path.iterdir()]


DANGEROUS = [
    "=1+1",
    "+18443265295",
    "-5",
    "@SUM(1)",
    "\t=1",
    "\r=1",
    "\n",
    " =1",
    "\ufeff=1",
]
HARMLESS = ["007", "a=1", "'", "NA", "👋", "", "a\n=1", "a,=1", "1-2", None, "x\t"]


def neutral(texts: list[str | None]) -> list[str | None]:
    batch = pa.record_batch({"text": pa.array(texts, TEXT)})
    return neutralise(batch)["text"].to_pylist()


def test_formulas_get_an_apostrophe_and_nothing_else_does():
    assert neutral(DANGEROUS) == ["'" + text for text in DANGEROUS]
    assert neutral(HARMLESS) == HARMLESS
    numbers = pa.record_batch({"n": pa.array([-5]), "x": pa.array([-0.5])})
    assert neutralise(numbers) is not None and neutralise(numbers).equals(numbers)


@given(st.lists(st.text(st.sampled_from("'=+-@ \t\r\na1\uff1d"), max_size=4)))
def test_taking_the_apostrophe_away_gives_the_text_back(texts):
    safe = neutral(texts)
    given_back = [
        after[1:] if after != before else after for before, after in zip(texts, safe, strict=True)
    ]
    assert given_back == texts
    assert len(set(safe)) == len(set(texts))  # no two texts become one
    assert not any(text[:1] in tuple("=+-@\t\r\n\uff1d") for text in safe if text)


def test_csv_is_safe_only_when_asked(tmp_path):
    texts = pa.array([*DANGEROUS, *HARMLESS], TEXT)
    table = pa.table({"text": texts, "n": range(len(texts))})
    for excel_safe, expected in ((False, DANGEROUS), (True, ["'" + text for text in DANGEROUS])):
        target = tmp_path / "calls.csv"
        export(table, target, excel_safe=excel_safe)
        raw = target.read_bytes().decode()
        rows = [row["text"] for row in csv.DictReader(io.StringIO(raw, newline=""))]
        assert rows == [*expected, *[text or "" for text in HARMLESS]]
        assert all(line.startswith('"') for line in raw.split("\n")[1:3])  # and is within quotes
