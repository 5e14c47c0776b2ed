from __future__ import annotations

import csv
import io
import json
import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from td_notebooks.errors import ConfigError
from td_notebooks.reports import schemas
from td_notebooks.sandbox.centre import Centre
from td_notebooks.sandbox.files import CHUNK, columns_of, days_and_hours, layout, number, render
from td_notebooks.sandbox.names import company_number, phone

START = datetime(2026, 3, 2, tzinfo=UTC)
TYPES = schemas.report_types()


@pytest.fixture(scope="module")
def rows():
    centre = Centre()
    return {t: centre.rows(t, START, START + timedelta(2)) for t in TYPES}


def written(report_type, rows, format, **options):
    return b"".join(render(report_type, rows, format, **options)).decode()


def expected(column, value, zone, *, words):
    """What a reader of the file must find, by other means than the writer's."""
    if value is None:
        return "" if words or column.missing == "empty" else None
    encoding = column.encoding
    if column.kind == "timestamp":
        if encoding == "rfc3339z":
            return value.strftime("%Y-%m-%dT%H:%M:%SZ")
        text = value.astimezone(ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M:%S")
        return text + (".000" if encoding == "naive millis" else "")
    if column.kind == "boolean":
        if encoding == "true/false":
            return str(value).lower() if words else value
        return encoding.split("/")[0 if value else 1]
    if encoding == "0d 0h 0m 0s":
        hours, rest = divmod(value, 3600)
        return f"{hours // 24}d {hours % 24}h {rest // 60}m {rest % 60}s"
    if encoding == "minutes":
        value = value // 60
    if encoding in ("json array", "json array text"):
        return json.dumps(value) if words or encoding.endswith("text") else value
    if encoding in ("day fraction", "fine day fraction"):
        return pytest.approx(value / 86400, abs=6e-11)
    if words and column.kind in ("integer", "duration"):
        return str(value)
    return value


def compare(found, column, value, zone, *, words):
    wanted = expected(column, value, zone, words=words)
    if (
        words
        and value is not None
        and (column.kind == "number" or "fraction" in (column.encoding or ""))
    ):
        assert float(found) == wanted, column.key
    else:
        assert found == wanted, column.key


@pytest.mark.parametrize("zone", ["UTC", "America/New_York"])
@pytest.mark.parametrize("report_type", TYPES)
def test_json_read_again_gives_the_values(report_type, zone, rows):
    given, schema = rows[report_type], layout(report_type)
    body = json.loads(written(report_type, given, "json", timezone=zone))
    envelope = ["type", "version", "entries", "total"] if schema.envelope else ["entries", "total"]
    assert list(body) == envelope
    assert body["total"] == len(body["entries"]) == len(given) > 0
    for entry, row in zip(body["entries"], given, strict=True):
        assert list(entry) == list(row)
        for column in columns_of(schema):
            compare(entry[column.key], column, row[column.key], zone, words=False)


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("report_type", TYPES)
def test_csv_read_again_gives_the_values(report_type, newline, rows):
    given, zone = rows[report_type], "Australia/Sydney"
    text = written(report_type, given, "csv", timezone=zone, newline=newline)
    header, *records = csv.reader(io.StringIO(text, newline=""))
    columns = columns_of(layout(report_type))
    assert header == ([c.header for c in columns] or ["id", "name", "value"])
    assert len(records) == len(given)
    for record, row in zip(records, given, strict=True):
        assert len(record) == len(header)
        for column, field in zip(columns, record, strict=False):
            compare(field, column, row[column.key], zone, words=True)


def test_json_bulk_is_an_object_per_line(rows):
    lines = written("calls", rows["calls"], "json_bulk").splitlines()
    whole = json.loads(written("calls", rows["calls"], "json"))["entries"]
    assert [json.loads(line) for line in lines] == whole


def test_the_five_reports_by_the_letter(rows):
    call = written("calls", rows["calls"][:1], "json")
    assert call.startswith('{"type":"calls","version":"v1","entries":[{"call_id":"')
    assert call.endswith('"nested_disposition":null}],"total":1}')
    assert re.search(r'"start_at":"2026-03-0\dT\d\d:\d\d:\d\dZ"', call)
    assert '"is_transfer":false' in call and '"csat_survey_time":""' in call
    assert re.search(
        r'"transfer_out":"(Yes|No)"', written("contacts", rows["contacts"][:1], "json")
    )
    step = written("studio_flow_execution", rows["studio_flow_execution"][:1], "csv")
    assert step.startswith("Call Sid,Interaction_ID,")
    assert re.search(r",ok,\d\.\d{1,7}E-6,2026-03-02 ", step)


def test_csv_quotes_only_where_needed_and_text_survives():
    texts = ["plain", 'a "quote"', "a,b", "two\nlines", "two\r\nlines", "one\rreturn", " spaced ",
             "007", "+12025550100", "NA", "=SUM(1,2)", "Łódź 👍", ""]  # fmt: skip
    given = [{"call_id": text, "notes": "x"} for text in texts]
    for newline in ("\n", "\r\n"):
        text = written("calls", given, "csv", newline=newline)
        assert text.startswith(f"Call Id,Notes{newline}plain,x{newline}")
        for quoted in ('"a ""quote"""', '"a,b"', '"two\r\nlines"', '"one\rreturn"'):
            assert f"{newline}{quoted},x{newline}" in text
        assert f"{newline} spaced ,x{newline}007,x{newline}+12025550100,x" in text
        read = list(csv.reader(io.StringIO(text, newline="")))
        assert [record[0] for record in read[1:]] == texts
    entries = json.loads(written("calls", given, "json"))["entries"]
    assert [entry["call_id"] for entry in entries] == texts


def test_byte_order_mark():
    with_mark = b"".join(render("calls", [{"call_id": "ø"}], "csv", bom=True))
    assert with_mark == b"\xef\xbb\xbfCall Id\n\xc3\xb8\n"


@pytest.mark.parametrize("report_type", TYPES)
def test_an_empty_report_has_its_header_and_its_envelope(report_type):
    assert json.loads(written(report_type, [], "json"))["entries"] == []
    assert json.loads(written(report_type, [], "json"))["total"] == 0
    assert written(report_type, [], "json_bulk") == ""
    header = next(csv.reader(io.StringIO(written(report_type, [], "csv"))))
    assert header == [column.header for column in columns_of(layout(report_type))]


def test_unknown_columns_and_damaged_values_are_written_as_they_are():
    row = {
        "call_id": "c",
        "end_at": "yesterday",
        "talk_time": "n/a",
        "brand_new": 1.5,
        'o"dd': True,
        "unheard": None,
    }
    assert json.loads(written("calls", [row], "json"))["entries"] == [row]
    header, record = csv.reader(io.StringIO(written("calls", [row], "csv")))
    assert header == ["Call Id", "End At", "Talk Time", "brand_new", 'o"dd', "unheard"]
    assert record == ["c", "yesterday", "n/a", "1.5", "true", ""]


@pytest.mark.parametrize("format", ["json", "csv", "json_bulk"])
def test_chunks_come_while_rows_are_still_being_made(format):
    taken = 0

    def endless():
        nonlocal taken
        while True:
            taken += 1
            yield {"call_id": str(taken)}

    chunks = render("calls", endless(), format)
    for _ in range(3):
        next(chunks)
    assert CHUNK <= taken <= 3 * CHUNK + 1


def test_times_follow_the_zone_through_the_change_of_the_clock():
    moments = [datetime(2026, 10, 25, hour, 30, tzinfo=UTC) for hour in (0, 1, 2)]
    text = written("ring_attempts", [{"ring_started_at_time": m} for m in moments], "csv",
                   timezone="Europe/Lisbon")  # fmt: skip
    assert text.splitlines()[1:] == [
        "2026-10-25 01:30:00", "2026-10-25 01:30:00", "2026-10-25 02:30:00"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (80 / 86400, "0.0009259259"),
        (0.139 / 86400, "1.6087963E-6"),
        (6 / 86400, "6.9444444E-5"),
        (1e-5, "1E-5"),
        (0.0, "0.0"),
        (3.0, "3.0"),
        (-2.5, "-2.5"),
        (1234567.25, "1234567.25"),
    ],
)
def test_numbers(value, text):
    assert number(value) == text
    assert float(text) == pytest.approx(value, abs=5e-11)


def test_every_millisecond_of_a_step_comes_back():
    for millis in range(0, 200_000, 37):
        assert round(float(number(millis / 1000 / 86400)) * 86400, 3) == millis / 1000


def test_days_and_hours():
    assert days_and_hours(42) == "0d 0h 0m 42s"
    assert days_and_hours(93784) == "1d 2h 3m 4s"


def test_phone_numbers_are_set_aside_for_fiction():
    numbers = {phone(customer) for customer in range(80_000)}
    assert len(numbers) == 80_000
    assert all(re.fullmatch(r"\+1[2-9]\d\d55501\d\d", number) for number in numbers)
    assert company_number(2) == "+12025550102"


def test_an_unknown_format_or_type_is_refused():
    with pytest.raises(ConfigError, match="json_bulk"):
        render("calls", [], "xls")
    with pytest.raises(ConfigError, match="callz"):
        render("callz", [], "csv")
