"""Kernels that keep out of the developer's folders and need no port.

Jupyter chooses five free ports, and the kernel binds them seconds later. On a busy machine another
program may have one of them by then, and the kernel ends before it says a word. Sockets that are
files belong to one kernel alone.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from traitlets.config import Config

# For a format that no notebook has, jsonschema would build 38 grammars, which takes seconds in each
# process. It does without the library for it.
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type] # the sign of "not there"

FILES = {"KernelManager": {"transport": "ipc"}}


@contextlib.contextmanager
def jupyter_folders(home: Path) -> Iterator[dict[str, str]]:
    """Yield the variables that give Jupyter folders of its own; its servers use no ports then."""
    names = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "IPYTHONDIR")
    folders = {name: home / name.lower() for name in names}
    folders["JUPYTER_CONFIG_DIR"].mkdir()
    (folders["JUPYTER_CONFIG_DIR"] / "jupyter_config.json").write_text(json.dumps(FILES))
    # The name of a socket has room for 107 characters: pytest's folders are too deep.
    with tempfile.TemporaryDirectory(prefix="td-", ignore_cleanup_errors=True) as runtime:
        yield {name: str(folder) for name, folder in folders.items()} | {
            "JUPYTER_RUNTIME_DIR": runtime
        }


def own_sockets() -> Config:
    """Return what to tell a program that starts one kernel: the name of its sockets."""
    name = Path(os.environ["JUPYTER_RUNTIME_DIR"]) / secrets.token_hex(4)
    return Config({"KernelManager": FILES["KernelManager"] | {"ip": str(name)}})
