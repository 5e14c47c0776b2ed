"""The card of one pull: what in it cannot be true, what is missing, what is there twice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..errors import ConfigError, SchemaError
from ..reports.schemas import report_types, schema, versions
from ..timespan import Timespan
from .kinds import arrow, codes, columns_of, epoch
from .statuses import COLUMNS as STATUS_COLUMNS
from .wording import CALLS, CONTACTS, OLD_CALLS, Wording

if TYPE_CHECKING:
    from datetime import date

    from ..reports.schemas import Schema

#: Columns of a begin and an end.
SPANS = (
    ("start_at", "end_at"),
    ("start_time", "end_time"),
    ("started_at", "finished_at"),
    ("status_start_at", "status_end_at"),
    ("ring_started_at_time", "ring_finished_at_time"),
)


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found.

    Attributes
    ----------
    check : str
        Its name.
    count : int
        Rows that fail it, or days without a row, or columns that differ.
    meaning : str
        What fails, for the person who reads it.
    """

    check: str
    count: int
    meaning: str


@dataclass(frozen=True, slots=True)
class QualityCard:
    """What is wrong with a frame; shown as a table in a notebook.

    Attributes
    ----------
    report_type : str
    rows : int
    findings : tuple of Finding
        One for each check that the columns allow, passed ones too.
    """

    report_type: str
    rows: int
    findings: tuple[Finding, ...]

    @property
    def clean(self) -> bool:
        """Whether every check found nothing."""
        return not any(finding.count for finding in self.findings)

    def as_dict(self) -> dict[str, Any]:
        """Return everything as a dict that JSON can hold."""
        return asdict(self)

    def __repr__(self) -> str:
        lines = [f"{self.report_type}: {self.rows:,} rows, " + self._verdict()]
        lines += [f"  {f.count:>8,}  {f.meaning}" for f in self.findings if f.count]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{'✗' if f.count else '✓'}</td><td>{escape(f.check)}</td>"
            f"<td style='text-align:right'>{f.count:,}</td>"
            f"<td style='text-align:left'>{escape(f.meaning)}</td></tr>"
            for f in self.findings
        )
        head = f"{escape(self.report_type)}: {self.rows:,} rows, {self._verdict()}"
        return f"<table><caption>{head}</caption>{rows}</table>"

    def _verdict(self) -> str:
        failed = sum(bool(finding.count) for finding in self.findings)
        checks = f"{len(self.findings)} checks"
        return f"{failed} of {checks} found something" if failed else f"{checks} passed"


def quality(
    frame: Any,
    report_type: str | None = None,
    *,
    start: date | str | None = None,
    end: date | str | None = None,
    timezone: str = "UTC",
    ring_attempts: Any = None,
) -> QualityCard:
    """Check a report's frame for what cannot be true.

    Parameters
    ----------
    frame : frame
        A report, of any kind narwhals knows.
    report_type : str, optional
        By default what the frame says of itself, or what its columns tell.
    start, end : date, datetime or str, optional
        The half-open span that was asked for: rows outside it and days without rows are counted.
    timezone : str
        IANA name of the zone of `start`, `end` and the days.
    ring_attempts : frame, optional
        The ``ring_attempts`` report of the same span: answered contacts without a ring are counted.

    Returns
    -------
    QualityCard

    Raises
    ------
    SchemaError
        If the columns do not tell which report it is.
    ConfigError
        If there is no such report type, or the span is none.
    """
    names = columns_of(frame)
    info = getattr(frame, "attrs", {}).get("td")
    kind = _schema(names, report_type or (info and info["report_type"]))
    table = arrow(frame, names, "a quality card", kind.report_type)
    findings = [*_rows(table, kind)]
    if kind.report_type == "user_status" and {*STATUS_COLUMNS} <= {*names}:
        findings.append(_overlaps(table))
    if (start is None) != (end is None):
        raise ConfigError("A quality card's span has a start and an end: give both or none.")
    timed = kind.time_column in names and _times(table[kind.time_column])
    if start is not None and end is not None and timed:
        findings += _span(table, kind, Timespan.of(start, end, timezone))
    if ring_attempts is not None and {"contact_id", "contact_type", "user_id"} <= {*names}:
        findings.append(_without_rings(table, ring_attempts))
    if info:
        drift = info["drift"]
        differing = [*drift["unexpected"], *drift["missing"], *drift["unparsed"]]
        meaning = "columns differ from the catalogue"
        if differing:
            meaning += ": " + ", ".join(map(str, differing))
        findings.append(Finding("drift", len(differing), meaning))
    return QualityCard(kind.report_type, len(table), tuple(findings))


def _schema(names: list[str], report_type: str | None) -> Schema:
    """Return the version of a report that has most of the columns."""
    candidates = [
        candidate
        for name in ([report_type] if report_type else report_types())
        for candidate in versions(name)
    ]

    def known(candidate: Schema) -> float:
        its = {column.name for column in candidate.columns}
        return len(its & {*names}) / len(its | {*names}) if its else 0.0

    best = max(candidates, key=known)
    if report_type is None and known(best) < 0.2:
        raise SchemaError(
            "A quality card cannot be made: the columns are those of no report.",
            hint='Say which it is: quality(frame, "calls").',
            unexpected=names,
        )
    return best if known(best) else schema(best.report_type)


def _rows(table: pa.Table, kind: Schema) -> Iterator[Finding]:
    """Yield what can be seen in single rows and their keys."""
    names = table.column_names
    if kind.primary_key and {*kind.primary_key} <= {*names}:
        keys = list(kind.primary_key)
        keyed = table.select(keys).drop_null()
        distinct = len(keyed.group_by(keys).aggregate([]))
        what = f"rows repeat an earlier row's {', '.join(keys)}"
        yield Finding("duplicates", len(keyed) - distinct, what)
    if kind.time_column in names:
        missing = table[kind.time_column].null_count
        yield Finding("no time", missing, f"rows without {kind.time_column}")
    durations = [c.name for c in kind.columns if c.kind == "duration" and c.name in names]
    if durations:
        negative = np.zeros(len(table), bool)
        for name in durations:
            negative |= _true(pc.less(table[name].cast(pa.float64()), 0))
        yield Finding("negative times", int(negative.sum()), "rows have a negative duration")
    for begin, end in SPANS:
        if begin in names and end in names and _times(table[begin]) and _times(table[end]):
            known = _true(pc.and_(pc.is_valid(table[begin]), pc.is_valid(table[end])))
            wrong = known & (epoch(table[end]) < epoch(table[begin]))
            yield Finding("end before start", int(wrong.sum()), f"rows have {end} before {begin}")
    words = _wording(names)
    if words and words.talk in names:
        talked = _true(pc.greater(table[words.talk].cast(pa.float64()), 0))
        handled = pa.array([words.answered, words.connected], pa.string())
        answered = _true(pc.is_in(table[words.outcome].cast(pa.string()), value_set=handled))
        what = "rows have talk although nobody answered"
        yield Finding("talk without answer", int((talked & ~answered).sum()), what)
    if "data_status" in names:
        damaged = _true(pc.equal(table["data_status"].cast(pa.string()), "Damaged"))
        yield Finding("damaged", int(damaged.sum()), "rows Talkdesk itself calls damaged")


def _wording(names: list[str]) -> Wording | None:
    return next((w for w in (CALLS, OLD_CALLS, CONTACTS) if w.outcome in names), None)


def _overlaps(table: pa.Table) -> Finding:
    known = table.filter(
        pc.and_(pc.is_valid(table["status_start_at"]), pc.is_valid(table["status_end_at"]))
    )
    begin, end = epoch(known["status_start_at"]), epoch(known["status_end_at"])
    user = codes(known["user_id"])
    order = np.lexsort((begin, user))
    begin, end, user = begin[order], end[order], user[order]
    # Ends of another agent cannot reach into this one's: each agent's times are set apart.
    apart = user * (end.max(initial=0) - begin.min(initial=0) + 1)
    furthest = np.maximum.accumulate(end + apart)
    count = int((begin[1:] + apart[1:] < furthest[:-1]).sum())
    return Finding("overlaps", count, "statuses begin before the agent's last one has ended")


def _span(table: pa.Table, kind: Schema, span: Timespan) -> Iterator[Finding]:
    """Yield rows outside the span, and its days without rows."""
    times = table[kind.time_column].drop_null()
    moments = epoch(times)
    first, last = int(span.start.timestamp()), int(span.end.timestamp())
    outside = int(((moments < first) | (moments >= last)).sum())
    yield Finding("outside the span", outside, f"rows have {kind.time_column} not in {span}")
    zone = span.start.tzinfo or UTC
    days = {
        (datetime.fromtimestamp(0, UTC) + timedelta(seconds=int(hour) * 900))
        .astimezone(zone)
        .date()
        for hour in np.unique(moments // 900)
    }
    empty = [day.start.date() for day in span.days() if day.start.date() not in days]
    what = "days of the span without a row"
    if empty:
        what += ": " + ", ".join(map(str, empty[:5])) + (", …" if len(empty) > 5 else "")
    yield Finding("gaps", len(empty), what)


def _without_rings(table: pa.Table, ring_attempts: Any) -> Finding:
    rung = arrow(ring_attempts, ["contact_id"], "a quality card", "ring_attempts")
    ids = table["contact_id"].cast(pa.large_string())
    known = pc.is_in(ids, value_set=rung["contact_id"].cast(pa.large_string()).combine_chunks())
    answered = _true(pc.equal(table["contact_type"].cast(pa.string()), CONTACTS.answered))
    by_agent = _true(pc.is_valid(table["user_id"]))
    count = int((answered & by_agent & ~_true(known)).sum())
    return Finding("no ring attempts", count, "contacts an agent answered have no ring")


def _times(values: pa.ChunkedArray) -> bool:
    """Return whether a column holds times, or nothing at all."""
    return bool(pa.types.is_timestamp(values.type) or pa.types.is_null(values.type))


def _true(values: pa.ChunkedArray) -> Any:
    return np.asarray(values.fill_null(False).to_numpy(), bool)
