"""Where the rows of a CSV file end: pure functions."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from .feed import Bytes

# What stands in quotes, if the field starts with one; the rest of the field; what ends it.
_FIELD = re.compile(rb'(?:"([^"]*+(?:""[^"]*+)*+)"?+)?+([^,\r\n]*+)(,|\r?\n|\r|\Z)')

_QUOTED = re.compile(rb'(?:\A|(?<=[,\r\n]))"[^"]*+(?:""[^"]*+)*+"')
_OPENING = re.compile(rb'(?:\A|[,\r\n])"')


def first_row(held: Bytes) -> tuple[list[bytes], int, bytes]:
    """Return the fields of the first row, where it ends, and with what: nothing if it is cut."""
    fields, at, mark = [], 0, b","
    while mark == b",":
        field = _FIELD.match(held, at)
        assert field is not None
        quoted, rest, mark = field.groups(b"")
        fields.append(quoted.replace(b'""', b'"') + rest)
        at = field.end()
    return fields, at, mark


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
        shareable = not any(within)
    else:
        end, shareable = _before_quote(held, end), False
    if all or (end and closed(held, end)):
        return end, shareable
    # Quotes within fields, which are letters, have been counted too.
    line_ends, opening = without_quoted(held)
    return line_ends.rfind(b"\n", 0, opening) + 1, False


def _before_quote(held: Bytes, end: int) -> int:
    """Return the last line end before `end` that has an even number of quotes behind it."""
    opening = held.rfind(b'"', 0, end)
    while opening >= 0:
        closing = held.rfind(b'"', 0, opening)
        end = held.rfind(b"\n", closing + 1, opening) + 1
        if end:
            return end
        opening = held.rfind(b'"', 0, max(closing, 0))
    return 0


def closed(held: Bytes, end: int) -> bool:
    """Tell whether the last quote before `end` closes a field, as far as its neighbours tell."""
    last = held.rfind(b'"', 0, end)
    if last < 0:
        return True
    near = held[max(last - 1000, 0) : last + 1]
    text = near.rstrip(b'"')
    starts = text[-1:] in b",\r\n"
    odd = (len(near) - len(text)) % 2 == 1  # quotes in a row: two within a field are one letter
    return odd != starts and held[last + 1 : last + 2] in b",\r\n"


def without_quoted(held: Bytes) -> tuple[Bytes, int]:
    """Return rows with their quoted fields blotted out, and where one opens that has no end."""
    blotted = _QUOTED.sub(lambda field: b"x" * len(field[0]), held)
    opening = _OPENING.search(blotted)
    return blotted, opening.end() if opening else len(blotted)


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
