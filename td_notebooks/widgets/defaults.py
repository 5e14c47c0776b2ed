"""What a login starts from."""

from __future__ import annotations

import os
from collections.abc import Mapping

from ..sources import variable


def with_environment(prefilled: Mapping[str, str | None]) -> dict[str, str]:
    """Return each answer given, or else the environment's, or else an empty one."""
    return {name: value or os.environ.get(variable(name), "") for name, value in prefilled.items()}
