"""How near a long report comes to the ideal schedule: 100 000 calls over three months.

The jobs of the sandbox take equally long. Ideal is one job length for every 15 windows; what is
left over is submitting, polling, downloading and parsing. Run with ``python benchmarks/pull.py``.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from dotenv import dotenv_values

import td_notebooks as td
from td_notebooks.reports.events import JobEvent

JOB_SECONDS = 30.0
SPAN = ("2026-05-01", "2026-08-01")


def main() -> None:
    """Pull once to warm the simulated centre, then measure."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Path(folder) / "settings.env"
        command = [sys.executable, "-m", "td_notebooks", "sandbox", "--env", str(settings)]
        command += ["--job-seconds", str(JOB_SECONDS), "--calls-per-day", "1400", "--agents", "45"]
        with subprocess.Popen(command, stderr=subprocess.DEVNULL) as sandbox:
            try:
                while not settings.is_file() or not settings.read_text().endswith("\n"):
                    time.sleep(0.1)
                os.environ.update({k: v for k, v in dotenv_values(settings).items() if v})
                for _ in ("warm the centre", "measure"):
                    measure()
            finally:
                sandbox.terminate()


def measure() -> None:
    """Pull three months and say where the time went."""
    seen: dict[tuple[str, int], float] = {}

    def tell(event: JobEvent) -> None:
        seen[type(event).__name__, event.window] = event.elapsed

    with td.connect() as client:
        began = time.monotonic()
        frame = client.report("calls", *SPAN, progress=tell)
        took = time.monotonic() - began
    windows = max(window for _, window in seen)
    for kind in ("Submitted", "Finished", "Downloaded", "Loaded"):
        print(f"{kind:<11}", *(f"{seen[kind, window + 1]:6.1f} s" for window in range(windows)))
    parsing = max(seen["Loaded", w + 1] - seen["Downloaded", w + 1] for w in range(windows))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    ideal = JOB_SECONDS * -(-windows // 15)
    print(
        f"{len(frame):,} calls in {took:.1f} s; ideal {ideal:.1f} s; longest parse {parsing:.1f} s"
    )
    print(f"ratio without that: {(took - parsing) / ideal:.2f}; peak memory {peak:.0f} MB\n")


if __name__ == "__main__":
    main()
