"""A measure that shows where it comes from."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Ratio:
    """A share or a mean, with its numerator and denominator; it works as a float.

    Attributes
    ----------
    measure, variant : str
        What was measured, and by which of its formulas.
    numerator, denominator : float
    unit : str
        ``"s"`` for a mean of seconds; empty for a share.
    """

    measure: str
    variant: str
    numerator: float
    denominator: float
    unit: str = ""

    @property
    def value(self) -> float:
        """Numerator ÷ denominator; not-a-number when there was nothing to count."""
        return self.numerator / self.denominator if self.denominator else math.nan

    def __float__(self) -> float:
        return self.value

    def __repr__(self) -> str:
        if not self.denominator:
            shown = "nothing to count"
        elif self.unit:
            shown = f"{self.value:,.1f} {self.unit}"
        else:
            shown = f"{self.value:.1%}"
        total = f"{self.numerator:,.0f}" + (f" {self.unit}" if self.unit else "")
        joint = "over" if self.unit else "of"
        return f"{self.measure} {shown} ({total} {joint} {self.denominator:,.0f}, {self.variant})"


@dataclass(frozen=True, repr=False, slots=True)
class HandleTime(Ratio):
    """An average handle time with its three parts.

    Attributes
    ----------
    talk, hold, after_call_work : Ratio
        Mean seconds of each part; they add up to the whole.
    """

    talk: Ratio = Ratio("talk time", "", 0, 0, "s")
    hold: Ratio = Ratio("hold time", "", 0, 0, "s")
    after_call_work: Ratio = Ratio("after-call work", "", 0, 0, "s")
