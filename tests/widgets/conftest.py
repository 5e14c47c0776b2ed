"""A real kernel, spoken to as a front end does."""

from __future__ import annotations

import contextlib
import json
import queue
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from jupyter_client import KernelManager
from kernels import jupyter_folders, own_sockets

PATIENCE = 60.0


class Kernel:
    """A kernel, and everything it broadcasts.

    Attributes
    ----------
    heard : list of dict
        All messages on IOPub, in order.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.heard: list[dict[str, Any]] = []
        self._manager = KernelManager(kernel_name="python3", config=own_sockets())
        self._manager.start_kernel(cwd=str(folder))
        self._client = self._manager.client()
        self._client.start_channels()
        self._client.wait_for_ready(timeout=PATIENCE)

    def close(self) -> None:
        if self._manager.has_kernel:
            self._client.stop_channels()
            self._manager.shutdown_kernel()

    def interrupt(self) -> None:
        self._manager.interrupt_kernel()

    def start(self, code: str, *, allow_stdin: bool = True) -> str:
        """Begin a cell; return what identifies it."""
        return str(self._client.execute(code, allow_stdin=allow_stdin))

    def run(self, code: str, **more: Any) -> str:
        """Run a cell to its end; return what it printed, its errors included."""
        return self.end(self.start(code, **more))

    def end(self, cell: str) -> str:
        """Wait for the end of a cell; return what it printed, its errors included."""
        self.until(lambda: self._idle_after(cell))
        said = [m for m in self.heard if m["parent_header"].get("msg_id") == cell]
        return "".join(
            m["content"].get("text")
            or "\n".join(m["content"].get("traceback", ()))
            or m["content"].get("data", {}).get("text/plain", "")
            for m in said
            if m["msg_type"] in {"stream", "error", "execute_result", "display_data"}
        )

    def ask_for_completion(self, line: str) -> list[str]:
        reply = self._client.complete(line, reply=True, timeout=PATIENCE)
        return list(reply["content"]["matches"])

    def errors(self) -> list[str]:
        return [m["content"]["ename"] for m in self.heard if m["msg_type"] == "error"]

    def until(self, condition: Callable[[], Any]) -> Any:
        """Listen until something is true of what was heard."""
        end = time.monotonic() + PATIENCE
        while not (found := condition()):
            assert time.monotonic() < end, json.dumps(self.heard[-5:], default=str)[:2000]
            try:
                self.heard.append(self._client.get_iopub_msg(timeout=0.05))
            except queue.Empty:
                continue
        return found

    def tell(self, widget: str, content: dict[str, Any]) -> None:
        """Send a custom message to a widget, as its view in a browser does."""
        self._to(widget, {"method": "custom", "content": content})

    def set(self, widget: str, **state: Any) -> None:
        """Change what a widget holds, as its view in a browser does."""
        self._to(widget, {"method": "update", "state": state, "buffer_paths": []})

    def press(self, widget: str) -> None:
        self.tell(widget, {"event": "click"})

    def state(self, widget: str) -> dict[str, Any]:
        """Return what a browser knows of a widget: all that was broadcast of it."""
        known: dict[str, Any] = {}
        for m in self.heard:
            if m["content"].get("comm_id") == widget and m["msg_type"].startswith("comm_"):
                known |= m["content"]["data"].get("state", {})
        return known

    def widget(self, model: str, **traits: Any) -> str:
        """Return the id of the last widget that began with these traits."""
        found = [
            m["content"]["comm_id"]
            for m in self.heard
            if m["msg_type"] == "comm_open"
            and m["content"]["data"]["state"].get("_model_name") == model
            and traits.items() <= m["content"]["data"]["state"].items()
        ]
        return str(found[-1])

    def _idle_after(self, cell: str) -> bool:
        return any(
            m["msg_type"] == "status"
            and m["content"]["execution_state"] == "idle"
            and m["parent_header"].get("msg_id") == cell
            for m in self.heard
        )

    def _to(self, widget: str, data: dict[str, Any]) -> None:
        message = self._client.session.msg("comm_msg", {"comm_id": widget, "data": data})
        self._client.shell_channel.send(message)


@contextlib.contextmanager
def home_of_jupyter(folder: Path) -> Iterator[Path]:
    """Keep kernels out of the developer's folders, and their scratch files in sight."""
    scratch = folder / "scratch"
    scratch.mkdir()
    with jupyter_folders(folder) as folders, pytest.MonkeyPatch.context() as patch:
        for name, value in (folders | {"TMPDIR": str(scratch)}).items():
            patch.setenv(name, value)
        yield folder


@pytest.fixture
def jupyter_home(tmp_path: Path) -> Iterator[Path]:
    """Return where Jupyter keeps what it keeps during a test."""
    with home_of_jupyter(tmp_path) as home:
        yield home


@pytest.fixture
def kernel(jupyter_home: Path) -> Iterator[Kernel]:
    opened = Kernel(jupyter_home)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def kept_kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    with home_of_jupyter(tmp_path_factory.mktemp("kernel")) as home:
        opened = Kernel(home)
        yield opened
        opened.close()


@pytest.fixture
def shared_kernel(kept_kernel: Kernel) -> Kernel:
    """Return a kernel that other tests of the file use, too; starting one takes seconds."""
    kept_kernel.heard.clear()
    return kept_kernel
