"""Where the rows of a CSV file end: pure functions."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from .feed import BOM

if TYPE_CHECKING:
    from .feed import Bytes


def first_row_end(held: Bytes) -> int:
    """Return the end of the first row; 0 if it is not there."""
    end, quotes, counted = held.find(b"\n") + 1, 0, 0
    while end:
        quotes += held.count(b'"', counted, end)
        if quotes % 2 == 0:
            break
        counted, end = end, held.find(b"\n", end) + 1
    return end


def cut(held: Bytes, block: int, *, all: bool) -> tuple[int, bool]:
    """Return where the last whole row ends, and whether pyarrow may share out the blocks before.

    A row ends at a line end outside quotes. pyarrow does not look at quotes when it shares: it cuts
    at the last line end of a block, and takes the row that goes on in the next block to end at the
    first line end there.
    """
    end = len(held) if all else held.rfind(b"\n") + 1
    if b'"' not in held:
        return end, True
    cuts = [0]
    for edge in range(block, end, block):
        cuts.append(_last_line_end(held, cuts[-1], edge))
        cuts.append(_first_line_end(held, edge, end))
    seen = np.frombuffer(held, np.uint8, end)
    within = [np.count_nonzero(seen[a:b] == ord('"')) % 2 for a, b in pairwise([*cuts, end])]
    if all or sum(within) % 2 == 0:
        return end, not any(within)
    # The last line end is within quotes: go back from quote to quote.
    opening = held.rfind(b'"', 0, end)
    while opening >= 0:
        closing = held.rfind(b'"', 0, opening)
        end = held.rfind(b"\n", closing + 1, opening) + 1
        if end:
            return end, False
        opening = held.rfind(b'"', 0, max(closing, 0))
    return 0, False


def _last_line_end(held: Bytes, start: int, end: int) -> int:
    """Return the place after the last line feed or carriage return; `start` if there is none."""
    line = held.rfind(b"\n", start, end) + 1 or start
    return held.rfind(b"\r", line, end) + 1 or line


def _first_line_end(held: Bytes, start: int, end: int) -> int:
    """Return the place of the first line feed or carriage return; `end` if there is none."""
    line = held.find(b"\n", start, end)
    line = end if line < 0 else line
    other = held.find(b"\r", start, line)
    return line if other < 0 else other


def without_header(piece: Bytes, header: bytes) -> Bytes:
    """Drop rows that repeat the header, as files put together end to end have them."""
    if not header or header not in piece:
        return piece
    row = rb"(?:\A|(?<=\n))(?:%b)?%b(?:\r?\n|\Z)" % (BOM, re.escape(header))
    kept, start, quotes, counted = [], 0, 0, 0
    for found in re.finditer(row, piece):
        quotes += piece.count(b'"', counted, found.start())
        counted = found.start()
        if quotes % 2 == 0:
            kept.append(piece[start : found.start()])
            start = found.end()
    return b"".join([*kept, piece[start:]]) if kept else piece
