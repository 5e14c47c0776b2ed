"""Service level of the calls report.

Written on narwhals: the same function takes a pandas, polars, Arrow, DuckDB, Dask or PySpark
frame.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import narwhals as nw

from ..errors import SchemaError
from .ratio import Ratio

if TYPE_CHECKING:
    from collections.abc import Sequence

COLUMNS = ("type", "wait_time", "is_in_business_hours")


def service_level(
    calls: Any,
    *,
    within: float = 20.0,
    by: str | Sequence[str] | None = None,
    missed_within: bool = True,
) -> Any:
    """Share of the calls that were answered, or missed, within a threshold.

    Talkdesk's formula for calls (variant ``talkdesk_calls``): inbound and missed calls in business
    hours that waited no longer than the threshold, divided by all inbound and missed calls in
    business hours. Abandoned calls and voicemails do not count at all.

    Parameters
    ----------
    calls : frame
        One row per call: the ``calls`` report, as a frame of any kind narwhals knows.
    within : float
        Threshold in seconds, included.
    by : str or sequence of str, optional
        Columns to group by.
    missed_within : bool
        Whether missed calls within the threshold count in the numerator. Talkdesk's data
        dictionary says so; its help article counts answered calls only.

    Returns
    -------
    Ratio or frame
        Without ``by`` a `Ratio`; with it a frame of the kind given, one row per group, with the
        columns of ``by``, ``numerator``, ``denominator`` and ``service_level`` (missing where
        there was nothing to count), sorted by group.

    Raises
    ------
    SchemaError
        The frame lacks a column.

    Notes
    -----
    Source: Talkdesk's data dictionary, "Service Level" (calls); help articles 206579815 and
    360027273332.
    """
    variant = "talkdesk_calls" if missed_within else "talkdesk_calls, answered only"
    keys = [by] if isinstance(by, str) else list(by or ())
    frame = nw.from_native(calls).lazy()
    known = frame.collect_schema().names()
    if missing := [column for column in (*COLUMNS, *keys) if column not in known]:
        raise SchemaError(
            f"A service level cannot be computed: the frame has no column {', '.join(missing)}.",
            hint='It takes the frame of client.report("calls", ...).',
            report_type="calls",
            missing=missing,
        )
    kind = nw.col("type").cast(nw.String)
    in_hours = nw.col("is_in_business_hours").fill_null(False)
    offered = kind.is_in(["inbound", "missed"]) & in_hours
    served = kind.is_in(["inbound", "missed"] if missed_within else ["inbound"])
    good = offered & served & (nw.col("wait_time") <= within).fill_null(False)
    counted = frame.with_columns(numerator=good.cast(nw.Int64), denominator=offered.cast(nw.Int64))
    counts = nw.col("numerator", "denominator").sum()
    if not keys:
        total = counted.select(counts).collect()
        numerator, denominator = (total[name].to_list()[0] or 0 for name in total.columns)
        return Ratio("service level", variant, numerator, denominator)
    share = nw.when(nw.col("denominator") > 0).then(nw.col("numerator") / nw.col("denominator"))
    table = (
        counted.group_by(*keys).agg(counts).with_columns(share.alias("service_level")).sort(*keys)
    )
    was_lazy = isinstance(nw.from_native(calls), nw.LazyFrame)
    return (table if was_lazy else nw.maybe_reset_index(table.collect())).to_native()
