"""A Talkdesk on loopback: identity, Explore, storage, faults and a simulated contact centre."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .centre import CentreSettings
    from .clock import SandboxClock
    from .sandbox import Sandbox

__all__ = ["CentreSettings", "Sandbox", "SandboxClock"]

_HOMES = {"CentreSettings": "centre", "Sandbox": "sandbox", "SandboxClock": "clock"}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted(__all__)
