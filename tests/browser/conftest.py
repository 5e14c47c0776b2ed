"""JupyterLab in a browser nobody sees: one server and one browser for all tests."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import nbformat
import pytest
from playwright.sync_api import Browser, Page, Route, expect, sync_playwright
from world import SMALL

from td_notebooks.sandbox import Sandbox

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
HOW = (
    "No Chromium or Chrome was found. Install one (on Debian, as root: apt-get install chromium), "
    "or name it in CHROME."
)
SCREENSHOTS = Path(__file__).parents[2] / "build" / "screenshots"
# No questions about news; widgets are kept in notebooks, so that all there is to keep is seen.
SETTINGS = {
    "@jupyterlab/apputils-extension/notification": {
        "checkForUpdates": False,
        "fetchNews": "false",
    },
    "@jupyter-widgets/jupyterlab-manager/plugin": {"saveState": True},
}
PATIENCE = 20.0


def chrome() -> str:
    """Return the path of an installed browser; skip the test, or fail where it must be there."""
    found = os.environ.get("CHROME") or next(filter(None, map(shutil.which, NAMES)), None)
    if found:
        return found
    if os.environ.get("CI"):
        pytest.fail(HOW)
    pytest.skip(HOW)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = chrome()
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """Start JupyterLab; yield its address and the folder of its notebooks."""
    home = tmp_path_factory.mktemp("lab")
    folder = home / "notebooks"
    folder.mkdir()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    names = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")
    own = {name: str(home / name.lower()) for name in names}
    own["JUPYTERLAB_SETTINGS_DIR"] = str(home / "settings")
    own["JUPYTERLAB_WORKSPACES_DIR"] = str(home / "workspaces")
    for name, settings in SETTINGS.items():
        file = home / "settings" / f"{name}.jupyterlab-settings"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(settings))
    options = {
        "ServerApp.port": port,
        "ServerApp.open_browser": False,
        "ServerApp.root_dir": folder,
        "IdentityProvider.token": "",
    }
    command = [sys.executable, "-m", "jupyterlab", "--allow-root"]
    command += [f"--{name}={value}" for name, value in options.items()]
    with (home / "lab.log").open("w") as log:
        server = subprocess.Popen(command, env=os.environ | own, stdout=log, stderr=log)
    url = f"http://127.0.0.1:{port}"
    end = time.monotonic() + PATIENCE
    while True:
        try:
            urlopen(f"{url}/api", timeout=5).close()
            break
        except OSError:
            assert server.poll() is None and time.monotonic() < end, (home / "lab.log").read_text()
            time.sleep(0.2)
    yield url, folder
    server.terminate()
    server.wait(10)


class Lab:
    """A notebook open in JupyterLab.

    Attributes
    ----------
    page : Page
    path : Path
        The notebook's file.
    foreign : list of str
        Addresses outside this machine that the page asked for. They get no answer.
    """

    def __init__(self, page: Page, url: str, path: Path) -> None:
        self.page, self.path = page, path
        self.foreign: list[str] = []
        page.route(re.compile("^(?!http://127[.]0[.]0[.]1|data:|blob:)"), self._refuse)
        self._address = f"{url}/lab/workspaces/{path.stem}/tree/{path.name}?reset"
        self.open()

    def _refuse(self, route: Route) -> None:
        self.foreign.append(route.request.url)
        route.abort()

    def open(self) -> None:
        """Open the notebook, or open it again."""
        self.page.goto(self._address)
        self.page.locator(".jp-Notebook .jp-Cell").first.wait_for()
        # Cells run only once there is a kernel; the footer says so.
        self.page.get_by_role("button", name=re.compile("[|] Idle")).wait_for()

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
        items = self.page.locator(".lm-Menu-item")
        self.page.get_by_role("menuitem", name="Settings", exact=True).click()
        items.filter(has_text=re.compile("^Theme$")).click()
        items.filter(has_text=f"JupyterLab {name}").first.click()
        chosen = self.page.locator(f'body[data-jp-theme-name="JupyterLab {name}"]')
        chosen.wait_for(state="attached")

    def save(self) -> str:
        """Save the notebook; return what is in its file."""
        before = self.path.stat().st_mtime_ns
        self.page.keyboard.press("Control+s")
        end = time.monotonic() + PATIENCE
        # The server empties the file before it writes: what is there may be a part of it.
        while self.path.stat().st_mtime_ns == before or not self.path.read_text().endswith("}\n"):
            assert time.monotonic() < end
            self.page.wait_for_timeout(100)
        return self.path.read_text()

    def picture(self, place: Any, name: str) -> None:
        """Take a picture of a place, as it looks now."""
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        place.screenshot(path=SCREENSHOTS / f"{name}.png")


@pytest.fixture
def open_notebook(
    browser: Browser, lab: tuple[str, Path], request: pytest.FixtureRequest
) -> Iterator[Callable[..., Lab]]:
    """Write a notebook and open it; no page may have asked for anything elsewhere."""
    url, folder = lab
    opened = []
    expect.set_options(timeout=PATIENCE * 1000)

    def open_one(*cells: str) -> Lab:
        path = folder / f"{re.sub(r'[^a-z]+', '-', request.node.name)}.ipynb"
        book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
        book.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
        nbformat.write(book, path)
        page = browser.new_context(viewport={"width": 1200, "height": 1000}).new_page()
        page.set_default_timeout(PATIENCE * 1000)
        opened.append(Lab(page, url, path))
        return opened[-1]

    yield open_one
    for one in opened:
        one.page.context.close()
        assert not one.foreign


@pytest.fixture
def live_sandbox() -> Iterator[Callable[..., Sandbox]]:
    """Start sandboxes whose time passes by itself, for clients in other processes."""
    with ExitStack() as stack:
        yield lambda **settings: stack.enter_context(
            Sandbox(**{"centre": SMALL, "job_seconds": 0.2, **settings})
        )
