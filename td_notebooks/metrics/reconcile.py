"""Which formula a dashboard uses: all of them, the nearest first."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

import narwhals as nw
import numpy as np
import pyarrow as pa

from ..errors import ConfigError
from .grouping import Groups, outcome_groups, totals, whole
from .kinds import collected, like
from .service_level import VARIANTS, service_level_formula

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .wording import Wording


def reconcile(
    calls: Any,
    dashboard: float,
    *,
    within: Sequence[float] = (10, 15, 20, 30, 45, 60, 90, 120),
    short: float = 5.0,
) -> Any:
    """Find the service-level formula that comes nearest to a dashboard's number.

    Parameters
    ----------
    calls : frame
        One row per call or contact of the dashboard's span: the ``calls`` or ``contacts`` report.
    dashboard : float
        What the dashboard shows, such as 0.84.
    within : sequence of float
        Thresholds to try, in seconds.
    short : float
        Threshold of ``short_credit``, in seconds.

    Returns
    -------
    frame
        Of the kind given, one row per combination of choices, the nearest first: ``variant``,
        ``within``, ``business_hours``, ``missed_within`` and ``leave_out_short`` (missing where
        the variant has no such choice), ``numerator``, ``denominator``, ``service_level``,
        ``difference`` (from the dashboard), ``calls`` (by how many calls the numerator would have
        to change to give the dashboard's number), and ``numerator_moved``, ``denominator_moved``:
        how many calls more than in the first row.

    Raises
    ------
    ConfigError
        The dashboard's number is no share.
    SchemaError
        The frame lacks a column.

    Notes
    -----
    Formulas and sources: `service_level`.
    """
    if not 0 <= dashboard <= 1:
        raise ConfigError(f"A service level of {dashboard} is no share.", hint="Write 84% as 0.84.")
    words, counts = _classes(calls, [*within, short])
    choices = list(_choices(within))
    values: dict[str, nw.Expr] = {}
    for number, choice in enumerate(choices):
        options = {name: value for name, value in choice.items() if value is not None}
        formula = service_level_formula(words, **options, short=short)
        values[f"above{number}"] = formula.good.cast(nw.Int64) * nw.col("_rows")
        values[f"below{number}"] = formula.counts.cast(nw.Int64) * nw.col("_rows")
    sums = np.array(totals(collected(counts.select(**values).select(nw.all().sum()))), np.int64)
    above, below = sums[::2], sums[1::2]
    level = np.divide(above, below, out=np.full(len(above), np.nan), where=below > 0)
    # Of equally near ones the first, which is the simplest, wins.
    order = np.argsort(np.abs(level - dashboard), kind="stable")
    columns = {name: [choices[place][name] for place in order] for name in choices[0]}
    above, below, level = above[order], below[order], level[order]
    empty = below == 0
    return like(
        calls,
        pa.table(
            {
                "variant": columns["variant"],
                "within": pa.array(columns["within"], pa.float64()),
                **{
                    name: pa.array(columns[name], pa.bool_())
                    for name in ("business_hours", "missed_within", "leave_out_short")
                },
                "numerator": above,
                "denominator": below,
                "service_level": pa.array(level, mask=empty),
                "difference": pa.array(level - dashboard, mask=empty),
                "calls": dashboard * below - above,
                "numerator_moved": above - above[0],
                "denominator_moved": below - below[0],
            }
        ),
    )


def _classes(calls: Any, thresholds: Sequence[float]) -> tuple[Wording, nw.DataFrame[Any]]:
    """Count the calls that no formula tells apart: one pass over the rows for all formulas.

    Returns
    -------
    Wording
    nw.DataFrame
        Columns of the report: the outcome, whether in business hours, and instead of the wait the
        smallest threshold that it keeps to, missing if there is none; and ``_rows``.
    """
    groups, words = outcome_groups(calls, "a reconciliation", None, "UTC")
    groups.need(words.wait, words.in_hours)
    wait: Any = nw.lit(None, nw.Float64)
    for seconds in sorted({*thresholds}, reverse=True):
        wait = nw.when(words.within(seconds)).then(nw.lit(float(seconds))).otherwise(wait)
    rows = groups.frame.select(
        nw.col(words.outcome).cast(nw.String),
        nw.col(words.in_hours).fill_null(False),
        wait.alias(words.wait),
    )
    keys = [words.outcome, words.in_hours, words.wait]
    counts = Groups(
        rows.to_native(), "a reconciliation", by=keys, timezone="UTC", report=words.report, time=""
    ).tally({"_rows": nw.lit(1)})
    return words, nw.from_native(whole(counts, "_rows"), eager_only=True)


def _choices(within: Sequence[float]) -> Iterator[dict[str, Any]]:
    """Yield all combinations: the standard thresholds and hours of a variant come first."""
    both: tuple[bool, ...] = (True, False)
    for variant, seconds, hours in product(VARIANTS, within, both):
        choice = {
            "variant": variant,
            "within": seconds,
            "business_hours": hours,
            "missed_within": None,
            "leave_out_short": None,
        }
        if variant == "talkdesk_calls":
            yield from (choice | {"missed_within": value} for value in both)
        elif variant == "talkdesk_contacts":
            yield from (choice | {"leave_out_short": value} for value in both)
        else:
            yield choice
