"""A file is written beside its place and renamed, so that a name stands for a whole file.

A link stays a link: the file that it leads to is replaced. A device or a pipe stays what it is, and
gets the bytes once they are whole.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat
import uuid
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from .errors import TalkdeskError


@contextlib.contextmanager
def beside(target: Path, failed: Callable[[str], TalkdeskError] | None = None) -> Iterator[Path]:
    """Yield an empty file to write, and put it in the target's place when the block ends.

    After an error, or an interrupt, nothing is left of it, and the target is as it was before.

    Parameters
    ----------
    target : Path
        A file that is replaced keeps its permissions.
    failed : callable, optional
        Given what went wrong, it returns the error to raise.

    Raises
    ------
    TalkdeskError
        The disk is full, for example.
    """
    try:
        with _device(target) if is_device(target) else _file(target) as path:
            yield path
    except OSError as error:
        if isinstance(error, TalkdeskError):  # JobTimeoutError is both
            raise
        problem = error.strerror or str(error)
        raise (failed or partial(_not_written, target))(problem) from None


def is_device(target: Path) -> bool:
    """Say whether a device or a pipe stands there, which is written and never replaced."""
    return target.exists() and not target.is_file() and not target.is_dir()


def new_beside(target: Path) -> Path:
    """Make an empty file beside a target, which no more people may read than that.

    Raises
    ------
    OSError
        There is no such folder, nothing can be written in it, or the target is a folder itself.
    """
    if target.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    # No longer than a name may be, whatever the target's name.
    path = target.with_name(f".{uuid.uuid4().hex[:12]}.part")
    mode = _mode(target) | stat.S_IWUSR if target.exists() else 0o666
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode))
    return path


@contextlib.contextmanager
def _file(link: Path) -> Iterator[Path]:
    target = link.resolve()
    path = new_beside(target)
    try:
        yield path
        with path.open("rb+") as file:
            os.fsync(file.fileno())
        with contextlib.suppress(OSError):  # no such file yet, or a disk without permissions
            path.chmod(_mode(target))
        path.replace(target)
    finally:
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)


@contextlib.contextmanager
def _device(target: Path) -> Iterator[Path]:
    with TemporaryDirectory(prefix="td_notebooks-") as folder:
        path = Path(folder) / "whole"
        path.touch()
        yield path
        with path.open("rb") as whole, target.open("wb") as file:
            shutil.copyfileobj(whole, file)


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def _not_written(target: Path, problem: str) -> TalkdeskError:
    return TalkdeskError(f"{target} could not be written: {problem}.", hint="Give another place.")
