"""Service level, by each of the formulas in use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import narwhals as nw

from .grouping import By, outcome_groups, ratio
from .wording import unknown

if TYPE_CHECKING:
    from .wording import Wording

Variant = Literal[
    "talkdesk_calls",
    "talkdesk_contacts",
    "ignore_abandoned",
    "abandoned_negative",
    "abandoned_positive",
    "answered_only",
    "short_credit",
]
VARIANTS: tuple[Variant, ...] = Variant.__args__  # type: ignore[attr-defined] # of a Literal


@dataclass(frozen=True, slots=True)
class Formula:
    """What a row adds above and below the line of a service level."""

    good: nw.Expr
    counts: nw.Expr
    variant: str


def service_level(
    calls: Any,
    *,
    within: float = 20.0,
    variant: Variant = "talkdesk_calls",
    by: By = None,
    timezone: str = "UTC",
    business_hours: bool | None = None,
    missed_within: bool = True,
    leave_out_short: bool = True,
    short: float = 5.0,
) -> Any:
    """Share of the callers who were served within a threshold.

    With A answered, B abandoned (the short ones too, unless said otherwise), SA short abandoned, M
    missed, V voicemail, and _T for "within the threshold":

    ====================  ======================================================================
    ``talkdesk_calls``    (A_T + M_T) ÷ (A + M), in business hours
    ``talkdesk_contacts`` A_T ÷ (A + B + M + V), B without SA; with SA unless `leave_out_short`
    ``ignore_abandoned``  A_T ÷ (A + B - B_T)
    ``abandoned_negative`` A_T ÷ (A + B)
    ``abandoned_positive`` (A_T + B_T) ÷ (A + B)
    ``answered_only``     A_T ÷ A
    ``short_credit``      (A_T + abandoned within `short`) ÷ (A + B)
    ====================  ======================================================================

    Parameters
    ----------
    calls : frame
        One row per call or contact: the ``calls`` or ``contacts`` report, of any kind narwhals
        knows. Every formula works on both; the first two are what Talkdesk shows for each.
    within : float
        Threshold in seconds, included.
    variant : str
        One of the formulas above.
    by : str or sequence of str, optional
        Columns (``ring_group`` for the report's ring groups), ``15min``, ``30min``, ``1h``,
        ``day``, ``week``, ``weekday``; a row belongs to the time it started.
    timezone : str
        IANA name of the zone of the days, and of the intervals' labels.
    business_hours : bool, optional
        Count only what came in business hours. By default only ``talkdesk_calls`` does.
    missed_within : bool
        For ``talkdesk_calls``: whether missed calls within the threshold count in the numerator.
        Talkdesk's data dictionary says so; its help article counts answered calls only.
    leave_out_short : bool
        For ``talkdesk_contacts``: whether the account's short-abandon setting is on.
    short : float
        For ``short_credit``: seconds within which an abandoned call counts as served.

    Returns
    -------
    Ratio or frame
        Without ``by`` a `Ratio`; with it a frame of the kind given, one row per group, with the
        keys, ``numerator``, ``denominator`` and ``service_level`` (missing where there was nothing
        to count), sorted by group.

    Raises
    ------
    SchemaError
        The frame lacks a column.
    ConfigError
        There is no such variant or time zone.

    Notes
    -----
    Sources: Talkdesk's data dictionary, "Service Level" (calls), and help articles 206579815 and
    360027273332 for ``talkdesk_calls``; article 4409690831259 for ``talkdesk_contacts``; Cisco's
    ICM manual for the three on abandoned calls; ICMI QueueTips 2002 for the last two, which
    advises against ``answered_only``.
    """
    groups, words = outcome_groups(calls, "a service level", by, timezone)
    hours = variant == "talkdesk_calls" if business_hours is None else business_hours
    groups.need(words.wait, *([words.in_hours] if hours else ()))
    formula = service_level_formula(
        words,
        variant,
        within=within,
        business_hours=hours,
        missed_within=missed_within,
        leave_out_short=leave_out_short,
        short=short,
    )
    return ratio(groups, "service_level", formula.variant, formula.good, formula.counts)


def service_level_formula(
    words: Wording,
    variant: str,
    *,
    within: float,
    business_hours: bool,
    missed_within: bool = True,
    leave_out_short: bool = True,
    short: float = 5.0,
) -> Formula:
    """Return what each row adds to a service level.

    Parameters
    ----------
    words : Wording
    variant, within, business_hours, missed_within, leave_out_short, short
        As for `service_level`.
    """
    answered, in_time = words.is_("answered"), words.within(within)
    abandoned = words.is_("abandoned", "short_abandoned")
    good = answered & in_time
    offered = answered | abandoned
    said = ""
    if variant == "talkdesk_calls":
        offered = words.is_("answered", "missed")
        good, said = (offered & in_time, "") if missed_within else (good, ", answered only")
    elif variant == "talkdesk_contacts":
        offered = words.is_("answered", "abandoned", "missed", "voicemail")
        if not leave_out_short:
            offered, said = words.offered(), ", short abandons counted"
    elif variant == "ignore_abandoned":
        offered = answered | (abandoned & ~in_time)
    elif variant == "abandoned_positive":
        good = offered & in_time
    elif variant == "answered_only":
        offered = answered
    elif variant == "short_credit":
        good = good | (abandoned & words.within(short))
    elif variant != "abandoned_negative":
        raise unknown("service level called", variant, VARIANTS)
    if business_hours:
        in_hours = nw.col(words.in_hours).fill_null(False)
        good, offered = good & in_hours, offered & in_hours
    if business_hours != (variant == "talkdesk_calls"):
        said += ", business hours" if business_hours else ", all hours"
    return Formula(good, offered, variant + said)
