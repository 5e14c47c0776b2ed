"""What holds the bytes of a report until they are parsed."""

from __future__ import annotations

import codecs
import gzip
import io

import pytest

from td_notebooks.errors import ConfigError, DownloadError
from td_notebooks.frames import DriftWarning, read_report
from td_notebooks.frames import feed as feed_module
from td_notebooks.frames.feed import Feed


def test_bytes_that_a_parser_still_looks_at_are_not_overwritten():
    # Pieces of one size, and a last one that is shorter.
    feed = Feed(io.BytesIO(b"a" * 100 + b"b" * 100 + b"c" * 30), block=100)
    feed.fill()
    taken = feed.take(100)
    view = memoryview(taken)
    feed.reuse(taken)
    for expected in (b"b" * 100, b"c" * 30):
        assert feed.fill() == expected
        assert view == b"a" * 100
        feed.take(len(expected))


def test_bytes_that_nobody_looks_at_are_read_into_again():
    feed = Feed(io.BytesIO(b"a" * 100 + b"b" * 100), block=100)
    feed.fill()
    taken = feed.take(100)
    feed.reuse(taken)
    assert feed.fill() is taken
    assert taken == b"b" * 100


class Source:
    """Reads as it is told to."""

    def __init__(self, read) -> None:
        self.read = read


@pytest.mark.parametrize(
    ("read", "given"),
    [
        (lambda size: "x" * size, "str"),
        (lambda size: "x", "str"),
        (lambda size: None, "NoneType"),
        (lambda size: b"\x1f\x8b" if size == 2 else "x" * size, "str"),
        (lambda size: b"ab" if size == 2 else "x" * size, "str"),
    ],
)
def test_a_source_that_reads_something_else_is_named(read, given):
    with pytest.raises(ConfigError, match=f"the source gave a {given}, not bytes"):
        read_report(Source(read), "feedback")


@pytest.mark.parametrize("more", [1, 5, 10**6])
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_a_source_may_give_more_than_asked(more, pack):
    data = io.BytesIO(pack(b"a,b\n" + b"1,2\n" * 100_000))
    with pytest.warns(DriftWarning):
        frame = read_report(Source(lambda size: data.read(size + more)), "feedback")
    assert frame.shape == (100_000, 2)


def test_a_source_without_an_end_is_no_report(monkeypatch):
    monkeypatch.setattr(feed_module, "LONGEST_ROW", 3000)
    with pytest.raises(DownloadError, match="row without an end"):
        read_report(Source(lambda size: b"abc"), "feedback")


def test_a_reader_of_text_is_named():
    with pytest.raises(ConfigError, match="a str"):
        read_report(codecs.getreader("utf-8")(io.BytesIO(b"a,b\n1,2\n")), "feedback")


def test_a_source_may_give_less_than_asked_and_other_kinds_of_bytes():
    for kind in (bytes, bytearray, memoryview):
        data = io.BytesIO(b"a,b\n1,2\n")
        source = Source(lambda size, data=data, kind=kind: kind(data.read(min(size, 1))))
        with pytest.warns(DriftWarning):
            assert read_report(source, "feedback").shape == (1, 2)


@pytest.mark.parametrize("zeros", [1, 100, 3 << 20])
def test_zeros_behind_gzip_are_passed_over(zeros):
    packed = gzip.compress(b"a,b\n1,2\n")
    for data in (packed + bytes(zeros), packed + bytes(zeros) + gzip.compress(b"3,4\n")):
        with pytest.warns(DriftWarning):
            frame = read_report(io.BytesIO(data), "feedback")
        assert frame["a"].tolist() == ["1", "3"][: len(frame)]
        assert len(frame) == data.count(b"\x1f\x8b")
    with pytest.raises(DownloadError, match="does not unpack"):
        read_report(io.BytesIO(packed + bytes(zeros) + b"xyz"), "feedback")
