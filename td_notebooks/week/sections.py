"""The page's parts in HTML: cards, ring groups, pictures, quality. Every text is escaped."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from html import escape
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from .. import metrics
from ..metrics.kinds import flags
from ..metrics.wording import wording_of
from .headlines import NOTHING
from .reports import PURPOSE, REPORTS

if TYPE_CHECKING:
    from ..metrics.quality import QualityCard
    from .headlines import Headline
    from .reports import Reports


def card(line: Headline) -> str:
    """Return a headline as an item of the list at the top."""
    return (
        f"<li><h2>{escape(line.name)}</h2>"
        f'<div class="value">{escape(line.value)}</div>'
        f'<div class="change {line.judged}">{escape(line.change)}</div>'
        f"<small>{escape(line.parts)}</small><small>{escape(line.formula)}</small></li>"
    )


def groups_table(now: Reports, then: Reports, within: float) -> str:
    """Return the measures by ring group."""
    measures: dict[str, Callable[[pa.Table], pa.Table]] = {
        "level": lambda calls: metrics.service_level(calls, within=within, by="ring_group"),
        "offered": lambda calls: metrics.abandonment_rate(
            calls, by="ring_group", leave_out_short=False
        ),
        "abandoned": lambda calls: metrics.abandonment_rate(calls, by="ring_group"),
        "asa": lambda calls: metrics.asa(calls, by="ring_group"),
    }
    found = {name: _by_group(measure(now.calls)) for name, measure in measures.items()}
    earlier = _by_group(measures["level"](then.calls))
    order = sorted(
        (group for group, (_, below, _) in found["offered"].items() if below),
        key=lambda group: -found["offered"][group][1],
    )
    if not order:
        return ""
    rows = []
    for group in order:
        level, abandoned, asa = (found[name][group] for name in ("level", "abandoned", "asa"))
        change = ""
        if level[2] is not None and (old := earlier.get(group, (0, 0, None))[2]) is not None:
            change = f"{100 * (level[2] - old):+.1f}"
        cells = [
            f"<td>{found['offered'][group][1]:,.0f}</td>",
            _share(level),
            f"<td>{change or NOTHING}</td>",
            _share(abandoned),
            f"<td>{NOTHING if asa[2] is None else f'{asa[2]:.1f} s'}</td>",
        ]
        name = "no ring group" if group is None else str(group)
        rows.append(f'<tr><th scope="row">{escape(name)}</th>{"".join(cells)}</tr>')
    heads = ["Ring group", "Calls", "Service level", "Change", "Abandoned", "Speed of answer"]
    head = "".join(f'<th scope="col">{escape(text)}</th>' for text in heads)
    return (
        "<h2>By ring group</h2>"
        f'<div class="wide"><table><caption>Formulas as above; the change of the service level is '
        f"in points. A call that went through several ring groups has all their names."
        f"</caption><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    )


def _by_group(table: pa.Table) -> dict[Any, tuple[float, float, float | None]]:
    """Return numerator, denominator and measure by ring group."""
    columns = [table[name].to_pylist() for name in table.column_names]
    return {
        group: (above, below, value) for group, above, below, value in zip(*columns, strict=True)
    }


def _share(cell: tuple[float, float, float | None]) -> str:
    above, below, value = cell
    if value is None:
        return f"<td>{NOTHING}</td>"
    return f"<td>{value:.1%}<small>{above:,.0f} of {below:,.0f}</small></td>"


def figures(now: Reports, target: float, within: float) -> Iterator[str]:
    """Yield the page's figures."""
    from .. import plots
    from ..plots.inline import inline_svg

    local = now.week.timezone
    span: dict[str, Any] = {"start": now.week.start, "end": now.week.end}
    days = metrics.service_level(now.calls, within=within, by="day", timezone=local)
    table = metrics.interval_table(now.calls, timezone=local, **span)
    draws: dict[str, Callable[[Any], Any]] = {
        "days": lambda ax: plots.service_level(days, target, ax=ax),
        "volume": lambda ax: plots.heatmap(table, "offered", ax=ax),
    }
    if within:  # none divides no waits
        draws["waits"] = lambda ax: plots.waits(now.calls, within, ax=ax)
    if (need := _need(now, target, within)) is not None:
        statuses = now.given["user_status"]
        draws["agents"] = lambda ax: plots.staffing(need, statuses, ax=ax)
    for name, draw in draws.items():
        title, svg = inline_svg(draw, name)
        svg = svg.replace('role="img"', f'role="img" aria-labelledby="about-{name}"', 1)
        yield (
            f'<figure><figcaption id="about-{name}">{escape(title)}</figcaption>'
            f'<div class="wide">{svg}</div></figure>'
        )


def _need(now: Reports, target: float, within: float) -> pa.Table | None:
    """Return the agents needed in business hours, if the reports tell."""
    contacts = now.contacts
    if contacts is None or now.statuses is None:
        return None
    words = wording_of(contacts.column_names, PURPOSE)
    open_hours = contacts.filter(flags(contacts[words.in_hours]))
    table = metrics.interval_table(
        open_hours,
        timezone=now.week.timezone,
        within=within,
        start=now.week.start,
        end=now.week.end,
    )
    if not pc.any(pc.greater(table["handle_time"], 0)).as_py():
        return None
    return metrics.staffing(table, service_level=min(target, 0.99), within=within)


def quality_cards(now: Reports) -> Iterator[QualityCard]:
    """Yield the quality card of each report of a week.

    Parameters
    ----------
    now : Reports
    """
    for name, rows in zip(REPORTS, (now.calls, now.contacts, now.statuses), strict=True):
        if rows is None:
            continue
        card = metrics.quality(
            rows, name, start=now.week.start, end=now.week.end, timezone=now.week.timezone
        )
        frame = now.given[name]
        if getattr(frame, "attrs", {}).get("td"):
            drift = metrics.quality(frame.head(0)).findings[-1]
            card = metrics.QualityCard(name, card.rows, (*card.findings, drift))
        yield card


def quality_section(card: QualityCard) -> str:
    """Return what a quality card says, in sentences."""
    failed = [finding for finding in card.findings if finding.count]
    passed = ", ".join(finding.check for finding in card.findings if not finding.count)
    items = "".join(
        f'<li><strong class="worse">{finding.count:,}</strong> {escape(finding.meaning)}</li>'
        for finding in failed
    )
    verdict = (
        f"{len(failed)} of {len(card.findings)} checks found something"
        if failed
        else (f"all {len(card.findings)} checks passed")
    )
    return (
        f"<p><strong>{escape(card.report_type)}</strong>: {card.rows:,} rows, {verdict}.</p>"
        + (f"<ul>{items}</ul>" if items else "")
        + (f'<p class="faint">Passed: {escape(passed)}.</p>' if passed else "")
    )
