"""Axes that a notebook shows as a picture."""

from __future__ import annotations

from io import BytesIO

from matplotlib.axes import Axes

#: Dots per inch: sharp on screens with two dots to a pixel.
SHARP = 144


class Picture(Axes):
    """Axes in a figure of their own, which no pyplot knows of.

    IPython shows the picture where an ordinary axes would be a line of text.
    """

    def _repr_png_(self) -> tuple[bytes, dict[str, int]]:
        file = BytesIO()
        figure = self.get_figure(root=True)
        assert figure is not None, "axes are made by a figure"
        figure.savefig(file, format="png", dpi=SHARP)
        image = file.getvalue()
        # The size stands in the file's first chunk; half of it is the size on the page.
        width, height = (int.from_bytes(image[at : at + 4]) for at in (16, 20))
        return image, {"width": width // 2, "height": height // 2}
