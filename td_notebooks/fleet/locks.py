"""Two runs do not do the same work: a lock for each report of each account.

It saves requests, and nothing depends on it: the lake's commits keep two writers apart by
themselves, on other machines too. The system's own file locks are used, which end with the process
that holds them, however it ends.
"""

from __future__ import annotations

import contextlib
import hashlib
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..extras import needed
from ..lake.place import Place, disk_error
from ..profiles import profiles_path

_FOLDER = ".locks"


def locks_folder(place: Place) -> Path:
    """Return where the locks of a lake are: in it, or on this machine for an object store."""
    if place.folder is not None:
        return place.folder / _FOLDER
    address = hashlib.sha256(place.path.encode()).hexdigest()[:32]
    return profiles_path().with_name("locks") / address


@contextlib.contextmanager
def working_on(
    place: Place, account: str, report_types: Sequence[str], *, wait: float = 0.0
) -> Iterator[tuple[str, ...]]:
    """Lock the reports of an account that nobody else is at work on; yield which.

    Parameters
    ----------
    place : Place
        Of the lake.
    account : str
    report_types : sequence of str
    wait : float
        Seconds to wait for those that somebody else is at work on, all together.

    Raises
    ------
    ConfigError
        The package filelock is not installed.
    LakeError
        The disk is full or read-only.
    """
    locks = needed("filelock", extra="lake", purpose="Syncing")
    folder = locks_folder(place)
    with contextlib.ExitStack() as held:
        free = []
        try:
            place.make()
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            deadline = time.monotonic() + wait
            for report_type in sorted(set(report_types)):  # in one order: no two wait in a circle
                lock = locks.FileLock(folder / f"{account}.{report_type}.lock", mode=0o600)
                with contextlib.suppress(locks.Timeout):
                    lock.acquire(timeout=max(0.0, deadline - time.monotonic()))
                    held.callback(lock.release)
                    free.append(report_type)
        except OSError as error:
            raise disk_error(Place(str(folder)), error, "making the locks") from None
        yield tuple(name for name in report_types if name in free)
