"""Where a lake lies: a folder for its owner only, or an address in an object store."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote

from ..errors import ConfigError, LakeError
from .needs import needed

#: Working folders of syncs that were killed are removed after a day.
ABANDONED = 86_400.0
#: Seconds after which a turn is taken without being given.
LONGEST_TURN = 120.0
_WORK = ".work"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a lake lies.

    Attributes
    ----------
    path : str
        A folder, or an address such as ``s3://bucket/lake``.
    options : mapping of str to str
        What the object store needs, passed on to `deltalake` as ``storage_options``.
    """

    path: str
    options: Mapping[str, str] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, path: str | os.PathLike[str], options: Mapping[str, str] | None = None) -> Place:
        """Return the place of a path; a folder's is made absolute, for whoever works elsewhere.

        Raises
        ------
        ConfigError
            It is empty, or no name that the tables' library can read.
        """
        text = os.fspath(path)
        if not text.strip():
            raise ConfigError(
                "The path of the lake is empty.",
                hint="Name a folder, such as talkdesk-lake. If a variable was meant to name it, "
                "it is not set here: cron has few of a shell's variables.",
            )
        if "://" not in text:
            text = str(Path(text).expanduser().absolute())
            if spelt := re.search("%[0-9a-fA-F]{2}", text):
                raise ConfigError(
                    f"The lake {text} cannot lie there: deltalake takes the {spelt[0]} in its path "
                    f"for {unquote(spelt[0])!r}, and would look elsewhere.",
                    hint="Choose a folder without a percent sign in its path.",
                )
        return cls(text.rstrip("/") or "/", dict(options or {}))

    @property
    def folder(self) -> Path | None:
        """The folder, if it is one."""
        return None if "://" in self.path else Path(self.path)

    def table(self, report_type: str) -> str:
        """Return the path or address of a report type's table."""
        return f"{self.path}/{report_type}"

    def make(self) -> None:
        """Make the folder, readable by its owner only and left alone by git.

        Raises
        ------
        LakeError
            It cannot be made or written in.
        """
        if self.folder is None:
            return
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            ignore = self.folder / ".gitignore"
            if not (ignore.exists() and ignore.stat().st_size):  # a full disk leaves an empty one
                ignore.touch()
                ignore.chmod(0o600)
                ignore.write_text("# Contact data: not for version control.\n*\n", "utf-8")
        except OSError as error:
            raise disk_error(self, error, "making the lake") from None

    @contextlib.contextmanager
    def working_folder(self) -> Iterator[Path]:
        """Yield a folder for one window's files, on the lake's own disk where it has one.

        Raises
        ------
        LakeError
            It cannot be made.
        """
        parent = self.folder and self.folder / _WORK
        try:
            if parent:
                parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            path = Path(tempfile.mkdtemp(prefix="window-", dir=parent))
        except OSError as error:
            raise disk_error(self, error, "writing in the lake") from None
        try:
            yield path
        finally:
            shutil.rmtree(path, ignore_errors=True)

    @contextlib.contextmanager
    def turn(self, name: str) -> Iterator[None]:
        """Wait until no other process of this machine writes in a table, but not for ever.

        The system lets go of the lock of a process that is killed.

        Parameters
        ----------
        name : str
            Of the table.
        """
        if self.folder is None:
            yield
            return
        locks = needed("filelock")
        try:
            (self.folder / _WORK).mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = locks.FileLock(self.folder / _WORK / f"{name}.lock", mode=0o600)
            with contextlib.suppress(locks.Timeout):
                lock.acquire(timeout=LONGEST_TURN)
        except (OSError, NotImplementedError):  # not every file system has locks
            yield
            return
        try:
            yield
        finally:
            lock.release()

    def sweep(self) -> None:
        """Remove the working folders of syncs that were killed more than a day ago."""
        if self.folder is None:
            return
        for path in (self.folder / _WORK).glob("window-*"):
            with contextlib.suppress(OSError):
                if time.time() - path.stat().st_mtime > ABANDONED:
                    shutil.rmtree(path, ignore_errors=True)

    def close_off(self, path: Path) -> None:
        """Take a file or folder within the lake, and the folders above it, from others."""
        if self.folder is None:
            return
        while path.is_relative_to(self.folder):
            with contextlib.suppress(OSError):
                mode = path.stat().st_mode
                if mode & 0o077:
                    path.chmod(mode & 0o700)
            if path == self.folder:
                break
            path = path.parent


def disk_error(place: Place, error: BaseException, doing: str) -> LakeError:
    """Return the error for what a disk or an object store refused.

    Parameters
    ----------
    place : Place
    error : BaseException
        What was raised; its text is read, as not all libraries tell its number.
    doing : str
        Such as ``"writing calls"``.
    """
    number = getattr(error, "errno", None)
    text = str(getattr(error, "strerror", None) or error).split("\n")[0]
    if number == errno.ENOSPC or "No space left" in str(error) or "os error 28" in str(error):
        hint = "Free some space there and run it again: the lake is as it was before."
    elif (
        isinstance(error, PermissionError)
        or number in (errno.EACCES, errno.EROFS, errno.EPERM)
        or any(word in str(error) for word in ("Permission denied", "Read-only file system"))
    ):
        hint = "Make it writable for this user and run it again: the lake is as it was before."
    else:
        hint = "Run it again: the lake is as it was before."
    return LakeError(f"While {doing} in {place.path}: {text[:300]}.", hint=hint)
