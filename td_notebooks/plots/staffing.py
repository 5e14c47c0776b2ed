"""Agents needed, and agents at work."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from ..errors import ConfigError
from ..metrics.agents import occupancy
from ..metrics.clocks import zone_of
from ..metrics.cuts import INTERVALS, width_of
from ..metrics.kinds import arrow, epoch, like, moments
from ..timespan import zone
from .style import (
    RED,
    SKY,
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
    from matplotlib.axes import Axes

PURPOSE = "staffing against need"


def staffing_data(table: Any, statuses: Any = None) -> Any:
    """Set the agents that each interval needs against those at work.

    Parameters
    ----------
    table : frame
        As `td_notebooks.metrics.staffing` returns it, with one row per interval: of one ring group,
        or of all together.
    statuses : frame, optional
        The ``user_status`` report of the same span, of any kind. Without it nothing is known of
        who was at work.

    Returns
    -------
    frame
        Of the kind of `table`, one row per interval, in order: ``interval``, ``offered``,
        ``required``, ``at_work`` (mean number of agents who had a contact or were ready for one;
        missing without `statuses`) and ``missing`` (how many more were required, not below 0).

    Raises
    ------
    SchemaError
        A frame lacks a column.
    ConfigError
        The table has an interval several times, or intervals of no known length.
    """
    rows = arrow(table, ["interval", "offered", "required"], PURPOSE, "contacts")
    rows = rows.filter(rows["interval"].is_valid()).sort_by("interval")
    begins = epoch(rows["interval"])
    if len(np.unique(begins)) < len(begins):
        raise ConfigError(
            "Staffing can be set against need for one queue at a time: the table has several rows "
            "per interval.",
            hint="Pick one ring group's rows.",
        )
    required = rows["required"].cast(pa.float64()).to_numpy()
    at_work = np.full(len(begins), np.nan)
    if statuses is not None:
        at_work = _at_work(statuses, begins)
    known = np.isnan(at_work)
    result = {
        "interval": moments(begins, zone_of(rows["interval"].type, None)),
        "offered": rows["offered"],
        "required": rows["required"],
        "at_work": pa.array(at_work, mask=known),
        "missing": pa.array(np.maximum(required - at_work, 0), mask=known),
    }
    return like(table, pa.table(result))


def staffing(
    table: Any, statuses: Any = None, *, timezone: str | None = None, ax: Axes | None = None
) -> Axes:
    """Draw the agents that each interval needs over those at work; gaps are filled.

    Parameters
    ----------
    table, statuses
        As for `staffing_data`, which gives what is drawn.
    timezone : str, optional
        IANA name of the zone of the labels; by default the table's own.
    ax : matplotlib.axes.Axes, optional
        By default one in a new figure.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    SchemaError, ConfigError
        As for `staffing_data`; also if matplotlib is not installed.
    """
    columns = ["interval", "required", "at_work", "missing"]
    data = arrow(staffing_data(table, statuses), columns, PURPOSE, "contacts")
    ax = own_axes(ax, 10, 3.6)
    begins = epoch(data["interval"])
    required, at_work, missing = (
        data[name].cast(pa.float64()).fill_null(np.nan).to_numpy() for name in columns[1:]
    )
    compared = statuses is not None
    heading = "Agents needed and agents at work" if compared else "Agents needed"
    if not len(begins) or not (required.any() or np.nan_to_num(at_work).any()):
        return nothing_to_show(ax, heading, "no agent is needed")
    width = width_of(begins, PURPOSE)
    place = (begins - begins[0]) // width
    edges = days(begins[0] + width * np.arange(place[-1] + 2))

    def dense(values: Any) -> Any:
        grid = np.full(place[-1] + 1, np.nan)
        grid[place] = values
        return grid

    ax.stairs(
        dense(required), edges, baseline=None, color=RED, linewidth=1.8, zorder=3, label="needed"
    )
    if compared:
        ax.stairs(dense(at_work), edges, fill=True, color=SKY, alpha=0.55, label="at work")
        short = np.where(missing > 0, required, np.nan)
        said = f"missing, {np.nanmax(missing):.1f} at most" if (missing > 0).any() else None
        ax.stairs(
            dense(short),
            edges,
            baseline=np.nan_to_num(dense(at_work)),
            fill=True,
            facecolor="none",
            edgecolor=RED,
            hatch="/////",
            linewidth=0,
            label=said,
        )
    tidy(ax, heading, keyed=True)
    base_line(ax)
    key(ax)
    ax.set_ylim(0, None)
    ax.margins(x=0.01)
    ax.locator_params(axis="y", integer=True)
    ax.set_ylabel("agents", color=faint(ax))
    local = zone_of(data["interval"].type, timezone)
    time_axis(ax, zone(local))
    ax.set_xlabel(f"local time, {local}", color=faint(ax))
    return ax


def _at_work(statuses: Any, begins: Any) -> Any:
    """Return the mean number of agents who had a contact or were ready, interval by interval."""
    if not len(begins):
        return np.zeros(0)
    width = width_of(begins, PURPOSE)
    by = next(word for word, seconds in INTERVALS.items() if seconds == width)
    worked = occupancy(
        statuses,
        by=by,
        start=datetime.fromtimestamp(int(begins[0]), UTC),
        end=datetime.fromtimestamp(int(begins[-1]) + width, UTC),
    )
    rows = arrow(worked, ["interval", "denominator"], PURPOSE, "user_status")
    seconds = dict(zip(epoch(rows["interval"]), rows["denominator"].to_pylist(), strict=True))
    return np.array([seconds.get(at, 0) / width for at in begins])
