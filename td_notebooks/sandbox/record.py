"""What is written down about a day: calls, their contacts and rings, the agents' statuses, a log.

All moments are seconds since local midnight, fractions included.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Literal, NamedTuple

from .people import Agent

Outcome = Literal[
    "Answered",
    "Missed",
    "Abandoned",
    "Short Abandoned",
    "Voicemail",
    "Connected",
    "Not Connected",
]
# Where a contact is.
WAITING, RINGING, TALKING, GONE = range(4)


@dataclass(slots=True, eq=False)
class Call:
    """An interaction.

    Attributes
    ----------
    number : int
        Its position in the day.
    start, end : float
        Seconds since local midnight.
    outbound, open : bool
        Placed by an agent; within business hours.
    customer : int
        Position of the customer's phone number.
    steps : tuple of float
        Seconds of the flow's steps before the queue: start, hours, greeting, then each menu.
    choices : str
        Keys pressed in the menus, joined by a comma; all but the last were no choice.
    contacts : list of Contact
    """

    number: int
    start: float
    outbound: bool
    open: bool
    customer: int
    steps: tuple[float, ...] = ()
    choices: str = ""
    end: float = 0.0
    contacts: list[Contact] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class Contact:
    """A leg of a call: one stay in a queue and what came of it.

    Attributes
    ----------
    call : Call
    group : int
        Position of the ring group.
    start : float
        Entry into the queue, or the moment of dialling.
    answered, ended, finished : float
        Conversation begins; the leg ends for the customer; after-call work ends too.
    outcome : Outcome
    agent : Agent or None
    soft_hold, hard_hold : float
        Seconds of the conversation on hold.
    transfer : str or None
        ``Warm`` or ``Blind`` when the customer was handed on.
    external : bool
        Handed to a number outside.
    by_agent : bool
        The agent hung up.
    callback_at : float or None
        When the customer asked to be called back.
    rings : list of Ring
    """

    call: Call
    group: int
    start: float
    state: int = WAITING
    answered: float = 0.0
    ended: float = 0.0
    finished: float = 0.0
    outcome: Outcome = "Missed"
    agent: Agent | None = None
    soft_hold: float = 0.0
    hard_hold: float = 0.0
    transfer: str | None = None
    external: bool = False
    by_agent: bool = False
    callback_at: float | None = None
    rings: list[Ring] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class Ring:
    """One ring at one agent."""

    contact: Contact
    agent: Agent
    start: float
    outcome: str
    end: float | None = None


@dataclass(slots=True, eq=False)
class Desk:
    """An agent's day: what is shown, and what is to come.

    Attributes
    ----------
    statuses : list of (float, str)
        When each status began.
    away : int
        Counts the absences, so that only the latest ends one.
    """

    agent: Agent
    statuses: list[tuple[float, str]]
    present: bool = False
    free: bool = False
    leaving: bool = False
    due: tuple[str, float] | None = None
    away: int = 0


class Moment(NamedTuple):
    """An entry of the simulation's own log."""

    at: float
    kind: str
    call: Call
    contact: Contact | None
    agent: Agent | None


@dataclass(frozen=True, slots=True)
class Day:
    """What happened on a local day.

    Attributes
    ----------
    day : date
    start : int
        Local midnight in seconds since 1970-01-01 UTC.
    length : int
        Seconds until the next local midnight: 86 400 but for changes of the clock.
    calls : list of Call
        In order of their start.
    desks : list of Desk
        One per agent.
    log : list of Moment
        In order of time.
    """

    day: date
    start: int
    length: int
    calls: list[Call]
    desks: list[Desk]
    log: list[Moment]
