"""What every test starts from: no settings of the developer's own, and sandboxes on request."""

from __future__ import annotations

import contextlib
import functools
import importlib
import logging
import os
import pkgutil
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import coverage
import pytest
from kernels import jupyter_folders
from left_behind import files_with_secrets
from world import NOW, SMALL, Seen

import td_notebooks
from td_notebooks.sandbox import Sandbox, SandboxClock

# With --dist=loadfile a file is the work of one process: one that is begun last is waited for.
LONGEST = [
    "test_every_fault",
    "test_truth",
    "test_lab",
    "test_frames_properties",
    "test_leaks",
    "test_places",
    "test_lake_processes",
    "test_notebooks",
    "test_lake_sync",
    "test_metrics_kinds",
    "test_clusters",
]

# Watching for coverage takes twice the time; other tests run the lines of these.
UNWATCHED = {
    "test_auth_leaks",
    "test_centre",
    "test_clusters",
    "test_frames_properties",
    "test_lake_processes",
    "test_lake_sync",
    "test_leaks",
    "test_metrics_engines",
    "test_metrics_kinds",
    "test_spellings",
    "test_truth",
    "test_weeks",
}


# A shell that starts a command in the background lets it ignore Ctrl-C, which some tests send.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _remember(close: Callable[[Sandbox], None]) -> Callable[[Sandbox], None]:
    @functools.wraps(close)
    def remembering_close(sandbox: Sandbox) -> None:
        Seen.sandboxes += 1
        Seen.secrets.update(sandbox.secrets)
        test = os.environ.get("PYTEST_CURRENT_TEST", "")
        Seen.storage_requests += [
            (test, request.had_authorization)
            for request in sandbox.requests
            if request.origin == "storage"
        ]
        close(sandbox)

    return remembering_close


Sandbox.close = _remember(Sandbox.close)  # type: ignore[method-assign] # for this run only


@contextlib.contextmanager
def unwatched(watching: coverage.Coverage | None) -> Iterator[None]:
    """Do without coverage for a while."""
    if watching:
        watching.stop()
    try:
        yield
    finally:
        if watching:
            watching.start()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection() -> Iterator[None]:
    """Watch how the package is imported, not how the tests are, which takes twice the time, too."""
    watching = coverage.Coverage.current()
    if watching:
        for module in pkgutil.walk_packages(td_notebooks.__path__, "td_notebooks."):
            if not module.name.endswith("__main__"):
                importlib.import_module(module.name)
    with unwatched(watching):
        return (yield)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the long runs unless they are asked for; begin with the files that take longest."""
    for item in items:
        if item.path.stem in UNWATCHED:
            item.add_marker("no_cover")
    long = [item for item in items if item.get_closest_marker("nightly")]
    if long and not os.environ.get("TD_NIGHTLY"):
        config.hook.pytest_deselected(items=long)
        items[:] = [item for item in items if item not in long]
    items.sort(key=lambda item: LONGEST.index(item.path.stem) if item.path.stem in LONGEST else 99)


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Heed `no_cover` in xdist's workers too, where pytest-cov does not."""
    watched = not item.get_closest_marker("no_cover")
    with unwatched(None if watched else coverage.Coverage.current()):
        return (yield)


@pytest.fixture(scope="session", autouse=True)
def debug_log(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Write what every logger says, at its most talkative, to a file."""
    path = tmp_path_factory.mktemp("log") / "debug.log"
    handler = logging.FileHandler(path)
    handler.setLevel(logging.DEBUG)
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield path
    root.removeHandler(handler)
    handler.close()


@pytest.fixture(scope="session", autouse=True)
def left_behind(debug_log: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Look for leaks in everything that this run, or this worker of it, wrote."""
    yield
    assert Seen.secrets or Seen.sandboxes < 5, "there is something to look for"
    found = files_with_secrets(tmp_path_factory.getbasetemp(), Seen.secrets)
    assert not found, f"secrets in {found}"
    signed_in = {test for test, had_authorization in Seen.storage_requests if had_authorization}
    # The sandbox's own tests try what happens then.
    assert not {test for test in signed_in if not test.startswith("tests/sandbox/")}


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    """Hide the developer's settings, and work in an empty folder."""
    for name in list(os.environ):
        if name.startswith(("TALKDESK_", "SSL_CERT")) or name.upper().endswith("_PROXY"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def own_jupyter(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[dict[str, str]]:
    """Keep kernels out of the developer's folders; return the variables that do."""
    with jupyter_folders(tmp_path) as folders:
        for name, folder in folders.items():
            monkeypatch.setenv(name, folder)
        yield folders


@pytest.fixture
def start_sandbox() -> Iterator[Callable[..., Sandbox]]:
    """Start sandboxes with a clock that only moves when somebody sleeps or moves it."""
    with ExitStack() as stack:

        def start(**settings: Any) -> Sandbox:
            settings = {
                "clock": SandboxClock(start=NOW, manual=True),
                "centre": SMALL,
                **settings,
            }
            return stack.enter_context(Sandbox(**settings))

        yield start


@pytest.fixture
def live_sandbox() -> Iterator[Callable[..., Sandbox]]:
    """Start sandboxes whose time passes by itself, for clients in other processes."""
    with ExitStack() as stack:
        yield lambda **settings: stack.enter_context(
            Sandbox(**{"centre": SMALL, "job_seconds": 0.2, **settings})
        )


@pytest.fixture
def open_client() -> Iterator[Callable[..., Any]]:
    """Connect clients to a sandbox; they share its clock, so their waits end at once."""
    from td_notebooks.front_door import connect

    with ExitStack() as stack:
        yield lambda sandbox, **settings: stack.enter_context(connect(sandbox=sandbox, **settings))
