"""An interrupt that reaches other threads. `tests/widgets` presses ■ in a real kernel."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
import types

import pytest

import td_notebooks as td
from td_notebooks.clock import StoppableClock, SystemClock
from td_notebooks.interrupts import Call, Relay, interruptible, relay_interrupts


@pytest.fixture
def handler():
    """Keep the handler of SIGINT as it was."""
    before = signal.getsignal(signal.SIGINT)
    yield before
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def cells(handler, monkeypatch):
    """Stand in for a kernel; calling it begins a cell."""
    waiting = []
    events = types.SimpleNamespace(register=lambda name, function: waiting.append(function))
    shell = types.SimpleNamespace(kernel=object(), events=events)
    module = types.SimpleNamespace(get_ipython=lambda: shell)
    monkeypatch.setitem(sys.modules, "IPython", module)

    def begin_cell():
        signal.signal(signal.SIGINT, signal.default_int_handler)
        for function in waiting:
            function(types.SimpleNamespace())

    return begin_cell


def on_a_thread(work):
    """Begin some work; return a function that waits for it and returns what it raised."""
    raised = []

    def run():
        try:
            work()
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=run, name="test-work")
    thread.start()

    def end():
        thread.join(60)
        assert not thread.is_alive()
        return raised[0] if raised else None

    return end


def press_stop():
    with pytest.raises(KeyboardInterrupt) as caught:
        signal.raise_signal(signal.SIGINT)
    return getattr(caught.value, "__notes__", [])


def until(condition):
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_outside_of_a_kernel_nothing_changes(handler):
    relay_interrupts()
    assert signal.getsignal(signal.SIGINT) is handler
    assert on_a_thread(relay_interrupts)() is None


@pytest.mark.parametrize("by", ["report", "wait"])
def test_a_wait_on_another_thread_ends(cells, live_sandbox, by):
    with td.connect(sandbox=live_sandbox(job_seconds=3600)) as client:
        cells()
        job = client.submit("calls", "2026-08-03", "2026-08-04")
        asked = []
        work = {
            "report": lambda: client.report(
                "calls", "2026-08-03", "2026-08-04", progress=asked.append
            ),
            "wait": lambda: job.wait(on_update=asked.append),
        }[by]
        end = on_a_thread(work)
        until(lambda: asked)
        began = time.monotonic()
        (note,) = press_stop()
        error = end()
        assert time.monotonic() - began < 0.5
        assert isinstance(error, KeyboardInterrupt)
        assert note.startswith("It goes on at Talkdesk: client.job(")
        assert error.__notes__[0] == note


def test_a_download_on_another_thread_ends_and_leaves_no_file(cells, live_sandbox, tmp_path):
    sandbox = live_sandbox(faults="slow:storage@*")
    with td.connect(sandbox=sandbox) as client:
        cells()
        job = client.submit("calls", "2026-08-03", "2026-08-06").wait()
        end = on_a_thread(lambda: job.download(tmp_path / "calls.json"))
        until(lambda: any(request.origin == "storage" for request in sandbox.requests))
        (note,) = press_stop()
        assert isinstance(end(), KeyboardInterrupt)
        assert note.startswith("Its file stays at Talkdesk: client.job(")
        assert not [path for path in tmp_path.iterdir() if "calls" in path.name]


def test_a_call_belongs_to_the_cell_it_began_in(cells):
    relay_interrupts()
    cells()
    stop, ready = threading.Event(), threading.Event()

    def work():
        with interruptible(SystemClock()) as clock:
            ready.set()
            while not stop.is_set():
                clock.sleep(0.01)

    end = on_a_thread(work)
    assert ready.wait(60)
    cells()
    assert press_stop() == []
    stop.set()
    assert end() is None


def test_what_can_be_stopped_already_is_left_alone(cells):
    relay_interrupts()
    cells()
    own = StoppableClock(SystemClock())
    seen = []

    def work():
        with interruptible(own) as clock:
            seen.append(clock is own)

    on_a_thread(work)()
    with interruptible(SystemClock()) as clock:
        seen.append(isinstance(clock, SystemClock))
    assert seen == [True, True]


def test_the_handler_of_before_still_decides(handler):
    called = []
    relay = Relay(lambda number, frame: called.append(number))
    signal.signal(signal.SIGINT, relay)
    signal.raise_signal(signal.SIGINT)
    assert called == [signal.SIGINT]


def test_a_forked_child_leaves_the_calls_of_its_parent_alone(monkeypatch):
    stopped = []
    relay = Relay(lambda number, frame: None)
    with relay.watching(Call(lambda: stopped.append("stopped"), lambda: "")):
        with monkeypatch.context() as child:
            child.setattr(os, "getpid", lambda: -1)
            relay(signal.SIGINT, None)
        assert not stopped
        relay(signal.SIGINT, None)
    assert stopped
