"""Other processes: killed at every step, reading while others write, two at once; bad disks."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import signal
import subprocess
from contextlib import contextmanager

import pandas as pd
import pytest
from windows_by_hand import day, message, put

from td_notebooks.errors import ConfigError, LakeError
from td_notebooks.lake import Access, Lake, Step

ARGUMENTS = {"since": "2026-10-20", "until": "2026-11-17", "lookback": "2d"}
TYPES = ["calls"]


def truth(sandbox, open_client, start="2026-10-20", end="2026-11-17"):
    return open_client(sandbox).report("calls", start, end, progress=False)


def same(lake, frame):
    pd.testing.assert_frame_equal(lake.frame("calls", "2026-10-20", "2026-11-17"), frame)


def ended(process):
    out, err = process.communicate(timeout=120)
    return process.returncode, out, err


def kill_at(step, worker, path, times=1):
    code, _, err = ended(
        worker("sync", path, types=TYPES, arguments=ARGUMENTS, kill=step, times=times)
    )
    assert code == -signal.SIGKILL, err


@pytest.mark.parametrize("step", [step for step in Step if step != Step.WIDENED])
def test_killed_at_any_step_the_next_run_mends_it(step, place, worker, open_client, tmp_path):
    path = tmp_path / "lake"
    kill_at(step, worker, path, times=1 if step == Step.CREATED else 2)
    left = Lake(path)  # whatever there is can be read, and is whole windows
    for row in left.history().itertuples():
        count = left.sql(
            "SELECT count(*) AS n FROM calls WHERE td_time >= ? AND td_time < ?",
            [row.start, row.end],
        ).n[0]
        assert count == row.rows
    code, _, err = ended(worker("sync", path, types=TYPES, arguments=ARGUMENTS))
    assert code == 0, err
    same(left, truth(place, open_client))
    assert left.gaps(until="2026-11-17").empty


def test_killed_while_a_column_is_added(worker, tmp_path):
    lake = Lake(tmp_path / "lake")
    table = lake.table("messaging_traffic")
    put(table, tmp_path / "w", [message(1, day(2))], day(2), day(3))
    code, _, err = ended(worker("widen", tmp_path / "lake", folder=str(tmp_path / "x")))
    assert code == -signal.SIGKILL, err
    assert lake.sql("SELECT fresh FROM messaging_traffic").fresh.isna().tolist() == [True]
    put(table, tmp_path / "w", [message(2, day(2), fresh="a")], day(2), day(3))
    assert lake.sql("SELECT fresh FROM messaging_traffic").fresh.tolist() == ["a"]


def test_readers_never_fail_and_never_see_half_a_window(worker, tmp_path):
    path, stop = tmp_path / "lake", tmp_path / "stop"
    table = Lake(path).table("messaging_traffic")
    before = [message(n, day(2 + n / 300), text="a") for n in range(300)]
    after = [message(1000 + n, day(2 + n / 200), text="b") for n in range(200)]
    put(table, tmp_path / "w", [message(9999, day(5), text="c")], day(5), day(6))
    put(table, tmp_path / "w", before, day(2), day(3))
    query = "SELECT count(*), count(DISTINCT text), min(text) FROM messaging_traffic"
    reader = worker("read", path, query=query, until=str(stop))
    assert reader.stdout.readline() == "ready\n"
    for number in range(50):
        rows = after if number % 2 == 0 else before
        assert put(table, tmp_path / "w", rows, day(2), day(3)) == "replaced"
        if number == 25:
            Lake(path).tend()
    stop.touch()
    code, out, err = ended(reader)
    assert code == 0, err
    questions, seen = json.loads(out)
    assert questions > 2 and set(map(tuple, seen)) <= {("301", "2", "a"), ("201", "2", "b")}


def test_two_at_once_lose_and_double_nothing(place, worker, open_client, tmp_path):
    path = tmp_path / "lake"
    first, second = (
        worker("sync", path, types=TYPES, arguments=ARGUMENTS | {"lookback": back})
        for back in ("2d", "9d")
    )
    for process in (first, second):
        code, _, err = ended(process)
        assert code == 0, err
    lake = Lake(path)
    same(lake, truth(place, open_client))
    assert lake.sql("SELECT count(*) - count(DISTINCT call_id) AS n FROM calls").n[0] == 0


@contextmanager
def mounted(folder, size):
    """A small disk of its own, where this user may mount one."""
    folder.mkdir()
    options = f"size={size},mode=700"
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    done = shutil.which("mount") and subprocess.run(command, capture_output=True)
    if not done or done.returncode:
        pytest.skip("only root may mount a small disk to fill")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.fixture
def lake_at(start_sandbox, open_client):
    client = open_client(start_sandbox())
    return lambda path: client.lake(path)


def test_a_full_disk_is_told_and_changes_nothing(lake_at, tmp_path):
    with mounted(tmp_path / "disk", "4m") as disk:
        lake = lake_at(disk / "lake")
        lake.sync("calls", since="2026-11-01", until="2026-11-08", lookback="0d")
        before = lake.frame("calls", "2026-11-01", "2026-11-08")
        filler = disk / "filler"
        with filler.open("wb") as file, pytest.raises(OSError, match="No space"):
            while True:
                os.write(file.fileno(), bytes(4096))
        with pytest.raises(LakeError, match=r"No space left.*Free some space"):
            lake.sync("calls", since="2026-10-01", until="2026-11-08")
        pd.testing.assert_frame_equal(lake.frame("calls", "2026-11-01", "2026-11-08"), before)
        filler.unlink()
        assert lake.sync("calls", since="2026-10-01", until="2026-11-08").complete
        assert lake.gaps(until="2026-11-08").empty


def test_a_disk_that_fills_up_under_the_write_changes_nothing(lake_at, tmp_path):
    with mounted(tmp_path / "disk", "900k") as disk:
        lake = lake_at(disk / "lake")
        lake.sync("calls", since="2026-11-01", until="2026-11-03", lookback="0d")
        before = lake.frame("calls", "2026-11-01", "2026-11-03")
        with pytest.raises(LakeError, match="Free some space"):
            lake.sync("calls", "user_status", "studio_flow_execution", since="2025-11-01")
        pd.testing.assert_frame_equal(lake.frame("calls", "2026-11-01", "2026-11-03"), before)


def test_a_read_only_folder_is_told_before_anything_is_asked(start_sandbox, open_client, tmp_path):
    sandbox = start_sandbox()
    with mounted(tmp_path / "disk", "4m") as disk:
        lake = open_client(sandbox).lake(disk / "lake")
        lake.sync("calls", since="2026-11-01", until="2026-11-03")
        before = lake.frame("calls", "2026-11-01", "2026-11-03")
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        asked = len(sandbox.requests)
        with pytest.raises(LakeError, match=r"Read-only file system.*Make it writable"):
            lake.sync("calls", since="2026-10-01")
        assert len(sandbox.requests) == asked
        pd.testing.assert_frame_equal(lake.frame("calls", "2026-11-01", "2026-11-03"), before)


@pytest.mark.nightly
def test_killed_at_random_moments_again_and_again(place, worker, open_client, tmp_path):
    import random
    import time

    chance, path = random.Random(5), tmp_path / "lake"
    for _ in range(30):
        process = worker("sync", path, types=TYPES, arguments=ARGUMENTS)
        time.sleep(chance.uniform(0.3, 4.0))
        process.kill()
        process.communicate()
        if (path / "calls").exists():
            Lake(path).sql("SELECT count(*) AS n FROM calls")
    assert ended(worker("sync", path, types=TYPES, arguments=ARGUMENTS))[0] == 0
    same(Lake(path), truth(place, open_client))


def test_a_unit_travels_without_secrets(start_sandbox, open_client):
    sandbox = start_sandbox()
    client = open_client(sandbox)
    access = Access(client.settings, client._api, client._clock)
    text = pickle.dumps(access)
    assert sandbox.client_secret.encode() not in text
    there = pickle.loads(text)
    assert there.account == client.account
    with pytest.raises(ConfigError, match="Secrets do not travel"), there.api():
        pass
