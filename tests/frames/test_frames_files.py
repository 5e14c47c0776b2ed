"""Files as they come: shapes, drift, damage. Both formats, small blocks and large."""

from __future__ import annotations

import csv
import gzip
import io
import json
import pickle
import warnings

import pandas as pd
import pyarrow as pa
import pytest
from pandas.testing import assert_frame_equal

from td_notebooks.errors import ConfigError, DownloadError, SchemaError
from td_notebooks.frames import (
    Drift,
    DriftWarning,
    arrow_schema,
    assemble,
    read_batches,
    read_report,
    stack,
    to_pandas,
)
from td_notebooks.frames import feed as feed_module
from td_notebooks.frames import json as json_module
from td_notebooks.reports.schemas import python_name, report_types, schema, versions

RINGS = schema("ring_attempts")
KEYS = [column.key for column in RINGS.columns if column.required]


def ring(number: int, **other) -> dict:
    minute, second = divmod(number % 3600, 60)
    return dict(
        zip(
            KEYS,
            [
                f"i{number}", "007", "NA", f"{number}e5", "Answered",
                f"2026-03-02 09:{minute:02d}:{second:02d}",
                f"2026-03-02 10:{minute:02d}:{second:02d}",
                number, "null", None, "=SUM(1)",
            ],
            strict=True,
        ),
        **other,
    )  # fmt: skip


def as_csv(rows, header=True, **options) -> bytes:
    out = io.StringIO()
    keys = list(dict.fromkeys(key for row in rows for key in row))
    writer = csv.DictWriter(out, keys, **options)
    if header:
        writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()


def as_json(rows, **layout) -> bytes:
    return json.dumps({"entries": rows, "total": len(rows)}, **layout).encode()


def as_lines(rows) -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


WRITERS = {
    "csv": as_csv,
    "csv, LF": lambda rows: as_csv(rows, lineterminator="\n"),
    "csv, BOM": lambda rows: b"\xef\xbb\xbf" + as_csv(rows),
    "csv, all quoted": lambda rows: as_csv(rows, quoting=csv.QUOTE_ALL),
    "csv, no last line end": lambda rows: as_csv(rows).rstrip(),
    "csv, blank lines before": lambda rows: b"\r\n\n" + as_csv(rows),
    "csv, no header": lambda rows: as_csv(rows, header=False),
    "csv, other order": lambda rows: as_csv([dict(reversed(row.items())) for row in rows]),
    "json": as_json,
    "json, compact": lambda rows: as_json(rows, separators=(",", ":")),
    "json, indented": lambda rows: as_json(rows, indent=2),
    "json, total first": lambda rows: json.dumps(
        {"total": len(rows), "_links": {"a": [{}, {}]}, "entries": rows}
    ).encode(),
    "json, more after": lambda rows: json.dumps(
        {"entries": rows, "total": len(rows), "x": [{"a": 1}, {"b": 2}]}
    ).encode(),
    "json, UTF-8": lambda rows: as_json(rows, ensure_ascii=False),
    "json, array": lambda rows: json.dumps(rows).encode(),
    "json, lines": as_lines,
    "json, BOM": lambda rows: b"\xef\xbb\xbf" + as_json(rows),
    "gzip": lambda rows: gzip.compress(as_csv(rows)),
    "gzip, two members": lambda rows: (
        gzip.compress(as_json(rows)[:50]) + gzip.compress(as_json(rows)[50:])
    ),
}


@pytest.fixture(params=[300, 100_000], ids=["tiny pieces", "large pieces"])
def piece(request, monkeypatch):
    """Make what is parsed at once small, so that few rows pass through many pieces."""
    monkeypatch.setattr(json_module, "PIECE", request.param)
    monkeypatch.setattr(json_module, "SAMPLE", 3)
    return request.param


def read(data: bytes, report_type: str = "ring_attempts", *, block: int = 1000, **options):
    reader = read_batches(io.BytesIO(data), report_type, block=block, **options)
    return to_pandas(reader.read(), reader.schema, drift=reader.drift)


@pytest.mark.parametrize("layout", WRITERS)
def test_every_layout_gives_the_same_frame(layout, piece):
    rows = [ring(n, user_name=f'a "quoted" }},{{ [\\n] \\" \n, ünï 👋 {n}') for n in range(40)]
    expected = read_report(io.BytesIO(as_json(rows)), "ring_attempts")
    assert len(expected) == 40
    assert expected["user_name"].tolist() == [row["user_name"] for row in rows]
    assert_frame_equal(read(WRITERS[layout](rows), block=piece), expected)


DESCRIBED = [v for t in report_types() for v in versions(t) if len(v.columns) > 1]


@pytest.mark.parametrize("known", DESCRIBED)
def test_a_file_without_a_header_is_told_by_the_number_of_its_columns(known):
    required = [column for column in known.columns if column.required]
    for columns in (known.columns, required):
        if len(columns) > 1:
            row = ",".join("007" if column.kind == "text" else "" for column in columns)
            reader = read_batches(io.BytesIO(f"{row}\n{row}\n".encode()), known.report_type)
            table = reader.read()
            assert (table.num_rows, reader.schema) == (2, known)
            assert table.column(columns[0].name).to_pylist() == 2 * [row.split(",")[0] or None]


def test_text_survives_unchanged(piece):
    note = ('"' + "line, with \\ and },{ and ''\n" * 1200 + "\r\nend 👋")[: 32 * 1024]
    texts = ["+18443265295", "007", "1", "12e45678", "NA", "null", "nan", "None", "=SUM(1)"]
    texts += ["true", "1.50", "👋", " padded ", "a\tb", note, "2026-03-02 10:00:00", "é", "\u2028"]
    rows = [ring(n, team_name=text) for n, text in enumerate(texts * 3)]
    for write in (as_csv, as_json, as_lines):
        for backend in (None, "numpy_nullable", "pyarrow"):
            frame = read_report(io.BytesIO(write(rows)), "ring_attempts", dtype_backend=backend)
            assert frame["team_name"].tolist() == texts * 3
    assert read(as_csv(rows))["team_name"].tolist() == texts * 3
    assert read(as_json(rows))["team_name"].tolist() == texts * 3


@pytest.mark.parametrize(
    "data",
    [
        b'{"entries":[],"total":0}',
        b"[]",
        b'{"total": 0, "entries": [ ]}',
        as_csv([dict.fromkeys(KEYS)]).splitlines()[0],
    ],
    ids=["json", "array", "total first", "csv"],
)
def test_an_empty_report_has_all_columns_and_types(data):
    empty = read(data)
    assert len(empty) == 0
    full = read(as_json([ring(1)]))
    assert list(empty.columns) == list(full.columns) == [c.name for c in RINGS.columns]
    assert [str(t) for t in empty.dtypes] == [str(t) for t in full.dtypes]
    assert read_batches(io.BytesIO(data), "ring_attempts").read().schema == arrow_schema(RINGS)


def test_repeated_headers_are_dropped():
    rows = [ring(n) for n in range(9)]
    one, rest = as_csv(rows[:4]), as_csv(rows[4:])
    expected = read(as_csv(rows))
    assert_frame_equal(read(one + rest), expected)
    assert_frame_equal(read(one + b"\xef\xbb\xbf" + rest, block=64), expected)
    header = as_csv(rows).splitlines()[0].decode()
    kept = [ring(1, team_name=f"first\r\n{header}\r\nlast")]
    assert read(as_csv(kept))["team_name"][0] == kept[0]["team_name"]
    with pytest.warns(DriftWarning):
        assert read(b"x,y\nx,yz\nx,y\n1,2\n", "feedback")["y"].tolist() == ["yz", "2"]


@pytest.mark.parametrize("write", [as_csv, as_json, as_lines])
def test_new_columns_arrive_as_text_with_one_warning(write, piece):
    rows = [ring(n) for n in range(30)]
    for number, row in enumerate(rows):
        row |= {"New Field": f"00{number}", "team_name?": "x"}
    with pytest.warns(DriftWarning, match="New Field") as caught:
        frame = read(write(rows))
    assert len(caught) == 1
    assert frame["new_field"].tolist() == [f"00{n}" for n in range(30)]
    assert frame["team_name_2"].unique().tolist() == ["x"]
    drift = frame.attrs["td"].drift
    assert drift.unexpected == ("New Field", "team_name?")
    json.dumps(frame.attrs)


def test_new_columns_of_json_keep_their_spelling(piece):
    values = [1, 1.5, True, {"a": [1.50, "ä", None]}, ["x", 'y"'], [], "2026-03-02", None, 10**30]
    rows = [ring(n, late=values[n % 9] if n > 5 else None) for n in range(60)]
    data = as_json(rows).replace(b"[1.5,", b"[1.50,")
    with pytest.warns(DriftWarning, match="late"):
        frame = read(data)
    spelt = ["1", "1.5", "true", '{"a":[1.50,"ä",null]}', '["x","y\\""]', "[]", "2026-03-02"]
    assert frame["late"][9:16].tolist() == spelt
    assert frame["late"][17] == str(10**30)
    assert frame["late"].isna()[16]


@pytest.mark.parametrize("value", [5, True, "2026-03-02 10:00:00", "x", ["a"], 2.5], ids=str)
def test_a_new_column_that_comes_late(value, piece):
    rows = [ring(n, **({"late": value} if n > 20 else {})) for n in range(40)]
    with pytest.warns(DriftWarning, match="late"):
        frame = read(as_json(rows))
    expected = value if isinstance(value, str) else json.dumps(value)
    assert frame["late"].dropna().unique().tolist() == [expected]
    assert frame["late"].notna().sum() == 19


@pytest.mark.parametrize("write", [as_csv, as_json])
def test_missing_columns(write):
    rows = [ring(n) for n in range(5)]
    without = [{k: v for k, v in row.items() if k != "team_name"} for row in rows]
    with pytest.warns(DriftWarning, match="absent, left empty: team_name"):
        frame = read(write(without))
    assert frame["team_name"].isna().all()
    assert frame.attrs["td"].drift.missing == ("team_name",)
    broken = [{k: v for k, v in row.items() if k != "contact_id"} for row in rows]
    with pytest.raises(SchemaError, match="contact_id") as caught:
        read(write(broken))
    assert caught.value.missing == ("contact_id",)
    assert caught.value.report_type == "ring_attempts"


@pytest.mark.parametrize("write", [as_csv, as_json, as_lines])
def test_values_that_do_not_fit_are_counted(write, piece):
    rows = [ring(n) for n in range(50)]
    rows[7]["ring_attempt_duration"] = "soon"
    rows[30]["ring_attempt_duration"] = 2.5
    rows[40]["ring_attempt_duration"] = "24.0"
    rows[41]["ring_started_at_time"] = "2026-02-30 10:00:00"
    rows[42]["ring_started_at_time"] = "2026-03-02T10:00:00+01:00"
    rows[43]["ring_started_at_time"] = "2026-03-02 9:00:00"
    with pytest.warns(DriftWarning, match="2 values of ring_attempt_duration do not fit"):
        frame = read(write(rows))
    assert frame.attrs["td"].drift.unparsed == {
        "ring_attempt_duration": (2, ("soon", "2.5")),
        "ring_started_at_time": (1, ("2026-02-30 10:00:00",)),
    }
    assert frame["ring_attempt_duration"].isna().sum() == 2
    assert frame["ring_attempt_duration"][40] == 24
    assert frame["ring_started_at_time"][42] == pd.Timestamp("2026-03-02 09:00", tz="UTC")
    assert frame["ring_started_at_time"][43] == pd.Timestamp("2026-03-02 09:00", tz="UTC")
    with pytest.raises(SchemaError, match="do not fit"):
        read(write(rows), strict=True)


@pytest.mark.parametrize("write", [as_csv, as_json, as_lines])
def test_a_column_of_another_type_is_said_once(write, piece):
    rows = [ring(n, ring_attempt_duration=f"0:{n:02d}") for n in range(50)]
    with pytest.warns(DriftWarning) as caught:
        frame = read(write(rows))
    assert len(caught) == 1
    drift = frame.attrs["td"].drift
    known, found = drift.retyped["ring_attempt_duration"]
    assert (known, found) in [("numbers", "text"), ("durations", "values that do not fit")]
    assert drift.unparsed["ring_attempt_duration"][0] == 50
    assert f"ring_attempt_duration has {found} where {known} were expected" in str(
        caught[0].message
    )
    again = json.loads(json.dumps(frame.attrs["td"]))
    assert Drift.from_dict(again["drift"]) == drift
    # One value that does not fit is no other type.
    rows = [ring(n, ring_attempt_duration=n if n else "?") for n in range(9)]
    with pytest.warns(DriftWarning):
        assert read(as_csv(rows)).attrs["td"].drift.retyped == {}


@pytest.mark.parametrize("write", [as_csv, as_json])
@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("user_email", "user_mail"),  # much alike
        ("user_name", "agent_name"),  # somewhat, in the same place
        ("ring_finished_at_time", "Ring Finished Time"),
        ("team_name", "team_name_of_agent"),
    ],
)
def test_a_column_with_another_name_is_recognised_and_not_touched(write, old, new):
    rows = [{new if k == old else k: v for k, v in ring(n).items()} for n in range(5)]
    with pytest.warns(DriftWarning, match=f"{old} seems to be called {new} now") as caught:
        frame = read(write(rows))
    assert len(caught) == 1
    drift = frame.attrs["td"].drift
    assert drift.renamed == {old: new}
    assert (drift.missing, drift.unexpected) == ((old,), (new,))
    assert frame[old].isna().all()
    values = [row[new] or None for row in rows]
    kept = frame[python_name(new)]
    assert [None if pd.isna(value) else value for value in kept] == values


def test_what_is_not_alike_is_not_taken_for_a_new_name():
    rows = [{k: v for k, v in ring(n).items() if k != "team_name"} | {"zip": "1"} for n in range(5)]
    with pytest.warns(DriftWarning):
        assert read(as_csv(rows)).attrs["td"].drift.renamed == {}
    rows = [{"contact_reference": "x", **ring(n)} for n in range(5)]
    with pytest.warns(DriftWarning):
        assert read(as_csv(rows)).attrs["td"].drift.renamed == {}


def test_a_missing_column_that_must_be_there_may_have_another_name():
    rows = [{"contact_ident" if k == "contact_id" else k: v for k, v in ring(1).items()}]
    with pytest.raises(SchemaError, match="contact_id may be called contact_ident now"):
        read(as_csv(rows))


def test_a_report_type_without_known_columns():
    data = as_json([{"A Field": 1, "when": "2026-03-02 10:00:00"}, {"A Field": None}])
    with pytest.warns(DriftWarning, match="unknown columns"):
        frame = read(data, "feedback")
    assert list(frame.columns) == ["a_field", "when"]
    assert frame["a_field"][0] == "1"
    with pytest.warns(DriftWarning):
        lines = read(b'{"a":1}\n{"a":2}', "feedback", format="json_bulk")
    assert lines["a"].tolist() == ["1", "2"]
    assert read(b'{"entries":[],"total":0}', "feedback").shape == (0, 0)


def test_flags_and_numbers_written_in_other_ways(piece):
    status = {
        "user_id": "u", "user_name": "n", "user_email": "e", "status_label": "Away",
        "status_start_at": "2026-03-02 10:30:00", "status_end_at": None, "status_time": 14,
        "is_user_active": True, "team_id": None, "team_name": None, "ring_groups": None,
    }  # fmt: skip
    spelt = ["Yes", "NO", "TRUE", "false", True, False, "", None]
    rows = [status | {"is_user_active": spelt[n % 8], "status_time": 24.0} for n in range(40)]
    as_text = {"is_user_active": ("true and false", "text")}
    for write, drift in ((as_csv, Drift()), (as_json, Drift(retyped=as_text))):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            frame = read(write(rows), "user_status")
        found = [None if pd.isna(v) else bool(v) for v in frame["is_user_active"][:8]]
        assert found == [True, False, True, False, True, False, None, None]
        assert frame["status_time"].tolist() == [24] * 40
        assert frame.attrs["td"].drift == drift
        assert len(caught) == bool(drift)
    for value, spelt_out, kind in (
        (12345678901234567890, "12345678901234567890", "numbers"),
        (39, "39", "numbers"),
        (True, "true", "true and false"),
        ({"a": [1.50]}, '{"a":[1.5]}', "objects"),
    ):
        rows = [status | {"user_id": value} for _ in range(40)]
        with pytest.warns(DriftWarning, match=f"user_id has {kind} where text were expected"):
            frame = read(as_json(rows), "user_status")
        assert frame["user_id"].tolist() == [spelt_out] * 40


def test_lists_of_addresses(piece):
    entry = {column.key: None for column in schema("audit_logs").columns}
    lists = [["192.0.2.1", "::1"], [], None, ['a"\\', None], ["tab\t"], "text", [1]]
    entries = [
        entry | {"timestamp": "2026-02-10 17:07:22.809", "ip_addresses": lists[n % 7]}
        for n in range(70)
    ]
    with pytest.warns(DriftWarning, match="ip_addresses has text where lists were expected"):
        frame = read(as_json(entries), "audit_logs")
    expected = ['["192.0.2.1","::1"]', "[]", None, '["a\\"\\\\",null]', '["tab\\t"]', "text", "[1]"]
    found = [None if pd.isna(v) else v for v in frame["ip_addresses"]]
    assert found == expected * 10


def test_halves_of_surrogate_pairs(piece):
    data = as_json([ring(n) for n in range(20)]).replace(b'"007"', b'"\\ud83d"')
    assert set(read(data)["contact_id"]) == {"\ufffd"}


def test_rows_with_nested_lists_of_objects(piece):
    rows = [ring(n, nested=[{"a": n}, {"b": "},{"}, {"c": []}]) for n in range(60)]
    with pytest.warns(DriftWarning, match="nested"):
        frame = read(as_json(rows), block=200)
    assert len(frame) == 60
    assert frame["nested"][59] == '[{"a":59},{"b":"},{"},{"c":[]}]'


def middle(data: bytes, old: bytes, new: bytes) -> bytes:
    """Replace the fifteenth occurrence."""
    parts = data.split(old)
    return old.join(parts[:15]) + new + old.join(parts[15:])


GOOD = as_json([ring(n) for n in range(30)])
GOOD_CSV = as_csv([ring(n) for n in range(30)])
BAD = {
    "empty": (b"", "empty"),
    "blank": (b" \n", "empty"),
    "HTML": (b"<!doctype html>", "HTML"),
    "XML": (b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>', "XML"),
    "PDF": (b"%PDF-1.4", "a PDF"),
    "zip": (b"PK\x03\x04\x00\x00", "an Excel workbook or another zip"),
    "Parquet": (b"PAR1\x15\x04", "a Parquet file"),
    "program": (b"\x7fELF\x00", "other kind"),
    "error": (b'{"code":"1020011","message":"job not found"}', "1020011 job not found"),
    "job": (b'{"job":{"id":"1","status":"done"}}', "its keys are job"),
    "flat job": (b'{"id":"1","status":"done","type":"calls"}', "not a report"),
    "not entries": (b'{"entries":{}}', "not a report"),
    "half a head": (b'{"total": 1, "ent', "not complete"),
    "cut": (GOOD[:-400], "row 29 is not"),
    "cut after the rows": (GOOD[:-15], "not complete|cut short|not a complete"),
    "cut in the total": (GOOD[:-3], "cut short|says it has"),
    "something follows": (GOOD + b"{}", "something follows"),
    "two lists": (GOOD[:-1] + b', "entries": []}', "cut short"),
    "wrong total": (GOOD.replace(b'"total": 30', b'"total": 31'), "says it has 31 rows"),
    "no comma": (GOOD.replace(b"}, {", b"} {", 1), "row 2 is not"),
    "no brace": (GOOD.replace(b"}, {", b", ", 29)[:-30], "row 1 is not"),
    "rows of numbers": (b'{"entries":[1,2]}', "row 1 is not"),
    "null rows": (GOOD.replace(b"}, {", b"}, null, {", 1), "row 2 is not"),
    "null rows, late": (b"}, null, {".join(GOOD.rsplit(b"}, {", 1)), "row 30 is not"),
    "not UTF-8": (GOOD.replace(b'"007"', b'"\xff"'), "UTF-8 text at byte"),
    "not UTF-8, late": (b'"\xff"'.join(GOOD.rsplit(b'"007"', 1)), "UTF-8 text at byte"),
    "not UTF-8, in the middle": (middle(GOOD, b'"007"', b'"\xff"'), "UTF-8 text at byte"),
    "null row, in the middle": (middle(GOOD, b"}, {", b"}, null, {"), "row 16 is not"),
    "UTF-16": (GOOD.decode().encode("utf-16"), "text in UTF-16"),
    "UTF-16 without a mark": (GOOD_CSV.decode().encode("utf-16-le"), "other kind"),
    "Windows-1252": ("interaction_id,é".encode("cp1252"), "UTF-8 text at byte 15"),
    "semicolons": (GOOD_CSV.replace(b",", b";"), "no commas between"),
    "tabs": (GOOD_CSV.replace(b",", b"\t"), "no commas between"),
    "carriage returns": (GOOD_CSV.replace(b"\r\n", b"\r"), "carriage returns alone"),
    "deep": (b'{"entries":[' + b"[" * 100_000, "row 1 is not"),
    "deep value": (
        b'{"entries":[{"a":' + b"[" * 900 + b"]" * 900 + b"}" + b"]}",
        "deep|not a|SchemaError|lacks",
    ),
    "deep head": (b'{"a":' + b"[" * 100_000, "not complete"),
    "number as a key": (b'{1:2}', "not complete"),
    "bad lines": (b"\n".join([as_lines([ring(1)]), b"[1]"]), "row 2 is not"),
    "half a line": (as_lines([ring(1), ring(2)])[:-9], "row 2 is not"),
    "csv cut": (GOOD_CSV[:-20], "row 30: it has"),
    "csv with a long row": (GOOD_CSV + b"," * 20, "row 31: it has 21 fields"),
    "csv cut in quotes": (GOOD_CSV + b'x,"y', "row 31: it ends within quotes"),
    "csv not UTF-8": (GOOD_CSV.replace(b"007", b"\xff", 9), "UTF-8 text at byte"),
    "csv header not UTF-8": (b"a,\xff\n", "UTF-8 text at byte 2"),
    "other csv": (b"a,b\n1,2\n", "is not a ring_attempts report"),
    "gzip cut": (gzip.compress(GOOD_CSV)[:-20], "ends too early|does not unpack"),
    "gzip damaged": (gzip.compress(GOOD_CSV)[:50] + b"\x00" * 99, "does not unpack|too early"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_damage_is_named(name, piece):
    data, message = BAD[name]
    with pytest.raises((DownloadError, SchemaError), match=message):
        read(data, block=piece)


@pytest.mark.parametrize("block", range(1, 60, 7))
def test_rows_within_quotes_are_no_rows_wherever_the_blocks_are_cut(block):
    data = b"a,b,c\n" + b'1,2,"x\n1,2,3"\n3,4,5\r\n6,7,"\r1,2,3\r\n"\n' * 20
    with pytest.warns(DriftWarning):
        frame = read(data, "feedback", block=block)
    assert frame["c"].tolist() == ["x\n1,2,3", "5", "\r1,2,3\r\n"] * 20


@pytest.mark.parametrize("block", range(8, 40))
def test_carriage_returns_within_quotes_are_no_line_ends_wherever_blocks_are_cut(block):
    rows = b'22,1,"x\r1,2,3"\n"x\r1,2,3","\r",22\n"\r4,5,6\r7,8,9","a\r",1\n'
    with pytest.warns(DriftWarning):
        frame = read(b"a,b,c\n" + rows * 9, "feedback", block=block)
    assert frame["a"].tolist() == ["22", "x\r1,2,3", "\r4,5,6\r7,8,9"] * 9
    assert frame["b"].tolist() == ["1", "\r", "a\r"] * 9
    assert frame["c"].tolist() == ["x\r1,2,3", "22", "1"] * 9


@pytest.mark.parametrize("block", [4, 7, 8, 9, 10])
def test_a_row_within_quotes_that_goes_on_in_the_next_block_ends_at_a_carriage_return(block):
    with pytest.warns(DriftWarning):
        frame = read(b'a,b\n"",""\n"",""\n"","\r,"\n', "feedback", format="csv", block=block)
    assert frame["b"].tolist()[-1] == "\r,"


def test_formats_are_checked_against_the_bytes():
    with pytest.raises(DownloadError, match="not a CSV report"):
        read(GOOD, format="csv")
    with pytest.raises(DownloadError, match="not a CSV report"):
        read(b"", format="csv")
    with pytest.raises(DownloadError, match="not a JSON report"):
        read(GOOD_CSV, format="json")
    with pytest.raises(DownloadError, match="not a report"):
        read(as_lines([ring(1)]), format="json")
    assert len(read(as_lines([ring(1)]), format="json_bulk")) == 1
    assert len(read(GOOD, format="json_bulk")) == 30


def test_settings_are_checked():
    with pytest.raises(ConfigError, match="zone 'Mars/Olympus'"):
        read(GOOD, timezone="Mars/Olympus")
    with pytest.raises(ConfigError, match="format 'xls'"):
        read(GOOD, format="xls")
    with pytest.raises(ConfigError, match="report type"):
        read(GOOD, "rings")
    with pytest.raises(ConfigError, match="version"):
        read(GOOD, version="v9")
    assert len(read(GOOD, version="v1")) == 30


@pytest.mark.parametrize(
    "source", [b"a,b", io.StringIO("a,b"), None, 5, [GOOD]], ids=lambda s: type(s).__name__
)
def test_what_is_no_source_is_named(source):
    with pytest.raises(ConfigError, match="cannot be read from a"):
        read_report(source, "calls")


def test_a_path_that_cannot_be_read_is_named(tmp_path):
    for path in (tmp_path / "none.csv", tmp_path, str(tmp_path / "none"), "a\0b"):
        with pytest.raises(ConfigError, match=r"report file .* cannot be read: "):
            read_report(path, "calls")
    with pytest.raises(ConfigError, match="cannot be read from a TextIOWrapper"):
        (tmp_path / "calls.csv").write_bytes(GOOD)
        with (tmp_path / "calls.csv").open() as file:
            read_report(file, "calls")


def test_a_row_without_an_end(monkeypatch):
    monkeypatch.setattr(feed_module, "LONGEST_ROW", 3000)
    with pytest.raises(DownloadError, match="row without an end"):
        read(b'{"entries":[{"a":"' + b"x" * 10_000)
    with pytest.raises(DownloadError, match="row without an end"):
        read(as_csv([ring(1)]) + b'"' + b"x" * 10_000)


def test_a_source_that_gives_little_at_a_time():
    class Trickle(io.RawIOBase):
        def __init__(self, data: bytes) -> None:
            self.data = data

        def read(self, size: int = -1) -> bytes:
            given, self.data = self.data[:7], self.data[7:]
            return given

    frame = read_report(Trickle(GOOD), "ring_attempts")
    assert_frame_equal(frame, read(GOOD))


def test_rows_and_totals_while_reading():
    reader = read_batches(io.BytesIO(GOOD), "ring_attempts", block=500)
    assert (reader.rows, reader.total) == (0, None)
    counted = sum(batch.num_rows for batch in reader)
    assert counted == reader.rows == reader.total == 30
    assert not reader.drift
    assert reader.arrow_schema == arrow_schema(RINGS)
    assert read_batches(io.BytesIO(GOOD_CSV), "ring_attempts").total is None


def test_windows_are_put_in_order():
    def table(data: bytes) -> pa.Table:
        return read_batches(io.BytesIO(data), "ring_attempts").read()

    early = table(as_csv([ring(n) for n in range(5)]))
    late = table(as_csv([ring(n, extra="x") for n in range(5, 9)]))
    both = assemble([early, late], RINGS)
    assert both["ring_attempt_duration"].to_pylist() == list(range(9))
    assert both["extra"].to_pylist() == [None] * 5 + ["x"] * 4
    assert assemble([late, early], RINGS)["ring_attempt_duration"].to_pylist() == list(range(9))
    assert assemble([], RINGS).schema == arrow_schema(RINGS)
    assert assemble([early], RINGS).schema == arrow_schema(RINGS)
    typed = pa.table({"extra": pa.array([1, 2])})
    assert stack([late, typed], RINGS)["extra"].to_pylist() == ["x"] * 4 + ["1", "2"]
    unordered = schema("feedback")
    assert assemble([typed], unordered)["extra"].to_pylist() == [1, 2]


def test_all_null_columns_keep_their_type():
    empty = read(as_csv([dict.fromkeys(KEYS) | {"interaction_id": "x"} for _ in range(3)]))
    full = read(as_csv([ring(1)]))
    assert [str(t) for t in empty.dtypes] == [str(t) for t in full.dtypes]


def test_a_frame_can_be_stored_and_concatenated(tmp_path):
    frame = read(GOOD)
    frame.to_parquet(tmp_path / "rings.parquet")
    again = pd.read_parquet(tmp_path / "rings.parquet")
    assert again.attrs["td"]["report_type"] == "ring_attempts"
    if not pd.__version__.startswith("2."):  # which reads text back into another storage
        assert list(again.dtypes) == list(frame.dtypes)
    assert len(pd.concat([frame, frame])) == 60
    assert pickle.loads(pickle.dumps(frame)).attrs == frame.attrs


def test_no_drift_no_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        frame = read(GOOD)
    assert frame.attrs["td"].drift == Drift()
    assert frame.attrs["td"].version == "v1"
    assert frame.attrs["td"].report_type == "ring_attempts"


def test_drift_of_several_files_adds_up():
    one = Drift(("a",), ("m",), {"x": (2, ("p", "q"))})
    two = Drift(("a", "b"), (), {"x": (3, ("q", "r")), "y": (1, ("s",))})
    assert Drift(renamed={"a": "b"}) + Drift(retyped={"x": ("y", "z")}) == Drift(
        renamed={"a": "b"}, retyped={"x": ("y", "z")}
    )
    total = sum([one, two], Drift())
    assert total == Drift(("a", "b"), ("m",), {"x": (5, ("p", "q", "r")), "y": (1, ("s",))})
    assert "b" in str(total)
    assert bool(total)


def test_many_strangers_are_listed_shortly():
    with pytest.raises(SchemaError, match="and 3 more"):
        read(",".join("abcdefgh").encode() + b"\n")


def test_bytes_that_are_not_text_within_a_piece(monkeypatch):
    monkeypatch.setattr(json_module, "PIECE", 3000)
    rows = as_json([ring(n) for n in range(300)]).split(b'"007"')
    data = b'"007"'.join(rows[:200]) + b'"\xff"' + b'"007"'.join(rows[200:])
    with pytest.raises(DownloadError, match=f"at byte {data.index(bytes([255])):,}"):
        read(data)


@pytest.mark.parametrize("write", [as_csv, as_json, as_lines])
def test_rows_are_out_before_the_file_is_in(write, monkeypatch):
    monkeypatch.setattr(json_module, "PIECE", 2000)
    data = write([ring(n) for n in range(3000)])

    class OnItsWay(io.BytesIO):
        def read(self, size=-1):
            return super().read(min(size, 500))

    source = OnItsWay(data)
    rows = iter(read_batches(source, "ring_attempts", block=500))
    assert next(rows).num_rows > 0
    assert source.tell() < len(data) / 4
    assert sum(batch.num_rows for batch in rows) > 2900


def test_line_ends_within_quotes_where_blocks_end():
    notes = ["a\nb", "c", 'd "e"\r\n\n', "f\n" * 20, "é,\n"]
    rows = [ring(n, team_name=notes[n % 5]) for n in range(200)]
    expected = read(as_csv(rows), block=100_000)
    assert expected["team_name"].tolist() == [row["team_name"] for row in rows]
    for block in (90, 250, 1000):
        assert_frame_equal(read(as_csv(rows), block=block), expected)
