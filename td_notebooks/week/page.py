"""The page, put together."""

from __future__ import annotations

from datetime import datetime, timedelta
from html import escape
from importlib.resources import files
from string import Template
from typing import TYPE_CHECKING, Any

from ..timespan import zone
from .headlines import headlines
from .reports import Reports, week_before
from .sections import card, figures, groups_table, quality_cards, quality_section

if TYPE_CHECKING:
    from ..timespan import Timespan


def week_page(
    calls: Any,
    week: Timespan,
    *,
    contacts: Any = None,
    statuses: Any = None,
    within: float = 20.0,
    target: float = 0.8,
    account: str = "",
    made_at: datetime | None = None,
) -> str:
    """Return the page of a week.

    Parameters
    ----------
    calls : frame
        The ``calls`` report of the week and of the week before, of any kind narwhals knows.
    week : Timespan
        As `week_of` returns it.
    contacts : frame, optional
        The ``contacts`` report of both weeks: for the handle time and the staffing.
    statuses : frame, optional
        The ``user_status`` report of both weeks: for the occupancy and the staffing.
    within : float
        Threshold of the service level in seconds, included.
    target : float
        Of the service level, such as 0.8.
    account : str
        Name of the account, for the heading.
    made_at : datetime, optional
        Aware; when the page was made, if it shall say so.

    Returns
    -------
    str
        HTML, whole and self-contained.

    Raises
    ------
    SchemaError
        A frame lacks a column.
    ConfigError
        matplotlib is not installed, or a parameter is out of its range.
    """
    before = week_before(week)
    now = Reports.of(week, calls, contacts, statuses)
    then = Reports.of(before, calls, contacts, statuses)
    first, last = week.start, week.end - timedelta(days=1)
    number = week.start.isocalendar().week
    spelt = f"{first.day} {first:%B}" if first.month != last.month else f"{first.day}"
    title = f"Week {number}: {spelt} to {last.day} {last:%B %Y}"
    about = ["Telephone service"]
    if account:
        about = [f"Account {account}"]
    about += [f"days of {week.timezone}", f"target: {target:.0%} within {within:g} s"]
    made = f"Made {made_at.astimezone(zone(week.timezone)):%Y-%m-%d %H:%M}. " if made_at else ""
    page = Template(files(__package__).joinpath("page.html").read_text(encoding="utf-8"))
    return page.substitute(
        title=escape(title),
        about=escape(" · ".join(about)),
        cards="\n".join(map(card, headlines(now, then, within))),
        groups=groups_table(now, then, within),
        pictures="\n".join(figures(now, target, within)),
        quality="\n".join(map(quality_section, quality_cards(now))),
        footer=escape(
            f"{made}Changes are against {before.start.day} {before.start:%B} to "
            f"{(before.end - timedelta(days=1)).day} {before.end - timedelta(days=1):%B}. "
            "A call belongs to the week in which it started. Measures and their sources are those "
            "of td_notebooks.metrics."
        ),
    )
