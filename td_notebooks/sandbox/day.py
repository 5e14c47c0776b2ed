"""One local day of the simulated contact centre, event by event.

A discrete-event simulation: a heap of moments, each with what happens then. Moments are seconds
since local midnight, fractions included; whoever writes them down takes the whole seconds, so that
all differences agree. Days do not know each other: every call of a day ends in it, which the last
quarter of an hour, without new calls, makes room for.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from .chance import durations, seeded
from .demand import LAST_ARRIVAL, Demand
from .hours import midnight, opening
from .people import Agent, People
from .record import (
    GONE,
    RINGING,
    TALKING,
    WAITING,
    Call,
    Contact,
    Day,
    Desk,
    Moment,
    Outcome,
    Ring,
)
from .shifts import shift

if TYPE_CHECKING:
    from .settings import CentreSettings

#: Seconds before midnight: of the last dispatch to an agent, of the last talk.
LAST_RING, LAST_TALK = 300, 120
#: Seconds a wished-for callback keeps its place in the queue.
CALLBACK_WAIT = 3600.0


def simulate(settings: CentreSettings, people: People, day: date) -> Day:
    """Let a local day happen.

    Parameters
    ----------
    settings : CentreSettings
    people : People
    day : date

    Returns
    -------
    Day
        It depends on the settings and the date alone.
    """
    return _Simulation(settings, people, day).run()


class _Simulation:
    """The state of a running day; methods are what can happen at a moment."""

    def __init__(self, settings: CentreSettings, people: People, day: date) -> None:
        zone = ZoneInfo(settings.timezone)
        self.settings, self.day = settings, day
        self.start = midnight(day, zone)
        self.length = midnight(day + timedelta(1), zone) - self.start
        self.hours = opening(settings, day, zone)
        self.rng = seeded(settings.seed, day)
        self.chance = self.rng.random
        self.demand = Demand(settings, people, day, self.length, self.hours, self.rng)
        self.heap: list[tuple[float, int, Callable[[float, Any], None], Any]] = []
        self.pushed = 0
        self.queues: list[deque[Contact]] = [deque() for _ in settings.ring_groups]
        # Free agents per ring group, the longest idle first.
        self.idle: list[dict[int, Desk]] = [{} for _ in settings.ring_groups]
        self.desks = [Desk(agent, [(0.0, "Offline")]) for agent in people.agents]
        self.calls: list[Call] = []
        self.log: list[Moment] = []
        mean = settings.talk_time
        self.talk = durations(self.rng, mean, settings.talk_spread)
        if settings.exponential_talk:
            self.talk = lambda: self.rng.expovariate(1 / mean)
        self.hold = durations(self.rng, settings.hold_time)
        self.work = durations(self.rng, settings.after_call_work_time)
        self.answering = durations(self.rng, settings.ring_time, 0.4)
        self.greeting = durations(self.rng, settings.greeting_time, 0.1)
        self.menu = durations(self.rng, settings.menu_time, 0.5)

    def run(self) -> Day:
        self.plan_shifts()
        self.plan_calls()
        heap, pop = self.heap, heapq.heappop
        while heap:
            at, _, happen, what = pop(heap)
            happen(at, what)
        self.calls.sort(key=lambda call: call.start)
        for number, call in enumerate(self.calls):
            call.number = number
        self.log.sort(key=lambda moment: moment.at)
        return Day(self.day, self.start, self.length, self.calls, self.desks, self.log)

    def later(self, at: float, happen: Callable[[float, Any], None], what: object) -> None:
        self.pushed += 1  # the order of equal moments is the order of their planning
        heapq.heappush(self.heap, (at, self.pushed, happen, what))

    def note(self, at: float, kind: str, contact: Contact, agent: Agent | None = None) -> None:
        self.log.append(Moment(at, kind, contact.call, contact, agent))

    # -- the day's plan ---------------------------------------------------------------------------

    def plan_shifts(self) -> None:
        if self.hours is None:
            return
        for desk in self.desks:
            planned = shift(self.settings, self.day, self.hours, desk.agent, self.chance)
            if planned is None:
                continue
            self.later(planned.begin, self.log_in, desk)
            self.later(planned.end, self.log_out, desk)
            for at, status, length in planned.breaks:
                self.later(at, self.want_break, (desk, status, length))

    def plan_calls(self) -> None:
        demand = self.demand
        for at in demand.inbound():
            self.plan_inbound(at, is_open=True)
        for at in demand.outbound():
            call = Call(-1, at, outbound=True, open=True, customer=demand.customer())
            self.later(at, self.dial, (Contact(call, demand.group(), at), 0))
        for at in demand.while_closed():
            self.plan_inbound(at, is_open=False)

    def plan_inbound(self, at: float, *, is_open: bool) -> None:
        chance, menus = self.chance, len(self.settings.ring_groups)
        customer = self.demand.customer()
        call = Call(len(self.calls), at, outbound=False, open=is_open, customer=customer)
        self.calls.append(call)
        steps: tuple[float, ...] = (0.05 + 0.3 * chance(), 0.005 + 0.03 * chance(), self.greeting())
        group = 0
        if is_open:
            group = self.demand.group()
            call.choices = str(group + 1)
            steps += (self.menu(),)
            if chance() < 0.05:  # a key that means nothing, and the menu again
                call.choices = f"{menus + 1 + int(chance() * 3)},{group + 1}"
                steps += (self.menu(),)
        call.steps = steps
        entry = min(at + sum(steps), self.length - LAST_RING)
        contact = Contact(call, group, entry)
        call.contacts.append(contact)
        self.log.append(Moment(at, "arrived", call, None, None))
        self.later(entry, self.enter_queue if is_open else self.find_closed, contact)

    # -- the queue --------------------------------------------------------------------------------

    def enter_queue(self, at: float, contact: Contact) -> None:
        settings = self.settings
        self.note(at, "queued", contact)
        patience = self.rng.expovariate(1 / settings.patience) if settings.patience else 0.0
        stay = min(patience, settings.max_wait, self.length - LAST_RING - at)
        outcome = "Abandoned" if stay == patience else "Missed"
        if stay > settings.callback_after and self.chance() < settings.callback_share:
            self.later(at + settings.callback_after, self.ask_callback, contact)
        else:
            self.later(at + stay, self.leave_queue, (contact, outcome))
        if idle := self.idle[contact.group]:
            self.ring(at, contact, next(iter(idle.values())))
        else:
            self.queues[contact.group].append(contact)

    def ask_callback(self, at: float, contact: Contact) -> None:
        if contact.state <= RINGING:
            contact.callback_at = at
            self.note(at, "callback", contact)
            until = min(at + CALLBACK_WAIT, self.length - LAST_RING)
            self.later(until, self.leave_queue, (contact, "Missed"))

    def leave_queue(self, at: float, leaving: tuple[Contact, Outcome]) -> None:
        contact, outcome = leaving
        if contact.state > RINGING:
            return
        ringing = contact.state == RINGING
        contact.state = GONE
        settings, end = self.settings, at
        waited = int(at) - int(contact.start)  # as the reports show it
        if outcome == "Abandoned" and waited < settings.short_abandon_threshold:
            outcome = "Short Abandoned"
        if (
            outcome == "Missed"
            and contact.callback_at is None
            and self.chance() < settings.voicemail_share
        ):
            outcome, end = "Voicemail", at + 8 + 50 * self.chance()
        self.note(at, outcome.lower(), contact)
        contact.outcome, contact.answered = outcome, at
        contact.ended = contact.finished = contact.call.end = end
        if ringing:
            ring = contact.rings[-1]
            ring.end, ring.outcome = at, "Canceled"
            self.note(at, "canceled", contact, ring.agent)
            self.release(at, self.desks[ring.agent.index])

    def find_closed(self, at: float, contact: Contact) -> None:
        contact.state, contact.answered, contact.ended = GONE, at, at
        if self.chance() < 0.7:
            contact.outcome, contact.ended = "Voicemail", at + 8 + 50 * self.chance()
        self.note(at, contact.outcome.lower(), contact)
        contact.finished = contact.call.end = contact.ended

    # -- agents and conversations -----------------------------------------------------------------

    def ring(self, at: float, contact: Contact, desk: Desk) -> None:
        self.occupy(desk)
        settings, draw = self.settings, self.chance()
        outcome, length = "Answered", min(self.answering(), settings.ring_timeout)
        if (draw := draw - settings.ignored_share) < 0:
            outcome, length = "Ignored", settings.ring_timeout
        elif (draw := draw - settings.rejected_share) < 0:
            outcome, length = "Rejected", 1 + 4 * self.chance()
        elif draw - settings.unavailable_share < 0:
            outcome, length = "Device Unavailable", self.chance()
        ring = Ring(contact, desk.agent, at, outcome)
        contact.state = RINGING
        contact.rings.append(ring)
        self.note(at, "rang", contact, desk.agent)
        self.later(at + length, self.end_ring, ring)

    def end_ring(self, at: float, ring: Ring) -> None:
        if ring.end is not None:  # the caller had gone
            return
        ring.end = at
        contact, desk = ring.contact, self.desks[ring.agent.index]
        self.note(at, ring.outcome.lower(), contact, ring.agent)
        if ring.outcome == "Answered":
            contact.agent, contact.outcome, contact.answered = ring.agent, "Answered", at
            self.converse(at, contact, desk)
            return
        self.pause(at, desk, "Away", 30 + 90 * self.chance())
        contact.state = WAITING
        if idle := self.idle[contact.group]:
            self.ring(at, contact, next(iter(idle.values())))
        else:
            self.queues[contact.group].appendleft(contact)

    def converse(self, at: float, contact: Contact, desk: Desk) -> None:
        settings, chance = self.settings, self.chance
        contact.state = TALKING
        desk.statuses.append((contact.start if contact.call.outbound else at, "On a Call"))
        talk = self.talk()
        if chance() < settings.hold_share:
            contact.hard_hold = self.hold()
        first = not contact.call.outbound and len(contact.call.contacts) == 1
        if first and chance() < settings.transfer_share:
            contact.transfer = "Warm" if chance() < 0.5 else "Blind"
            if contact.transfer == "Warm":
                contact.soft_hold = 10 + 30 * chance()
        length = talk + contact.hard_hold + contact.soft_hold
        if at + length > self.length - LAST_ARRIVAL:  # too late in the day for anything more
            contact.hard_hold, contact.soft_hold, contact.transfer = 0.0, 0.0, None
            length = min(length, self.length - LAST_TALK - at)
        contact.by_agent = chance() < 0.4
        self.later(at + length, self.hang_up, contact)

    def hang_up(self, at: float, contact: Contact) -> None:
        assert contact.agent is not None
        call, desk = contact.call, self.desks[contact.agent.index]
        contact.state, contact.ended, call.end = GONE, at, at
        self.note(at, "hung up", contact, contact.agent)
        work = 0.0 if contact.outcome == "Not Connected" else self.work()
        contact.finished = min(at + work, self.length - 1)
        if work:
            desk.statuses.append((at, "After Call Work"))
            self.later(contact.finished, self.finish, contact)
        else:
            self.release(at, desk)
        if contact.transfer:
            self.hand_on(at, contact)

    def finish(self, at: float, contact: Contact) -> None:
        assert contact.agent is not None
        self.note(at, "finished", contact, contact.agent)
        self.release(at, self.desks[contact.agent.index])

    def hand_on(self, at: float, contact: Contact) -> None:
        call, groups = contact.call, len(self.settings.ring_groups)
        group = (contact.group + 1 + int(self.chance() * (groups - 1))) % groups
        onward = Contact(call, group, at)
        call.contacts.append(onward)
        self.note(at, "transferred", onward, contact.agent)
        if self.chance() < 0.1:
            onward.external, onward.outcome, onward.state = True, "Answered", GONE
            onward.answered = at
            end = min(at + self.talk(), self.length - LAST_TALK)
            onward.ended = onward.finished = call.end = end
        else:
            self.enter_queue(at, onward)

    def dial(self, at: float, plan: tuple[Contact, int]) -> None:
        contact, tries = plan
        if not (idle := self.idle[contact.group]):
            assert self.hours is not None
            if tries < 5 and at + 180 < min(self.hours[1], self.length - LAST_ARRIVAL):
                self.later(at + 180, self.dial, (contact, tries + 1))
            return
        desk = next(iter(idle.values()))
        self.occupy(desk)
        call, contact.agent = contact.call, desk.agent
        call.start = contact.start = at
        call.contacts.append(contact)
        self.calls.append(call)
        self.note(at, "dialled", contact, desk.agent)
        if self.chance() < self.settings.connected_share:
            contact.outcome = "Connected"
            contact.answered = at + 4 + 16 * self.chance()
            self.note(contact.answered, "connected", contact, desk.agent)
            self.converse(contact.answered, contact, desk)
        else:
            contact.outcome = "Not Connected"
            contact.answered = at + 18 + 12 * self.chance()
            desk.statuses.append((at, "On a Call"))
            self.later(contact.answered, self.hang_up, contact)

    # -- the agents' statuses ---------------------------------------------------------------------

    def log_in(self, at: float, desk: Desk) -> None:
        desk.present = True
        self.release(at, desk)

    def log_out(self, at: float, desk: Desk) -> None:
        desk.leaving = True
        if desk.free or desk.statuses[-1][1] in ("Away", "Lunch"):
            self.release(at, desk)

    def want_break(self, at: float, wish: tuple[Desk, str, float]) -> None:
        desk, status, length = wish
        desk.due = (status, length)
        if desk.free:
            self.release(at, desk)

    def occupy(self, desk: Desk) -> None:
        """Take an agent out of the idle ones."""
        desk.free = False
        for group in desk.agent.groups:
            self.idle[group].pop(desk.agent.index, None)

    def pause(self, at: float, desk: Desk, status: str, length: float) -> None:
        self.occupy(desk)
        desk.statuses.append((at, status))
        desk.away += 1
        self.later(at + length, self.come_back, (desk, desk.away))

    def come_back(self, at: float, absence: tuple[Desk, int]) -> None:
        desk, number = absence
        if desk.present and desk.away == number:
            self.release(at, desk)

    def release(self, at: float, desk: Desk) -> None:
        """Decide what an agent with free hands does next."""
        if desk.leaving:
            self.occupy(desk)
            desk.present = False
            desk.statuses.append((at, "Offline"))
            return
        if desk.due:
            (status, length), desk.due = desk.due, None
            self.pause(at, desk, status, length)
            return
        if desk.statuses[-1][1] != "Available":
            desk.statuses.append((at, "Available"))
        oldest: deque[Contact] | None = None
        for group in desk.agent.groups:
            queue = self.queues[group]
            while queue and queue[0].state != WAITING:
                queue.popleft()  # gone while waiting
            if queue and (oldest is None or queue[0].start < oldest[0].start):
                oldest = queue
        if oldest is not None:
            self.ring(at, oldest.popleft(), desk)
            return
        desk.free = True
        for group in desk.agent.groups:
            self.idle[group][desk.agent.index] = desk
