"""The login where there is no notebook."""

from __future__ import annotations

import io
import os
import pty
import select
import subprocess
import sys

import pytest

import td_notebooks as td
from td_notebooks.errors import ConfigError, TokenError

ASK = """
import sys, td_notebooks as td
login = td.login(api_url=sys.argv[1], token_url=sys.argv[2])
print("client:", login.client)
login.client.close()
"""


def converse(arguments, answers):
    """Run a program in a terminal, answer its questions in turn; return what stood there."""
    upper, lower = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", ASK, *arguments],
        stdin=lower,
        stdout=lower,
        stderr=lower,
        start_new_session=True,
    )
    os.close(lower)
    shown = b""
    answers = list(answers)
    while select.select([upper], [], [], 30)[0]:
        try:
            more = os.read(upper, 1 << 16)
        except OSError:  # the other end is closed
            break
        shown += more
        if answers and shown.rstrip(b" ").endswith(b":") and not more.isspace():
            os.write(upper, answers.pop(0).encode() + b"\n")
    process.wait(60)
    os.close(upper)
    return shown.decode()


def test_in_a_terminal_the_questions_come_one_by_one(start_sandbox):
    sandbox = start_sandbox()
    answers = [sandbox.account, "", sandbox.client_id, sandbox.client_secret]
    shown = converse([sandbox.api_url, sandbox.token_url], answers)
    assert "client: <Talkdesk account='sandbox' region='us'>" in shown
    assert sandbox.client_secret not in shown


def test_answers_of_a_person(start_sandbox, monkeypatch):
    sandbox = start_sandbox()
    asked = []

    def answer(question):
        asked.append(question)
        return ""

    monkeypatch.setattr("td_notebooks.widgets.way_to_ask", lambda: "prompt")
    monkeypatch.setattr("builtins.input", answer)
    monkeypatch.setattr("getpass.getpass", lambda question: f" {sandbox.client_secret} ")
    place = {"api_url": sandbox.api_url, "token_url": sandbox.token_url}
    login = td.login(account="sandbox", client_id=sandbox.client_id, **place)
    assert login.client.account.name == "sandbox" and "[sandbox]" in asked[0]
    login.client.close()
    monkeypatch.setattr("getpass.getpass", lambda question: "wrong")
    with pytest.raises(TokenError):
        td.login(account="sandbox", client_id=sandbox.client_id, **place)


@pytest.mark.parametrize("stdin", [None, io.StringIO()])
@pytest.mark.parametrize("form", [None, False])
def test_where_nobody_answers_the_error_names_the_variables(stdin, form, monkeypatch):
    monkeypatch.setattr("sys.stdin", stdin)
    with pytest.raises(ConfigError, match=r"Set TALKDESK_ACCOUNT, .*TALKDESK_CLIENT_SECRET"):
        td.login(form=form)


def test_an_end_of_input_is_nobody(monkeypatch):
    def end(question):
        raise EOFError

    monkeypatch.setattr("td_notebooks.widgets.way_to_ask", lambda: "prompt")
    monkeypatch.setattr("builtins.input", end)
    with pytest.raises(ConfigError, match="Nobody can fill in a login here"):
        td.login()
