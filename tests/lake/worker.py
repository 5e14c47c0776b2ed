"""What tests do in another process: sync, perhaps killed at a step; or read again and again."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from windows_by_hand import day, message, put

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


def widen(order: dict[str, Any]) -> None:
    """Be killed when a column was added and its rows were not."""

    def on_step(step: Step) -> None:
        if step == Step.WIDENED:
            os.kill(os.getpid(), signal.SIGKILL)

    rows = [message(2, day(2), fresh="a")]
    table = Lake(order["path"]).table("messaging_traffic")
    put(table, Path(order["folder"]), rows, day(2), day(3), on_step=on_step)


def read(order: dict[str, Any]) -> None:
    """Ask again and again until a file appears; tell what the answers were."""
    lake, seen, questions = Lake(order["path"]), set(), 0
    while not Path(order["until"]).exists():
        (found,) = lake.sql(order["query"]).itertuples(index=False)
        seen.add(tuple(map(str, found)))
        questions += 1
        if questions == 1:
            print("ready", flush=True)
    print(json.dumps([questions, sorted(seen)]))


if __name__ == "__main__":
    main()
