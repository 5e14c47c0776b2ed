"""Where a person can be asked, and where a form is shown."""

from __future__ import annotations

import io
import sys
import types

import pytest

from td_notebooks.widgets import LoginForm
from td_notebooks.widgets.form import Form
from td_notebooks.widgets.place import cell_number, way_to_ask


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def shell(monkeypatch):
    """Stand in for the shell of a kernel, in its third cell."""
    request = {}
    kernel = types.SimpleNamespace(get_parent=lambda channel: {"content": request})
    shell = types.SimpleNamespace(kernel=kernel, execution_count=3, request=request)
    module = types.SimpleNamespace(get_ipython=lambda: shell)
    monkeypatch.setitem(sys.modules, "IPython", module)
    return shell


def test_a_notebook_somebody_looks_at(shell, monkeypatch):
    assert way_to_ask() == "form"
    shell.request["allow_stdin"] = True
    assert way_to_ask() == "form"
    shell.request["allow_stdin"] = False
    assert way_to_ask() == "nobody"
    monkeypatch.setenv("SERVER_SOFTWARE", "voila/0.5.8")
    assert way_to_ask() == "form"


def test_a_terminal_and_a_pipe(monkeypatch):
    monkeypatch.setitem(sys.modules, "IPython", None)
    for stdin, way in ((Terminal(), "prompt"), (io.StringIO(), "nobody"), (None, "nobody")):
        monkeypatch.setattr("sys.stdin", stdin)
        assert way_to_ask() == way
    assert cell_number() is None


def test_a_cell_shows_a_form_once(shell, monkeypatch):
    shown = []
    monkeypatch.setattr("td_notebooks.widgets.form.display", shown.append)
    form = Form()
    form.show()
    form._ipython_display_()
    assert shown == [form.box]
    shell.execution_count = 4
    form._ipython_display_()
    assert shown == [form.box] * 2


@pytest.mark.parametrize("kind", [Form, LoginForm])
def test_where_no_widget_can_be_shown_a_line_says_what_to_do(kind):
    text = kind().box._repr_mimebundle_()["text/plain"]
    assert text == kind.WORDS, "it is not cut off"
    assert "run its cell again" in text or "td.login(form=False)" in text


def test_where_there_are_no_cells_nothing_is_shown(monkeypatch):
    monkeypatch.setitem(sys.modules, "IPython", None)
    monkeypatch.setattr("td_notebooks.widgets.form.display", None)  # would fail
    Form().show()
