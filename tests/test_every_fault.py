"""Whatever goes wrong, a report is complete or it is an error: never short, never doubled."""

import tempfile
import threading
import time
import warnings

import pytest
from world import NOW

from td_notebooks import errors
from td_notebooks.frames import DriftWarning
from td_notebooks.front_door import connect
from td_notebooks.sandbox import CentreSettings, Sandbox, SandboxClock
from td_notebooks.sandbox.centre import Centre
from td_notebooks.sandbox.faults import FAULTS, FaultSettings, random_faults
from td_notebooks.sandbox.files import render

SPAN = ("2026-06-01", "2026-09-01")  # three windows
TIMEOUT = 600.0
SEEDS = 500

# Port 9 of this machine answers nobody: what must not be reached is not.
SWIFT = FaultSettings(stall_seconds=0.02, slow_seconds=0.02, elsewhere="http://127.0.0.1:9/report")

# The errors that a fault may end in. All others must be survived.
MAY_END_IN = {
    "failed-job": errors.JobFailedError,
    "canceled-job": errors.JobCanceledError,
    "stuck-job": errors.JobTimeoutError,
    "deleted-file": errors.NotFoundError,
    "damaged-row": errors.DownloadError,
    "missing-column": errors.SchemaError,
    "redirect-elsewhere": errors.DownloadError,  # when it stands in for a job that was canceled
    "html": errors.TokenError,  # when it stands in for the identity host
    "empty-body": errors.TokenError,
    "garbage-json": errors.TokenError,
}


class Files:
    """The centre's rows, made once for all sandboxes of this module."""

    def __init__(self):
        self._centre = Centre(CentreSettings(calls_per_day=4, agents=3))
        self._rows = {}
        self._lock = threading.Lock()

    def rows(self, *asked):
        with self._lock:
            if asked not in self._rows:
                self._rows[asked] = self._centre.rows(*asked)
            return self._rows[asked]

    render = staticmethod(render)


FILES = Files()


def pull(faults, seed=0, format=None):
    clock = SandboxClock(start=NOW, manual=True)
    place = Sandbox(faults=faults, fault_settings=SWIFT, seed=seed, clock=clock, source=FILES)
    with place, connect(sandbox=place) as client, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", DriftWarning)
        began = clock.monotonic()
        try:
            outcome = client.report("calls", *SPAN, format=format, timeout=TIMEOUT, progress=False)
        except errors.TalkdeskError as error:
            outcome = error
        waited = clock.monotonic() - began
    # Retries of the last request may still be under way when the time is up.
    assert waited < TIMEOUT + 250
    if any("new-column" in fault for fault in faults):
        assert isinstance(outcome, Exception) or len(caught) == 1
    else:
        assert not caught
    seen = [request.had_authorization for request in place.requests if request.origin == "storage"]
    assert not any(seen)
    return outcome, place


@pytest.fixture(scope="module")
def truth():
    frame, _ = pull([])
    assert len(frame) > 250
    return frame


@pytest.fixture(autouse=True)
def no_file_is_left(tmp_path, monkeypatch):
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield
    assert not list(folder.iterdir())
    assert not [thread.name for thread in threading.enumerate() if "td-download" in thread.name]


def judge(outcome, truth, faults):
    if isinstance(outcome, Exception):
        allowed = tuple(
            MAY_END_IN[name] for fault in faults if (name := fault.split("@")[0]) in MAY_END_IN
        )
        assert isinstance(outcome, allowed), f"{faults}: {type(outcome).__name__}: {outcome}"
        assert outcome.hint
        return
    known = outcome[truth.columns]
    assert len(known) == len(truth), f"{faults}: {len(known)} of {len(truth)} rows"
    assert known.equals(truth), faults


@pytest.mark.no_cover  # core and sandbox have tests of each fault
@pytest.mark.parametrize("moment", [1, 2, 3])
@pytest.mark.parametrize("name", [name for name, kind in FAULTS.items() if not kind.silent])
def test_each_fault_alone(truth, name, moment):
    faults = [f"{name}@{moment}"]
    outcome, _ = pull(faults)
    judge(outcome, truth, faults)
    if name in MAY_END_IN and FAULTS[name].operations == ("submit",):
        assert isinstance(outcome, MAY_END_IN[name]), f"{name} went unnoticed"


@pytest.mark.no_cover
@pytest.mark.parametrize("block", range(10))
def test_seeded_mixtures(truth, block):
    complete = 0
    for seed in range(block * SEEDS // 10, (block + 1) * SEEDS // 10):
        faults = random_faults(seed)
        began = time.monotonic()
        outcome, _ = pull(faults, seed, format="csv" if seed % 2 else "json")
        assert time.monotonic() - began < 30, faults
        judge(outcome, truth, faults)
        complete += not isinstance(outcome, Exception)
    assert complete > SEEDS / 10 / 3  # most are survived


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("reset", errors.NetworkError),
        ("429", errors.RateLimitError),
        ("500", errors.ServerError),
        ("503-audit", errors.ServerError),
        ("truncated", errors.NetworkError),
        ("expired-link", errors.DownloadError),
        ("html", errors.TalkdeskError),
        ("quota", errors.JobTimeoutError),
        ("token-500", errors.TokenError),
    ],
)
def test_what_never_ends_is_given_up(fault, kind):
    outcome, _ = pull([f"{fault}@*"])
    assert isinstance(outcome, kind) and outcome.hint
