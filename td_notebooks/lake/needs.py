"""The packages a lake needs, imported when they are used: ``pip install 'td_notebooks[lake]'``."""

from __future__ import annotations

import importlib
from typing import Any

from ..errors import ConfigError


def needed(package: str) -> Any:
    """Return a package of the extra.

    Raises
    ------
    ConfigError
        It is not installed.
    """
    try:
        return importlib.import_module(package)
    except ImportError:
        raise ConfigError(
            f"The lake needs {package}.", hint="Install it: pip install 'td_notebooks[lake]'"
        ) from None
