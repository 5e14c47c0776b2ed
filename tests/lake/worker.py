"""What tests do in another process: sync, perhaps killed at a step; or read again and again."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from td_notebooks.front_door import connect
from td_notebooks.lake import Access, Lake, Step
from td_notebooks.sandbox import SandboxClock


def main() -> None:
    order: dict[str, Any] = json.loads(sys.argv[1])
    globals()[order["task"]](order)


def sync(order: dict[str, Any]) -> None:
    """Sync; with ``kill`` and ``times``, be killed when that step comes so often."""
    left = order.get("times", 1)

    def on_step(step: Step) -> None:
        nonlocal left
        if step == order.get("kill"):
            left -= 1
            if not left:
                os.kill(os.getpid(), signal.SIGKILL)

    clock = SandboxClock(start=order["now"], speed=order["speed"])
    with connect() as client:
        access = Access(client.settings, client.with_clock(clock)._api, clock)
        lake = Lake(order["path"], access=access, on_step=on_step)
        done = lake.sync(*order["types"], **order["arguments"])
    print(done)
    sys.exit(0 if done.complete else 1)


def read(order: dict[str, Any]) -> None:
    """Ask until a file appears; every answer must be one of two: before and after."""
    lake, seen = Lake(order["path"]), set()
    print("ready", flush=True)
    questions = 0
    while not Path(order["until"]).exists():
        found = lake.sql(
            "SELECT count(*) AS n, count(DISTINCT whole) AS wholes FROM calls".replace(
                "whole", "notes"
            )
        )
        seen.add((int(found.n[0]), int(found.wholes[0])))
        questions += 1
    print(json.dumps({"questions": questions, "seen": sorted(seen)}))


if __name__ == "__main__":
    main()
