"""What was done to the rows of a table before they were stored, and that it is one thing for all.

A transform may have an attribute ``mark``, a text that names what it does, such as which kinds of
values it replaces and under which key. It goes with each window. Rows under different marks cannot
be joined, and a table that was promised to hold pseudonyms must not get plain rows because one run
forgot to ask for them: such a run is refused before Talkdesk is asked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import ConfigError

if TYPE_CHECKING:
    from .ledger import Ledger
    from .stage import Transform
    from .table import Table


def mark_of(transform: Transform | None) -> str:
    """Return a transform's mark; empty for rows as they came."""
    return str(getattr(transform, "mark", ""))


def check_mark(table: Table, ledger: Ledger, mark: str) -> None:
    """Complain if a table has windows that were stored under another mark.

    Parameters
    ----------
    table : Table
    ledger : Ledger
        Of the table.
    mark : str

    Raises
    ------
    ConfigError
    """
    for entry in ledger.entries:
        if entry.mark != mark:
            raise ConfigError(
                f"The rows of {table.report_type} in {table.place.path} were stored "
                f"{entry.mark or 'as they came'}, and these would be {mark or 'as they came'}.",
                hint="Ask for the same as before, or sync into another lake.",
            )
