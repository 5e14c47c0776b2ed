"""A field whose value leaves no trace: not in the notebook, not in the kernel's broadcasts.

What is typed travels from the browser as a custom message and becomes a `Secret` at once. It is no
trait. The value of ``ipywidgets.Password`` is one, so nbconvert, nbclient and papermill write it
into notebooks, and each keystroke is echoed to every client of the kernel.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import anywidget
import traitlets

from ..secret import Secret

_HERE = Path(__file__).parent


class SecretField(anywidget.AnyWidget):
    """A masked field.

    Parameters
    ----------
    label : str
        What stands beside it.
    several_lines : bool
        For a private key: a text area, and a button that reads a file of the person's computer.
    **layout
        As for any widget.
    """

    _esm = _HERE / "secret_field.js"
    _css = _HERE / "secret_field.css"
    label = traitlets.Unicode().tag(sync=True)
    several_lines = traitlets.Bool().tag(sync=True)
    disabled = traitlets.Bool().tag(sync=True)

    def __init__(self, label: str, *, several_lines: bool = False, **layout: object) -> None:
        super().__init__(label=label, several_lines=several_lines, **layout)
        self._typed = Secret("")
        self._on_submit: Callable[[], object] | None = None
        self.on_msg(self._receive)

    @property
    def secret(self) -> Secret:
        """What was typed; false while there is nothing."""
        return self._typed

    def on_submit(self, callback: Callable[[], object]) -> None:
        """Have a function called when Enter is pressed (in a text area, with Ctrl)."""
        self._on_submit = callback

    def forget(self) -> None:
        """Empty the field, here and in the browser."""
        self._typed = Secret("")
        self.send({"kind": "clear"})

    def _receive(self, _: object, message: Mapping[str, object], buffers: object) -> None:
        if not isinstance(message, dict) or message.get("kind") not in {"typed", "submit"}:
            return
        self._typed = Secret(str(message.get("text", "")).strip())
        if message["kind"] == "submit" and self._on_submit:
            self._on_submit()
