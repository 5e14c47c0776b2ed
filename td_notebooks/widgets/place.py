"""Where this runs, and so how a person can be asked for something."""

from __future__ import annotations

import os
import sys
from typing import Any, Literal

Way = Literal["form", "prompt", "nobody"]


def way_to_ask() -> Way:
    """Say how a person can be asked here.

    Returns
    -------
    {"form", "prompt", "nobody"}
        A form in a notebook somebody looks at, a prompt in a terminal, nobody where a program runs
        the notebook or the script (papermill, nbconvert, cron).
    """
    kernel = getattr(_shell(), "kernel", None)
    if kernel is None:
        return "prompt" if sys.stdin is not None and sys.stdin.isatty() else "nobody"
    # Voila runs notebooks like a program, though somebody looks at them.
    if os.environ.get("SERVER_SOFTWARE", "").startswith("voila/"):
        return "form"
    request = kernel.get_parent("shell").get("content", {})
    return "form" if request.get("allow_stdin", True) else "nobody"


def cell_number() -> int | None:
    """Return the number of the cell that runs, if any does."""
    return getattr(_shell(), "execution_count", None)


def _shell() -> Any:
    # IPython is not imported to find out whether it is there.
    get_shell = getattr(sys.modules.get("IPython"), "get_ipython", None)
    return get_shell() if get_shell else None
