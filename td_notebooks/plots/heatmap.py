"""The week at a glance: weekday by time of day."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from ..errors import SchemaError
from ..metrics.cells import added_up
from ..metrics.clocks import DAY, local_clock, weekdays, zone_of
from ..metrics.grouping import title
from ..metrics.kinds import arrow, epoch, like
from ..metrics.tables import is_share, measure_of, names_of
from .style import SMALL, clock_time, faint, nothing_to_show, own_axes, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PURPOSE = "a heat map"
NAMES = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
#: With more times of the day than this, cells are too narrow for a number.
MOST_NUMBERS = 50


def heatmap_data(table: Any, value: str | None = None, *, timezone: str | None = None) -> Any:
    """Pool a table of intervals by weekday and time of day.

    Parameters
    ----------
    table : frame
        A measure by ``"15min"``, ``"30min"`` or ``"1h"``, or an interval table. Rows of several
        ring groups are pooled.
    value : str, optional
        Its column to show. By default the measure; ``offered`` of an interval table.
    timezone : str, optional
        IANA name of the zone whose clocks count; by default the table's own.

    Returns
    -------
    frame
        Of the kind given, one row per weekday and time of day that the table has: ``weekday`` (1
        for Monday to 7), ``time`` (``08:30``), `value`, and ``intervals`` (how many were pooled). A
        measure is Σ numerator ÷ Σ denominator, missing where there was nothing to count; a count
        is its mean per interval.

    Raises
    ------
    SchemaError
        The table has no intervals, or no such column.
    """
    columns = _columns(table, value)
    rows = arrow(table, columns, PURPOSE, "calls")
    rows = rows.filter(rows["interval"].is_valid())
    times = rows["interval"]
    moments, which = np.unique(epoch(times), return_inverse=True)
    clock = local_clock(moments, zone_of(times.type, timezone))
    slots, slot = np.unique((weekdays(clock) - 1) * DAY + clock % DAY, return_inverse=True)
    intervals = np.bincount(slot, minlength=len(slots))

    above, *others = (added_up(rows[name], slot[which], len(slots)) for name in columns[1:])
    if len(columns) > 3:
        below = others[0]
        shown = pa.array(above / np.where(below, below, 1), mask=below == 0)
    else:
        shown = pa.array(above / np.maximum(intervals, 1))
    result = {
        "weekday": pa.array(slots // DAY + 1, pa.int64()),
        "time": pa.array([clock_time(int(second)) for second in slots % DAY], pa.string()),
        columns[-1]: shown,
        "intervals": pa.array(intervals, pa.int64()),
    }
    return like(table, pa.table(result))


def heatmap(
    table: Any, value: str | None = None, *, timezone: str | None = None, ax: Axes | None = None
) -> Axes:
    """Draw weekday by time of day, each cell with its number.

    Parameters
    ----------
    table, value, timezone
        As for `heatmap_data`, which gives what is drawn.
    ax : matplotlib.axes.Axes, optional
        By default one in a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        With a column for each time of day from the first to the last at which anything was
        counted. Shares are in per cent.

    Raises
    ------
    SchemaError
        As for `heatmap_data`.
    ConfigError
        matplotlib is not installed.
    """
    columns = _columns(table, value)
    name, pooled = columns[-1], len(columns) > 3
    data = arrow(heatmap_data(table, value, timezone=timezone), ["weekday", "time", name], "", "")
    grid, times = _grid(data, name)
    ax = own_axes(ax, min(12.0, max(5.0, 1.2 + 0.4 * len(times))), 3.1)
    heading = _heading(name, pooled)
    if not len(times):
        return nothing_to_show(ax, heading, "no interval has anything to count")
    shown = grid * 100 if is_share(name) else grid
    mesh = ax.pcolormesh(
        np.ma.masked_invalid(shown),
        cmap=_blues(),
        edgecolors=[ax.get_facecolor()],
        linewidth=0.8,
    )
    if len(times) <= MOST_NUMBERS:
        _write_numbers(ax, shown, mesh, zeros=pooled)
    else:
        bar = ax.figure.colorbar(mesh, ax=ax, pad=0.01, aspect=12)
        bar.outline.set(visible=False)
        bar.ax.tick_params(length=0, labelsize=SMALL, labelcolor=faint(ax, 0.8))
    tidy(ax, heading)
    ax.invert_yaxis()
    ax.set_yticks(np.arange(7) + 0.5, NAMES)
    hours = [at for at, time in enumerate(times) if time.endswith(":00")]
    # As many labels as have room for half an inch each.
    inches = ax.bbox.width / ax.figure.dpi
    hours = hours[:: max(1, math.ceil(len(hours) / 2 / inches))]
    ax.set_xticks(hours, [times[at] for at in hours])
    zone = zone_of(arrow(table, ["interval"], PURPOSE, "")["interval"].type, timezone)
    ax.set_xlabel(f"local time, {zone}", color=faint(ax))
    return ax


def _columns(table: Any, value: str | None) -> list[str]:
    """Return the columns of the interval, of what the value is made of, and its own name."""
    names = names_of(table)
    if "interval" not in names or (value and value not in names):
        raise SchemaError(
            f"Drawing {PURPOSE}: the frame has no column "
            f"{value if 'interval' in names else 'interval'}.",
            hint='It takes a measure by "30min", or td.metrics.interval_table(calls).',
            missing=[value if value and "interval" in names else "interval"],
        )
    if "denominator" in names and value in (None, measure_of(names, PURPOSE)):
        return ["interval", "numerator", "denominator", measure_of(names, PURPOSE)]
    if value == "aht" and {"handle_time", "answered"} <= {*names}:
        return ["interval", "handle_time", "answered", "aht"]
    return ["interval", value or ("offered" if "offered" in names else measure_of(names, PURPOSE))]


def _heading(name: str, pooled: bool) -> str:
    said = title(name)
    said = said[:1].upper() + said[1:]
    if is_share(name):
        return f"{said} in per cent, by weekday and time of day"
    unit = "mean seconds" if pooled else "mean per interval"
    return f"{said}, {unit}, by weekday and time of day"


def _blues() -> Any:
    """Return a scale from light to dark whose lightest colour is still a colour."""
    from matplotlib import colormaps
    from matplotlib.colors import ListedColormap

    return ListedColormap(colormaps["Blues"](np.linspace(0.04, 1, 256)))


def _grid(data: pa.Table, name: str) -> tuple[Any, list[str]]:
    """Return the values as weekday by time of day, without the empty hours at both ends."""
    values = data[name].fill_null(float("nan")).to_numpy()
    counted = np.isfinite(values) & (values != 0 if not is_share(name) else True)
    times = data["time"].to_pylist()
    seen = [time for time, there in zip(times, counted, strict=True) if there]
    between = sorted({time for time in times if seen and min(seen) <= time <= max(seen)})
    column = {time: at for at, time in enumerate(between)}
    grid = np.full((7, len(between)), np.nan)
    for weekday, time, number in zip(data["weekday"].to_pylist(), times, values, strict=True):
        if time in column:
            grid[weekday - 1, column[time]] = number
    return grid, between


def _write_numbers(ax: Axes, shown: Any, mesh: Any, *, zeros: bool) -> None:
    """Write each cell's number into it, dark on light and light on dark."""
    precise = np.nanmax(shown) < 10
    for (row, column), number in np.ndenumerate(shown):
        text = f"{number:.1f}" if precise and round(number, 1) else f"{number:.0f}"
        if not np.isfinite(number) or (text == "0" and not zeros):
            continue
        red, green, blue, _ = mesh.to_rgba(number)
        dark = 0.299 * red + 0.587 * green + 0.114 * blue < 0.5
        ax.text(
            column + 0.5,
            row + 0.5,
            text,
            ha="center",
            va="center",
            fontsize=7.5 if shown.shape[1] <= 26 else 6,
            color="white" if dark else "#111111",
        )
