"""JupyterLab, Notebook and Voila in a browser nobody sees: one server and one browser for all.

The server is JupyterLab's; with its extensions it is that of Notebook and of Voila, too.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.request import Request, urlopen

import pytest
from kernels import jupyter_folders
from open_notebook import PATIENCE, Lab, write
from playwright.sync_api import BrowserContext, Page, Route, expect, sync_playwright

NAMES = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)
HOW = (
    "No Chromium or Chrome was found. Install one (on Debian: apt-get install chromium, which "
    "make test does when root runs it; elsewhere Google's), or name its program in CHROME."
)
# For machines without a display, a user namespace or a network.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
# No questions about news.
SETTINGS = {
    "@jupyterlab/apputils-extension/notification": {
        "checkForUpdates": False,
        "fetchNews": "false",
    },
}


def chrome() -> str:
    """Return the path of an installed browser; skip the test, or fail where it must be there."""
    found = os.environ.get("CHROME") or next(filter(None, map(shutil.which, NAMES)), None)
    if found:
        return found
    if os.environ.get("CI"):
        pytest.fail(HOW)
    pytest.skip(HOW)


@pytest.fixture(scope="session")
def browser() -> Iterator[BrowserContext]:
    """Open one window with one cache, so that JupyterLab is loaded once."""
    path = chrome()
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=path, args=FLAGS)
        window = opened.new_context(viewport={"width": 1200, "height": 1000})
        window.set_default_timeout(PATIENCE * 1000)
        expect.set_options(timeout=PATIENCE * 1000)
        yield window
        opened.close()


def address_of_server(runtime: Path) -> str | None:
    """Return the address at which a server says that it answers, once it does."""
    for note in runtime.glob("jpserver-*.json"):
        with contextlib.suppress(OSError, ValueError):  # it is being written, or nobody listens yet
            url = f"http://127.0.0.1:{json.loads(note.read_text())['port']}"
            urlopen(f"{url}/api", timeout=5).close()
            return url
    return None


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """Start JupyterLab; yield its address and the folder of its notebooks."""
    home = tmp_path_factory.mktemp("lab")
    folder = home / "notebooks"
    folder.mkdir()
    for name, settings in SETTINGS.items():
        file = home / "settings" / f"{name}.jupyterlab-settings"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(settings))
    options = {
        "ServerApp.port": 0,
        "ServerApp.open_browser": False,
        "ServerApp.root_dir": folder,
        "IdentityProvider.token": "",
        "ServerApp.disable_check_xsrf": True,
        "LabApp.expose_app_in_browser": True,
        "JupyterNotebookApp.expose_app_in_browser": True,
    }
    command = [sys.executable, "-m", "jupyterlab", "--allow-root"]
    command += [f"--{name}={value}" for name, value in options.items()]
    with jupyter_folders(home) as own, (home / "lab.log").open("w") as log:
        own["JUPYTERLAB_SETTINGS_DIR"] = str(home / "settings")
        own["JUPYTERLAB_WORKSPACES_DIR"] = str(home / "workspaces")
        server = subprocess.Popen(command, env=os.environ | own, stdout=log, stderr=log)
        end = time.monotonic() + PATIENCE
        while not (url := address_of_server(Path(own["JUPYTER_RUNTIME_DIR"]))):
            running = server.poll() is None and time.monotonic() < end
            assert running, (home / "lab.log").read_text()
            time.sleep(0.2)
        yield url, folder
        server.terminate()
        server.wait(60)


@pytest.fixture
def open_page(browser: BrowserContext) -> Iterator[Callable[..., Page]]:
    """Open pages; none may ask for anything outside this machine, and nothing there answers."""
    opened = []
    foreign = []

    def open_one(*, may_ask: re.Pattern[str] | None = None) -> Page:
        def refuse(route: Route) -> None:
            if not (may_ask and may_ask.search(route.request.url)):
                foreign.append(route.request.url)
            route.abort()

        page = browser.new_page()
        page.route(re.compile("^(?!http://127[.]0[.]0[.]1[:/]|data:|blob:)"), refuse)
        page.on("websocket", lambda socket: here(socket.url) or foreign.append(socket.url))
        opened.append(page)
        return page

    yield open_one
    for page in opened:
        page.close(run_before_unload=False)
    assert not foreign


def here(url: str) -> bool:
    return url.startswith("ws://127.0.0.1:")


@pytest.fixture
def open_notebook(
    open_page: Callable[..., Page], lab: tuple[str, Path], request: pytest.FixtureRequest
) -> Iterator[Callable[..., Lab]]:
    """Write notebooks and open them; at the end, end their kernels."""
    url, folder = lab

    def open_one(*cells: str, place: str = "lab", copy_of: Path | None = None) -> Lab:
        path = folder / f"{re.sub(r'[^a-z]+', '-', request.node.name)}.ipynb"
        if copy_of:
            shutil.copy(copy_of, path)
        else:
            write(path, *cells)
        return Lab(open_page(), url, path, place=place)

    yield open_one
    with urlopen(f"{url}/api/sessions") as answer:
        for session in json.load(answer):
            urlopen(Request(f"{url}/api/sessions/{session['id']}", method="DELETE")).close()
