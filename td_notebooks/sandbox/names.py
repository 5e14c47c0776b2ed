"""Identifiers and phone numbers of the simulated calls."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from .chance import seeded
from .record import Call, Contact

if TYPE_CHECKING:
    from .settings import CentreSettings

#: A number outside the centre, to which calls are handed on.
OUTSIDE = "+12025550199"

_MASK = (1 << 64) - 1


class Names:
    """The identifiers of a day: unlike each other, and alike in every report.

    Parameters
    ----------
    settings : CentreSettings
    day : date
    """

    def __init__(self, settings: CentreSettings, day: date) -> None:
        rng = seeded(settings.seed, day, "names")
        self.prefixes = {
            kind: f"{rng.getrandbits(64):016x}" for kind in ("call", "contact", "batch", "ring")
        }

    def call(self, call: Call) -> str:
        """Return an interaction's id."""
        return self._name("call", call.number)

    def contact(self, contact: Contact) -> str:
        """Return a contact's id."""
        return self._name("contact", contact.call.number * 2 + _place(contact))

    def ring(self, contact: Contact, place: int) -> tuple[str, str]:
        """Return the ids of a ring attempt: its batch's and its own."""
        number = (contact.call.number * 2 + _place(contact)) * 1000 + place
        return self._name("batch", number), self._name("ring", number) + f"{number:08x}"

    def _name(self, kind: str, number: int) -> str:
        # Odd multiplier: different numbers stay different, and do not look counted.
        return f"{self.prefixes[kind]}{(number + 1) * 0x9E3779B97F4A7C15 & _MASK:016x}"


def _place(contact: Contact) -> int:
    return 0 if contact is contact.call.contacts[0] else 1


def phone(customer: int) -> str:
    """Return a customer's number, from those set aside for fiction (555-01xx)."""
    return f"+1{200 + customer // 100 % 800}55501{customer % 100:02d}"


def company_number(group: int) -> str:
    """Return the company's number of a ring group."""
    return f"+12025550{100 + group % 100}"
