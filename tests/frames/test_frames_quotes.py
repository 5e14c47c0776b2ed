"""Quotes that stand within a field of CSV: they are letters, wherever the file is cut."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from td_notebooks.errors import DownloadError
from td_notebooks.frames import feed as feed_module
from td_notebooks.frames import read_batches

BLOCKS = [8, 13, 16, 33, 64, 100, 250, 1 << 20]


def rows_of(data: bytes, block: int) -> list[list[str | None]]:
    reader = read_batches(io.BytesIO(data), "feedback", format="csv", block=block)
    return [list(row.values()) for row in reader.read().to_pylist()]


def expected(data: bytes) -> list[list[str | None]]:
    rows = list(csv.reader(io.StringIO(data.decode(), newline="")))[1:]
    return [[field or None for field in row] for row in rows if row]


def pipes(count: int, **changed: str) -> bytes:
    lines = ["a,b", *(f"{number},x" for number in range(count)), ""]
    for place, line in changed.items():
        lines[int(place[1:])] = line
    return "\n".join(lines).encode()


FILES = {
    "one": pipes(30, _3='5" pipe,x'),
    "two": pipes(30, _3='5" pipe,x', _25='6" pipe,y'),
    "before a line end within quotes": pipes(60, _3='5" pipe,x', _20='"q,\n""",y', _40='"r\n",z'),
    "in many rows": pipes(60, **{f"_{n}": f'{n}" pipe,"a ""b"", {n}\n"' for n in range(2, 50, 2)}),
    "behind a closing quote": pipes(60, _3='"5"" x" 3" pipe,x', _20='"q\n","y\n"'),
    "CRLF": pipes(30, _3='5" pipe,"x\n1"', _20='"q\n",y').replace(b"\n", b"\r\n"),
}


@pytest.mark.parametrize("block", BLOCKS)
@pytest.mark.parametrize("name", FILES)
def test_a_quote_within_a_field_is_a_letter(name, block):
    assert rows_of(FILES[name], block) == expected(FILES[name])


@pytest.mark.parametrize("changed", [{"_3": '5" pipe,x'}, {"_3": '5" pipe,x', "_4000": '6" p,y'}])
def test_a_quote_within_a_field_opens_no_row_without_an_end(changed, monkeypatch):
    monkeypatch.setattr(feed_module, "LONGEST_ROW", 3000)
    data = pipes(5000, **changed)
    assert rows_of(data, 500) == expected(data)


fields = st.text('ab,"\r\n', max_size=6).map(lambda text: '"' + text.replace('"', '""') + '"')
fields |= st.text("ab", max_size=4) | st.sampled_from(['5"', 'a" b"'])
lines = st.lists(st.tuples(st.just("x"), fields, fields), max_size=30)


@settings(max_examples=200, deadline=None, database=None)
@given(lines, st.sampled_from(["\n", "\r\n"]), st.sampled_from(BLOCKS))
def test_any_rows_with_quotes_come_back_or_are_refused(lines, end, block):
    data = ("a,b,c" + end + "".join(",".join(line) + end for line in lines)).encode()
    try:
        found = rows_of(data, block)
    except DownloadError:
        assert block < 1 << 20
    else:
        assert found == expected(data)


@pytest.mark.parametrize("block", BLOCKS)
@pytest.mark.parametrize("line", ['"29,x', '29,"x', '29,"x ""y""', '29,"""x'])
def test_a_file_that_ends_within_quotes_is_still_named(line, block):
    with pytest.raises(DownloadError, match="row 30: it ends within quotes"):
        rows_of(pipes(30, _3='5" pipe,x', _30=line), block)
