"""Bytes made to hang or to fill the memory, and a program that reads each in a process of its own.

Beside some stands what they took before they were looked after.
"""

from __future__ import annotations

import gzip
import io
import json
import os
import time
import warnings
from pathlib import Path

MB = 1 << 20
ROWS = b'[{"a":1}' + b',{"a":1}' * 100_000
KEYS = json.dumps([{f"k{n}": n} for n in range(50_000)]).encode()

HOSTILE = {
    "newlines in an open quote of the header": lambda: b'"' + b"\n" * 300_000,  # 40 s
    "nothing but headers": lambda: b"x\n" * MB,  # 25 s
    "a thousand columns": lambda: b"," * 1000,
    "many columns of one name": lambda: b"x," * 100_000 + b"x",  # hours
    "a key of its own in every row": lambda: KEYS,
    "such keys behind good rows": lambda: ROWS + b"," + KEYS[1:],  # 5 GB
    "a row without an end": lambda: b"a,b\n" + b"x" * (40 * MB),
    "a quote that opens before many rows": lambda: b'a,b\n"x,' + b"1,2\n" * (10 * MB),  # 30 s
    "quotes without an end": lambda: b'a,b\n"x"' + b'""' * (4 * MB) + b"\n",
    "a text without an end": lambda: b'{"entries":[{"a":"' + b"x" * (40 * MB),
    "a text of four-byte characters": lambda: b'[{"a":"' + "😀".encode() * (10 * MB),
    "a head without an end": lambda: b'{"a":"' + b"x" * (40 * MB),
    "brackets": lambda: b"[" * (4 * MB),
    "braces": lambda: b'{"a":' * MB,
    "brackets behind good rows": lambda: ROWS + b',{"a":' + b"[" * (4 * MB),
    "ends of rows that are none": lambda: b'[{"a":[' + b"{},{}," * MB,
    "commas": lambda: b"[" + b"," * (4 * MB),
    "a number of a million digits": lambda: b'[{"a":' + b"9" * MB + b"}]",
    "gzip of nothing much": lambda: gzip.compress(b"a,b\n" + b"\0" * (200 * MB), 1),
    "gzip in gzip": lambda: gzip.compress(gzip.compress(b"a,b\n1,2\n")),
}


def megabytes(line: str) -> int:
    status = dict(row.split(":", 1) for row in Path("/proc/self/status").read_text().splitlines())
    return int(status[line].split()[0]) >> 10


def read(name: str) -> dict[str, object]:
    from td_notebooks.errors import TalkdeskError
    from td_notebooks.frames import read_report

    data = io.BytesIO(HOSTILE[name]())
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts again from here
    before, start, said = megabytes("VmRSS"), time.monotonic(), "read"
    try:
        read_report(data, "feedback")
    except TalkdeskError as error:
        said = type(error).__name__
    seconds, peak = time.monotonic() - start, megabytes("VmHWM")
    return {"name": name, "said": said, "seconds": seconds, "megabytes": peak - before}


def main() -> None:
    """Print a line of JSON for each: what came of it, in how many seconds and megabytes."""
    import pandas  # noqa: F401 -- once, before the forks
    import pyarrow.csv
    import pyarrow.json  # noqa: F401 -- likewise

    import td_notebooks.frames  # noqa: F401 -- likewise

    warnings.simplefilter("ignore")
    for name in HOSTILE:
        if not (child := os.fork()):
            try:
                print(json.dumps(read(name)), flush=True)
            finally:
                os._exit(0)
        os.waitpid(child, 0)


if __name__ == "__main__":
    main()
