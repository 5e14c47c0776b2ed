"""The form that pulls a report: type, dates, zone, columns; progress and a way to stop.

The report runs on another thread, so the kernel stays free for other cells meanwhile. Cancelling
ends it as ■ ends one in a cell.
"""

from __future__ import annotations

import json
import re
import time
from concurrent.futures import Future
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import available_timezones

import ipywidgets as widgets

from ..clock import StoppableClock
from ..errors import ConfigError, TalkdeskError
from ..progress import Tally
from ..reports.events import JobEvent
from ..reports.schemas import report_types, schema
from ..timespan import zone
from ..views import bar_html, code_html, note_html, preview_html, problem_html
from .background import in_background
from .form import BESIDE_LABELS, LAST_PORTION, Form, described, field, hide

if TYPE_CHECKING:
    import pandas as pd

    from ..client import Talkdesk

PRESETS = ("Yesterday", "Last 7 days", "Last 30 days", "This month", "Last month")
_PLACE = re.compile("(Africa|America|Antarctica|Asia|Atlantic|Australia|Europe|Indian|Pacific)/")
_OWN_DATES = "Own dates"
_SHORTEST_BETWEEN_UPDATES = 0.1


def preset_dates(preset: str, today: date) -> tuple[date, date]:
    """Return the dates ``[start, end)`` of one of `PRESETS`.

    Parameters
    ----------
    preset : str
    today : date
        In the zone the dates are meant in. No preset but "This month" includes it.
    """
    first = today.replace(day=1)
    day = timedelta(days=1)
    return {
        "Yesterday": (today - day, today),
        "Last 7 days": (today - 7 * day, today),
        "Last 30 days": (today - 30 * day, today),
        "This month": (first, today + day),
        "Last month": ((first - day).replace(day=1), first),
    }[preset]


def report_code(
    report_type: str,
    start: date | None,
    end: date | None,
    timezone: str,
    columns: tuple[str, ...] = (),
) -> str:
    """Return the line of code that pulls a report.

    Parameters
    ----------
    report_type : str
    start, end : date or None
    timezone : str
    columns : tuple of str
        What is kept of it; all if there are none.
    """
    arguments = [_quoted(report_type), _quoted(str(start)), _quoted(str(end))]
    if timezone != "UTC":
        arguments.append(f"timezone={_quoted(timezone)}")
    kept = f"[[{', '.join(map(_quoted, columns))}]]" if columns else ""
    return f"client.report({', '.join(arguments)}){kept}"


def zone_names() -> tuple[str, ...]:
    """Return the names of time zones that people use."""
    return ("UTC", *sorted(name for name in available_timezones() if _PLACE.match(name)))


def matching_types(words: str) -> list[str]:
    """Return the report types whose name or description has all of some words.

    Parameters
    ----------
    words : str
        Parts of words do, in any case.
    """
    wanted = words.lower().split()

    def described(name: str) -> str:
        known = schema(name)
        return f"{name} {known.title} {known.row or ''}".lower()

    return [name for name in report_types() if wanted and all(w in described(name) for w in wanted)]


class ReportForm(Form):
    """Pulls reports through a connection.

    Parameters
    ----------
    client : Talkdesk

    Attributes
    ----------
    report_type, preset, start, end, timezone, columns : ipywidgets widgets
    run, cancel, show_code : ipywidgets widgets
    about, progress, message, preview, code : ipywidgets.HTML
    """

    def __init__(self, client: Talkdesk) -> None:
        super().__init__()
        self._client = client
        self._result: Future[pd.DataFrame] | None = None
        self._clock = StoppableClock(client.transport.clock)
        self._tally = Tally()
        self._shown_at = 0.0
        self._presetting = False
        self.report_type = field(
            widgets.Combobox,
            "Report",
            options=report_types(),
            value="calls",
            placeholder="its name, or words of its description",
        )
        self.about = widgets.HTML(layout=widgets.Layout(margin=BESIDE_LABELS))
        self.preset = field(
            widgets.Dropdown, "Dates", options=(*PRESETS, _OWN_DATES), value="Last 7 days"
        )
        self.start = field(widgets.DatePicker, "From")
        self.end = field(widgets.DatePicker, "To, excluded")
        self.timezone = field(widgets.Combobox, "Time zone", options=zone_names(), value="UTC")
        self.columns = field(widgets.SelectMultiple, "Columns (all)", rows=5)
        self.run = widgets.Button(description="Run", button_style="primary")
        self.cancel = widgets.Button(description="Cancel", disabled=True)
        self.show_code = widgets.ToggleButton(description="Show me the code")
        beside = widgets.Layout(margin=BESIDE_LABELS)
        self.code = widgets.HTML(layout=beside)
        self.progress = widgets.HTML(layout=beside)
        self.message = widgets.HTML(layout=beside)
        self.preview = widgets.HTML()
        buttons = widgets.HBox(
            [self.run, self.cancel, self.show_code], layout=widgets.Layout(margin="2px 116px")
        )
        below = (self.code, self.progress, self.message, self.preview)
        self.fill(*self._inputs[:1], self.about, *self._inputs[1:], buttons, *below)
        self.report_type.observe(lambda change: self._describe(), "value")
        self.preset.observe(lambda change: self._use_preset(), "value")
        self.timezone.observe(lambda change: self._use_preset(), "value")
        for date_field in (self.start, self.end):
            date_field.observe(lambda change: self._notice_own_dates(), "value")
        for each in (*self._inputs, self.show_code):
            each.observe(lambda change: self._write_code(), "value")
        self.run.on_click(lambda button: self.submit())
        self.cancel.on_click(lambda button: self.stop())
        self.submit_on_enter(self.report_type, self.timezone)
        self._describe()
        self._use_preset()
        self._write_code()

    def __repr__(self) -> str:
        return f"<ReportForm of account {self._client.account.name!r}>"

    @property
    def frame(self) -> pd.DataFrame:
        """The frame of the last run; one under way is waited for, and ■ ends the waiting only.

        Raises
        ------
        ConfigError
            Nothing was run yet, or it was cancelled.
        TalkdeskError
            The run failed.
        """
        if self._result is None:
            raise ConfigError("There is no frame yet.", hint="Press Run in the form first.")
        if (error := self._result.exception()) is not None:
            if isinstance(error, KeyboardInterrupt):
                raise ConfigError("The run was cancelled.", hint="Press Run in the form again.")
            raise error
        return self._result.result()

    def submit(self) -> None:
        """Pull the report; what pressing Run does."""
        if self.run.disabled:
            return
        self._allow(False)
        self._tally = Tally()
        self._clock = StoppableClock(self._client.transport.clock)
        self.preview.value = self.progress.value = ""
        self.message.value = note_html("Running…")
        self._result = in_background(self._pull, name="td-report")

    def stop(self) -> None:
        """End the run; what pressing Cancel does. Its jobs go on at Talkdesk."""
        self.cancel.disabled = True
        self.message.value = note_html("Cancelling…")
        self._clock.stop()  # last: the run's own last word may come at once

    def _pull(self) -> pd.DataFrame:
        from ..metrics import quality  # with it comes numpy

        try:
            time.sleep(LAST_PORTION)
            if self.start.value is None or self.end.value is None:
                raise ConfigError("Please give both dates.")
            report_type, timezone = self.report_type.value.strip(), self.timezone.value.strip()
            frame = self._client.with_clock(self._clock).report(
                report_type,
                self.start.value,
                self.end.value,
                timezone=timezone,
                progress=self._show_progress,
            )
            card = quality(
                frame, report_type, start=self.start.value, end=self.end.value, timezone=timezone
            )
            if self.columns.value:
                frame = frame[list(self.columns.value)]
            self.preview.value = preview_html(frame, card)
        except KeyboardInterrupt as stopped:
            notes = getattr(stopped, "__notes__", ())
            self.message.value = note_html(" ".join(["Cancelled.", *notes]))
            raise
        except Exception as error:
            self.message.value = problem_html(described(error))
            raise
        else:
            self.message.value = note_html("✔ The next cells use it as the form's .frame.")
            return frame
        finally:
            if self._tally.begun:
                self.progress.value = bar_html(self._tally)
            self._allow(True)

    def _show_progress(self, event: JobEvent) -> None:
        self._tally.add(event)
        now = time.monotonic()
        if now - self._shown_at >= _SHORTEST_BETWEEN_UPDATES:
            self._shown_at = now
            self.progress.value = bar_html(self._tally)

    @property
    def _inputs(self) -> tuple[Any, ...]:
        return (
            self.report_type,
            self.preset,
            self.start,
            self.end,
            self.timezone,
            self.columns,
        )

    def _allow(self, allowed: bool) -> None:
        self.run.disabled = not allowed
        self.cancel.disabled = allowed
        for each in self._inputs:
            each.disabled = not allowed

    def _describe(self) -> None:
        """Say what the chosen report is, and offer its columns."""
        wanted = self.report_type.value.strip()
        try:
            known = schema(wanted)
        except ConfigError as error:
            found = matching_types(wanted)
            said = f"Reports about that: {', '.join(found)}." if found else str(error)
            said = said if wanted else "Type a report's name, or words of its description."
            self.about.value, self.columns.options = note_html(said), ()
            return
        row = f": one row is {known.row}." if known.row else "."
        self.about.value = note_html(known.title + row)
        self.columns.options = tuple(column.name for column in known.columns)
        hide(self.columns, not known.columns)

    def _use_preset(self) -> None:
        if self.preset.value == _OWN_DATES:
            return
        try:
            here = zone(self.timezone.value.strip())
        except TalkdeskError:
            return  # Run says so
        today = datetime.fromtimestamp(self._client.transport.clock.time(), here).date()
        start, end = preset_dates(self.preset.value, today)
        self._presetting = True
        self.start.value, self.end.value = start, end
        self._presetting = False

    def _notice_own_dates(self) -> None:
        if not self._presetting:
            self.preset.value = _OWN_DATES

    def _write_code(self) -> None:
        shown = self.show_code.value
        code = report_code(
            self.report_type.value.strip(),
            self.start.value,
            self.end.value,
            self.timezone.value.strip(),
            tuple(self.columns.value),
        )
        self.code.value = code_html(code) if shown else ""


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
