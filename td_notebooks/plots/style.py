"""What all pictures have in common: where they are drawn, colours, frames, time axes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..extras import needed

if TYPE_CHECKING:
    from datetime import tzinfo

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ..metrics.kinds import Seconds

# Okabe and Ito, "Color Universal Design" (2008): told apart by colour-blind readers.
BLUE, SKY, GREEN = "#0072B2", "#56B4E9", "#009E73"
ORANGE, RED, PURPLE, YELLOW = "#E69F00", "#D55E00", "#CC79A7", "#F0E442"

SMALL = 8.5
DAY = 86400


def own_axes(ax: Axes | None, width: float, height: float) -> Axes:
    """Return the axes to draw on.

    Parameters
    ----------
    ax : Axes or None
        The caller's; None for one in a figure of its own.
    width, height : float
        Inches of a figure of its own.

    Raises
    ------
    ConfigError
        If matplotlib is not installed.
    """
    figures = needed(
        "matplotlib.figure",
        extra="plots",
        purpose="A picture",
        otherwise="The functions that end in _data give the numbers without it.",
    )
    if ax is not None:
        return ax
    from .picture import Picture

    figure: Figure = figures.Figure(figsize=(width, height), layout="constrained")
    return figure.add_subplot(axes_class=Picture)


def ink(ax: Axes) -> Any:
    """Return the colour that text has in these axes."""
    return ax.xaxis.label.get_color()


def faint(ax: Axes, alpha: float = 0.65) -> Any:
    """Return the colour of text that stands back."""
    from matplotlib.colors import to_rgba

    return to_rgba(ink(ax), alpha)


def tidy(ax: Axes, title: str, *, keyed: bool = False) -> None:
    """Give axes their title, and take away what carries nothing: frame and tick marks.

    Parameters
    ----------
    ax : Axes
    title : str
    keyed : bool
        Leave room below the title for the line that `key` writes.
    """
    pad = 26 if keyed else 10
    look = {"fontsize": 11, "fontweight": "bold", "color": ink(ax), "parse_math": False}
    ax.set_title(title, look, loc="left", pad=pad)
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0, labelsize=SMALL, labelcolor=faint(ax, 0.8))
    ax.xaxis.label.set_fontsize(SMALL)
    ax.yaxis.label.set_fontsize(SMALL)


def base_line(ax: Axes) -> None:
    """Draw the axes' lower edge."""
    ax.spines["bottom"].set(visible=True, color=faint(ax, 0.4), linewidth=0.8)


def key(ax: Axes) -> None:
    """Name the colours in one line between the title and the picture."""
    legend = ax.legend(
        loc="lower left",
        bbox_to_anchor=(0, 1),
        ncols=8,
        frameon=False,
        fontsize=SMALL,
        labelcolor=ink(ax),
        borderaxespad=0,
        borderpad=0.5,
        handlelength=1,
        handleheight=1,
        handletextpad=0.4,
        columnspacing=1.2,
    )
    for text in legend.get_texts():
        text.set_parse_math(False)  # a $ in a name is a $


def nothing_to_show(ax: Axes, title: str, why: str) -> Axes:
    """Say that there is nothing to show.

    Parameters
    ----------
    ax : Axes
    title : str
    why : str
        What is missing.

    Returns
    -------
    Axes
    """
    tidy(ax, title)
    ax.set(xticks=[], yticks=[])
    text = f"Nothing to show: {why}."
    ax.text(0.5, 0.5, text, transform=ax.transAxes, ha="center", va="center", color=faint(ax))
    return ax


def days(seconds: Seconds) -> Any:
    """Return epoch seconds as matplotlib's numbers of dates."""
    from matplotlib.dates import date2num

    return date2num(seconds.astype("datetime64[s]"))


def time_axis(ax: Axes, zone: tzinfo) -> None:
    """Label the x axis with times of a zone; ticks stand at local hours, whatever clocks do."""
    from matplotlib.dates import AutoDateLocator

    from .picture import LocalTimes

    locator = AutoDateLocator(tz=zone, minticks=4, maxticks=9)
    ax.xaxis.set_major_locator(locator)
    ax.xaxis.set_major_formatter(LocalTimes(locator, zone))
    ax.xaxis.get_offset_text().set(size=SMALL, color=faint(ax, 0.8))


def clock_time(seconds: int) -> str:
    """Return seconds of a day as ``08:30``."""
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}"
