"""The forms in a real kernel; a front end is imitated message by message."""

from __future__ import annotations

import contextlib
import json
import queue
import subprocess
import sys
import textwrap
import time

import nbformat
import papermill
import pytest
from jupyter_client import BlockingKernelClient
from left_behind import traces
from nbclient import NotebookClient
from nbconvert import HTMLExporter, NotebookExporter
from world import SMALL

from td_notebooks.sandbox import CentreSettings
from td_notebooks.widgets.background import in_background

LOGIN = """
import td_notebooks as td
form = td.login(account={account!r}, client_id={client_id!r},
                api_url={api_url!r}, token_url={token_url!r}, form={form})
"""
THREADS = "import threading; print([t.name for t in threading.enumerate() if t.name[:3] == 'td-'])"
MANY = CentreSettings(calls_per_day=200, agents=14)
LEFT = "print('left at', time.time())"
TYPED_ONLY = "typed-but-never-sent-to-talkdesk"


def login_cell(sandbox, form=None):
    return LOGIN.format(
        account=sandbox.account,
        client_id=sandbox.client_id,
        api_url=sandbox.api_url,
        token_url=sandbox.token_url,
        form=form,
    )


def assert_clean(where, data, secrets):
    if isinstance(data, str):
        data = data.encode()
    assert not [t for secret in secrets for t in traces(secret) if t in data], where


def assert_files_clean(folder, secrets):
    for path in folder.rglob("*"):
        if path.is_file():
            assert_clean(path, path.read_bytes(), secrets)


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


# The first cell shows two forms and waits until somebody has typed into them; what was typed is
# handled when it ends.
RUN_CELLS = [
    "from pathlib import Path\nimport time\n"
    "{login}other = td.login(form=True)\n"
    "Path('fields').write_text(f'{{form.secret.model_id}} {{other.secret.model_id}}')\n"
    "while not Path('typed').exists():\n    time.sleep(0.05)",
    "print(form.client)",
    "calls = form.client.report('calls', '2026-08-03', '2026-08-04')",
    "form",
    # All that the widgets hold is sent again, as a front end that comes later asks for it.
    "for widget in (*form.box.children, *other.box.children):\n    widget.send_state()",
]


def by_nbclient(book, folder, store):
    resources = {"metadata": {"path": str(folder)}}
    NotebookClient(book, timeout=60, store_widget_state=store, resources=resources).execute()
    nbformat.write(book, folder / "out.ipynb")


def by_nbconvert(book, folder, store):
    nbformat.write(book, folder / "in.ipynb")
    command = [sys.executable, "-m", "nbconvert", "--execute", "--to", "notebook"]
    command += [f"--ExecutePreprocessor.store_widget_state={store}", "--output=out", "in.ipynb"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=120)


def by_papermill(book, folder, store):
    nbformat.write(book, folder / "in.ipynb")
    papermill.execute_notebook(
        folder / "in.ipynb",
        folder / "out.ipynb",
        cwd=folder,
        progress_bar=False,
        store_widget_state=store,
    )


@pytest.mark.parametrize("store", [True, False], ids=["state stored", "state not stored"])
@pytest.mark.parametrize("run", [by_nbclient, by_nbconvert, by_papermill])
def test_nothing_that_is_kept_of_a_notebook_holds_a_secret(jupyter_home, live_sandbox, run, store):
    sandbox, folder = live_sandbox(), jupyter_home / "work"
    folder.mkdir()
    cells = [cell.format(login=login_cell(sandbox, form=True)) for cell in RUN_CELLS]
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    book.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    runner = in_background(lambda: run(book, folder, store), name="test-runner")
    front_end = FrontEnd(jupyter_home, folder, runner)
    with front_end:
        front_end.type(0, sandbox.client_secret, "submit")
        front_end.type(1, TYPED_ONLY, "typed")
        (folder / "typed").touch()
        runner.result(timeout=60)

    ran = nbformat.read(folder / "out.ipynb", 4)
    assert "account='sandbox'" in ran.cells[1].outputs[0].text
    assert ("widgets" in ran.metadata) == store
    assert "application/vnd.jupyter.widget-view+json" in ran.cells[0].outputs[0].data
    for exporter in (NotebookExporter(), HTMLExporter()):
        text, _ = exporter.from_notebook_node(ran)
        (folder / f"exported{exporter.file_extension}").write_text(text)

    secrets = {sandbox.client_secret, TYPED_ONLY, *sandbox.secrets}
    assert len(secrets) >= 4, "a token is one, too"
    kinds = {message["msg_type"] for message in front_end.heard}
    assert {"comm_open", "comm_msg", "display_data"} <= kinds
    assert_clean("IOPub", json.dumps(front_end.heard, default=str), secrets)
    assert list(jupyter_home.rglob("history.sqlite"))
    assert_files_clean(jupyter_home, secrets)


class FrontEnd:
    """A second front end of a kernel that a program runs; somebody types in it."""

    def __init__(self, home, folder, runner):
        self.heard = []
        self._folder, self._runner = folder, runner
        (connection,) = self._until(lambda: self._connections(home))
        self._client = BlockingKernelClient(connection_file=str(connection))
        self._client.load_connection_file()
        self._client.start_channels()
        self._fields = self._until(self._shown).split()

    def _connections(self, home):
        return [path for path in home.rglob("kernel-*.json") if path.stat().st_size]

    def _shown(self):
        self._listen()
        file = self._folder / "fields"
        return file.read_text() if file.exists() else ""

    def _listen(self):
        with contextlib.suppress(queue.Empty):
            while True:
                self.heard.append(self._client.get_iopub_msg(timeout=0))

    def _until(self, condition):
        end = time.monotonic() + 60
        while not (found := condition()):
            if self._runner.done():
                self._runner.result()
            assert time.monotonic() < end
            time.sleep(0.05)
        return found

    def type(self, field, text, kind):
        content = {"method": "custom", "content": {"kind": kind, "text": text}}
        data = {"comm_id": self._fields[field], "data": content}
        message = self._client.session.msg("comm_msg", data)
        self._client.shell_channel.send(message)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._listen()
        self._client.stop_channels()


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
