"""What one customer went through: contacts, rings, the flow before them, and calls after them."""

from __future__ import annotations

from typing import Any

import narwhals as nw
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .grouping import By, Groups, outcome_groups, ratio
from .kinds import arrow, codes, collected, epoch, flags, frame_of, like
from .typed import typed
from .wording import CONTACTS, lacking

_PLACE = "_place"
#: What telephone networks say of callers who withhold their number, in lower case.
WITHHELD = ("anonymous", "private", "restricted", "unavailable", "unknown", "withheld")


def journeys(contacts: Any, ring_attempts: Any = None, flow_executions: Any = None) -> Any:
    """Join contacts with the rings at agents and the flow's steps before the queue.

    Parameters
    ----------
    contacts : frame
        One row per contact: the ``contacts`` report.
    ring_attempts : frame, optional
        One row per ring, of the same kind: the ``ring_attempts`` report.
    flow_executions : frame, optional
        One row per step, of the same kind: the ``studio_flow_execution`` report.

    Returns
    -------
    frame
        Of the kind given, one row per contact, with its columns and: ``rings``,
        ``rings_answered``, ``rings_not_answered``, ``ring_attempt_seconds`` (0 without a ring);
        ``flow_steps``, ``flow_seconds`` of its call (0 without a flow). The legs of one call share
        its flow.

    Raises
    ------
    SchemaError
        A frame lacks a column.
    """
    given = frame_of(contacts)
    joined = given.lazy()
    if isinstance(given, nw.DataFrame):  # a join may change the order of its rows
        joined = given.with_row_index(_PLACE).lazy()
    if ring_attempts is not None:
        answered = (nw.col("attempt_type").cast(nw.String) == "Answered").fill_null(False)
        values = {
            "rings": nw.lit(1),
            "rings_answered": answered.cast(nw.Int64),
            "rings_not_answered": (~answered).cast(nw.Int64),
            "ring_attempt_seconds": nw.col("ring_attempt_duration").cast(nw.Float64),
        }
        needs: tuple[str, ...] = ("contact_id", "attempt_type", "ring_attempt_duration")
        joined = _joined(joined, ring_attempts, "contact_id", values, needs, "ring_attempts")
    if flow_executions is not None:
        values = {
            "flow_steps": nw.lit(1),
            "flow_seconds": nw.col("time_in_step").cast(nw.Float64),
        }
        needs = ("interaction_id", "time_in_step")
        joined = _joined(
            joined, flow_executions, "interaction_id", values, needs, "studio_flow_execution"
        )
    if isinstance(given, nw.LazyFrame):
        return joined.to_native()
    return nw.maybe_reset_index(joined.collect().sort(_PLACE).drop(_PLACE)).to_native()


def _joined(
    frame: nw.LazyFrame[Any],
    other: Any,
    key: str,
    values: dict[str, nw.Expr],
    needs: tuple[str, ...],
    report: str,
) -> nw.LazyFrame[Any]:
    """Join sums of another report, one row per key."""
    rows = frame_of(other).lazy()
    known = rows.collect_schema().names()
    if missing := [name for name in needs if name not in known]:
        raise lacking("journeys", missing, report)
    if key not in frame.collect_schema().names():
        raise lacking("journeys", [key], "contacts")
    sums = rows.select(key, **values).group_by(key).agg(nw.col(*values).sum())
    joined = frame.join(sums, on=key, how="left")
    counts = [name for name in values if not name.endswith("_seconds")]
    return joined.with_columns(
        nw.col(*counts).fill_null(0).cast(nw.Int64),
        nw.col(*(name for name in values if name.endswith("_seconds"))).fill_null(0.0),
    )


def repeat_contact_rate(
    contacts: Any, *, within_days: float = 7, by: By = None, timezone: str = "UTC"
) -> Any:
    """Share of the inbound calls after which the same person called again.

    Not first-contact resolution, for which there is no standard: a proxy. Calls less than
    `within_days` before the end of the data are counted although their time is not over.

    Parameters
    ----------
    contacts : frame
        One row per contact or call: the ``contacts`` or ``calls`` report. Legs after a transfer
        are no calls of their own.
    within_days : float
        Days within which the next call must come, included.
    by : str or sequence of str, optional
        As for `service_level`; the earlier call's.
    timezone : str
        As for `service_level`.

    Returns
    -------
    Ratio or frame
        With ``by`` a frame of the kind given: keys, ``numerator``, ``denominator``,
        ``repeat_contact_rate``. Calls of unknown persons, and of those who withhold their number,
        do not count.

    Notes
    -----
    Sources: SQM Group; Call Centre Helper 208926.
    """
    purpose = "a repeat contact rate"
    groups, words = outcome_groups(contacts, purpose, by, timezone)
    legs = ["transfer_in"] if words is CONTACTS else []
    needs = [words.person, words.start, words.outcome, *legs]
    groups.need(*needs)
    columns = dict.fromkeys([*needs, *groups.columns.values()])
    rows = collected(groups.frame.select(*columns))
    rows = nw.from_native(rows).filter(words.offered()).to_native()
    if legs:
        rows = rows.filter(pc.invert(flags(rows["transfer_in"])))
    said = pc.utf8_lower(rows[words.person].cast(pa.string()))
    known = pc.and_(pc.is_valid(said), pc.invert(pc.is_in(said, value_set=pa.array(WITHHELD))))
    rows = rows.filter(pc.and_(known, pc.is_valid(rows[words.start])))
    person, start = codes(rows[words.person]), epoch(rows[words.start])
    order = np.lexsort((start, person))
    again = np.zeros(len(rows), bool)
    soon = np.diff(start[order]) <= within_days * 86400
    again[order[:-1]] = (np.diff(person[order]) == 0) & soon
    groups = Groups(
        rows.append_column("_again", pa.array(again)),
        purpose,
        by=by,
        timezone=timezone,
        report=words.report,
        time=words.start,
        ring_groups=words.ring_groups,
    )
    variant = f"again within {within_days:g} day{'' if within_days == 1 else 's'}"
    result = ratio(groups, "repeat_contact_rate", variant, nw.col("_again"), nw.lit(1))
    return result if not groups.names else like(contacts, result)


def transfers(contacts: Any) -> Any:
    """Count the transfers from one ring group to another.

    Parameters
    ----------
    contacts : frame
        One row per contact: the ``contacts`` report.

    Returns
    -------
    frame
        Of the kind given, one row per pair that occurs: ``from_ring_group``, ``to_ring_group``
        (missing for numbers outside), ``transfers``.

    Raises
    ------
    SchemaError
        The frame lacks a column.
    """
    needs = (CONTACTS.call, CONTACTS.start, "transfer_in", CONTACTS.ring_groups)
    frame = typed(frame_of(contacts), CONTACTS.holds() | {"transfer_in": "yes or no"})
    rows = arrow(frame.to_native(), needs, "transfers", "contacts")
    call, start = codes(rows["interaction_id"]), epoch(rows["started_at"])
    onward = np.asarray(flags(rows["transfer_in"]), bool)
    # Of two legs in the same second, the one handed on is the later.
    order = np.lexsort((onward, start, call))
    rows, call, onward = rows.take(pa.array(order)), call[order], onward[order]
    later = np.flatnonzero(onward[1:] & (call[1:] == call[:-1])) + 1
    # Categories cannot be sorted as text.
    ring_groups = rows[CONTACTS.ring_groups].cast(pa.large_string())
    pairs = pa.table(
        {
            "from_ring_group": ring_groups.take(pa.array(later - 1)),
            "to_ring_group": ring_groups.take(pa.array(later)),
        }
    )
    keys = list(pairs.column_names)
    counted = pairs.group_by(keys).aggregate([([], "count_all")])
    counted = counted.rename_columns([*keys, "transfers"])
    return like(contacts, counted.sort_by([(key, "ascending") for key in keys]))
