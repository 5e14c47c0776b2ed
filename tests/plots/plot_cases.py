"""What the pictures in ``reference/`` show: made-up weeks in which every number can be followed.

``python tests/plots/plot_cases.py`` draws the references again. Look at each before keeping it.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from zoneinfo import ZoneInfo

import matplotlib
import numpy as np
import pyarrow as pa
from matplotlib.figure import Figure
from matplotlib.image import imread
from matplotlib.text import Text

from td_notebooks import plots

REFERENCES = Path(__file__).parent / "reference"
ZONE = "Europe/Lisbon"
MONDAY = datetime(2026, 8, 3, tzinfo=ZoneInfo(ZONE))
LEVELS = (0.86, 0.81, 0.74, 0.9, 0.835, 0.78, None)


def volume(day, half_hour):
    """Return how many call: most on Mondays and at eleven, nobody on Sundays and at night."""
    hour = half_hour / 2
    if not 8 <= hour < 20 or day % 7 == 6 or (day % 7 == 5 and hour >= 14):
        return 0
    return round((14 - day % 7) * (1 + 0.9 * np.sin((hour - 8) / 12 * np.pi * 1.6)) / 1.5)


def table(days=7, width="30min", zone=ZONE):
    """Return an interval table with a service level, its parts, and the agents needed."""
    steps = [
        (MONDAY + timedelta(days=day, minutes=30 * half), volume(day, half))
        for day in range(days)
        for half in range(48)
    ]
    offered = [number for _, number in steps]
    served = [number - number * (at * at % 7) // 12 for at, (_, number) in enumerate(steps)]
    return pa.table(
        {
            "interval": pa.array([at.astimezone(UTC) for at, _ in steps], pa.timestamp("us", zone)),
            "offered": offered,
            "required": [number // 3 + (number > 0) for number in offered],
            "numerator": served,
            "denominator": offered,
            "service_level": [
                good / number if number else None
                for good, number in zip(served, offered, strict=True)
            ],
        }
    )


def by_day(levels=LEVELS):
    """Return a service level by day; a day without calls has none."""
    calls = [400, 380, 371, 350, 342, 136, 0]
    return pa.table(
        {
            "day": [(MONDAY + timedelta(days=day)).replace(tzinfo=None) for day in range(7)],
            "numerator": [
                round(number * (level or 0)) for number, level in zip(calls, levels, strict=True)
            ],
            "denominator": calls,
            "service_level": levels,
        }
    )


def calls(scale=40.0):
    """Return calls whose waits fall off exponentially; one in seven gave up."""
    waits = [-scale * np.log(1 - (rank + 0.5) / 900) for rank in range(900)]
    kinds = ["abandoned" if rank % 7 == 3 else "inbound" for rank in range(900)]
    return pa.table({"type": kinds, "wait_time": pa.array(waits)})


def statuses(lunch=45):
    """Return a day of four agents, one of them with a status of the account's own."""
    rows = []
    for agent, (name, first) in enumerate(
        [("Ana <Lima>", 8), ("Bo Ek", 8.5), ("Chi Ume", 10), ("Dee Orr", 11.5)]
    ):
        at = MONDAY + timedelta(days=1, hours=first)
        rows.append((agent, name, "Offline", MONDAY + timedelta(days=1), at))
        for turn in range(24):
            for label, minutes in (
                ("Available", 4 + (agent + turn) % 5),
                ("On a Call", 5 + (2 * agent + 3 * turn) % 7),
                ("After Call Work", 2),
            ):
                rows.append((agent, name, label, at, at := at + timedelta(minutes=minutes)))
            if turn == 12:
                rows.append((agent, name, "Lunch", at, at := at + timedelta(minutes=lunch)))
            if turn in (5, 18):
                rows.append((agent, name, "Away", at, at := at + timedelta(minutes=12)))
    agents, names, labels, begins, ends = zip(*rows, strict=True)
    moments = pa.timestamp("us", "UTC")
    return pa.table(
        {
            "user_id": [f"u{agent}" for agent in agents],
            "user_name": names,
            "status_label": labels,
            "status_start_at": pa.array([at.astimezone(UTC) for at in begins], moments),
            "status_end_at": pa.array([at.astimezone(UTC) for at in ends], moments),
        }
    )


def one_day(day=1):
    return table().slice(48 * day + 16, 24)


#: Name of the reference: what draws it, and the same with other numbers.
CASES = {
    "heatmap-volume": (
        lambda ax: plots.heatmap(table(14), "offered", ax=ax),
        lambda ax: plots.heatmap(table(14), "required", ax=ax),
    ),
    "heatmap-level": (
        lambda ax: plots.heatmap(table(), ax=ax),
        lambda ax: plots.heatmap(table(), timezone="Asia/Tokyo", ax=ax),
    ),
    "level-days": (
        lambda ax: plots.service_level(by_day(), ax=ax),
        lambda ax: plots.service_level(by_day((0.9, *LEVELS[1:])), ax=ax),
    ),
    "level-half-hours": (
        lambda ax: plots.service_level(one_day(), 0.75, ax=ax),
        lambda ax: plots.service_level(one_day(2), 0.75, ax=ax),
    ),
    "waits": (
        lambda ax: plots.waits(calls(), ax=ax),
        lambda ax: plots.waits(calls(44.0), ax=ax),
    ),
    "timeline": (
        lambda ax: plots.timeline(statuses(), timezone=ZONE, ax=ax),
        lambda ax: plots.timeline(statuses(30), timezone=ZONE, ax=ax),
    ),
    "staffing": (
        lambda ax: plots.staffing(one_day(), statuses(), ax=ax),
        lambda ax: plots.staffing(one_day(2), statuses(), ax=ax),
    ),
    "nothing": (
        lambda ax: plots.waits(calls().slice(0, 0), ax=ax),
        lambda ax: plots.waits(calls().slice(0, 9), ax=ax),
    ),
}


def drawn(draw):
    """Return a picture's marks as PNG, and the words on it.

    Letters look a little otherwise with each version of matplotlib and FreeType: they are compared
    as words, and the axes have a fixed place, as a layout would make room for the letters.
    """
    settings = {name: matplotlib.rcParamsDefault[name] for name in matplotlib.rcParamsDefault}
    del settings["backend"]
    with matplotlib.rc_context(settings):
        figure = Figure(figsize=(9, 3.6))
        draw(figure.add_axes((0.1, 0.15, 0.78, 0.72)))
        figure.draw_without_rendering()
        texts = [text for text in figure.findobj(Text) if text.get_visible()]
        words = sorted(text.get_text() for text in texts if text.get_text())
        for text in texts:
            text.set_alpha(0)
        for ax in figure.axes:
            if legend := ax.get_legend():
                legend.remove()
        file = BytesIO()
        figure.savefig(file, format="png", dpi=50)
    return file.getvalue(), " | ".join(words)


def difference(one, other):
    """Return how far two PNGs are apart, root mean square: 0 for the same, 1 for black and white.

    Squares of 2 by 2 pixels are compared, so that an edge half a pixel off does not count much.
    """

    def squares(png):
        image = imread(BytesIO(png))[:, :, :3]
        height, width = (size // 2 for size in image.shape[:2])
        return image.reshape(height, 2, width, 2, 3).mean(axis=(1, 3))

    return float(np.sqrt(((squares(one) - squares(other)) ** 2).mean()))


if __name__ == "__main__":
    said = {}
    for name, (draw, _) in CASES.items():
        png, said[name] = drawn(draw)
        (REFERENCES / f"{name}.png").write_bytes(png)
    text = json.dumps(said, indent=1, ensure_ascii=False, sort_keys=True)
    (REFERENCES / "words.json").write_text(text + "\n", encoding="utf-8")
