"""Sets of moments, as sorted half-open spans that do not touch: pure arithmetic."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

Span = tuple[datetime, datetime]


def union(spans: Iterable[Span]) -> list[Span]:
    """Return the moments in any of the spans.

    Parameters
    ----------
    spans : iterable of (datetime, datetime)
        In any order, overlapping or not; empty ones are left out.
    """
    joined: list[Span] = []
    for start, end in sorted(spans):
        if start >= end:
            continue
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined


def difference(spans: Iterable[Span], without: Iterable[Span]) -> list[Span]:
    """Return the moments in ``spans`` that are not in ``without``."""
    left = union(spans)
    for hole_start, hole_end in union(without):
        left = [
            piece
            for start, end in left
            for piece in ((start, min(end, hole_start)), (max(start, hole_end), end))
            if piece[0] < piece[1]
        ]
    return left


def overlaps(one: Span, other: Span) -> bool:
    """Say whether two spans have a moment in common."""
    return one[0] < other[1] and other[0] < one[1]


def splits(moment: datetime, span: Span) -> bool:
    """Say whether a moment lies inside a span, so that cutting there makes two of it."""
    return span[0] < moment < span[1]
