"""The measures computed from the simulation's own log, by plain arithmetic."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from tables import table_of

from td_notebooks.sandbox.centre import Centre, CentreSettings

ZONE = "Europe/Lisbon"
# The clocks go forward on 29 March.
START = datetime(2026, 3, 26, tzinfo=UTC)
END = datetime(2026, 4, 1, tzinfo=UTC)
CENTRE = Centre(CentreSettings(seed=11, calls_per_day=150, agents=6, patience=90))
ENDINGS = {
    "answered": "A",
    "abandoned": "B",
    "short abandoned": "SA",
    "missed": "M",
    "voicemail": "V",
}


@cache
def report(name):
    """Return a report of the span as an Arrow table with the catalogue's types."""
    return table_of(name, CENTRE.rows(name, START, END))


@cache
def contacts():
    """Return what happened to each inbound contact."""
    known = {}
    for event in CENTRE.events(START, END):
        if event.contact_id:
            known.setdefault(event.contact_id, []).append(event)
    found = []
    for events in known.values():
        moment = {event.kind: int(event.at.timestamp()) for event in events}
        if "dialled" in moment:
            continue
        last = next((e for e in events if e.kind in ENDINGS), None)
        outside = last is None  # handed to a number outside, which answers at once
        start = moment.get("queued", int(events[0].at.timestamp()))
        answered = "A" if outside else ENDINGS[last.kind]
        left = start if outside else int(last.at.timestamp())
        found.append(
            {
                "call": events[0].call_id,
                "group": None if outside else events[0].ring_group,
                "outcome": answered,
                "start": start,
                "wait": left - start,
                "left": left,
                "over": moment.get("finished", moment.get("hung up", left)),
                "open": "queued" in moment or "transferred" in moment,
                "onward": "transferred" in moment,
                "callback": "callback" in moment,
                "user": last.user_id if last and last.kind == "answered" else None,
                "work": moment.get("finished", 0) - moment["hung up"]
                if "finished" in moment
                else 0,
                "conversation": moment["hung up"] - left if "hung up" in moment else None,
            }
        )
    for its in legs(found).values():
        for leg, later in itertools.pairwise(its):
            leg["handed on"] = later["onward"]
    return found


def legs(contacts):
    """Return the legs of each call, in order."""
    its = {}
    for contact in contacts:
        contact.setdefault("handed on", False)
        its.setdefault(contact["call"], []).append(contact)
    return {call: sorted(of, key=lambda leg: leg["onward"]) for call, of in its.items()}


@cache
def calls():
    """Return what happened to each inbound call: to its first contact."""
    arrived = {
        e.call_id: int(e.at.timestamp()) for e in CENTRE.events(START, END) if e.kind == "arrived"
    }
    return [
        {
            **its[0],
            "start": arrived[call],
            "group": "+".join(dict.fromkeys(leg["group"] for leg in its if leg["group"])),
        }
        for call, its in legs(contacts()).items()
    ]


@cache
def busy():
    """Return when each agent was on a call, and at work after one."""
    since, found = {}, []
    for event in CENTRE.events(START, END):
        at = int(event.at.timestamp())
        if event.kind in ("answered", "dialled"):
            since[event.user_id] = at
        elif event.kind in ("hung up", "finished"):
            label = "On a Call" if event.kind == "hung up" else "After Call Work"
            found.append((event.user_id, label, since[event.user_id], at))
            since[event.user_id] = at
    return found


def service_level(rows, variant, within=20, hours=None, missed=True, leave_out_short=True):
    """Return numerator and denominator of a service level."""
    if variant == "talkdesk_calls" if hours is None else hours:
        rows = [row for row in rows if row["open"]]

    def count(*outcomes, seconds=None):
        return sum(
            row["outcome"] in outcomes and (seconds is None or row["wait"] <= seconds)
            for row in rows
        )

    a_t, b_t = count("A", seconds=within), count("B", "SA", seconds=within)
    a, b = count("A"), count("B", "SA")
    return {
        "talkdesk_calls": (
            count(*(("A", "M") if missed else ("A",)), seconds=within),
            count("A", "M"),
        ),
        "talkdesk_contacts": (
            a_t,
            count("A", "B", "M", "V") + (0 if leave_out_short else count("SA")),
        ),
        "ignore_abandoned": (a_t, a + b - b_t),
        "abandoned_negative": (a_t, a + b),
        "abandoned_positive": (a_t + b_t, a + b),
        "answered_only": (a_t, a),
        "short_credit": (a_t + count("B", "SA", seconds=5), a + b),
    }[variant]


def key(row, word):
    """Return a row's group."""
    local = datetime.fromtimestamp(row["start"], ZoneInfo(ZONE))
    width = {"15min": 900, "30min": 1800, "1h": 3600}.get(word)
    if width:
        return row["start"] // width * width
    if word == "day":
        return local.date().isoformat()
    if word == "week":
        return (local.date() - timedelta(days=local.weekday())).isoformat()
    return local.isoweekday() if word == "weekday" else row["group"]


def grouped(rows, words):
    """Return the rows of each group."""
    groups = {}
    for row in rows:
        groups.setdefault(tuple(key(row, word) for word in words), []).append(row)
    return groups
