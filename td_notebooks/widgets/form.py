"""What the forms share: how they are shown, and how they look."""

from __future__ import annotations

from typing import Any

import ipywidgets as widgets
from IPython.display import display

from ..errors import TalkdeskError
from ..redaction import redact
from .place import cell_number

# Descriptions in one column, long enough for their words; fields as wide as a line is read.
STYLE = {"description_width": "110px"}
FIELD = {"width": "480px", "max_width": "98%"}
# What stands below the fields begins where they do.
BESIDE_LABELS = "2px 2px 2px 118px"
# What is typed reaches the kernel in portions; the last, that many seconds at most after the key
# that submits it.
LAST_PORTION = 0.2
# In dark pages the arrows of lists and the calendars of dates would be black on black.
_LOOK = """<style>
body[data-jp-theme-light="false"] .td-form, body.vscode-dark .td-form { color-scheme: dark; }
.td-form select { appearance: auto !important; background-image: none !important; }
.td-form select[multiple] { padding: 2px 4px; }
.td-form .widget-html, .td-form .widget-html-content { height: auto; line-height: 1.4; }
</style>"""


class FormBox(widgets.VBox):
    """A box that says what it is where no widget can be shown.

    A console is such a place, and so is a notebook that was opened again without its widgets.

    Parameters
    ----------
    words : str
        At most 110 characters are shown.
    """

    def __init__(self, words: str) -> None:
        super().__init__()
        self._words = words

    def __repr__(self) -> str:
        return self._words


class Form:
    """A box of widgets with an object around it.

    Attributes
    ----------
    box : ipywidgets.VBox
        What is shown; it can stand in a layout of one's own.
    """

    #: What stands in the form's place where no widget can be shown.
    WORDS = "A form. If you see only this line, run its cell again."

    def __init__(self) -> None:
        self.box = FormBox(self.WORDS)
        self.box.add_class("td-form")
        self._look = widgets.HTML(_LOOK)
        hide(self._look)
        self._shown_in: int | None = None

    def fill(self, *children: Any) -> None:
        """Put widgets into the box, one below the other."""
        self.box.children = (self._look, *children)

    def submit(self) -> None:
        """Do what the form is for; what pressing its first button does."""

    def submit_on_enter(self, *fields: Any) -> None:
        """Have Enter in text fields do what the button does."""

        def on_message(_: object, message: object, buffers: object) -> None:
            if isinstance(message, dict) and message.get("event") == "submit":
                self.submit()

        for each in fields:
            each.on_msg(on_message)

    def show(self) -> None:
        """Show the form below the cell that runs; where there are no cells, do nothing."""
        self._shown_in = cell_number()
        if self._shown_in is not None:
            display(self.box)

    def _ipython_display_(self) -> None:
        """Show the form as a cell's last value, unless that cell has shown it already."""
        if self._shown_in is None or self._shown_in != cell_number():
            self.show()


def described(error: BaseException) -> str:
    """Return what a person should read about an error, its notes included."""
    text = str(error) if isinstance(error, TalkdeskError) else f"{type(error).__name__}: {error}"
    return redact("\n".join([text, *getattr(error, "__notes__", ())]))


def field(kind: type[Any], label: str, **traits: Any) -> Any:
    """Return an input with its label, in the forms' measures."""
    return kind(description=label, style=STYLE, layout=widgets.Layout(**FIELD), **traits)


def hide(widget: Any, hidden: bool = True) -> None:
    """Take a widget out of the page, or bring it back."""
    widget.layout.display = "none" if hidden else None
