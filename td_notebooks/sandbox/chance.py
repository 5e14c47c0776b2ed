"""Chance that repeats itself: random numbers named by what they are for."""

from __future__ import annotations

from collections.abc import Callable
from math import log, sqrt
from random import Random


def seeded(*names: object) -> Random:
    """Return random numbers that depend on the names alone, on every machine alike.

    Examples
    --------
    >>> seeded(7, "people").random() == seeded(7, "people").random()
    True
    """
    return Random("/".join(map(str, names)))  # noqa: S311 - a simulation, nothing secret


def durations(rng: Random, mean: float, spread: float = 0.6) -> Callable[[], float]:
    """Return a source of log-normal durations.

    Parameters
    ----------
    rng : Random
    mean : float
        Seconds. With 0, every duration is 0.
    spread : float
        Standard deviation as a share of the mean.
    """
    if mean <= 0:
        return lambda: 0.0
    variance = log(1 + spread * spread)
    mu, sigma = log(mean) - variance / 2, sqrt(variance)
    draw = rng.lognormvariate
    return lambda: draw(mu, sigma)
