"""How high days are against the mean week, and how high the next ones will be."""

from __future__ import annotations

import warnings
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

from ..extras import needed
from .pattern import too_short

if TYPE_CHECKING:
    from .kinds import Seconds
    from .pattern import Floats

#: Days without which a level has no trend.
FEWEST_DAYS = 21


def levels(day: Seconds, root: Floats, usual: Floats) -> Floats:
    """Return how high each day was against the mean week: 1 is as usual.

    Days on which next to nobody calls, or of which nothing is known, are as the days around them.
    """
    nth = day - day.min()
    above, below = np.bincount(nth, root * usual), np.bincount(nth, usual**2)
    telling = below > 0.1 * below[below > 0].mean() if below.any() else below > 0
    if not telling.any():
        return np.ones(len(below))
    days = np.arange(len(below))
    return np.interp(days, days[telling], above[telling] / below[telling])


def smooth(past: Floats, ahead: int) -> tuple[Floats, Floats]:
    """Return the levels of the days ahead by exponential smoothing, and their standard deviation.

    Raises
    ------
    ConfigError
    """
    import pandas as pd

    ets = needed(
        "statsmodels.tsa.exponential_smoothing.ets",
        extra="forecast",
        purpose='The forecast "ets"',
        otherwise='"seasonal" needs nothing.',
    )
    if len(past) < FEWEST_DAYS:
        raise too_short(len(past), "three weeks")
    if np.ptp(past) < 1e-9:  # there is nothing to fit
        return np.full(ahead, past[-1]), np.zeros(ahead)
    with warnings.catch_warnings():
        # A fit that could be better still is one; a comparison with past weeks tells its worth.
        warnings.simplefilter("ignore")
        model = ets.ETSModel(pd.Series(past), error="add", trend="add", damped_trend=True)
        fit = model.fit(disp=False)
        coming = fit.get_prediction(start=len(past), end=len(past) + ahead - 1)
        frame = coming.summary_frame(alpha=0.32)
    one = NormalDist().inv_cdf(0.84)
    scatter = (frame["pi_upper"] - frame["pi_lower"]).to_numpy() / (2 * one)
    return np.maximum(frame["mean"].to_numpy(), 0), scatter
