"""A notebook that is open in a browser: run its cells, save it, take pictures of it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import nbformat
from playwright.sync_api import Page

SCREENSHOTS = Path(__file__).parents[2] / "build" / "screenshots"
PATIENCE = 60.0
IDLE = """() => {
    const shown = window.jupyterapp?.shell.currentWidget?.sessionContext;
    return shown?.session?.kernel?.status === "idle";
}"""


class Lab:
    """A notebook open in JupyterLab, or in Notebook.

    Attributes
    ----------
    page : Page
    path : Path
        The notebook's file.
    """

    def __init__(self, page: Page, url: str, path: Path, *, place: str = "lab") -> None:
        self.page, self.path = page, path
        self._address = {
            "lab": f"{url}/lab/workspaces/{path.stem}/tree/{path.name}?reset",
            "notebook": f"{url}/notebooks/{path.name}",
        }[place]
        self.open()

    def open(self) -> None:
        """Open the notebook, or open it again."""
        self.page.goto(self._address)
        self.page.locator(".jp-Notebook .jp-Cell").first.wait_for()
        # Cells run only once there is a kernel.
        self.page.wait_for_function(IDLE)

    def run(self, number: int) -> Any:
        """Run a cell; return where its outputs appear."""
        cell = self.page.locator(".jp-Notebook .jp-CodeCell").nth(number)
        cell.locator(".cm-content").click()
        self.page.keyboard.press("Control+Enter")
        return self.output(number)

    def output(self, number: int) -> Any:
        """Return where a cell's outputs are."""
        cell = self.page.locator(".jp-Notebook .jp-CodeCell").nth(number)
        return cell.locator(".jp-Cell-outputWrapper")

    def theme(self, name: str) -> None:
        """Choose the Light or the Dark theme; it stays for the tests that follow."""
        theme = {"theme": f"JupyterLab {name}"}
        self.command("apputils:change-theme", theme)
        chosen = self.page.locator(f'body[data-jp-theme-name="JupyterLab {name}"]')
        chosen.wait_for(state="attached")

    def command(self, name: str, arguments: dict[str, str] | None = None) -> None:
        """Do what one of JupyterLab's menus does."""
        do = "([name, more]) => { window.jupyterapp.commands.execute(name, more); }"
        self.page.evaluate(do, [name, arguments or {}])

    def save(self) -> str:
        """Save the notebook; return what is in its file."""
        before = self.path.stat().st_mtime_ns
        self.page.keyboard.press("Control+s")
        end = time.monotonic() + PATIENCE
        while True:
            self.page.wait_for_timeout(100)
            assert time.monotonic() < end
            text = self.path.read_text()
            if self.path.stat().st_mtime_ns != before and text.endswith("}\n"):
                return text

    def pictures(self, place: Any, name: str) -> None:
        """Take pictures of a place, as it looks now, in the light and the dark theme."""
        for theme in ("Dark", "Light"):
            self.theme(theme)
            self.page.wait_for_timeout(200)  # colours fade
            picture(place, f"{name}-{theme.lower()}")


def picture(place: Any, name: str) -> None:
    """Take a picture of a place, as it looks now."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    place.screenshot(path=SCREENSHOTS / f"{name}.png")


def write(path: Path, *cells: str) -> None:
    """Write a notebook that never ran."""
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    book.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    nbformat.write(book, path)
