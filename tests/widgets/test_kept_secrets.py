"""What nbclient, nbconvert and papermill keep of a notebook in which somebody typed a secret."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import subprocess
import sys
import time
from pathlib import Path

import kernels
import nbformat
import pytest
from cells import TYPED_ONLY, login_cell
from jupyter_client import BlockingKernelClient
from left_behind import assert_clean, assert_files_clean
from nbconvert import HTMLExporter, NotebookExporter

# The first cell lets a second front end in, and the next shows two forms. They wait for each
# other; what was typed is handled when the second cell ends.
AWAIT = """
for _ in range(600):
    if Path({!r}).exists():
        break
    print(end=".", flush=True)
    time.sleep(0.05)
"""
RUN_CELLS = [
    "from pathlib import Path\nimport time\nimport ipykernel\n"
    "Path('kernel').write_text(ipykernel.get_connection_file())\n" + AWAIT.format("listening"),
    "{login}other = td.login(form=True)\n"
    "Path('fields').write_text(f'{{form.secret.model_id}} {{other.secret.model_id}}')\n"
    + AWAIT.format("typed"),
    "print(form.client)",
    "form",
    # All that the widgets hold is sent again, as a front end that comes later asks for it.
    "for widget in (*form.box.children, *other.box.children):\n    widget.send_state()",
]


# Each runs in.ipynb to out.ipynb, in the folder of both.
RUNNERS = {
    "nbclient": "import kernels, nbclient, nbformat; book = nbformat.read('in.ipynb', 4); "
    "nbclient.execute(book, store_widget_state={store}, config=kernels.own_sockets()); "
    "nbformat.write(book, 'out.ipynb')",
    "nbconvert": "import kernels; from nbconvert.nbconvertapp import NbConvertApp; "
    "NbConvertApp.launch_instance(['--execute', '--to=notebook', "
    "'--ExecutePreprocessor.store_widget_state={store}', '--output=out', 'in.ipynb'], "
    "config=kernels.own_sockets())",
    "papermill": "import kernels, papermill; papermill.execute_notebook('in.ipynb', 'out.ipynb', "
    "progress_bar=False, store_widget_state={store}, config=kernels.own_sockets())",
}


@pytest.mark.parametrize("store", [True, False], ids=["state stored", "state not stored"])
@pytest.mark.parametrize("by", RUNNERS)
def test_nothing_that_is_kept_of_a_notebook_holds_a_secret(jupyter_home, live_sandbox, by, store):
    sandbox, folder = live_sandbox(), jupyter_home / "work"
    folder.mkdir()
    cells = [cell.format(login=login_cell(sandbox, form=True)) for cell in RUN_CELLS]
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    book.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    nbformat.write(book, folder / "in.ipynb")
    runner = subprocess.Popen(
        [sys.executable, "-c", RUNNERS[by].format(store=store)],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(Path(kernels.__file__).parent)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    with runner, FrontEnd(folder, runner) as front_end:
        front_end.type(0, sandbox.client_secret, "submit")
        front_end.type(1, TYPED_ONLY, "typed")
        (folder / "typed").touch()
        _, said = runner.communicate(timeout=60)
        assert runner.returncode == 0, said

    ran = nbformat.read(folder / "out.ipynb", 4)
    assert "account='sandbox'" in ran.cells[2].outputs[0].text
    assert ("widgets" in ran.metadata) == store
    assert "application/vnd.jupyter.widget-view+json" in ran.cells[1].outputs[0].data
    for exporter in (NotebookExporter(), HTMLExporter()):
        text, _ = exporter.from_notebook_node(ran)
        (folder / f"exported{exporter.file_extension}").write_text(text)

    secrets = {sandbox.client_secret, TYPED_ONLY, *sandbox.secrets}
    assert len(secrets) >= 4, "a token is one, too"
    kinds = {message["msg_type"] for message in front_end.heard}
    assert {"comm_open", "comm_msg", "display_data"} <= kinds
    assert_clean("IOPub", json.dumps(front_end.heard, default=str), secrets)
    assert_files_clean(jupyter_home, secrets)


class FrontEnd:
    """A second front end of a kernel that a program runs; somebody types in it."""

    def __init__(self, folder, runner):
        self.heard = []
        self._folder, self._runner = folder, runner
        self._client = BlockingKernelClient(connection_file=self._written("kernel"))
        self._client.load_connection_file()
        self._client.start_channels()
        self.heard.append(self._client.get_iopub_msg(timeout=60))
        (folder / "listening").touch()
        self._fields = self._written("fields").split()

    def _written(self, name):
        """Return what a cell wrote into a file, once it did."""
        file = self._folder / name
        end = time.monotonic() + 60
        while not (file.exists() and file.read_text()):
            assert self._runner.poll() is None, self._runner.stderr.read()
            assert time.monotonic() < end
            time.sleep(0.05)
        return file.read_text()

    def _listen(self):
        with contextlib.suppress(queue.Empty):
            while True:
                self.heard.append(self._client.get_iopub_msg(timeout=0))

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
