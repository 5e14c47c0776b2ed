"""What tests share besides fixtures."""

from __future__ import annotations

from typing import ClassVar

from td_notebooks.sandbox import CentreSettings

# A moment after all the days that tests ask for, so that every row of them is there.
NOW = 1_795_000_000.0  # 2026-11-18

SMALL = CentreSettings(calls_per_day=12, agents=4)


class Seen:
    """What all sandboxes of this run handed out, and what came to their storage.

    Kept for the tests at the very end, which look whether anything of it shows up elsewhere.
    """

    sandboxes: ClassVar[int] = 0
    secrets: ClassVar[set[str]] = set()
    storage_requests: ClassVar[list[tuple[str, bool]]] = []
