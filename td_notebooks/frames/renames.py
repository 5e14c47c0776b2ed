"""Which unknown column seems to be a missing one under another name.

A guess, so it is only ever said: the values stay where the file has them.
"""

from __future__ import annotations

from difflib import SequenceMatcher
from typing import TYPE_CHECKING

from ..reports.schemas import python_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..reports.schemas import Column

ALIKE = 0.8  # of the letters of two names, in order: contact_number, contact_no
SOMEWHAT = 0.4  # user_name, agent_name


def renames(
    expected: Sequence[Column], found: Mapping[str, Column | None], missing: Sequence[Column]
) -> dict[str, str]:
    """Match missing columns to unknown ones.

    Parameters
    ----------
    expected : sequence of Column
        The catalogue's columns, in order.
    found : mapping of str to Column or None
        The columns of the file in order, by wire name; None for an unknown one.
    missing : sequence of Column
        Those of the expected ones that the file should have and has not.

    Returns
    -------
    dict of str to str
        For the key of a missing column, the wire name of the unknown one that is much alike, or
        somewhat alike and stands where it would. No unknown column is named twice.
    """
    names = list(found)
    matches = []
    for column in missing:
        beside = _beside(expected.index(column), expected, set(found.values()))
        for at, name in enumerate(names):
            if found[name] is not None:
                continue
            alike = SequenceMatcher(None, column.name, python_name(name), autojunk=False).ratio()
            before = found[names[at - 1]] if at else None
            after = found[names[at + 1]] if at + 1 < len(names) else None
            in_place = (before, after) == beside
            if alike >= (SOMEWHAT if in_place else ALIKE):
                matches.append((alike + in_place, column.key, name))
    best: dict[str, str] = {}
    for _, key, name in sorted(matches, reverse=True):
        if key not in best and name not in best.values():
            best[key] = name
    return best


def _beside(
    at: int, expected: Sequence[Column], present: set[Column | None]
) -> tuple[Column | None, Column | None]:
    """Return the columns of the file between which an expected one would stand."""
    before = next((c for c in reversed(expected[:at]) if c in present), None)
    after = next((c for c in expected[at + 1 :] if c in present), None)
    return before, after
