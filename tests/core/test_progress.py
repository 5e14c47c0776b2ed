import fcntl
import io
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import types

import nbformat
import pytest
from kernels import own_sockets
from nbclient import NotebookClient

from td_notebooks import progress
from td_notebooks.progress import LogLines, Progress, Tally, TerminalLine, display_here, one_line
from td_notebooks.reports.events import (
    Downloaded,
    Finished,
    JobEvent,
    Loaded,
    Polled,
    QuotaFull,
    Submitted,
)
from td_notebooks.reports.state import JobState

WAY = [Submitted, Polled, Polled, Finished, Downloaded, Loaded]


def event(kind, window=1, windows=1, elapsed=0.0, status="processing", **more):
    return kind(JobState("calls", "7f", status), elapsed, window, windows, **more)


def tally_of(*events, until=Loaded):
    tally = Tally(until)
    for one in events:
        tally.add(one)
    return tally


# -- adding up -----------------------------------------------------------------------------------


def test_a_report_of_one_window():
    tally, shown = Tally(), []
    for number, kind in enumerate(WAY):
        more = {Downloaded: {"size": 12_345}, Loaded: {"rows": 4_321}}.get(kind, {})
        tally.add(event(kind, elapsed=number, **more))
        shown.append(str(tally))
    assert shown == [
        "calls ·   5% · processing · 0 s",
        "calls ·  20% · processing · 1 s",
        "calls ·  20% · processing · 2 s",
        "calls ·  60% · processing · 3 s",
        "calls ·  80% · 12 kB · processing · 4 s",
        "calls · 100% · 4,321 rows · 5 s",
    ]
    assert tally.complete


def test_windows_add_up_in_any_order_and_never_go_back():
    tally, shares = tally_of(event(QuotaFull, windows=3)), []
    assert str(tally) == "calls ·   0% · 0/3 windows · waiting for the account's quota · 0 s"
    for kind in WAY:
        for window in (3, 1, 2):
            tally.add(event(kind, window, 3))
            tally.add(event(Polled, window, 3))
            shares.append(tally.share)
    assert shares == sorted(shares) and tally.complete
    assert "3/3 windows" in str(tally)


def test_an_event_nobody_knows_counts_for_nothing():
    assert tally_of(event(JobEvent)).share == 0


def test_a_wait_ends_when_the_job_does():
    assert tally_of(event(Finished), until=Finished).complete
    assert not tally_of(event(Finished), until=Downloaded).complete


# -- one line ------------------------------------------------------------------------------------


@pytest.mark.parametrize("columns", [1, 2, 5, 10, 34, 37, 38, 40, 60, 80, 200])
def test_a_line_fits_any_terminal(columns):
    tally = tally_of(event(Polled))
    line = one_line(tally, columns)
    assert len(line) < columns
    assert str(tally).startswith(line.lstrip("━╌ "))
    if columns >= 60:
        assert line == "━━━━━╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌ " + str(tally)


class Terminal:
    """The upper end of a pseudo-terminal, and a text stream to its lower end."""

    def __init__(self, columns, encoding="utf-8"):
        self.upper, lower = pty.openpty()
        fcntl.ioctl(lower, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        self.stream = os.fdopen(lower, "w", encoding=encoding)

    def read(self):
        shown = b""
        while select.select([self.upper], [], [], 0.05)[0]:  # what is written arrives soon
            shown += os.read(self.upper, 1 << 16)
        return shown.decode(self.stream.encoding)

    def screen(self):
        """Return the lines as they stand, what was overwritten left out."""
        lines = []
        for text in self.read().split("\r\n"):
            line = ""
            for piece in text.split("\r"):
                line = piece + line[len(piece) :]
            lines.append(line.rstrip())
        return lines

    def close(self):
        self.stream.close()
        os.close(self.upper)


@pytest.fixture
def terminal(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    opened = []

    def open_terminal(columns=80, **more):
        opened.append(Terminal(columns, **more))
        monkeypatch.setattr(sys, "stderr", opened[-1].stream)
        return opened[-1]

    yield open_terminal
    for each in opened:
        each.close()


def test_a_terminal_has_one_line_that_ends_at_100_percent(terminal):
    place = terminal(60)
    with Progress() as bar:
        bar(event(QuotaFull, windows=2))
        for kind in WAY:
            for window in (1, 2):
                bar(event(kind, window, 2, **({"rows": 5} if kind is Loaded else {})))
    assert place.screen() == ["━" * 16 + " calls · 100% · 2/2 windows · 10 rows · 0 s", ""]


@pytest.mark.parametrize("columns", [10, 20, 33])
def test_a_narrow_terminal_never_wraps(terminal, columns):
    place = terminal(columns)
    with Progress() as bar:
        for kind in WAY:
            bar(event(kind))
    shown = place.read()
    assert shown.count("\n") == 1
    assert all(len(piece) < columns for piece in shown.replace("\n", "").split("\r"))


def test_a_terminal_that_becomes_narrower(terminal):
    place = terminal(80)
    with Progress() as bar:
        bar(event(Submitted))
        place.read()
        fcntl.ioctl(place.upper, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 20, 0, 0))
        bar(event(Polled))
        assert all(len(piece) < 20 for piece in place.read().split("\r"))


def test_a_terminal_that_does_not_know_its_width():
    class Stream(io.StringIO):
        encoding = "utf-8"

        def fileno(self):
            return os.open(os.devnull, os.O_WRONLY)

    stream = Stream()
    TerminalLine(stream).show(tally_of(event(Polled)))
    assert len(stream.getvalue()) == 1 + 24 + 1 + len("calls ·  20% · processing · 0 s")


def test_a_terminal_without_unicode(terminal):
    place = terminal(60, encoding="ascii")
    with Progress() as bar:
        bar(event(Polled))
    assert place.screen()[0] == "#####................... calls -  20% - processing - 0 s"


@pytest.mark.parametrize(
    ("error", "said"), [(KeyboardInterrupt, "interrupted"), (ValueError, "failed")]
)
def test_an_ended_run_says_so_and_leaves_the_line(terminal, error, said):
    place = terminal(80)
    with pytest.raises(error), Progress() as bar:
        bar(event(Polled))
        raise error
    line, rest = place.screen()
    assert line.endswith(f"calls ·  20% · {said} · 0 s") and rest == ""


def test_what_never_began_shows_nothing(terminal):
    place = terminal()
    with pytest.raises(ValueError), Progress():
        raise ValueError
    assert place.read() == ""


# -- logs ----------------------------------------------------------------------------------------


def test_a_log_has_a_line_for_every_tenth():
    stream = io.StringIO()
    display, tally = LogLines(stream, now=lambda: 0.0), Tally()
    for kind in WAY:
        for window in range(1, 11):
            tally.add(event(kind, window, 10))
            display.show(tally)
    display.close(tally)
    shares = [line.split("·")[1].strip() for line in stream.getvalue().splitlines()]
    # A display that looks at every event has at most a line for each tenth, and 0 %.
    assert len(shares) <= 11 and shares[-1] == "100%"
    assert len(set(shares)) == len(shares)


def test_a_log_has_a_line_every_half_minute():
    stream, now = io.StringIO(), [0.0]
    display, tally = LogLines(stream, now=lambda: now[0]), tally_of(event(Polled))
    for second in range(0, 100, 5):
        now[0] = second
        display.show(tally)
    assert len(stream.getvalue().splitlines()) == 4  # at 0, 30, 60 and 90 s
    display.close(tally)
    assert len(stream.getvalue().splitlines()) == 5  # how it ended


def test_stderr_that_is_no_terminal_is_a_log(capsys):
    with Progress() as bar:
        bar(event(Polled))
        bar(event(Loaded))
    out, err = capsys.readouterr()
    assert out == "" and err.splitlines() == [
        "calls ·  20% · processing · 0 s",
        "calls · 100% · 0 s",
    ]


# -- where it runs -------------------------------------------------------------------------------


def test_a_dumb_terminal_is_a_log(terminal, monkeypatch):
    place = terminal()
    assert isinstance(display_here(), TerminalLine)
    monkeypatch.setenv("TERM", "dumb")
    assert isinstance(display_here(place.stream), LogLines)


def test_without_stderr_nothing_is_shown(monkeypatch):
    closed = io.StringIO()
    closed.close()
    assert display_here(closed) is None
    monkeypatch.setattr(sys, "stderr", None)
    assert display_here() is None
    with Progress() as bar:
        bar(event(Loaded))


def test_ipython_in_a_terminal_is_no_notebook(monkeypatch):
    monkeypatch.setitem(sys.modules, "IPython", types.SimpleNamespace(get_ipython=lambda: None))
    assert not progress.in_notebook()
    monkeypatch.setitem(sys.modules, "IPython", types.SimpleNamespace())
    assert not progress.in_notebook()


def test_silence_when_asked(capsys):
    with Progress(False) as bar:
        bar(event(Loaded))
    assert capsys.readouterr() == ("", "")


# -- what fails ----------------------------------------------------------------------------------


def test_a_display_that_fails_is_given_up_with_one_warning(capfd):
    reader, writer = os.pipe()
    os.close(reader)
    stream = os.fdopen(writer, "w")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stderr", stream)
        bar = Progress()
    with pytest.warns(RuntimeWarning, match="not shown any more: BrokenPipeError") as caught, bar:
        for kind in WAY:
            bar(event(kind))
    assert len(caught) == 1
    with pytest.raises(BrokenPipeError):
        stream.close()


def test_a_callback_gets_every_event_and_what_it_raises_comes_out(
    start_sandbox, open_client, capsys
):
    client, seen = open_client(start_sandbox()), []
    client.report("calls", "2026-08-03", "2026-08-04", progress=seen.append)
    assert {type(one) for one in seen} == set(WAY) and capsys.readouterr() == ("", "")

    def stop(one):
        if isinstance(one, Submitted):
            raise LookupError("enough")

    with pytest.raises(LookupError, match="enough"):
        client.report("calls", "2026-08-03", "2026-08-04", progress=stop)


# -- a script ------------------------------------------------------------------------------------

SCRIPT = """
import sys
from td_notebooks.sandbox import CentreSettings, Sandbox
import td_notebooks as td

place = Sandbox(centre=CentreSettings(calls_per_day=12, agents=4), job_seconds=0.6).start()
with td.connect(sandbox=place) as client:
    print(len(client.report("calls", "2026-07-30", "2026-08-03")))
"""
DONE = re.compile("calls · 100% · 2/2 windows · [0-9]+ rows · [0-9]+ s")


def test_a_script_in_a_terminal(terminal, tmp_path):
    place = terminal(70)
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    done = subprocess.run(
        [sys.executable, script], stdout=subprocess.PIPE, stderr=place.stream, timeout=60
    )
    assert done.returncode == 0 and int(done.stdout) > 0
    shown = place.read()
    assert shown.count("\r\n") == 1 and shown.endswith("\r\n"), "one line, then the next is free"
    states = [piece.strip(" ━╌") for piece in shown.split("\r") if piece.strip()]
    assert len(set(states)) >= 4 and DONE.fullmatch(states[-1])
    assert "20%" in shown


def test_a_script_under_cron(tmp_path):
    """Cron gives a poor environment and no terminal, and mails what is written."""
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    line = f"'{sys.executable}' '{script}' >out 2>mail </dev/null"
    poor = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "SHELL": "/bin/sh", "LANG": "C"}
    subprocess.run(["/bin/sh", "-c", line], env=poor, cwd=tmp_path, check=True, timeout=60)
    assert int((tmp_path / "out").read_text()) > 0
    mail = (tmp_path / "mail").read_text(encoding="utf-8")
    assert not set(mail) & {"\r", "\x1b", "━"}
    lines = mail.splitlines()
    assert 2 <= len(lines) <= 11 and DONE.fullmatch(lines[-1])


# -- a notebook ----------------------------------------------------------------------------------

CELL = """
from td_notebooks.sandbox import CentreSettings, Sandbox
import td_notebooks as td
place = Sandbox(centre=CentreSettings(calls_per_day=12, agents=4), job_seconds=0.6).start()
with td.connect(sandbox=place) as client:
    calls = client.report("calls", "2026-07-30", "2026-08-03")
"""
FAILING_CELL = """
with td.connect(sandbox=place) as client:
    def stop(*_): raise KeyboardInterrupt
    job = client.submit("calls", "2026-08-03", "2026-08-04")
    from td_notebooks.progress import Progress
    with Progress() as bar:
        job.wait(on_update=lambda event: (bar(event), stop()))
"""


class Watching(NotebookClient):
    """A notebook client that keeps count of what the kernel says."""

    def process_message(self, message, *place):
        self.said = [*getattr(self, "said", []), message["msg_type"]]
        return super().process_message(message, *place)


def test_a_notebook_has_one_display_which_ends_in_the_final_state(tmp_path, own_jupyter):
    cells = [nbformat.v4.new_code_cell(source) for source in (CELL, FAILING_CELL)]
    book = nbformat.v4.new_notebook(cells=cells)
    client = Watching(
        book,
        kernel_name="python3",
        timeout=60,
        allow_errors=True,
        resources={"metadata": {}},
        config=own_sockets(),
    )
    client.execute(cwd=str(tmp_path))
    nbformat.write(book, tmp_path / "saved.ipynb")
    done, interrupted = nbformat.read(tmp_path / "saved.ipynb", 4).cells
    (display,) = done.outputs
    assert display.output_type == "display_data"
    assert 'progress value="1.000"' in display.data["text/html"]
    assert display.data["text/plain"].startswith("calls · 100% · 2/2 windows · ")
    assert client.said.count("display_data") == 2  # one for each cell
    assert client.said.count("update_display_data") >= 3
    display, error = interrupted.outputs
    assert "· interrupted ·" in display.data["text/plain"]
    assert error.ename == "KeyboardInterrupt"


def test_the_bar_is_not_updated_too_often(monkeypatch):
    shown = []

    class Handle:
        def update(self, bundle, *, raw):
            shown.append(bundle["text/plain"])

    def display(bundle, *, raw, display_id):
        shown.append(bundle["text/plain"])
        return Handle()

    monkeypatch.setattr("IPython.display.display", display)
    shell = types.SimpleNamespace(kernel=object())
    monkeypatch.setattr("IPython.get_ipython", lambda: shell)
    with Progress() as bar:
        for _ in range(1000):
            bar(event(Polled))
        bar(event(Loaded, rows=7))
    assert len(shown) <= 3 and shown[-1] == "calls · 100% · 7 rows · 0 s"
