"""A measure that shows where it comes from."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Ratio:
    """A share, with its numerator and denominator; it works as a float.

    Attributes
    ----------
    measure, variant : str
        What was measured, and by which of its formulas.
    numerator, denominator : float
    """

    measure: str
    variant: str
    numerator: float
    denominator: float

    @property
    def value(self) -> float:
        """Numerator ÷ denominator; not-a-number when there was nothing to count."""
        return self.numerator / self.denominator if self.denominator else math.nan

    def __float__(self) -> float:
        return self.value

    def __repr__(self) -> str:
        share = f"{self.value:.1%}" if self.denominator else "nothing to count"
        counts = f"{self.numerator:,.0f} of {self.denominator:,.0f}"
        return f"{self.measure} {share} ({counts}, {self.variant})"
