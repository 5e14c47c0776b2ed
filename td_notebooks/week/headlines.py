"""What stands at the top of the page: each measure, its parts, its formula, and its change."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .. import metrics

if TYPE_CHECKING:
    import pyarrow as pa

    from ..metrics.ratio import Ratio
    from .reports import Reports

NOTHING = "—"
NO_BEFORE = "no week before to compare with"


@dataclass(frozen=True, slots=True)
class Headline:
    """One measure of the week, beside the week before.

    Attributes
    ----------
    name : str
    value : str
    change : str
        Since the week before.
    judged : str
        ``better``, ``worse``, or nothing.
    parts : str
        Numerator and denominator.
    formula : str
        In words, and by which of its names.
    """

    name: str
    value: str
    change: str
    judged: str
    parts: str
    formula: str


def headlines(now: Reports, then: Reports, within: float) -> Iterator[Headline]:
    """Yield what stands at the top of the page.

    Parameters
    ----------
    now, then : Reports
        The week, and the week before.
    within : float
        Threshold in seconds.
    """
    inbound, before = _offered(now.calls), _offered(then.calls)
    counts = metrics.interval_table(now.calls, "1h", within=within)
    parts = ", ".join(
        f"{sum(counts[name].to_pylist()):,} {name}"
        for name in ("answered", "abandoned", "missed", "voicemail")
    )
    growth = f"{abs(inbound / before - 1):.0%}" if before else ""
    yield Headline(
        "Calls",
        f"{inbound:,}",
        f"{'▲' if inbound >= before else '▼'} {growth} from {before:,}" if before else NO_BEFORE,
        "",
        parts,
        "everything inbound",
    )
    limit = f"{within:g} s"
    for name, measure, formula, good in (
        (
            "Service level",
            lambda week: metrics.service_level(week.calls, within=within),
            f"answered and missed within {limit} ÷ answered and missed, in business hours",
            1,
        ),
        (
            "Abandoned",
            lambda week: metrics.abandonment_rate(week.calls),
            "abandoned ÷ inbound, short abandons left out of both",
            -1,
        ),
        (
            "Average speed of answer",
            lambda week: metrics.asa(week.calls),
            "waits of the answered ÷ answered",
            -1,
        ),
        (
            "Average handle time",
            lambda week: metrics.aht(week.calls if week.contacts is None else week.contacts),
            "time in conversations ÷ conversations",
            0,
        ),
        (
            "Occupancy",
            _occupancy,
            "time with a call or its after-call work ÷ that and time available",
            0,
        ),
    ):
        if name != "Occupancy" or now.given["user_status"] is not None:
            yield _headline(name, measure(now), measure(then), formula, good)


def _occupancy(week: Reports) -> Ratio:
    statuses = week.given["user_status"]
    found: Ratio = metrics.occupancy(statuses, start=week.week.start, end=week.week.end)
    return found


def _offered(calls: pa.Table) -> int:
    return int(metrics.abandonment_rate(calls, leave_out_short=False).denominator)


def _headline(name: str, now: Ratio, then: Ratio, formula: str, good: int) -> Headline:
    above, below = f"{now.numerator:,.0f}", f"{now.denominator:,.0f}"
    if now.unit:
        above += f" {now.unit}"
    elif name == "Occupancy":
        above, below = f"{now.numerator / 3600:,.1f} h", f"{now.denominator / 3600:,.1f} h"
    change, judged = _change(now, then, good)
    parts = f"{above} ÷ {below}"
    named = f"{now.measure.replace(' ', '_').lower()}: {now.variant}"
    return Headline(name, shown(now), change, judged, parts, f"{formula} [{named}]")


def shown(ratio: Ratio) -> str:
    """Return a measure as people write it: 84.1%, 12.3 s or 4 min 35 s."""
    if math.isnan(ratio.value):
        return NOTHING
    if not ratio.unit:
        return f"{ratio.value:.1%}"
    seconds = round(ratio.value)
    return f"{seconds // 60} min {seconds % 60:02d} s" if seconds >= 90 else f"{ratio.value:.1f} s"


def _change(now: Ratio, then: Ratio, good: int) -> tuple[str, str]:
    """Return how a measure changed, and whether to the better: a word, or nothing."""
    if math.isnan(then.value):
        return NO_BEFORE, ""
    if math.isnan(now.value) or shown(now) == shown(then):
        return f"{shown(then)} in the week before", ""
    step = now.value - then.value
    size = f"{abs(step):.1f} s" if now.unit else f"{100 * abs(step):.1f} points"
    judged = "" if not good else "better" if step * good > 0 else "worse"
    said = f"{'▲' if step > 0 else '▼'} {size} from {shown(then)}"
    return f"{said}, {judged}" if judged else said, judged
