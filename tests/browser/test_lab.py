"""What a person does with the forms in JupyterLab."""

from __future__ import annotations

import json
import re
import time
from contextlib import suppress

import pytest
from left_behind import traces
from playwright.sync_api import expect

LOGIN = """import td_notebooks as td
form = td.login(api_url="{0.api_url}", token_url="{0.token_url}")"""
CONNECT = "import td_notebooks as td\nclient = td.connect()"
TYPED_ONLY = "typed-but-never-sent-to-talkdesk"
STATE = "application/vnd.jupyter.widget-state+json"


def dotenv(sandbox):
    return "".join(f"{name}={value}\n" for name, value in sandbox.environment.items())


def files_with(secrets, folder):
    """Return the files of the server that hold a secret: notebook, checkpoint, history, log, …"""
    paths = [path for path in folder.rglob("*") if path.is_file()]
    assert {"history.sqlite", "lab.log"} <= {path.name for path in paths}
    assert any("-checkpoint" in path.name for path in paths)
    wanted = [trace for secret in secrets for trace in traces(secret)]

    def holds_one(path):
        with suppress(FileNotFoundError):  # what JupyterLab writes while it saves does not stay
            data = path.read_bytes()
            return any(trace in data for trace in wanted)

    return list(filter(holds_one, paths))


def test_log_in_run_a_report_save_and_reopen(open_notebook, live_sandbox):
    sandbox = live_sandbox(job_seconds=1.0)
    lab = open_notebook(
        LOGIN.format(sandbox),
        "explorer = form.client.explore()",
        "print(len(explorer.frame), 'calls')",
        "td.login()",
    )
    form = lab.run(0)
    form.get_by_label("Account").fill("sandbox")
    form.get_by_label("Client id").fill(sandbox.client_id)
    form.get_by_label("Client secret").fill("the-wrong-secret")
    form.get_by_role("button", name="Log in").click()
    expect(form.get_by_role("alert")).to_contain_text("Bad client credentials")
    lab.pictures(form, "login-refused")

    form.get_by_label("Client secret").fill(sandbox.client_secret)
    lab.page.keyboard.press("Enter")
    expect(form.get_by_role("status")).to_contain_text("Logged in to sandbox")
    expect(form.get_by_label("Client secret")).to_have_value("")
    lab.pictures(form, "login")

    explorer = lab.run(1)
    bar = explorer.get_by_role("progressbar")
    explorer.get_by_role("button", name="Run").click()
    expect(bar).to_have_attribute("value", re.compile("0.[1-9]"))
    expect(explorer.get_by_role("button", name="Run")).to_be_disabled()
    expect(bar).to_have_attribute("value", "1.000")
    expect(explorer.get_by_text(re.compile("[0-9] rows, [0-9]+ columns"))).to_be_visible()
    explorer.get_by_role("button", name="Show me the code").click()
    expect(explorer.locator("pre")).to_contain_text('client.report("calls"')
    lab.pictures(explorer, "explore")
    expect(lab.run(2)).to_contain_text(re.compile("[0-9]+ calls"))
    other = lab.run(3)
    other.get_by_label("Client secret").fill(TYPED_ONLY)
    lab.page.keyboard.press("Tab")

    secrets = {sandbox.client_secret, "the-wrong-secret", TYPED_ONLY, *sandbox.secrets}
    saved = lab.save()
    assert "widgets" not in json.loads(saved)["metadata"]
    assert not files_with(secrets, lab.path.parents[1])
    lab.command("@jupyter-widgets/jupyterlab-manager:saveWidgetState")
    lab.page.wait_for_timeout(500)  # until the setting is one
    saved = lab.save()
    assert "state" in json.loads(saved)["metadata"]["widgets"][STATE]
    assert not files_with(secrets, lab.path.parents[1])

    lab.open()
    expect(lab.output(2)).to_contain_text(re.compile("[0-9]+ calls"))
    expect(lab.output(1)).to_contain_text("calls · 100%")
    expect(lab.output(0)).to_contain_text("Logged in to sandbox")


def test_a_keyboard_is_enough(open_notebook, live_sandbox):
    sandbox = live_sandbox()
    lab = open_notebook(LOGIN.format(sandbox), LOGIN.format(sandbox))
    form = lab.run(0)
    keyboard = lab.page.keyboard
    form.get_by_label("Region").focus()
    for text in ("", "sandbox", "", sandbox.client_id):
        keyboard.type(text)
        keyboard.press("Tab")
    expect(form.get_by_label("Client secret")).to_be_focused()
    keyboard.type("typed and wrong")
    keyboard.press("Tab")  # the checkbox cannot be used without a keyring
    expect(form.get_by_role("button", name="Log in")).to_be_focused()
    keyboard.press("Enter")
    expect(form.get_by_role("alert")).to_contain_text("Bad client credentials")
    expect(form.get_by_label("Client secret")).to_be_enabled()
    form.get_by_label("Client secret").focus()
    keyboard.press("Control+a")
    keyboard.type(sandbox.client_secret)
    keyboard.press("Enter")
    expect(form.get_by_role("status")).to_contain_text("Logged in to sandbox")

    # Enter right after typing takes every letter, in a field of ipywidgets' too.
    form = lab.run(1)
    form.get_by_label("Account").fill("sandbox")
    form.get_by_label("Client secret").fill(sandbox.client_secret)
    form.get_by_label("Client id").click()
    keyboard.type(sandbox.client_id)
    keyboard.press("Enter")
    expect(form.get_by_role("status")).to_contain_text("Logged in to sandbox")


def test_a_private_key_from_a_file_in_the_dark(open_notebook, live_sandbox):
    sandbox = live_sandbox()
    key = {"name": "k.pem", "mimeType": "text/plain", "buffer": sandbox.private_key.encode()}
    lab = open_notebook(LOGIN.format(sandbox))
    form = lab.run(0)
    form.get_by_label("Account").fill("sandbox")
    form.get_by_label("Client id").fill(sandbox.client_id)
    form.get_by_label("Proof").select_option("Private key")
    form.get_by_label("Key id").fill(sandbox.key_id)
    form.get_by_label("Private key: file on this computer").set_input_files(key)
    expect(form.get_by_label("Private key", exact=True)).to_have_value(re.compile("BEGIN"))
    lab.pictures(form, "login-key")
    form.get_by_role("button", name="Log in").click()
    expect(form.get_by_role("status")).to_contain_text("Logged in to sandbox")


@pytest.fixture
def slow_lab(open_notebook, live_sandbox, lab):
    """Open a notebook that is connected to a Talkdesk whose jobs take an hour."""
    sandbox = live_sandbox(job_seconds=3600)
    settings = lab[1] / ".env"
    settings.write_text(dotenv(sandbox))

    def open_one(*cells):
        opened = open_notebook(CONNECT, *cells)
        opened.run(0)
        return opened

    yield open_one
    settings.unlink()


def test_cancel_ends_a_report(slow_lab):
    lab = slow_lab("explorer = client.explore()", "explorer.frame", "client.jobs('calls')")
    explorer = lab.run(1)
    explorer.get_by_role("button", name="Run").click()
    expect(explorer.get_by_role("progressbar")).to_have_attribute("value", re.compile("0.2"))
    lab.pictures(explorer, "explore-running")
    explorer.get_by_role("button", name="Cancel").click()
    expect(explorer.get_by_text(re.compile("Cancelled. It goes on at Talkdesk"))).to_be_visible()
    expect(explorer.get_by_role("button", name="Run")).to_be_enabled()
    expect(lab.run(2)).to_contain_text("The run was cancelled")
    jobs = lab.run(3)
    expect(jobs.get_by_role("row")).to_have_count(3)  # the heads, the job, the way back to it
    lab.pictures(jobs, "jobs")


def test_wait_for_a_job_download_it_and_delete_it(open_notebook, live_sandbox, lab):
    sandbox = live_sandbox(job_seconds=2.0)
    (lab[1] / ".env").write_text(dotenv(sandbox))
    lab = open_notebook(
        CONNECT + "\njob = client.submit('calls', '2026-08-03', '2026-08-05')\n"
        "client.submit('calls', '2026-08-05', '2026-08-06')",
        "view = client.jobs('calls').watch()",
        "job",
    )
    lab.run(0)
    table = lab.run(1)
    expect(table.get_by_text("done")).to_have_count(2)  # it keeps itself up to date
    lab.pictures(table, "jobs-view")
    table.get_by_role("button", name="Download").last.click()
    expect(table.get_by_role("status")).to_contain_text("Saved calls-2026-08-03-2026-08-05-")
    expect(table.get_by_text("kB")).to_have_count(2)  # in the row and in the message
    (saved,) = lab.path.parent.glob("calls-*.json")
    assert "entries" in json.loads(saved.read_text())
    saved.unlink()
    table.get_by_role("button", name="Delete").last.click()
    sure = table.get_by_role("button", name="Sure?")
    lab.pictures(table, "jobs-view-sure")
    sure.press("Enter")
    expect(table.get_by_role("status")).to_contain_text("deleted at Talkdesk")
    expect(table.get_by_role("button", name="Delete").last).to_be_disabled()
    (lab.path.parent / ".env").unlink()


def test_interrupt_ends_a_report(slow_lab):
    lab = slow_lab("client.report('calls', '2026-08-03', '2026-08-04')")
    output = lab.run(1)
    expect(output.get_by_role("progressbar")).to_have_attribute("value", re.compile("0.2"))
    lab.page.get_by_role("button", name="Interrupt the kernel").click()
    began = time.monotonic()
    expect(output).to_contain_text("KeyboardInterrupt")
    assert time.monotonic() - began < 3  # the traceback has come all the way
    expect(output).to_contain_text("It goes on at Talkdesk: client.job('calls', '")
    expect(output).to_contain_text("interrupted")
