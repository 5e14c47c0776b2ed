"""A measure that shows where it comes from."""

from __future__ import annotations

import math
from typing import Any

FIELDS = ("measure", "variant", "numerator", "denominator", "unit")


class Ratio(float):
    """A share or a mean: a float that knows its numerator, denominator and formula.

    It compares, rounds, formats and computes as the float it is; what comes of arithmetic is a
    plain float. Two of them are equal if all their parts are.

    Parameters
    ----------
    measure, variant : str
        What was measured, and by which of its formulas.
    numerator, denominator : float
    unit : str
        ``"s"`` for seconds; empty for a share.

    Examples
    --------
    >>> level = Ratio("service level", "talkdesk_calls", 84, 100)
    >>> level
    service level 84.0% (84 of 100, talkdesk_calls)
    >>> level > 0.8, f"{level:.0%}", level.numerator
    (True, '84%', 84)
    """

    __slots__ = FIELDS
    measure: str
    variant: str
    numerator: float
    denominator: float
    unit: str

    def __new__(
        cls, measure: str, variant: str, numerator: float, denominator: float, unit: str = ""
    ) -> Ratio:
        """Work out the value: not-a-number when there was nothing to count."""
        self = super().__new__(cls, numerator / denominator if denominator else math.nan)
        for name, value in zip(
            FIELDS, (measure, variant, numerator, denominator, unit), strict=True
        ):
            object.__setattr__(self, name, value)
        return self

    @property
    def value(self) -> float:
        """Numerator ÷ denominator as a plain float."""
        return float(self)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"A measure's {name} cannot be changed.")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"A measure's {name} cannot be deleted.")

    def _parts(self) -> tuple[Any, ...]:
        return tuple(getattr(self, name) for name in FIELDS)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Ratio):
            return self._parts() == other._parts()
        return float(self) == other

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash(float(self))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), self._parts()

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


NOTHING = Ratio("nothing", "", 0, 0, "s")


class HandleTime(Ratio):
    """An average handle time with its three parts.

    Parameters
    ----------
    measure, variant, numerator, denominator, unit
        As for `Ratio`.
    talk, hold, after_call_work : Ratio
        Mean seconds of each part; they add up to the whole. Not-a-number if the report lacks one.
    """

    __slots__ = ("after_call_work", "hold", "talk")
    talk: Ratio
    hold: Ratio
    after_call_work: Ratio

    def __new__(
        cls,
        measure: str,
        variant: str,
        numerator: float,
        denominator: float,
        unit: str = "s",
        talk: Ratio = NOTHING,
        hold: Ratio = NOTHING,
        after_call_work: Ratio = NOTHING,
    ) -> HandleTime:
        """Keep the parts beside the whole."""
        whole = super().__new__(cls, measure, variant, numerator, denominator, unit)
        assert isinstance(whole, cls)
        parts = {"talk": talk, "hold": hold, "after_call_work": after_call_work}
        for name, value in parts.items():
            object.__setattr__(whole, name, value)
        return whole

    def _parts(self) -> tuple[Any, ...]:
        return (*Ratio._parts(self), self.talk, self.hold, self.after_call_work)
