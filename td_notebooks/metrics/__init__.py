"""Contact-centre measures, each with its formula, numerator and denominator."""

from .ratio import Ratio
from .service_level import service_level

__all__ = ["Ratio", "service_level"]
