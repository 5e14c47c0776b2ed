"""Every notebook runs top to bottom in the sandbox, quietly, and is kept without its outputs."""

from __future__ import annotations

import json
import re
from pathlib import Path

import nbformat
import pytest
from kernels import own_sockets
from nbclient import NotebookClient

pytestmark = pytest.mark.usefixtures("own_jupyter")

FOLDER = Path(__file__).parents[1] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
SECONDS = 120  # for a cell, on a machine with much else to do

# What the prose promises of the outputs in the sandbox, by cell.
PROMISES = {
    "00-connect-your-account": {
        "open": "exit code 0",
        "address": "give its name alone, 'acme'",
        "missing": "client_secret (or private_key with key_id) not found",
        "secret": "✗ token: No access token",
        "scope": "Invalid scope: data-reports:write",
        "connect": "(argument client_secret)",
    },
    "01-first-report": {
        "attrs": "drift: none",
        "service-level": "service level ",
        "agree": "100.0% of ",
        "save": "True s",
        "wait": "done, ",
    },
    "02-service-level": {
        "level": "; measured: service level ",
        "abandoned": "with them ",
    },
    "03-scheduled-export": {
        "file": "exit code 0",
        "sync": r"\tcalls\tdone\t",
        "again": "exit code 0",
        "ask": "mean_wait",
        "frame": " calls yesterday, ",
        "summary": "exit_code",
    },
    "04-staffing": {
        "shape": "image/png",
        "one": "Erlang C: ",
        "day": "image/png",
        "day-sum": " agent hours needed, ",
        "backtest": "seasonal",
        "rota": "image/png",
    },
    "05-data-quality": {
        "card": "9 checks passed",
        "spoil": "5 of 9 checks found something",
        "drift": "unknown columns, kept as text: weather",
        "gate": "do not publish",
    },
}

# Runs before the notebook: what sandboxes hand out in the kernel is written down as they close.
# Their jobs take less time, for nobody watches.
REMEMBER = """
import json
from td_notebooks.sandbox import Sandbox

def remembering_close(self, close=Sandbox.close):
    with open("handed-out.jsonl", "a") as file:
        file.write(json.dumps(sorted(self.secrets)) + "\\n")
    close(self)

Sandbox.close = remembering_close
Sandbox.__init__.__kwdefaults__["job_seconds"] = 0.2
"""


def each_notebook(test):
    return pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)(test)


def executed(path, folder):
    """Return the notebook with its outputs, and the secrets that were handed out meanwhile."""
    notebook = nbformat.read(path, as_version=4)
    notebook.cells.insert(0, nbformat.v4.new_code_cell(REMEMBER))
    resources = {"metadata": {"path": str(folder)}}
    NotebookClient(
        notebook, timeout=SECONDS, kernel_name="python3", resources=resources, config=own_sockets()
    ).execute()
    del notebook.cells[0]
    handed_out = folder / "handed-out.jsonl"
    lines = handed_out.read_text().splitlines()
    handed_out.unlink()
    return notebook, {secret for line in lines for secret in json.loads(line)}


def outputs(notebook):
    for cell in notebook.cells:
        yield from cell.get("outputs", ())


def test_there_is_a_first_notebook():
    assert [path.name[:3] for path in NOTEBOOKS[:2]] == ["00-", "01-"]


@each_notebook
def test_it_runs_quietly_and_keeps_secrets(path, tmp_path):
    notebook, secrets = executed(path, tmp_path)
    shown = list(outputs(notebook))
    assert shown
    assert not [output for output in shown if output.output_type == "error"]
    assert not [output.text for output in shown if output.get("name") == "stderr"]
    assert len(secrets) >= 3, "a sandbox was opened and closed"
    texts = {cell.id: str(cell.get("outputs")) for cell in notebook.cells}
    for cell, promise in PROMISES.get(path.stem, {}).items():
        assert promise in texts[cell]
    written = nbformat.writes(notebook)
    assert not [secret for secret in secrets if json.dumps(secret)[1:-1] in written]


@each_notebook
def test_what_its_prose_tells_to_type_exists(path):
    """Commands with their options, and settings, in the blocks between the cells."""
    import typer

    from td_notebooks.cli.app import app
    from td_notebooks.settings import NAMES, variable

    notebook = nbformat.read(path, as_version=4)
    prose = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    assert set(re.findall(r"TALKDESK_[A-Z_]+", prose)) <= {variable(name) for name in NAMES}
    for _, *words in map(str.split, re.findall(r"^td-notebooks .*$", prose, flags=re.MULTILINE)):
        command = typer.main.get_command(app)
        while words and words[0] in getattr(command, "commands", {}):
            command = command.commands[words.pop(0)]
        known = {option for parameter in command.params for option in parameter.opts}
        assert {word for word in words if word.startswith("-")} <= known, words


@each_notebook
def test_it_is_kept_as_a_clean_file(path):
    text = path.read_text(encoding="utf-8")
    notebook = nbformat.reads(text, as_version=4)
    nbformat.validate(notebook)
    assert notebook.metadata.kernelspec.name == "python3"
    assert len({cell.id for cell in notebook.cells}) == len(notebook.cells)
    for cell in notebook.cells:
        assert cell.metadata == {}
        if cell.cell_type == "code":
            assert cell.outputs == []
            assert cell.execution_count is None
    assert text == json.dumps(json.loads(text), indent=1, ensure_ascii=False, sort_keys=True) + "\n"
