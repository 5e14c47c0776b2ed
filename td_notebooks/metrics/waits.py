"""How long callers waited."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import narwhals as nw
import pyarrow as pa
import pyarrow.compute as pc

from .grouping import By, Groups, counted, outcome_groups, ratio, title, totals
from .ratio import Ratio

if TYPE_CHECKING:
    from .wording import Wording


def asa(calls: Any, *, by: By = None, timezone: str = "UTC", business_hours: bool = False) -> Any:
    """Average speed of answer: mean wait of the answered calls, and of no others.

    Parameters
    ----------
    calls : frame
        One row per call or contact: the ``calls`` or ``contacts`` report.
    by : str or sequence of str, optional
        As for `service_level`.
    timezone : str
        As for `service_level`.
    business_hours : bool
        Count only what came in business hours.

    Returns
    -------
    Ratio or frame
        In seconds. With ``by`` a frame of the kind given: keys, ``numerator`` (seconds),
        ``denominator`` (calls), ``asa``.

    Notes
    -----
    Common use. Talkdesk's own average is `average_wait`.
    """
    groups, words = outcome_groups(calls, "an ASA", by, timezone)
    rows = in_hours(groups, words, words.is_("answered"), business_hours)
    return _mean(groups, words, "asa", "answered", rows)


def average_wait(
    calls: Any, *, by: By = None, timezone: str = "UTC", business_hours: bool = True
) -> Any:
    """Mean wait of answered and missed calls, as Talkdesk shows it.

    Parameters
    ----------
    calls : frame
        One row per call or contact: the ``calls`` or ``contacts`` report.
    by : str or sequence of str, optional
        As for `service_level`.
    timezone : str
        As for `service_level`.
    business_hours : bool
        Count only what came in business hours.

    Returns
    -------
    Ratio or frame
        In seconds. With ``by`` a frame of the kind given: keys, ``numerator`` (seconds),
        ``denominator`` (calls), ``average_wait``.

    Notes
    -----
    Source: Talkdesk's data dictionary, wait time of the calls model.
    """
    groups, words = outcome_groups(calls, "an average wait", by, timezone)
    rows = in_hours(groups, words, words.is_("answered", "missed"), business_hours)
    return _mean(groups, words, "average_wait", "answered and missed", rows)


def longest_wait(
    calls: Any, *, by: By = None, timezone: str = "UTC", business_hours: bool = False
) -> Any:
    """Longest wait of the answered and missed calls.

    Parameters
    ----------
    calls : frame
        One row per call or contact: the ``calls`` or ``contacts`` report.
    by : str or sequence of str, optional
        As for `service_level`.
    timezone : str
        As for `service_level`.
    business_hours : bool
        Count only what came in business hours.

    Returns
    -------
    Ratio or frame
        In seconds; not-a-number when nobody waited. It is one call's wait: the numerator, over a
        denominator of 1, or 0 when there is none. With ``by`` a frame of the kind given: keys,
        ``numerator`` (seconds), ``denominator``, ``longest_wait``.

    Notes
    -----
    Source: Talkdesk's data dictionary, longest wait of the calls model.
    """
    groups, words = outcome_groups(calls, "a longest wait", by, timezone)
    groups.need(words.wait)
    rows = in_hours(groups, words, words.is_("answered", "missed"), business_hours)
    waited = nw.when(rows).then(nw.col(words.wait).cast(nw.Float64))
    table = groups.tally({"numerator": waited}, how="max")
    some = pc.is_valid(table["numerator"]).cast(pa.int64())
    table = table.append_column("denominator", some)
    if groups.names:
        return groups.finish(table.append_column("longest_wait", table["numerator"]))
    longest, count = totals(table, float)
    return Ratio(title("longest_wait"), "answered and missed", longest, int(count), "s")


def time_to_abandon(
    calls: Any, *, by: By = None, timezone: str = "UTC", leave_out_short: bool = True
) -> Any:
    """Mean wait of the abandoned calls.

    Parameters
    ----------
    calls : frame
        One row per call or contact: the ``calls`` or ``contacts`` report.
    by : str or sequence of str, optional
        As for `service_level`.
    timezone : str
        As for `service_level`.
    leave_out_short : bool
        Leave out the short abandons.

    Returns
    -------
    Ratio or frame
        In seconds. With ``by`` a frame of the kind given: keys, ``numerator`` (seconds),
        ``denominator`` (calls), ``time_to_abandon``.

    Notes
    -----
    Source: Talkdesk's data dictionary, average abandon time.
    """
    groups, words = outcome_groups(calls, "a time to abandon", by, timezone)
    if leave_out_short:
        return _mean(
            groups, words, "time_to_abandon", "without short abandons", words.is_("abandoned")
        )
    rows = words.is_("abandoned", "short_abandoned")
    return _mean(groups, words, "time_to_abandon", "with short abandons", rows)


def in_hours(groups: Groups, words: Wording, rows: nw.Expr, business_hours: bool) -> nw.Expr:
    """Narrow rows to those that came in business hours, if asked to."""
    if not business_hours:
        return rows
    groups.need(words.in_hours)
    return rows & nw.col(words.in_hours).fill_null(False)


def _mean(groups: Groups, words: Wording, name: str, variant: str, rows: nw.Expr) -> Any:
    groups.need(words.wait)
    return ratio(groups, name, variant, *counted(words.wait, rows), unit="s")
