"""The forms in Notebook and Voila; the progress display wherever a notebook can end up."""

from __future__ import annotations

import re

import nbformat
import papermill
import pytest
from nbconvert import HTMLExporter
from open_notebook import picture, write
from playwright.sync_api import expect

LOGIN = """import td_notebooks as td
form = td.login(api_url="{0.api_url}", token_url="{0.token_url}")"""
EXPLORE = """import td_notebooks as td
explorer = td.connect(account="{0.account}", client_id="{0.client_id}",
    client_secret=open("secret.txt").read(), api_url="{0.api_url}",
    token_url="{0.token_url}").explore()"""
REPORT = """import td_notebooks as td
from td_notebooks.sandbox import CentreSettings, Sandbox
place = Sandbox(centre=CentreSettings(calls_per_day=12, agents=4), job_seconds={seconds}).start()
client = td.connect(sandbox=place)
calls = client.report("calls", "2026-07-30", "2026-08-03")"""
# Its pages ask for these with and without widgets, and do without them.
VOILA_ITSELF = re.compile("/@fortawesome/fontawesome-free@|/mathjax/")
DONE = re.compile(r"calls · 100% · 2/2 windows · [0-9]+ rows · [0-9]+ s")


def use_the_forms(form, explorer, sandbox):
    """Log in with one form, the wrong way first, and pull a report with the other."""
    form.get_by_label("Account").fill("sandbox")
    form.get_by_label("Client id").fill(sandbox.client_id)
    form.get_by_label("Client secret").fill("the-wrong-secret")
    form.get_by_role("button", name="Log in").click()
    expect(form.get_by_role("alert")).to_contain_text("Bad client credentials")
    form.get_by_label("Client secret").fill(sandbox.client_secret)
    form.get_by_label("Client secret").press("Enter")
    expect(form.get_by_role("status")).to_contain_text("Logged in to sandbox")
    expect(form.get_by_label("Client secret")).to_have_value("")
    explorer.get_by_label("Time zone").fill("Europe/Lisbon")
    explorer.get_by_label("Time zone").press("Enter")
    expect(explorer.get_by_role("progressbar")).to_have_attribute("value", "1.000")
    expect(explorer.get_by_text(re.compile("[0-9] rows, [0-9]+ columns"))).to_be_visible()


@pytest.fixture
def with_secret(live_sandbox, lab):
    """Start a sandbox whose secret stands in a file beside the notebooks."""
    sandbox = live_sandbox()
    file = lab[1] / "secret.txt"
    file.write_text(sandbox.client_secret)
    yield sandbox
    file.unlink()


def test_the_forms_in_notebook(open_notebook, with_secret):
    cells = LOGIN.format(with_secret), EXPLORE.format(with_secret)
    notebook = open_notebook(*cells, place="notebook")
    form, explorer = notebook.run(0), notebook.run(1)
    use_the_forms(form, explorer, with_secret)
    picture(notebook.page, "notebook-7")


def test_the_forms_in_voila(open_page, lab, with_secret):
    url, folder = lab
    write(folder / "voila.ipynb", LOGIN.format(with_secret), EXPLORE.format(with_secret))
    page = open_page(may_ask=VOILA_ITSELF)
    page.goto(f"{url}/voila/render/voila.ipynb")
    form, explorer = page.locator(".td-form").nth(0), page.locator(".td-form").nth(1)
    use_the_forms(form, explorer, with_secret)
    picture(page, "voila")


def test_progress_moves_and_is_there_when_the_notebook_is_opened_again(open_notebook):
    lab = open_notebook(REPORT.format(seconds=2.0))
    output = lab.run(0)
    bar = output.get_by_role("progressbar")
    expect(bar).to_have_attribute("value", re.compile("0[.]2"))
    expect(output).to_contain_text(re.compile("calls · +[267]0% · [01]/2 windows · [a-z]+"))
    expect(bar).to_have_attribute("value", re.compile("0[.][6-9]|1[.]0"))
    expect(output).to_contain_text(DONE)
    lab.pictures(output, "progress")
    expect(bar).to_have_count(1)  # one display, however often it changed
    lab.save()
    lab.open()
    expect(bar).to_have_attribute("value", "1.000")
    expect(output).to_contain_text(DONE)


@pytest.fixture(scope="module")
def from_papermill(tmp_path_factory):
    """Run a notebook by papermill; return the path of its output."""
    folder = tmp_path_factory.mktemp("papermill")
    write(folder / "in.ipynb", REPORT.format(seconds=0.2))
    papermill.execute_notebook(
        folder / "in.ipynb", folder / "out.ipynb", cwd=folder, progress_bar=False
    )
    return folder / "out.ipynb"


def test_progress_in_what_papermill_wrote(from_papermill):
    (cell,) = nbformat.read(from_papermill, 4).cells
    (display,) = cell.outputs
    assert display.output_type == "display_data"
    assert 'value="1.000"' in display.data["text/html"]
    assert DONE.fullmatch(display.data["text/plain"])


def test_progress_in_an_untrusted_copy(open_notebook, from_papermill):
    # What another machine wrote is not signed here; it is shown without its scripts and forms.
    opened = open_notebook(copy_of=from_papermill)
    trusted = "() => window.jupyterapp.shell.currentWidget.content.model.cells.get(0).trusted"
    assert opened.page.evaluate(trusted) is False
    output = opened.output(0)
    expect(output.get_by_role("progressbar")).to_have_attribute("value", "1.000")
    expect(output).to_contain_text(DONE)
    opened.pictures(output, "progress-untrusted")


def test_progress_in_exported_html(browser, from_papermill):
    text, _ = HTMLExporter().from_filename(str(from_papermill))
    page = browser.new_page()
    # A page of nbconvert's asks for MathJax elsewhere; without a network it must look the same.
    page.route(re.compile("^(?!data:|blob:|about:)"), lambda route: route.abort())
    page.set_content(text, wait_until="domcontentloaded")
    bar = page.get_by_role("progressbar")
    expect(bar).to_have_attribute("value", "1.000")
    expect(page.get_by_text(DONE)).to_be_visible()
    picture(page.locator(".jp-OutputArea").first, "progress-html")
    page.close()
