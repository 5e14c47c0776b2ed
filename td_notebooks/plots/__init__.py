"""Pictures of contact-centre measures: each returns its axes, and its numbers have a name too.

>>> import td_notebooks as td
>>> client = td.connect(sandbox=True)
>>> calls = client.report("calls", "2026-08-03", "2026-08-10", progress=False)
>>> table = td.metrics.service_level(calls, within=20, by="day", timezone="Europe/Lisbon")
>>> axes = td.plots.service_level(table, target=0.8)
>>> td.plots.service_level_data(table, target=0.8).columns.tolist()[:4]
['day', 'numerator', 'denominator', 'service_level']

``heatmap``, ``service_level``, ``waits``, ``timeline`` and ``staffing`` draw; the function of the
same name with ``_data`` gives, as a frame of the kind that was given, what is drawn.

A picture is an ordinary matplotlib axes. Without ``ax=`` it stands in a figure of its own that no
other code knows of: nothing is kept alive, no setting or backend is changed, and a notebook shows
the axes as a picture when it is a cell's last line. Colours tell the same to colour-blind readers
(those of Okabe and Ito); text takes the colour of the axes' labels, so dark styles work.

Drawing needs matplotlib: ``pip install 'td_notebooks[plots]'``. The data functions do not.
"""

from .heatmap import heatmap, heatmap_data
from .level import service_level, service_level_data
from .staffing import staffing, staffing_data
from .timeline import timeline, timeline_data
from .waits import waits, waits_data

__all__ = [
    "heatmap",
    "heatmap_data",
    "service_level",
    "service_level_data",
    "staffing",
    "staffing_data",
    "timeline",
    "timeline_data",
    "waits",
    "waits_data",
]
