"""How long callers waited, and where the threshold lies."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..errors import ConfigError
from ..metrics.kinds import arrow, like
from ..metrics.tables import names_of
from ..metrics.wording import wording_of
from .style import (
    BLUE,
    ORANGE,
    SMALL,
    base_line,
    faint,
    ink,
    key,
    nothing_to_show,
    own_axes,
    tidy,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PURPOSE = "a distribution of waits"
#: Steps up to the threshold, and at most in all.
STEPS, BARS = 4, 60
#: Share of the waits that steps are made for; the longest ones are in the last.
MOST = 0.98


def waits_data(calls: Any, within: float = 20.0) -> Any:
    """Count waits in steps of a quarter of the threshold.

    Parameters
    ----------
    calls : frame
        One row per call or contact: the ``calls`` or ``contacts`` report.
    within : float
        Threshold in seconds, included; the steps end there too.

    Returns
    -------
    frame
        Of the kind given, one row per step: ``longer_than`` and ``up_to`` (seconds; the first step
        includes a wait of 0, the last has no end: it holds the longest fiftieth of the waits, or
        what is beyond sixty steps), ``answered`` and ``abandoned`` (the short ones too), and
        ``share``: of the answered, who waited no longer than ``up_to``. Rows without a wait are
        left out.

    Raises
    ------
    SchemaError
        The frame lacks a column.
    ConfigError
        The threshold is not positive.
    """
    if not 0 < within < math.inf:
        raise ConfigError(f"A threshold of {within} s divides no waits.", hint="Give seconds.")
    words = wording_of(names_of(calls), PURPOSE)
    rows = arrow(calls, [words.wait, words.outcome], PURPOSE, words.report)
    wait = rows[words.wait].cast(pa.float64()).fill_null(np.nan).to_numpy()
    known = ~np.isnan(wait)
    outcome = rows[words.outcome].cast(pa.string())
    of = {
        "answered": [words.answered],
        "abandoned": [words.abandoned, words.short_abandoned],
    }
    chosen = {
        name: wait[known & np.asarray(pc.is_in(outcome, value_set=pa.array(said)).to_numpy(), bool)]
        for name, said in of.items()
    }
    width = within / STEPS
    all_waits = np.concatenate([*chosen.values()])
    longest = np.quantile(all_waits, MOST) if len(all_waits) else 0.0
    steps = min(BARS, max(2 * STEPS, math.ceil(longest / width)))
    ends = width * np.arange(1, steps + 1)
    counts = {
        name: np.bincount(np.searchsorted(ends, waits, side="left"), minlength=steps + 1)
        for name, waits in chosen.items()
    }
    total = counts["answered"].sum()
    share = np.cumsum(counts["answered"]) / max(total, 1)
    result = {
        "longer_than": pa.array(np.append(0.0, ends)),
        "up_to": pa.array(np.append(ends, math.inf), mask=np.arange(steps + 1) == steps),
        "answered": pa.array(counts["answered"]),
        "abandoned": pa.array(counts["abandoned"]),
        "share": pa.array(share, mask=np.full(steps + 1, total == 0)),
    }
    return like(calls, pa.table(result))


def waits(calls: Any, within: float = 20.0, *, ax: Axes | None = None) -> Axes:
    """Draw how long answered and abandoned callers waited, and the threshold.

    Parameters
    ----------
    calls, within
        As for `waits_data`, which gives what is drawn.
    ax : matplotlib.axes.Axes, optional
        By default one in a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        Abandoned callers stand on top of the answered ones; the last bar holds all longer waits.

    Raises
    ------
    SchemaError, ConfigError
        As for `waits_data`; also if matplotlib is not installed.
    """
    columns = ["longer_than", "answered", "abandoned", "share"]
    data = arrow(waits_data(calls, within), columns, PURPOSE, "calls")
    ax = own_axes(ax, 9, 3.6)
    begins, answered, abandoned = (data[name].to_numpy() for name in columns[:3])
    heading = "How long callers waited"
    if not (answered.sum() or abandoned.sum()):
        return nothing_to_show(ax, heading, "nobody waited")
    width = within / STEPS
    look: dict[str, Any] = {"width": 0.88 * width, "linewidth": 0}
    middle = begins + width / 2
    if answered[-1] + abandoned[-1]:
        middle[-1] += width  # set apart: it holds everything longer
    else:
        middle, answered, abandoned = middle[:-1], answered[:-1], abandoned[:-1]
    ax.bar(middle, answered, color=BLUE, label=f"answered, {answered.sum():,}", **look)
    ax.bar(
        middle,
        abandoned,
        bottom=answered,
        color=ORANGE,
        label=f"abandoned, {abandoned.sum():,}",
        **look,
    )
    tidy(ax, heading, keyed=True)
    base_line(ax)
    _threshold(ax, within, data["share"][STEPS - 1].as_py())
    _seconds(ax, begins, len(middle) == len(begins))
    key(ax)
    ax.yaxis.set_major_formatter("{x:,.0f}")
    ax.set_ylabel(f"calls per {width:g} s", color=faint(ax))
    ax.set_xlabel("seconds until answered or abandoned", color=faint(ax))
    return ax


def _threshold(ax: Axes, within: float, share: float | None) -> None:
    """Draw the threshold, and say who was answered by then."""
    ax.axvline(within, color=ink(ax), linewidth=1.2, linestyle=(0, (5, 3)))
    said = f"{within:g} s"
    if share is not None:
        said += f": {share:.0%} of the answered\nhad been answered by then"
    ax.annotate(
        said,
        (within, 1),
        xycoords=("data", "axes fraction"),
        xytext=(5, -2),
        textcoords="offset points",
        va="top",
        fontsize=SMALL,
        color=ink(ax),
    )
    ax.margins(y=0.2)


def _seconds(ax: Axes, begins: Any, longer: bool) -> None:
    """Label the seconds, and the last bar with what it holds."""
    last = float(begins[-1])
    width = last / (len(begins) - 1)
    steps = (1, 2, 4, 8, 12, 20)
    step = width * next((many for many in steps if last / (many * width) <= 10), 20)
    ticks = list(np.arange(0, last + (0 if longer else step / 2), step))
    labels = [f"{tick:g}" for tick in ticks]
    if longer:
        while ticks and ticks[-1] > last - 1.5 * width:
            ticks.pop(), labels.pop()
        ticks, labels = [*ticks, last + 1.5 * width], [*labels, f"> {last:g}"]
    ax.set_xticks(ticks, labels)
    ax.set_xlim(-width, last + (3 if longer else 1) * width)
