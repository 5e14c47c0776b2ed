"""Bytes made to hang or to fill the memory, against a bound for each."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hostile import HOSTILE

SECONDS, MEGABYTES = 20, 300


@pytest.fixture(scope="module")
def outcomes() -> dict[str, dict[str, object]]:
    program = [sys.executable, str(Path(__file__).with_name("hostile.py"))]
    shown = subprocess.run(program, capture_output=True, text=True, timeout=500, check=True)
    return {line["name"]: line for line in map(json.loads, shown.stdout.splitlines())}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_bytes_take_little_time_and_memory(outcomes, name):
    outcome = outcomes[name]
    assert outcome["said"] in ("read", "DownloadError", "SchemaError")
    assert outcome["seconds"] < SECONDS and outcome["megabytes"] < MEGABYTES, outcome
