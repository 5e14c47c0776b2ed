"""A text that must not be seen: secrets, tokens, signed links.

It is wrapped where it enters and unwrapped only where it goes on the wire. Every way in which
Python shows a value by accident shows a mask; pickling and copying into JSON are refused.
"""

from __future__ import annotations

import hmac
from typing import NoReturn


class Secret:
    """A masked text.

    Parameters
    ----------
    text : str
        What to hide.

    Examples
    --------
    >>> Secret("hunter2")
    Secret('•••')
    >>> Secret("hunter2").reveal()
    'hunter2'
    """

    __slots__ = ("__text",)

    def __init__(self, text: str) -> None:
        self.__text = text

    def reveal(self) -> str:
        """Return the text itself."""
        return self.__text

    def __repr__(self) -> str:
        return "Secret('•••')"

    def __str__(self) -> str:
        return "•••"

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)

    def __bool__(self) -> bool:
        return bool(self.__text)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self.__text.encode(), other.__text.encode())

    def __hash__(self) -> int:
        return hash((Secret, self.__text))

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a Secret is not pickled or copied: hand over its source instead")
