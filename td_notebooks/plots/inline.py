"""A picture as SVG that stands in a page: in the page's colours, and asking nobody for anything."""

from __future__ import annotations

import re
from collections.abc import Callable
from io import StringIO
from typing import TYPE_CHECKING

from .style import own_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: A colour that no picture uses; on the page it is that of the text.
INK = "#012345"


def inline_svg(
    draw: Callable[[Axes], Axes], name: str, *, width: float = 7.4, height: float = 3.0
) -> tuple[str, str]:
    """Draw a picture to stand in an HTML page.

    Parameters
    ----------
    draw : callable
        Draws on the axes it is given, such as ``lambda ax: plots.waits(calls, ax=ax)``.
    name : str
        Different for each picture of a page, letters only: what its parts are called.
    width, height : float
        Inches; the page may show it in another size.

    Returns
    -------
    title : str
        Taken off the picture, for the page to show.
    svg : str
        Without the outer attributes that would fix its size; text is drawn in the colour of the
        page's text. The same picture gives the same text.

    Raises
    ------
    ConfigError
        matplotlib is not installed.
    """
    ax = own_axes(None, width, height)
    from matplotlib.figure import Figure

    figure = ax.figure
    assert isinstance(figure, Figure)
    figure.set_facecolor("none")
    ax.set_facecolor("none")
    ax.xaxis.label.set_color(INK)
    ax.yaxis.label.set_color(INK)
    title = draw(ax).get_title(loc="left")
    ax.set_title("", loc="left")
    file = StringIO()
    about = {"Date": None, "Creator": None, "Format": None, "Type": None}
    figure.savefig(file, format="svg", metadata=about)
    return title, _for_a_page(file.getvalue(), name)


def _for_a_page(svg: str, name: str) -> str:
    """Return what stands between the tags, named apart from other pictures' parts."""
    box = re.search(r'viewBox="([^"]*)"', svg)
    assert box is not None, "matplotlib writes one"
    body = svg[svg.index(">", svg.index("<svg")) + 1 : svg.rindex("</svg>")]
    body = re.sub(r"<metadata>.*?</metadata>|<!--.*?-->", "", body, flags=re.DOTALL)
    body = body.replace("xlink:href", "href").replace(INK, "currentColor")
    body = re.sub(r' xmlns(:\w+)?="[^"]*"', "", body)
    parts = list(dict.fromkeys(re.findall(r'\bid="([^"]+)"', body)))
    places = {part: f"{name}{number}" for number, part in enumerate(parts)}
    body = re.sub(
        r'(\bid="|href="#|url\(#)([^")]+)',
        lambda found: found[1] + places.get(found[2], found[2]),
        body,
    )
    body = re.sub(r"\n\s*", "\n", body)
    return f'<svg viewBox="{box[1]}" role="img">{body}</svg>'
