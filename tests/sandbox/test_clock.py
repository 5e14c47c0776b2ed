from __future__ import annotations

import threading
import time

import pytest

from td_notebooks.clock import Clock
from td_notebooks.errors import ConfigError
from td_notebooks.sandbox import SandboxClock


def elapsed(since: float) -> float:
    return time.monotonic() - since


def test_a_manual_clock_moves_only_when_told() -> None:
    clock: Clock = SandboxClock(start=1000.0, manual=True)
    began = time.monotonic()
    clock.sleep(900)
    clock.sleep(-1)
    assert elapsed(began) < 0.5
    assert clock.time() == 1900.0
    assert clock.monotonic() == 900.0


def test_a_running_clock_follows_the_machine_and_can_be_moved() -> None:
    clock = SandboxClock()
    assert abs(clock.time() - time.time()) < 0.5
    before = clock.monotonic()
    began = time.monotonic()
    clock.sleep(0.05)
    assert elapsed(began) >= 0.05
    assert clock.monotonic() - before >= 0.05
    clock.advance(3600)
    assert clock.time() - time.time() == pytest.approx(3600, abs=1)


def test_speed_shortens_waits() -> None:
    clock = SandboxClock(start=0.0, speed=100)
    began = time.monotonic()
    clock.sleep(5)
    assert 0.05 <= elapsed(began) < 1
    assert 5 <= clock.time() < 100


@pytest.mark.parametrize("wake", [None, threading.Event()])
def test_advancing_ends_a_sleep_in_another_thread(wake: threading.Event | None) -> None:
    clock = SandboxClock()
    sleeper = threading.Thread(target=clock.sleep, args=(600,), kwargs={"wake": wake})
    sleeper.start()
    time.sleep(0.02)
    clock.advance(600)
    sleeper.join(60)
    assert not sleeper.is_alive()


def test_an_event_ends_a_sleep() -> None:
    clock, wake = SandboxClock(), threading.Event()
    threading.Timer(0.05, wake.set).start()
    began = time.monotonic()
    clock.sleep(600, wake=wake)
    assert elapsed(began) < 2
    manual = SandboxClock(manual=True)
    manual.sleep(600, wake=wake)
    assert manual.monotonic() == 0


def test_threads_add_up_on_a_manual_clock() -> None:
    clock = SandboxClock(start=0.0, manual=True)
    threads = [
        threading.Thread(target=lambda: [clock.sleep(1) for _ in range(500)]) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert clock.time() == 4000


def test_a_clock_never_goes_back() -> None:
    with pytest.raises(ConfigError, match="go back"):
        SandboxClock().advance(-1)
    with pytest.raises(ConfigError, match="speed 0"):
        SandboxClock(speed=0)
    assert "manual=True" in repr(SandboxClock(manual=True))
