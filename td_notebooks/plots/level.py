"""A share over time, its target, and how many it is a share of."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from ..errors import ConfigError, SchemaError
from ..metrics.cells import added_up
from ..metrics.clocks import zone_of
from ..metrics.grouping import title
from ..metrics.kinds import arrow, epoch, like, moments
from ..metrics.tables import is_share, measure_of, names_of
from ..timespan import zone
from .style import (
    BLUE,
    RED,
    SMALL,
    base_line,
    days,
    faint,
    ink,
    nothing_to_show,
    own_axes,
    tidy,
    time_axis,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ..metrics.kinds import Seconds

PURPOSE = "a service level over time"
TIMES = ("interval", "day", "week")
MOST_LABELS = 9
#: Up to so many points, each has its number beside it.
FEW = 16


def service_level_data(table: Any, target: float = 0.8) -> Any:
    """Set a service level against its target.

    Parameters
    ----------
    table : frame
        A service level, or another share, by an interval, ``"day"`` or ``"week"``. Rows of several
        ring groups are pooled.
    target : float
        Such as 0.8.

    Returns
    -------
    frame
        Of the kind given, one row per time, in order: the time, ``numerator``, ``denominator``, the
        measure (missing where there was nothing to count), ``target``, and ``short``: how many more
        would have had to be served in time.

    Raises
    ------
    SchemaError
        The table has no time or is no measure's.
    ConfigError
        The target is no share.
    """
    time, name = _columns(table)
    if not 0 <= target <= 1:
        raise ConfigError(f"A target of {target} is no share.", hint="Write 80% as 0.8.")
    rows = arrow(table, [time, "numerator", "denominator"], PURPOSE, "calls")
    rows = rows.filter(rows[time].is_valid())
    at, which = np.unique(epoch(rows[time]), return_inverse=True)

    above, below = (added_up(rows[part], which, len(at)) for part in ("numerator", "denominator"))
    short = np.maximum(np.ceil(np.round(target * below - above, 9)), 0)
    result = {
        time: moments(at, getattr(rows[time].type, "tz", None)),
        "numerator": pa.array(above),
        "denominator": pa.array(below),
        name: pa.array(above / np.where(below, below, 1), mask=below == 0),
        "target": pa.array(np.full(len(at), float(target))),
        "short": pa.array(short.astype(np.int64)),
    }
    return like(table, pa.table(result))


def service_level(
    table: Any, target: float = 0.8, *, timezone: str | None = None, ax: Axes | None = None
) -> Axes:
    """Draw a service level over time with its target, above bars of the volume.

    Parameters
    ----------
    table, target
        As for `service_level_data`, which gives what is drawn.
    timezone : str, optional
        IANA name of the zone of the labels; by default the table's own.
    ax : matplotlib.axes.Axes, optional
        By default one in a new figure. The volume has a second axes on its right.

    Returns
    -------
    matplotlib.axes.Axes
        Of the service level, in per cent.

    Raises
    ------
    SchemaError, ConfigError
        As for `service_level_data`; also if matplotlib is not installed.
    """
    time, name = _columns(table)
    columns = [time, "denominator", name]
    data = arrow(service_level_data(table, target), columns, PURPOSE, "calls")
    ax = own_axes(ax, 9, 3.8)
    said = title(name)
    heading = f"{said[:1].upper()}{said[1:]} against a target of {target:.0%}"
    volume = data["denominator"].to_numpy()
    if not volume.any():
        return nothing_to_show(ax, heading, "there was nothing to count")
    local = zone_of(data[time].type, timezone) if time == "interval" else "UTC"
    # Empty nights at both ends say nothing.
    seen = np.flatnonzero(volume)
    data, volume = data.slice(seen[0], seen[-1] - seen[0] + 1), volume[seen[0] : seen[-1] + 1]
    at = days(epoch(data[time]))
    if time == "interval":
        at = at + _width(at) / 2  # an interval's point stands in its middle
    level = 100 * data[name].fill_null(math.nan).to_numpy()
    _bars(ax, at, volume)
    _line(ax, at, level, 100 * target)
    tidy(ax, heading)
    base_line(ax)
    if time == "interval":
        time_axis(ax, zone(local))
        ax.set_xlabel(f"local time, {local}", color=faint(ax))
    else:
        _label_days(ax, epoch(data[time]), weeks=time == "week")
    return ax


def _columns(table: Any) -> tuple[str, str]:
    names = names_of(table)
    name = measure_of(names, PURPOSE)
    time = next((word for word in TIMES if word in names), None)
    if time is None or not is_share(name):
        raise SchemaError(
            f"Drawing {PURPOSE}: "
            + (f"{name} is no share." if time else f"the table has none of {', '.join(TIMES)}."),
            hint='It takes td.metrics.service_level(calls, by="day"), for example.',
            missing=[] if time else list(TIMES),
        )
    return time, name


def _label_days(ax: Axes, midnights: Seconds, *, weeks: bool) -> None:
    """Label days, or the Mondays of weeks: each, or as many as have room."""
    shown = midnights[:: math.ceil(len(midnights) / MOST_LABELS)]
    dates = [datetime.fromtimestamp(int(midnight), UTC) for midnight in shown]
    labels = [f"{day:%a} {day.day} {day:%b}" for day in dates]
    ax.set_xticks(days(shown), labels)
    years = " to ".join(dict.fromkeys([str(dates[0].year), str(dates[-1].year)]))
    ax.set_xlabel(f"weeks of {years}" if weeks else years, color=faint(ax))


def _bars(ax: Axes, at: Any, volume: Any) -> None:
    """Draw the volume as pale bars in the lowest quarter, on axes of their own behind."""
    behind = ax.twinx()
    ax.set_zorder(behind.get_zorder() + 1)
    behind.set_facecolor(ax.get_facecolor())
    ax.patch.set_visible(False)
    behind.bar(at, volume, width=0.85 * _width(at), color=faint(ax, 0.15))
    behind.set_ylim(0, volume.max() * 4)
    behind.spines[:].set_visible(False)
    behind.tick_params(length=0, labelsize=SMALL, labelcolor=faint(ax, 0.8))
    if len(at) <= FEW:
        behind.set_yticks([])
        for x, number in zip(at, volume, strict=True):
            behind.annotate(
                f"{number:,.0f}",
                (x, 0),
                xytext=(0, 4),
                textcoords="offset points",
                ha="center",
                fontsize=SMALL,
                color=faint(ax, 0.8),
            )
        behind.annotate(
            "calls counted",
            (1.01, 0.02),
            xycoords="axes fraction",
            fontsize=SMALL,
            color=faint(ax, 0.8),
        )
    else:
        behind.set_yticks([0, float(volume.max())], ["0", f"{volume.max():,.0f} calls"])


def _line(ax: Axes, at: Any, level: Any, target: float) -> None:
    """Draw the level, mark what is below the target, and write what is what beside the lines."""
    ax.axhline(target, color=RED, linewidth=1.2, linestyle=(0, (5, 3)))
    few = len(at) <= FEW
    ax.plot(at, level, color=BLUE, linewidth=1.8)
    below = level < target - 1e-9
    for rows, marker, colour, size in ((~below, "o", BLUE, 4), (below, "v", RED, 5.5)):
        size *= 1.4 if few else 1
        ax.plot(at[rows], level[rows], marker, color=colour, markersize=size)
    for x, number in zip(at, level, strict=True) if few else ():
        if not math.isnan(number):
            under = number < target - 1e-9
            ax.annotate(
                f"{number:.0f}",
                (x, number),
                xytext=(0, -8 if under else 8),
                textcoords="offset points",
                ha="center",
                va="top" if under else "bottom",
                fontsize=SMALL,
                color=ink(ax),
            )
    low, high = min(np.nanmin(level), target), max(np.nanmax(level), target)
    room = max(high - low, 10.0)
    bottom, top = low - 0.65 * room, high + 0.18 * room
    ax.set_ylim(bottom, top)
    step = next(step for step in (2, 5, 10, 20, 25, 50) if room / step <= 5)
    ticks = [tick for tick in range(0, 101, step) if low - 0.1 * room <= tick <= high + 0.1 * room]
    ax.set_yticks(ticks, [f"{tick}%" for tick in ticks])
    ax.annotate(
        f"target {target:.0f}%",
        (1.01, (target - bottom) / (top - bottom)),
        xycoords="axes fraction",
        va="center",
        fontsize=SMALL,
        color=RED,
    )


def _width(at: Any) -> float:
    """Return the width of the narrowest step in days."""
    return float(np.diff(at).min()) if len(at) > 1 else 1.0
