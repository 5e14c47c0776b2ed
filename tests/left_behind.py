"""What a run must not leave behind: secrets in files, an Authorization at storage."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

WORD = re.compile(rb"[A-Za-z0-9_+/-]{16,}")


def needles(secrets: Iterable[str]) -> Iterator[str]:
    """Return what to look for: the texts, and how they look in base64 and cut by lines."""
    for secret in secrets:
        if len(secret) >= 8:
            yield secret
            yield base64.b64encode(secret.encode()).decode().rstrip("=")
            yield from (
                line for line in secret.splitlines() if len(line) > 40 and "---" not in line
            )


def traces(secret: str) -> Iterator[bytes]:
    """Return what a secret looks like in plain text and in base64, wherever it begins there."""
    yield secret.encode()
    for shift in range(3):
        packed = base64.b64encode(b"x" * shift + secret.encode())
        yield packed[4:-4] if shift else packed[:-4]


def _marks(secrets: Iterable[str]) -> Iterator[bytes]:
    """Return the longest unbroken part of each thing to look for, to be found word by word.

    There are thousands, in hundreds of megabytes: looking for each one in turn takes hours.
    """
    for needle in needles(secrets):
        words = WORD.findall(needle.encode())
        if words:
            yield max(words, key=len)


def files_with_secrets(folder: Path, secrets: Iterable[str]) -> list[Path]:
    """Return the files that hold a secret; the sandbox's own settings file is where it belongs."""
    wanted = set(_marks(secrets))

    def holds_one(path: Path) -> bool:
        with path.open("rb") as file:
            return any(not wanted.isdisjoint(WORD.findall(line)) for line in file)

    files = (path for path in folder.rglob("*") if path.is_file())
    return [path for path in files if not path.name.startswith(".env") and holds_one(path)]


def assert_clean(where: object, data: bytes | str, secrets: Iterable[str]) -> None:
    """Fail if a secret is in some data, in plain text or in base64."""
    data = data.encode() if isinstance(data, str) else data
    assert not [t for secret in secrets for t in traces(secret) if t in data], where


def assert_files_clean(folder: Path, secrets: Iterable[str]) -> None:
    """Fail if a secret is in a file of a folder or of those in it."""
    for path in folder.rglob("*"):
        if path.is_file():
            assert_clean(path, path.read_bytes(), secrets)
