"""What holds the bytes of a report until they are parsed."""

from __future__ import annotations

import io

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
