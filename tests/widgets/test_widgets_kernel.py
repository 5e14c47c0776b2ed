"""The forms in a real kernel; a front end is imitated message by message."""

from __future__ import annotations

import json
import textwrap
import time

import pytest
from cells import login_cell
from left_behind import assert_clean, assert_files_clean
from world import SMALL

from td_notebooks.sandbox import CentreSettings

THREADS = "import threading; print([t.name for t in threading.enumerate() if t.name[:3] == 'td-'])"
MANY = CentreSettings(calls_per_day=200, agents=14)
LEFT = "print('left at', time.time())"


def said_by(kernel, widget):
    return lambda: kernel.state(widget).get("value", "")


def enter(kernel, sandbox, secret):
    """Fill in the form as a person does: the secret, then Enter."""
    field = kernel.widget("AnyModel", label="Client secret")
    kernel.tell(field, {"kind": "typed", "text": secret[:4]})
    kernel.tell(field, {"kind": "submit", "text": secret})


def test_log_in_explore_and_use_what_came_of_it(kernel, live_sandbox):
    sandbox = live_sandbox()
    began = time.monotonic()
    kernel.run(login_cell(sandbox))
    assert time.monotonic() - began < 20, "it does not wait for anybody"
    message = kernel.widget("HTMLModel")
    button = kernel.widget("ButtonModel", description="Log in")

    kernel.press(button)
    kernel.until(lambda: "fill in the client secret" in said_by(kernel, message)())
    enter(kernel, sandbox, "the-wrong-secret")
    kernel.until(lambda: "Bad client credentials" in said_by(kernel, message)())
    assert 'role="alert"' in kernel.state(message)["value"]
    kernel.until(lambda: disabled(kernel, button) == [True, False] * 2)
    assert "TokenError" in kernel.run("form.client")

    enter(kernel, sandbox, sandbox.client_secret)
    assert "account='sandbox'" in kernel.run("print(form.client)")  # waits for the login
    kernel.until(lambda: "Logged in to sandbox" in said_by(kernel, message)())

    kernel.run("explorer = form.client.explore()")
    run = kernel.widget("ButtonModel", description="Run")
    kernel.press(run)
    kernel.until(lambda: any("100%" in text for text in html_of(kernel)))
    assert kernel.run("print(explorer.frame.attrs['td'].report_type)") == "calls\n"
    assert kernel.run(THREADS) == "[]\n"

    secrets = {sandbox.client_secret, "the-wrong-secret", *sandbox.secrets}
    assert len(secrets) >= 3
    assert_clean("IOPub", json.dumps(kernel.heard, default=str), secrets)
    kernel.close()
    assert list(kernel.folder.rglob("history.sqlite")), "the history is looked at, too"
    assert_files_clean(kernel.folder, secrets)


def disabled(kernel, button):
    """Return whether the button was disabled, at each change."""
    states = [
        m["content"]["data"].get("state", {})
        for m in kernel.heard
        if m["msg_type"] == "comm_msg" and m["content"]["comm_id"] == button
    ]
    return [state["disabled"] for state in states if "disabled" in state]


def html_of(kernel):
    for m in kernel.heard:
        if m["msg_type"] == "comm_msg":
            yield m["content"]["data"].get("state", {}).get("value") or ""


def test_a_form_is_shown_once_by_a_cell_and_again_by_a_later_one(kernel, live_sandbox):
    def shown():
        return sum(m["msg_type"] == "display_data" for m in kernel.heard)

    kernel.run(login_cell(live_sandbox()) + "form")
    assert shown() == 1
    kernel.run("form")
    assert shown() == 2


def test_where_nobody_can_answer_the_error_names_the_variables(kernel, live_sandbox):
    said = kernel.run(login_cell(live_sandbox()), allow_stdin=False)
    assert kernel.errors() == ["ConfigError"]
    assert "TALKDESK_ACCOUNT" in said and "TALKDESK_CLIENT_SECRET" in said


def test_voila_shows_the_form_although_it_runs_notebooks_like_a_program(kernel, live_sandbox):
    kernel.run("import os; os.environ['SERVER_SOFTWARE'] = 'voila/0.5.8'")
    kernel.run(login_cell(live_sandbox()), allow_stdin=False)
    assert not kernel.errors() and kernel.widget("ButtonModel", description="Log in")


POOL = """from concurrent.futures import ThreadPoolExecutor
with ThreadPoolExecutor() as pool:
    list(pool.map(lambda number: {}, range(2)))"""


@pytest.mark.parametrize(
    ("work", "faults"),
    [
        ("client.report('calls', '2026-06-03', '2026-08-04')", ""),
        ("client.report('calls', '2026-08-03', '2026-08-24')", "slow:storage@*"),
        ("job.wait(on_update=print)", ""),
        ("job.download('calls.json')", "slow:storage@*"),
        ("job.frame()", "slow:storage@*"),
        (POOL.format("client.report('calls', '2026-08-03', '2026-08-05')"), ""),
        (POOL.format("client.report('calls', '2026-08-03', '2026-08-24')"), "slow:storage@*"),
        (POOL.format("job.wait()"), ""),
        (POOL.format("job.download(f'calls-{number}.json')"), "slow:storage@*"),
    ],
    ids=[
        "report",
        "report while it downloads",
        "wait",
        "download",
        "frame",
        "reports in a pool",
        "reports in a pool while they download",
        "waits in a pool",
        "downloads in a pool",
    ],
)
def test_an_interrupt_ends_at_once_and_leaves_nothing(shared_kernel, live_sandbox, work, faults):
    kernel = shared_kernel
    sandbox = live_sandbox(
        faults=faults, job_seconds=0.2 if faults else 3600, centre=MANY if faults else SMALL
    )
    kernel.run(login_cell(sandbox, form=True))
    enter(kernel, sandbox, sandbox.client_secret)
    kernel.run(
        "client = form.client\nimport pandas, pyarrow\n"
        "job = client.submit('calls', '2026-08-03', '2026-08-24')"
    )
    # IPython takes its time to show a traceback; what counts is when the call was left.
    timed = "import time\ntry:\n" + textwrap.indent(work, "    ") + f"\nfinally:\n    {LEFT}"
    cell = kernel.start(timed)
    asked = len(sandbox.requests)
    times = 2 if "pool" in work else 1
    kernel.until(lambda: sum(is_under_way(r, faults) for r in sandbox.requests[asked:]) >= times)
    time.sleep(0.3)
    began = time.time()
    kernel.interrupt()
    said = kernel.end(cell)
    took = float(said.rpartition("left at ")[2].split()[0]) - began
    assert kernel.errors() == ["KeyboardInterrupt"]
    assert took < 0.5
    assert "at Talkdesk: client.job('calls', '" in said.replace("\x1b[0m", "")
    kernel.run("import time; time.sleep(0.1)")
    assert kernel.run(THREADS) == "[]\n"
    names = {path.name for path in kernel.folder.rglob("*")}
    assert not [name for name in names if name.startswith("td_notebooks-") or "calls" in name]


def test_another_cells_interrupt_leaves_a_thread_alone(shared_kernel, live_sandbox):
    kernel, sandbox = shared_kernel, live_sandbox(job_seconds=3600)
    kernel.run(login_cell(sandbox, form=True))
    enter(kernel, sandbox, sandbox.client_secret)
    kernel.run(
        "import threading, time\nclient = form.client\n"
        "job = client.submit('calls', '2026-08-03', '2026-08-04')\n"
        "waits = threading.Thread(target=job.wait, kwargs={'timeout': 3600}, daemon=True)\n"
        "waits.start()"
    )
    cell = kernel.start("print('here')\ntime.sleep(60)")
    kernel.until(lambda: any(m["content"].get("text") == "here\n" for m in kernel.heard))
    kernel.interrupt()
    kernel.end(cell)
    assert kernel.run("print(waits.is_alive())") == "True\n"


def is_under_way(request, faults):
    return request.origin == "storage" if faults else request.method == "GET"
