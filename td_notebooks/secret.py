"""A text that must not be seen: secrets, tokens, signed links.

It is wrapped where it enters and unwrapped only where it goes on the wire. Every way in which
Python shows a value by accident shows a mask; pickling and copying into JSON are refused. Files
that hold secrets are for their owner only.
"""

from __future__ import annotations

import base64
import contextlib
import hmac
import os
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from .errors import ConfigError


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

    __slots__ = ("__reveal",)

    def __init__(self, text: str) -> None:
        # In a closure: debuggers and `rich.inspect` list every attribute, private ones too.
        self.__reveal: Callable[[], str] = lambda: text

    def reveal(self) -> str:
        """Return the text itself."""
        return self.__reveal()

    def __repr__(self) -> str:
        return "Secret('•••')"

    def __str__(self) -> str:
        return "•••"

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)

    def __bool__(self) -> bool:
        return bool(self.reveal())

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self.reveal().encode(), other.reveal().encode())

    def __hash__(self) -> int:
        return hash((Secret, self.reveal()))

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a Secret is not pickled or copied: hand over its source instead")


def hidden(text: str | os.PathLike[str] | Secret | None) -> Secret | None:
    """Return a text or a path as a secret; None for None or an empty one."""
    if text is None or isinstance(text, Secret):
        return text
    return Secret(os.fspath(text)) if text else None


def read_secret_file(path: Path, *, binary: bool = False) -> Secret:
    """Read a file that only its owner may read.

    Parameters
    ----------
    path : Path
    binary : bool
        Take a file that is no text as well, and return its base64.

    Raises
    ------
    ConfigError
        It does not exist, cannot be read, or others can read it; the message says how to mend it.
    """
    problem = "it is no text"
    try:
        path = path.expanduser()
        if os.name == "posix" and path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            problem = ""
        else:
            return Secret(path.read_text(encoding="utf-8-sig").strip())
    except UnicodeDecodeError:  # it holds the content, so what is wrong is raised below
        if binary:
            return Secret(base64.b64encode(path.read_bytes()).decode())
    except (OSError, RuntimeError, ValueError) as error:  # also no such home, a name with a NUL
        problem = getattr(error, "strerror", None) or "there is no such path"
    if problem:
        raise ConfigError(f"The secret file {path} cannot be read: {problem}.")
    raise ConfigError(
        f"The secret file {path} can be read by other users of this machine.",
        hint=f"Mend it with: chmod 600 {path}",
    )


def write_secret_file(path: Path, text: Secret) -> None:
    """Write a file that only its owner may read, all of it or nothing.

    Parameters
    ----------
    path : Path
        Its folder is made if need be, for its owner only.
    text : Secret

    Raises
    ------
    ConfigError
        It cannot be written.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Made with mode 0600, and in the same folder, so that it can take the other's place.
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text.reveal())
            Path(name).replace(path)
        finally:
            with contextlib.suppress(OSError):
                Path(name).unlink()
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}.") from None
