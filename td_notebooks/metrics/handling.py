"""How long agents worked on the conversations they had."""

from __future__ import annotations

from functools import reduce
from typing import Any

import narwhals as nw
import pyarrow.compute as pc

from .grouping import By, outcome_groups, ratio, share, totals, whole
from .ratio import HandleTime, Ratio
from .wording import Direction, Wording

#: The parts of a handle time, as people say them.
PARTS = {
    "talk_time": "talk",
    "hold_time": "hold",
    "after_call_work_time": "after-call work",
}


def aht(
    contacts: Any, *, by: By = None, timezone: str = "UTC", direction: Direction = "inbound"
) -> Any:
    """Average handle time: talk, hold and after-call work per handled contact.

    Parameters
    ----------
    contacts : frame
        One row per contact or call: the ``contacts`` report; ``calls`` knows no after-call work,
        so that its handle time, named so, is talk and hold.
    by : str or sequence of str, optional
        As for `service_level`.
    timezone : str
        As for `service_level`.
    direction : {"inbound", "outbound", "both"}
        Whose conversations count as handled.

    Returns
    -------
    HandleTime or frame
        In seconds, with its parts. With ``by`` a frame of the kind given: keys, ``numerator``
        (seconds), ``denominator`` (contacts), ``aht``, and of its parts the mean seconds
        ``talk_time``, ``hold_time``, ``after_call_work_time``.

    Notes
    -----
    Source: Talkdesk's help article 4409592303643.
    """
    groups, words = outcome_groups(contacts, "an AHT", by, timezone)
    groups.need(*parts_of(words).values())
    handled = words.handled(direction)
    sums = {name: _spent(column, handled) for name, column in parts_of(words).items()}
    values = {name: value.cast(nw.Float64) for name, value in sums.items()}
    table = groups.tally({**values, "denominator": handled.cast(nw.Int64)})
    variant = f"{' + '.join(PARTS[name] for name in values)}, {direction}"
    if not groups.names:
        *seconds, count = totals(table, float)
        parts = [
            Ratio(PARTS[name], f"per handled, {direction}", total, int(count), "s")
            for name, total in zip(values, seconds, strict=True)
        ]
        named = dict(zip(("talk", "hold", "after_call_work"), parts, strict=False))
        return HandleTime("AHT", variant, sum(seconds), int(count), "s", **named)
    table = whole(table, "denominator")
    result = table.select(groups.names)
    result = result.append_column("numerator", reduce(pc.add, (table[name] for name in values)))
    result = result.append_column("denominator", table["denominator"])
    result = result.append_column("aht", share(result, "numerator"))
    for name in values:
        result = result.append_column(name, share(table, name))
    return groups.finish(result)


def hold_time(
    contacts: Any, *, by: By = None, timezone: str = "UTC", direction: Direction = "inbound"
) -> Any:
    """Mean hold per handled contact, those without a hold included.

    Parameters
    ----------
    contacts : frame
        One row per contact or call: the ``contacts`` or ``calls`` report.
    by : str or sequence of str, optional
        As for `service_level`.
    timezone : str
        As for `service_level`.
    direction : {"inbound", "outbound", "both"}
        Whose conversations count as handled.

    Returns
    -------
    Ratio or frame
        In seconds. With ``by`` a frame of the kind given: keys, ``numerator`` (seconds),
        ``denominator`` (contacts), ``hold_time``.

    Notes
    -----
    Source: Talkdesk's help article 4409592303643, of which it is a part.
    """
    groups, words = outcome_groups(contacts, "a hold time", by, timezone)
    groups.need(words.hold)
    handled = words.handled(direction)
    held = _spent(words.hold, handled)
    return ratio(groups, "hold_time", f"per handled, {direction}", held, handled, unit="s")


def after_call_work(
    contacts: Any, *, by: By = None, timezone: str = "UTC", direction: Direction = "inbound"
) -> Any:
    """Mean after-call work per handled contact, those without any included.

    Parameters
    ----------
    contacts : frame
        One row per contact: the ``contacts`` report.
    by : str or sequence of str, optional
        As for `service_level`.
    timezone : str
        As for `service_level`.
    direction : {"inbound", "outbound", "both"}
        Whose conversations count as handled.

    Returns
    -------
    Ratio or frame
        In seconds. With ``by`` a frame of the kind given: keys, ``numerator`` (seconds),
        ``denominator`` (contacts), ``after_call_work``.

    Notes
    -----
    Source: Talkdesk's help article 4409592303643, of which it is a part.
    """
    groups, words = outcome_groups(contacts, "an after-call work time", by, timezone)
    column = words.work or "after_call_work_time"
    groups.need(column)
    handled = words.handled(direction)
    worked = _spent(column, handled)
    return ratio(groups, "after_call_work", f"per handled, {direction}", worked, handled, unit="s")


def _spent(column: str, handled: nw.Expr) -> nw.Expr:
    """Return the seconds that a handled contact took; a missing time is none."""
    return nw.when(handled).then(nw.col(column).fill_null(0)).otherwise(nw.lit(0))


def parts_of(words: Wording) -> dict[str, str]:
    """Return a handle time's parts that the report has, with their columns."""
    parts = {
        "talk_time": words.talk,
        "hold_time": words.hold,
        "after_call_work_time": words.work,
    }
    return {name: column for name, column in parts.items() if column}
