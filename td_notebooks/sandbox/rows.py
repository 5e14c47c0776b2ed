"""From what happened on a day to the rows of the five reports about it.

A row is a dict by JSON key, in the catalogue's order, of Python values: whole seconds for
durations (`time_in_step` with a fraction), aware datetimes in UTC, booleans also where a file has
Yes and No, None for what is missing.

Choices where Talkdesk's documentation leaves room: a contact starts when it enters the queue and is
finished after the after-call work; a call's wait is that of its first contact, its talk and hold
are those of all contacts together; talk does not contain hold.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import lru_cache
from random import Random
from typing import Any

from .chance import seeded
from .flow import FLOW, flow_steps
from .names import OUTSIDE, Names, company_number, phone
from .people import MOVING_HOUR, Agent, People, Team
from .record import Call, Contact, Day, Desk
from .settings import CentreSettings
from .words import DISPOSITIONS, NOTES, OUTBOUND_DISPOSITIONS, RATING_REASONS, TEXT_FIELDS

Row = dict[str, Any]
#: A row and its place in the report: seconds since 1970 of the time column, primary key.
Placed = tuple[int, Any, Row]

_FINISHED = "studio_flow_executions_aggregated.flow_execution_finished_time"


def at(day: Day, moment: float) -> datetime:
    """Return a moment of a day as a whole second in UTC."""
    return datetime.fromtimestamp(day.start + int(moment), UTC)


def seconds(begin: float, end: float) -> int:
    """Return the whole seconds between two moments as the reports show them."""
    return int(end) - int(begin)


class Report:
    """Writes the rows of one day.

    Parameters
    ----------
    settings : CentreSettings
    people : People
    day : Day
    """

    def __init__(self, settings: CentreSettings, people: People, day: Day) -> None:
        self.settings, self.people, self.day = settings, people, day
        self.names = Names(settings, day.day)
        self.display = tuple(f"{group.capitalize()} line" for group in settings.ring_groups)
        self.team = lru_cache(None)(self._team)
        self.moving_at = int(MOVING_HOUR * 3600)

    def _team(self, agent: Agent, moved: bool) -> Team:
        return self.people.team(agent, self.day.day, moved=moved)

    def calls(self) -> Iterator[Placed]:
        """Yield the rows of `calls`."""
        day, settings, names = self.day, self.settings, self.names
        rng = seeded(settings.seed, day.day, "details")
        for call in day.calls:
            contacts = call.contacts
            first, last = contacts[0], contacts[-1]
            connected = [c for c in contacts if c.outcome in ("Answered", "Connected")]
            user = first.agent
            handler = last.agent or user
            team = self.team(user, first.answered >= self.moving_at) if user else None
            talked = bool(connected)
            total, wait = seconds(call.start, call.end), 0
            if not call.outbound:
                wait = seconds(first.start, first.answered)
            kind = call_type(call)
            call_id = names.call(call)
            disposition, disposition_set, nested = _disposition(rng, call) if talked else _NOTHING
            surveyed = talked and not call.outbound and rng.random() < settings.csat_share
            rating = rng.choice((0, 0, 0, 0, 2, 4, 5)) if talked else None
            tagged = rng.random() < 0.1
            row = {
                "call_id": call_id,
                "callsid": "CA" + call_id[::-1],
                "type": kind,
                "start_at": at(day, call.start),
                "end_at": at(day, call.end),
                "talkdesk_phone_number": company_number(first.group),
                "talkdesk_phone_display_name": self.display[first.group],
                "contact_phone_number": phone(call.customer),
                "user_id": user and user.id,
                "user_name": user and user.name,
                "user_email": user and user.email,
                "total_time": total,
                "talk_time": sum(map(talk_time, connected)),
                "wait_time": wait,
                "hold_time": sum(map(hold_time, connected)),
                "abandon_time": total if kind in ("abandoned", "short_abandoned") else 0,
                "total_ringing_time": sum(seconds(r.start, r.end or r.start) for r in first.rings),
                "disposition_code": disposition,
                "notes": rng.choice(NOTES)
                if talked and rng.random() < settings.notes_share
                else None,
                "user_voice_rating": rating,
                "ring_groups": self.ring_groups(call),
                "ivr_options": call.choices or None,
                "is_in_business_hours": call.open,
                "is_callback_from_queue": first.callback_at is not None,
                "is_transfer": len(contacts) > 1,
                "handling_user_id": handler and handler.id,
                "handling_user_name": handler and handler.name,
                "handling_user_email": handler and handler.email,
                "recording_url": f"https://api.example.com/calls/{call_id}/recordings"
                if talked or kind == "voicemail"
                else None,
                "is_external_transfer": last.external,
                "is_if_no_answer": call.open and kind == "voicemail",
                "is_call_forwarding": False,
                "csat_score": rng.choice((1, 2, 3, 4, 4, 5, 5, 5)) if surveyed else None,
                "csat_survey_time": at(day, call.end + 30 + 600 * rng.random())
                if surveyed
                else None,
                "team_id": team and team.id,
                "team_name": team and team.name,
                "rating_reason": rng.choice(RATING_REASONS) if rating == 2 else None,
                "agent_disconnected": connected[-1].by_agent if talked else None,
                "data_status": "Valid",
                "int_custom_field_n1": rng.randrange(100_000) if tagged else None,
                "int_custom_field_n2": None,
                "float_custom_field_n1": round(rng.random() * 1000, 2) if tagged else None,
                "float_custom_field_n2": None,
                "text_custom_field_n1": rng.choice(TEXT_FIELDS) if tagged else None,
                "text_custom_field_n2": None,
                "text_custom_field_n3": None,
                "text_custom_field_n4": None,
                "timestamp_custom_field_n1": at(day, call.start) if tagged else None,
                "disposition_set": disposition_set,
                "nested_disposition": nested,
            }
            yield day.start + int(call.end), call_id, row

    def ring_groups(self, call: Call) -> str:
        """Return the ring groups a call went through; an agent's own for an outbound one."""
        first = call.contacts[0]
        if call.outbound and first.agent:
            return first.agent.ring_groups
        names = self.settings.ring_groups
        return "+".join(dict.fromkeys(names[c.group] for c in call.contacts if not c.external))

    def contacts(self) -> Iterator[Placed]:
        """Yield the rows of `contacts`."""
        day, names = self.day, self.names
        groups, level = self.settings.ring_groups, self.settings.service_level_threshold
        for contact in (contact for call in day.calls for contact in call.contacts):
            call, agent, outcome = contact.call, contact.agent, contact.outcome
            inbound = not call.outbound
            before = call.contacts[0] if contact is not call.contacts[0] else None
            talked = outcome in ("Answered", "Connected")
            work = seconds(contact.ended, contact.finished)
            talk, hold = (talk_time(contact), hold_time(contact)) if talked else (0, 0)
            reached = seconds(contact.start, contact.answered)
            soft = int(contact.soft_hold)
            team = self.team(agent, contact.answered >= self.moving_at) if agent else None
            group = None if contact.external else groups[contact.group]
            if agent and not inbound:
                group = agent.ring_groups
            contact_id = names.contact(contact)
            row = {
                "interaction_id": names.call(call),
                "contact_id": contact_id,
                "company_number": company_number(call.contacts[0].group),
                "phone_display_name": self.display[call.contacts[0].group],
                "contact_person_number": phone(call.customer),
                "external_phone_number": OUTSIDE if contact.external else None,
                "direction": "IN" if inbound else "OUT",
                "contact_type": outcome,
                "started_at": at(day, contact.start),
                "wait_time": reached if inbound else 0,
                "time_to_missed": reached if outcome == "Missed" else 0,
                "abandon_time": reached if outcome == "Abandoned" else 0,
                "short_abandon_time": reached if outcome == "Short Abandoned" else 0,
                "time_to_voicemail": reached if outcome == "Voicemail" else None,
                "ring_time": sum(seconds(r.start, r.end or r.start) for r in contact.rings),
                "connect_time": 0 if inbound else reached,
                "answered_at": at(day, contact.answered) if outcome == "Answered" else None,
                "connected_at": at(day, contact.answered) if outcome == "Connected" else None,
                "talk_time": talk,
                "hard_hold_time": hold - soft,
                "soft_hold_time": soft,
                "hold_time": hold,
                "after_call_work_time": work,
                "finished_at": at(day, contact.finished),
                "duration": seconds(contact.start, contact.finished),
                "handle_time": talk + hold + work,
                "inside_business_hours": call.open,
                "inside_service_level": call.open and outcome == "Answered" and reached <= level
                if inbound
                else None,
                "within_service_level_threshold": reached <= level if inbound else None,
                "transfer_out": contact.transfer is not None,
                "transfer_out_type": contact.transfer,
                "transfer_in": before is not None,
                "transfer_in_type": before and before.transfer,
                "callback": contact.callback_at is not None,
                "ring_groups": group,
                "user_name": agent and agent.name,
                "direct_assignment_user": "External Phone Number" if contact.external else None,
                "team_name": team and team.name,
                "user_id": agent and agent.id,
                "direct_assignment_ids": None,
                "team_id": team and team.id,
                "handling_ring_groups": group if talked else None,
                "disconnected_by_agent": contact.by_agent if talked else None,
                "last_contact": contact is call.contacts[-1],
                "data_status": "Valid",
            }
            yield day.start + int(contact.finished), contact_id, row

    def ring_attempts(self) -> Iterator[Placed]:
        """Yield the rows of `ring_attempts`."""
        day = self.day
        for contact in (contact for call in day.calls for contact in call.contacts):
            for place, ring in enumerate(contact.rings):
                assert ring.end is not None, "a day ends with every ring ended"
                batch_id, ring_id = self.names.ring(contact, place)
                row = {
                    "interaction_id": self.names.call(contact.call),
                    "contact_id": self.names.contact(contact),
                    "batch_ring_id": batch_id,
                    "ring_attempt_id": ring_id,
                    "attempt_type": ring.outcome,
                    "ring_started_at_time": at(day, ring.start),
                    "ring_finished_at_time": at(day, ring.end),
                    "ring_attempt_duration": seconds(ring.start, ring.end),
                    "user_name": ring.agent.name,
                    "user_email": ring.agent.email,
                    "team_name": self.team(ring.agent, ring.end >= self.moving_at).name,
                }
                yield day.start + int(ring.end), ring_id, row

    def user_status(self) -> Iterator[Placed]:
        """Yield the rows of `user_status`: without gap or overlap from midnight to midnight."""
        day = self.day
        for desk in day.desks:
            agent = desk.agent
            for label, begin, end in stretches(
                desk, day.length, self.moving_at if self.people.moves(agent, day.day) else None
            ):
                team = self.team(agent, begin >= self.moving_at)
                row = {
                    "user_id": agent.id,
                    "user_name": agent.name,
                    "user_email": agent.email,
                    "status_label": label,
                    "status_start_at": at(day, begin),
                    "status_end_at": at(day, end),
                    "status_time": end - begin,
                    "is_user_active": True,
                    "team_id": team.id,
                    "team_name": team.name,
                    "ring_groups": agent.ring_groups,
                }
                yield day.start + end, (agent.id, begin), row

    def studio_flow_execution(self) -> Iterator[Placed]:
        """Yield the rows of `studio_flow_execution`."""
        day, names = self.day, self.names
        flow_id = f"{seeded(self.settings.seed, 'flow').getrandbits(128):032x}"
        for call in day.calls:
            if call.outbound:
                continue
            call_id = names.call(call)
            steps = list(flow_steps(call, self.settings.ring_groups))
            finished = steps[-1][3] + steps[-1][4]
            for order, (component, step, way_out, begin, length) in enumerate(steps):
                row = {
                    "call_sid": "CA" + call_id[::-1],
                    "interaction_id": call_id,
                    "destination_number": company_number(call.contacts[0].group),
                    "origin_number": phone(call.customer),
                    "flow_name": FLOW,
                    "flow_id": flow_id,
                    "component_title": component,
                    "step_name": step,
                    "exit": way_out,
                    "time_in_step": round(length, 3),
                    "timestamp": at(day, begin),
                    _FINISHED: at(day, finished),
                    "step_execution_order": order,
                }
                yield day.start + int(finished), (call_id, flow_id, order), row


_NOTHING = (None, None, None)
_TYPES = {
    "Answered": "inbound",
    "Missed": "missed",
    "Abandoned": "abandoned",
    "Short Abandoned": "short_abandoned",
    "Voicemail": "voicemail",
    "Connected": "outbound",
    "Not Connected": "outbound_missed",
}
WRITERS: dict[str, Callable[[Report], Iterator[Placed]]] = {
    "calls": Report.calls,
    "contacts": Report.contacts,
    "ring_attempts": Report.ring_attempts,
    "user_status": Report.user_status,
    "studio_flow_execution": Report.studio_flow_execution,
}


def call_type(call: Call) -> str:
    """Return a call's type: what came of its first contact."""
    return _TYPES[call.contacts[0].outcome]


def hold_time(contact: Contact) -> int:
    """Return a conversation's whole seconds on hold."""
    return int(contact.soft_hold) + int(contact.hard_hold)


def talk_time(contact: Contact) -> int:
    """Return a conversation's whole seconds without the hold."""
    return seconds(contact.answered, contact.ended) - hold_time(contact)


def stretches(desk: Desk, length: int, cut: int | None = None) -> Iterator[tuple[str, int, int]]:
    """Yield an agent's statuses of a day with their whole seconds: label, begin, end.

    Parameters
    ----------
    desk : Desk
    length : int
        Seconds of the day.
    cut : int, optional
        Where to cut the stretch of that moment in two.
    """
    moments = [(int(moment), label) for moment, label in desk.statuses]
    last, since = moments[0][1], 0
    for moment, label in [*moments[1:], (length, "")]:
        if moment == since:  # shorter than a second: never shown
            last = label
        elif label != last:
            if cut is not None and since < cut < moment:
                yield last, since, cut
                since = cut
            yield last, since, moment
            last, since = label, moment


def _disposition(rng: Random, call: Call) -> tuple[str, str, str | None]:
    return rng.choice(OUTBOUND_DISPOSITIONS if call.outbound else DISPOSITIONS)
