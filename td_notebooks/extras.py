"""Packages that not everybody has, imported when they are used: the extras of td_notebooks."""

from __future__ import annotations

import importlib
from typing import Any

from .errors import ConfigError


def needed(module: str, *, extra: str, purpose: str, otherwise: str = "") -> Any:
    """Import a module of an optional package.

    Parameters
    ----------
    module : str
        Such as ``"matplotlib.figure"``.
    extra : str
        The extra of td_notebooks that brings it.
    purpose : str
        What it is needed for, as the subject of "needs": ``"A picture"``.
    otherwise : str, optional
        What can be done without it: a sentence.

    Raises
    ------
    ConfigError
        It is not installed; tells the command that mends it.
    """
    try:
        return importlib.import_module(module)
    except ImportError:
        package = module.partition(".")[0]
        command = f"Run: pip install 'td_notebooks[{extra}]'."
        raise ConfigError(
            f"{purpose} needs {package}, which is not installed.",
            hint=f"{command} {otherwise}".rstrip(),
        ) from None
