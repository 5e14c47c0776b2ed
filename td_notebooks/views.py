"""What a notebook shows of jobs and frames: HTML that needs neither a kernel nor a widget.

Everything that comes from Talkdesk is escaped. Colours are those of the page, so that it reads
well in light and dark themes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, time
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

    from .metrics.quality import Finding, QualityCard
    from .progress import Tally
    from .reports.state import JobState

_ROWS = 5
_LONGEST_VALUE = 60
_NOTHING = "—"
_TABLE = (
    '<div style="overflow-x: auto"><table style="border-collapse: collapse; border-spacing: 0; '
    'line-height: 1.6; text-align: left; white-space: nowrap">'
)
# JupyterLab has its own idea of a cell's white space.
_CELL = ' style="padding: 0 8px; text-align: left; white-space: nowrap"'
_MARKS = {"done": "✔", "failed": "✘", "canceled": "■", "deleted": "■"}


def jobs_html(
    states: Sequence[JobState], *, now: float, sizes: Mapping[str, int] | None = None
) -> str:
    """Return a table of jobs.

    Parameters
    ----------
    states : sequence of JobState
        In the order to be shown.
    now : float
        Seconds since 1970-01-01 UTC: what ages are counted from.
    sizes : mapping, optional
        Bytes of the files that are known, by job id. Talkdesk does not tell a size before the file
        is fetched.

    Returns
    -------
    str
        HTML; below each job stands the line of code that comes back to it.
    """
    if not states:
        return "<p>No report jobs.</p>"
    as_of = datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%d %H:%M UTC")
    head = ["status", "report", "time span", "age", "size"]
    rows = [_job_row(state, now, (sizes or {}).get(state.id)) for state in states]
    return (
        f"{_TABLE}<caption{_CELL}>Report jobs as of {as_of}</caption><thead>{_row('th', head)}"
        f"</thead><tbody>{''.join(rows)}</tbody></table></div>"
    )


def _job_row(state: JobState, now: float, size: int | None) -> str:
    cells = [_status(state), state.report_type, _span(state), _age(state, now), size_text(size)]
    return _row("td", cells) + (
        f'<tr><td colspan="{len(cells)}"{_CELL}>{_code(way_back(state))}</td></tr>'
    )


def job_line_html(state: JobState, *, now: float, size: int | None = None) -> str:
    """Return a job in two lines, for a row that has buttons beside it.

    Parameters
    ----------
    state : JobState
    now : float
        Seconds since 1970-01-01 UTC: what its age is counted from.
    size : int, optional
        Bytes of its file, if they are known.
    """
    cells = [_status(state), _span(state), _age(state, now), size_text(size)]
    grid = "display: grid; grid-template-columns: 7em minmax(0, 1fr) 4.5em 4.5em; column-gap: 8px"
    shown = "".join(f"<span>{escape(cell)}</span>" for cell in cells)
    return (
        f'<div style="line-height: 1.5; padding: 2px 0"><div style="{grid}">{shown}</div>'
        f"{_code(way_back(state))}</div>"
    )


def _status(state: JobState) -> str:
    return f"{_MARKS.get(state.status, '…')} {state.status}"


def _age(state: JobState, now: float) -> str:
    return age_text(now - state.created_at.timestamp()) if state.created_at else _NOTHING


def size_text(size: int | None) -> str:
    """Return a number of bytes in the unit that suits it; a dash if it is not known."""
    if size is None:
        return _NOTHING
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= factor:
            return f"{size / factor:.1f} {unit}"
    return f"{size} B"


def _code(text: str) -> str:
    return f'<code style="white-space: nowrap; background: none">{escape(text)}</code>'


def way_back(state: JobState) -> str:
    """Return the line of code that comes back to a job."""
    return f"client.job({state.report_type!r}, {state.id!r})"


def age_text(seconds: float) -> str:
    """Return an age in the largest unit that fits: ``3 min``."""
    for unit, size in (("days", 172_800), ("h", 7_200), ("min", 120)):
        if seconds >= size:
            whole = {"days": 86_400, "h": 3_600, "min": 60}[unit]
            return f"{seconds // whole:.0f} {unit}"
    return f"{max(0.0, seconds):.0f} s"


def _span(state: JobState) -> str:
    if not (state.start and state.end):
        return _NOTHING
    whole_days = state.start.time() == state.end.time() == time()
    form = "%Y-%m-%d" if whole_days else "%Y-%m-%d %H:%M"
    return f"{state.start.strftime(form)} to {state.end.strftime(form)} UTC"


def preview_html(frame: pd.DataFrame, quality: QualityCard | None = None) -> str:
    """Return a frame's size, drift, quality, types and first rows.

    Parameters
    ----------
    frame : pandas.DataFrame
        As `Talkdesk.report` returns it.
    quality : QualityCard, optional
        What is wrong with it; can be unfolded.
    """
    info = frame.attrs.get("td")
    units = info.units if info else {}
    drift = str(info.drift) if info else ""
    head = frame.head(_ROWS)
    head = head.astype(object).where(head.notna(), _NOTHING)
    kinds = [
        f"{dtype}, {units[name]}" if name in units else str(dtype)
        for name, dtype in frame.dtypes.items()
    ]
    rows = [_row("td", [_value(value) for value in row]) for row in head.itertuples(index=False)]
    names = _row("th", [str(name) for name in frame.columns])
    types = _row("td", kinds, style=' style="opacity: 0.7"')
    return (
        f"<p><b>{len(frame):,} rows, {frame.shape[1]} columns.</b> "
        f"Drift: {escape(drift) or 'none'}.</p>"
        f"{quality_html(quality) if quality else ''}"
        f"{_TABLE}<thead>{names}{types}</thead><tbody>{''.join(rows)}</tbody></table></div>"
    )


def quality_html(card: QualityCard) -> str:
    """Return a quality card: what was found in sight, the checks that passed folded away.

    Parameters
    ----------
    card : QualityCard
    """
    found = [finding for finding in card.findings if finding.count]
    passed = [finding for finding in card.findings if not finding.count]
    shown = f"<p>Quality: {len(found)} of {len(card.findings)} checks found something.</p>"
    shown = shown + _findings(found, "✘") if found else ""
    return (
        f'{shown}<details style="margin-bottom: 8px"><summary>{"" if found else "Quality: "}'
        f"{len(passed)} checks passed.</summary>{_findings(passed, '✔')}</details>"
    )


def _findings(findings: Sequence[Finding], mark: str) -> str:
    rows = [_row("td", [f"{mark} {f.check}", f"{f.count:,}", f.meaning]) for f in findings]
    return f"{_TABLE}<tbody>{''.join(rows)}</tbody></table></div>"


def _value(value: object) -> str:
    text = str(value)
    return text if len(text) <= _LONGEST_VALUE else f"{text[: _LONGEST_VALUE - 1]}…"


def bar_html(tally: Tally) -> str:
    """Return a bar of progress, with its text for those who cannot see it."""
    text = escape(str(tally))
    return (
        f'<progress value="{tally.share:.3f}" max="1" aria-label="progress"></progress> '
        f'<span style="font-family: monospace">{text}</span>'
    )


def problem_html(text: str) -> str:
    """Return a message about something that went wrong; screen readers say it at once."""
    colour = "var(--jp-error-color1, var(--vscode-errorForeground, #d32f2f))"
    return f'<div role="alert" style="color: {colour}; line-height: 1.4">✘ {escape(text)}</div>'


def note_html(text: str) -> str:
    """Return a message about how things stand."""
    return f'<div role="status" style="line-height: 1.4">{escape(text)}</div>'


def code_html(code: str) -> str:
    """Return a line of code to copy."""
    return f'<pre style="user-select: all; margin: 0">{escape(code)}</pre>'


def _row(cell: str, texts: Sequence[str], *, style: str = "") -> str:
    shown = "".join(f"<{cell}{_CELL}>{escape(text)}</{cell}>" for text in texts)
    return f"<tr{style}>{shown}</tr>"
