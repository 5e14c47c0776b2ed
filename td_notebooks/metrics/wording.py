"""How the reports that measures are made of say the same things."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Literal

import narwhals as nw

from ..errors import ConfigError, SchemaError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .typed import Holds

Direction = Literal["inbound", "outbound", "both"]


@dataclass(frozen=True, slots=True)
class Wording:
    """A report's columns and the words of its outcomes.

    Attributes
    ----------
    report : str
        The report type.
    outcome : str
        Column that says what came of the call or contact.
    answered, missed, abandoned, short_abandoned, voicemail, connected : str
        Its words. Others are not counted by any measure.
    wait, start, end, in_hours, ring_groups, user, talk, hold : str
        Columns.
    callback, transfer, person, call : str
        Columns.
    work : str
        Column of the after-call work; empty where the report has none.
    """

    report: str
    outcome: str
    answered: str
    missed: str
    abandoned: str
    short_abandoned: str
    voicemail: str
    connected: str
    wait: str
    start: str
    end: str
    in_hours: str
    ring_groups: str
    user: str
    talk: str
    hold: str
    callback: str
    transfer: str
    person: str
    call: str
    work: str = ""

    def holds(self) -> dict[str, Holds]:
        """Return what each column holds, by its name."""
        roles: dict[Holds, tuple[str, ...]] = {
            "seconds": (self.wait, self.talk, self.hold, self.work),
            "yes or no": (self.in_hours, self.callback, self.transfer),
            "times": (self.start, self.end),
            "text": (self.outcome, self.ring_groups, self.user, self.person, self.call),
        }
        return {name: holds for holds, names in roles.items() for name in names if name}

    def is_(self, *outcomes: str) -> nw.Expr:
        """Return whether a row has one of these outcomes; an unknown word is none of them.

        Parameters
        ----------
        *outcomes : str
            Names of this class's attributes, such as ``"answered"``.
        """
        words = [getattr(self, outcome) for outcome in outcomes]
        return nw.col(self.outcome).cast(nw.String).is_in(words).fill_null(False)

    def offered(self) -> nw.Expr:
        """Return whether a row is inbound: a customer came to the queue, whatever came of it."""
        return self.is_("answered", "abandoned", "short_abandoned", "missed", "voicemail")

    def handled(self, direction: Direction) -> nw.Expr:
        """Return whether a row is a conversation of that direction."""
        words = {
            "inbound": ("answered",),
            "outbound": ("connected",),
            "both": ("answered", "connected"),
        }
        if direction not in words:
            raise unknown("direction", direction, words)
        return self.is_(*words[direction])

    def within(self, seconds: float) -> nw.Expr:
        """Return whether a row waited no longer than that; a missing wait did not."""
        return (nw.col(self.wait) <= seconds).fill_null(False)


CALLS = Wording(
    report="calls",
    outcome="type",
    answered="inbound",
    missed="missed",
    abandoned="abandoned",
    short_abandoned="short_abandoned",
    voicemail="voicemail",
    connected="outbound",
    wait="wait_time",
    start="start_at",
    end="end_at",
    in_hours="is_in_business_hours",
    ring_groups="ring_groups",
    user="user_id",
    talk="talk_time",
    hold="hold_time",
    callback="is_callback_from_queue",
    transfer="is_transfer",
    person="contact_phone_number",
    call="call_id",
)
OLD_CALLS = Wording(
    report="calls",
    outcome="call_type",
    answered="inbound",
    missed="missed",
    abandoned="abandoned",
    short_abandoned="short_abandoned",
    voicemail="voicemail",
    connected="outbound",
    wait="waiting_time",
    start="start_time",
    end="end_time",
    in_hours="in_business_hours",
    ring_groups="tags",
    user="agent_name",
    talk="talk_time",
    hold="holding_time",
    callback="callback_from_queue",
    transfer="transfer",
    person="customer_phone_number",
    call="interaction_id",
)
CONTACTS = Wording(
    report="contacts",
    outcome="contact_type",
    answered="Answered",
    missed="Missed",
    abandoned="Abandoned",
    short_abandoned="Short Abandoned",
    voicemail="Voicemail",
    connected="Connected",
    wait="wait_time",
    start="started_at",
    end="finished_at",
    in_hours="inside_business_hours",
    ring_groups="ring_groups",
    user="user_id",
    talk="talk_time",
    hold="hold_time",
    callback="callback",
    transfer="transfer_out",
    person="contact_person_number",
    call="interaction_id",
    work="after_call_work_time",
)


def wording_of(columns: Iterable[str], purpose: str) -> Wording:
    """Tell from its columns which report a frame holds.

    Parameters
    ----------
    columns : iterable of str
    purpose : str
        What is to be computed, for the message.

    Raises
    ------
    SchemaError
        If it is neither calls nor contacts.
    """
    names = set(columns)
    for wording in (CALLS, OLD_CALLS, CONTACTS):
        if wording.outcome in names:
            return wording
    raise lacking(purpose, ["type (calls) or contact_type (contacts)"], "calls", names)


def lacking(
    purpose: str, missing: Iterable[str], report: str, known: Iterable[str] = ()
) -> SchemaError:
    """Return the error for a frame without the columns that a measure needs.

    Parameters
    ----------
    purpose : str
        What was to be computed.
    missing : iterable of str
        The columns.
    report : str
        The report type that has them.
    known : iterable of str
        What there is, to suggest something.
    """
    names = list(missing)
    return SchemaError(
        f"Computing {purpose}: the frame has no column {', '.join(names)}.",
        hint=similar(names, known) + f'It takes the frame of client.report("{report}", ...).',
        report_type=report,
        missing=names,
    )


def unknown(what: str, word: object, known: Iterable[str]) -> ConfigError:
    """Return the error for a word that is none of those a parameter takes.

    Parameters
    ----------
    what : str
        What it names, such as ``"booking rule"``.
    word : object
        What was given.
    known : iterable of str
        What there is.
    """
    words = list(known)
    return ConfigError(
        f"There is no {what} {word!r}.",
        hint=f"{similar([str(word)], words)}Known: {', '.join(words)}.",
    )


def similar(words: Iterable[str], known: Iterable[str]) -> str:
    """Return a question that suggests known words for mistaken ones; empty if none is near."""
    there = list(known)
    near = [found for word in words for found in get_close_matches(word, there, n=1, cutoff=0.7)]
    return f"Did you mean {', '.join(dict.fromkeys(near))}? " if near else ""
