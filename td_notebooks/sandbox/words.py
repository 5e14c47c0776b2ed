"""What the simulated agents write: dispositions and notes.

The notes hold what breaks careless readers: quotes, line ends, accents, emoji, texts that look
like numbers, dates, formulas or missing values.
"""

from __future__ import annotations

#: Disposition, its set, and a finer disposition.
DISPOSITIONS: tuple[tuple[str, str, str | None], ...] = (
    ("Resolved", "Inbound", None),
    ("Resolved", "Inbound", "First Call"),
    ("Follow-up", "Inbound", "Waiting for Parts"),
    ("Billing Question", "Inbound", "Double Charge"),
    ("Wrong Number", "Inbound", None),
)
OUTBOUND_DISPOSITIONS: tuple[tuple[str, str, str | None], ...] = (
    ("Interested", "Outbound", "Send Offer"),
    ("Not Interested", "Outbound", "No Budget"),
    ("Call Again", "Outbound", None),
)

NOTES = (
    "Asked for a copy of the invoice.",
    'Says the app shows "Error 42", then closes.',
    "Cliente pediu devolução; avisado do prazo de 14 dias úteis.",
    "Called twice today.\nWants a manager to call back.",
    "Happy with the answer 👍",
    "Address: Rua do Ouro 7, 2.º Dt.º, Lisboa",
    'Sister company "Öl, Gas & Söhne"; see ticket 00042',
    "007",
    "NA",
    "=SUM(1,2)",
    "12e45678",
    "2026-02-30",
    " spaces before and after ",
    "First line\r\nsecond line, with a comma",
    "null",
)

RATING_REASONS = ("Echo", "Cut off", "One-way sound")
TEXT_FIELDS = ("gold", "silver", "São Tomé", "0012")
