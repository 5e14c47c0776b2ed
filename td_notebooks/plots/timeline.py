"""Who did what when: agents' statuses side by side."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from ..errors import ConfigError
from ..metrics.kinds import arrow, epoch, like
from ..metrics.statuses import read_statuses, span_of
from ..metrics.tables import names_of
from ..timespan import zone
from .style import (
    BLUE,
    GREEN,
    ORANGE,
    PURPLE,
    RED,
    SKY,
    YELLOW,
    base_line,
    days,
    faint,
    key,
    nothing_to_show,
    own_axes,
    tidy,
    time_axis,
)

if TYPE_CHECKING:
    from datetime import date

    from matplotlib.axes import Axes

PURPOSE = "a timeline"
OFFLINE = "offline"
#: Talkdesk's own statuses, in the order people do them; accounts add theirs.
COLOURS = {"available": GREEN, "on a call": BLUE, "after call work": SKY, "away": ORANGE}
OTHERS = (PURPLE, YELLOW, RED)


def timeline_data(
    statuses: Any,
    *,
    timezone: str = "UTC",
    start: date | str | None = None,
    end: date | str | None = None,
) -> Any:
    """Merge the stretches of statuses that Talkdesk splits, and clip them to a span.

    Parameters
    ----------
    statuses : frame
        One row per stretch of a status: the ``user_status`` report.
    timezone : str
        IANA name of the zone of `start` and `end`.
    start, end : date, datetime or str, optional
        Half-open span; by default that of the frame. Give both or none.

    Returns
    -------
    frame
        Of the kind given, one row per stretch, sorted by agent and begin: ``agent`` (the name,
        else the id), ``status_label``, ``status_start_at``, ``status_end_at``, ``status_time``
        (seconds).

    Raises
    ------
    SchemaError
        The frame lacks a column.
    ConfigError
        The span is none.
    """
    if (start is None) != (end is None):
        raise ConfigError("A timeline's span has a start and an end: give both or none.")
    named = "user_name" in names_of(statuses)
    stretches = read_statuses(statuses, PURPOSE, ["user_name"] if named else [])
    table = stretches.clipped(*span_of(stretches, start, end, timezone)).table()
    ids = table["user_id"].cast(pa.string())
    agents = table["user_name"].cast(pa.string()) if named else ids
    columns = ("status_start_at", "status_end_at", "status_time")
    result = {
        "agent": _told_apart(agents, ids),
        "status_label": table["status_label"].cast(pa.string()),
        **{name: table[name] for name in columns},
    }
    return like(statuses, pa.table(result))


def timeline(
    statuses: Any,
    *,
    timezone: str = "UTC",
    start: date | str | None = None,
    end: date | str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw agents' statuses along a span, a row for each agent; being offline is left blank.

    Parameters
    ----------
    statuses, start, end
        As for `timeline_data`, which gives what is drawn.
    timezone : str
        IANA name of the zone of the labels, too.
    ax : matplotlib.axes.Axes, optional
        By default one in a new figure, as high as the agents are many.

    Returns
    -------
    matplotlib.axes.Axes
        With the agents in the order in which they began. Statuses beyond seven share a grey.

    Raises
    ------
    SchemaError, ConfigError
        As for `timeline_data`; also if matplotlib is not installed.
    """
    columns = ["agent", "status_label", "status_start_at", "status_end_at"]
    cut = timeline_data(statuses, timezone=timezone, start=start, end=end)
    data = arrow(cut, columns, PURPOSE, "user_status")
    agents = np.array(data["agent"].to_pylist(), object)
    labels = np.array(data["status_label"].fill_null("unknown").to_pylist(), object)
    at_work = np.array([label.lower() != OFFLINE for label in labels], bool)
    begin, end_at = epoch(data["status_start_at"]), epoch(data["status_end_at"])
    heading = _heading(begin[at_work], timezone)
    if not at_work.any():
        return nothing_to_show(own_axes(ax, 10, 3), heading, "nobody was at work")
    agents, labels, begin, end_at = (values[at_work] for values in (agents, labels, begin, end_at))
    first = {agent: begin[agents == agent].min() for agent in dict.fromkeys(agents)}
    order = sorted(first, key=lambda agent: (first[agent], agent))
    row = {agent: at for at, agent in enumerate(order)}
    rows = np.array([row[agent] for agent in agents])
    ax = own_axes(ax, 10, 1.1 + 0.27 * len(order))
    for said, colour, chosen in _shares(labels, faint(ax, 0.45)):
        ax.barh(
            rows[chosen],
            days(end_at[chosen]) - days(begin[chosen]),
            left=days(begin[chosen]),
            height=0.72,
            color=colour,
            linewidth=0,
            label=f" {said}" if said.startswith("_") else said,  # else matplotlib hides it
        )
    tidy(ax, heading, keyed=True)
    base_line(ax)
    key(ax)
    ax.set_yticks(range(len(order)), order, parse_math=False)
    ax.set_ylim(len(order) - 0.4, -0.6)
    first_at, last_at = days(begin.min()), days(end_at.max())
    ax.set_xlim(first_at - 0.01 * (last_at - first_at), last_at + 0.01 * (last_at - first_at))
    time_axis(ax, zone(timezone))
    ax.set_xlabel(f"local time, {timezone}", color=faint(ax))
    return ax


def _told_apart(agents: Any, ids: Any) -> Any:
    """Return names; those that several ids have with the id behind."""
    pairs = {*zip(agents.to_pylist(), ids.to_pylist(), strict=True)}
    names = [name for name, _ in pairs]
    shared = {name for name in names if names.count(name) > 1}
    told = [
        f"{name} ({user})" if name in shared else (name or user)
        for name, user in zip(agents.to_pylist(), ids.to_pylist(), strict=True)
    ]
    return pa.array(told, pa.string())


def _heading(begin: Any, timezone: str) -> str:
    if not len(begin):
        return "Agents' statuses"
    first, last = (
        datetime.fromtimestamp(int(at), UTC).astimezone(zone(timezone))
        for at in (begin.min(), begin.max())
    )
    said = f"{first:%A} {first.day} {first:%B %Y}"
    if last.date() != first.date():
        said = f"{first.day} {first:%B} to {last.day} {last:%B %Y}"
    return f"Agents' statuses, {said}"


def _shares(labels: Any, grey: Any) -> list[tuple[str, Any, Any]]:
    """Return what is drawn in one colour: its name, the colour and the rows."""
    folded = np.array([label.lower() for label in labels], object)
    spelt = dict(zip(folded, labels, strict=True))
    seen, counts = np.unique(folded.astype(str), return_counts=True)
    more = [str(name) for name in seen[np.argsort(-counts, kind="stable")] if name not in COLOURS]
    colours = COLOURS | dict(zip(more, OTHERS, strict=False))
    shares = [
        (spelt[name], colour, folded == name) for name, colour in colours.items() if name in spelt
    ]
    rest = np.isin(folded.astype(str), more[len(OTHERS) :])
    return [*shares, ("other", grey, rest)] if rest.any() else shares
