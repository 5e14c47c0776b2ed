"""What came of the callers: shares of the inbound calls or contacts.

I is everything inbound: answered A, abandoned B, short abandoned SA, missed M and voicemail V.
"""

from __future__ import annotations

from typing import Any

import narwhals as nw

from .grouping import By, outcome_groups, ratio
from .wording import Direction


def abandonment_rate(
    calls: Any, *, by: By = None, timezone: str = "UTC", leave_out_short: bool = True
) -> Any:
    """Share of the inbound that was abandoned.

    Parameters
    ----------
    calls : frame
        One row per call or contact: the ``calls`` or ``contacts`` report.
    by : str or sequence of str, optional
        As for `service_level`.
    timezone : str
        As for `service_level`.
    leave_out_short : bool
        Whether the account's short-abandon setting is on: B ÷ (I - SA); else (B + SA) ÷ I.

    Returns
    -------
    Ratio or frame
        With ``by`` a frame of the kind given: keys, ``numerator``, ``denominator``,
        ``abandonment_rate``.

    Notes
    -----
    Source: Talkdesk's help article 4409581637787.
    """
    groups, words = outcome_groups(calls, "an abandonment rate", by, timezone)
    if leave_out_short:
        inbound = words.is_("answered", "abandoned", "missed", "voicemail")
        variant, abandoned = "without short abandons", words.is_("abandoned")
    else:
        inbound = words.offered()
        variant, abandoned = "with short abandons", words.is_("abandoned", "short_abandoned")
    return ratio(groups, "abandonment_rate", variant, abandoned, inbound)


def missed_rate(calls: Any, *, by: By = None, timezone: str = "UTC") -> Any:
    """Share of the inbound that was missed: M ÷ I.

    Missed is what ended although the customer had not left the queue: nobody took it, or the
    longest wait was reached.

    Parameters
    ----------
    calls : frame
        One row per call or contact: the ``calls`` or ``contacts`` report.
    by : str or sequence of str, optional
        As for `service_level`.
    timezone : str
        As for `service_level`.

    Returns
    -------
    Ratio or frame
        With ``by`` a frame of the kind given: keys, ``numerator``, ``denominator``,
        ``missed_rate``.

    Notes
    -----
    Source: Talkdesk's help article 4409669466779.
    """
    groups, words = outcome_groups(calls, "a missed rate", by, timezone)
    return ratio(groups, "missed_rate", "missed of inbound", words.is_("missed"), words.offered())


def voicemail_rate(calls: Any, *, by: By = None, timezone: str = "UTC") -> Any:
    """Share of the inbound that left a message: V ÷ I.

    Parameters
    ----------
    calls : frame
        One row per call or contact: the ``calls`` or ``contacts`` report.
    by : str or sequence of str, optional
        As for `service_level`.
    timezone : str
        As for `service_level`.

    Returns
    -------
    Ratio or frame
        With ``by`` a frame of the kind given: keys, ``numerator``, ``denominator``,
        ``voicemail_rate``.

    Notes
    -----
    Source: the outcomes of Talkdesk's contacts report.
    """
    groups, words = outcome_groups(calls, "a voicemail rate", by, timezone)
    voicemail = words.is_("voicemail")
    return ratio(groups, "voicemail_rate", "voicemail of inbound", voicemail, words.offered())


def callback_rate(calls: Any, *, by: By = None, timezone: str = "UTC") -> Any:
    """Share of the inbound whose customer asked the queue to be rung back.

    Parameters
    ----------
    calls : frame
        One row per call or contact: the ``calls`` or ``contacts`` report.
    by : str or sequence of str, optional
        As for `service_level`.
    timezone : str
        As for `service_level`.

    Returns
    -------
    Ratio or frame
        With ``by`` a frame of the kind given: keys, ``numerator``, ``denominator``,
        ``callback_rate``.

    Notes
    -----
    Source: the callback columns of Talkdesk's calls and contacts reports.
    """
    groups, words = outcome_groups(calls, "a callback rate", by, timezone)
    groups.need(words.callback)
    inbound = words.offered()
    rung_back = inbound & nw.col(words.callback).fill_null(False)
    return ratio(groups, "callback_rate", "callbacks of inbound", rung_back, inbound)


def transfer_rate(
    calls: Any, *, by: By = None, timezone: str = "UTC", direction: Direction = "both"
) -> Any:
    """Share of the handled calls or contacts that were handed on.

    Parameters
    ----------
    calls : frame
        One row per call or contact: the ``calls`` or ``contacts`` report.
    by : str or sequence of str, optional
        As for `service_level`.
    timezone : str
        As for `service_level`.
    direction : {"both", "inbound", "outbound"}
        Whose conversations count as handled.

    Returns
    -------
    Ratio or frame
        With ``by`` a frame of the kind given: keys, ``numerator``, ``denominator``,
        ``transfer_rate``.

    Notes
    -----
    Source: the transfer columns of Talkdesk's contacts report.
    """
    groups, words = outcome_groups(calls, "a transfer rate", by, timezone)
    groups.need(words.transfer)
    handled = words.handled(direction)
    handed_on = handled & nw.col(words.transfer).fill_null(False)
    return ratio(
        groups, "transfer_rate", f"transferred of handled, {direction}", handed_on, handled
    )
