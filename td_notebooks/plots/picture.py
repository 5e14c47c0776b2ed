"""Axes that a notebook shows as a picture, and times as people write them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import tzinfo
from io import BytesIO

from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure

#: Dots per inch: sharp on screens with two dots to a pixel.
SHARP = 144


class Picture(Axes):
    """Axes in a figure of their own, which no pyplot knows of.

    IPython shows the picture where an ordinary axes would be a line of text.
    """

    def _repr_png_(self) -> tuple[bytes, dict[str, int]]:
        file = BytesIO()
        assert isinstance(self.figure, Figure)
        self.figure.savefig(file, format="png", dpi=SHARP)
        image = file.getvalue()
        # The size stands in the file's first chunk; half of it is the size on the page.
        width, height = (int.from_bytes(image[at : at + 4]) for at in (16, 20))
        return image, {"width": width // 2, "height": height // 2}


class LocalTimes(ConciseDateFormatter):
    """Labels of ticks in a zone: hours, days with their weekday, or months.

    Parameters
    ----------
    locator : AutoDateLocator
        What chose the ticks.
    tz : tzinfo
    """

    def __init__(self, locator: AutoDateLocator, tz: tzinfo) -> None:
        day = "%a %d %b"
        super().__init__(
            locator,
            tz=tz,
            formats=["%Y", "%b %Y", day, "%H:%M", "%H:%M", "%S"],
            zero_formats=["", "%Y", "%b", day, "%H:%M", ""],
            offset_formats=["", "%Y", "%b %Y", *[f"{day} %Y"] * 3],
        )

    def format_ticks(self, values: Sequence[float]) -> list[str]:
        """Return the labels of all ticks."""
        return [_plain_day(label) for label in super().format_ticks(values)]

    def get_offset(self) -> str:
        """Return what all ticks have in common: their day, month or year."""
        return _plain_day(super().get_offset())


def _plain_day(label: str) -> str:
    # Not every system's strftime writes a day without its zero.
    return re.sub(r"\b0(\d [A-Z])", r"\1", label)
