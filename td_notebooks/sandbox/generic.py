"""Plausible rows for the report types that the simulation does not speak of.

They are made from the catalogue alone: a value of each column's kind, names of the same people and
ring groups, times that follow each other. They are not related to the calls.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random
from typing import TYPE_CHECKING

from .chance import seeded
from .files import columns_of
from .names import company_number, phone
from .rows import Placed

if TYPE_CHECKING:
    from ..reports.schemas import Column, Schema
    from .people import Agent, People
    from .record import Day
    from .settings import CentreSettings

#: Columns of a report type whose columns nobody has published.
UNKNOWN_COLUMNS = ("id", "name", "value")


def generic_rows(
    settings: CentreSettings, people: People, day: Day, report_type: str, schema: Schema
) -> list[Placed]:
    """Return the rows of any report type for a local day.

    Parameters
    ----------
    settings : CentreSettings
    people : People
    day : Day
        Only its date and its length count.
    report_type : str
    schema : Schema
        What the catalogue knows of it.

    Returns
    -------
    list of Placed
        20 to 50 rows, no two at the same second.
    """
    rng = seeded(settings.seed, day.day, report_type)
    moments = sorted(rng.sample(range(day.length), rng.randint(20, 50)))
    rows: list[Placed] = []
    for number, moment in enumerate(moments):
        when = datetime.fromtimestamp(day.start + moment, UTC)
        if schema.columns:
            maker = _Maker(rng, settings, rng.choice(people.agents), people, day, when)
            row = {c.key: maker.value(c, schema) for c in columns_of(schema)}
        else:
            row = dict(
                zip(
                    UNKNOWN_COLUMNS,
                    (_hex(rng), f"item {number}", f"{rng.random():.4f}"),
                    strict=True,
                )
            )
        rows.append((day.start + moment, number, row))
    return rows


def _hex(rng: Random) -> str:
    return f"{rng.getrandbits(128):032x}"


class _Maker:
    """The values of one row, about one agent and one moment."""

    def __init__(
        self,
        rng: Random,
        settings: CentreSettings,
        agent: Agent,
        people: People,
        day: Day,
        when: datetime,
    ) -> None:
        self.rng, self.settings, self.agent, self.when = rng, settings, agent, when
        self.team = people.team(agent, day.day, moved=False)
        # By the first of these words that a key contains.
        self.texts = {
            "user_agent": "Mozilla/5.0",
            "agent_id": agent.id,
            "user_id": agent.id,
            "email": agent.email,
            "team_id": self.team.id,
            "team": self.team.name,
            "ring_groups": agent.ring_groups,
            "queue": agent.ring_groups,
            "user": agent.name,
            "agent": agent.name,
            "talkdesk_phone": company_number(0),
            "phone": phone(rng.randrange(8000)),
            "time_zone": settings.timezone,
            "url": "https://api.example.com/" + _hex(rng),
            "notes": 'said "ok", twice',
        }

    def value(self, column: Column, schema: Schema) -> object:
        """Return a value of the column's kind."""
        rng, key = self.rng, column.key
        identifies = column.name == schema.time_column or column.name in schema.primary_key
        if column.nullable and not identifies and rng.random() < 0.1:
            return None
        if column.kind == "timestamp":
            return self.when if column.name == schema.time_column else self.moment(key)
        if column.encoding in ("json array", "json array text"):
            return ["192.0.2.10"] if "ip" in key else self.agent.ring_groups.split("+")
        if column.kind == "boolean":
            return rng.random() < 0.5
        if column.kind == "integer":
            return rng.randint(1, 5)
        if column.kind == "number":
            return round(rng.random() * 100, 2)
        if column.kind == "duration":
            return rng.randint(1, 60) * 60
        if column.values:
            return rng.choice(column.values)
        for word, text in self.texts.items():
            if word in key:
                return text.replace("+", " + ") if column.encoding == "a + b" else text
        return (
            _hex(rng)
            if key.endswith(("id", "sid"))
            else f"{key.split('.')[-1]} {rng.randint(1, 9)}"
        )

    def moment(self, key: str) -> datetime:
        """Return a time on the right side of the row's own time."""
        apart = timedelta(seconds=self.rng.randint(1, 1800))
        if any(word in key for word in ("end", "finish", "updat", "complet")):
            return self.when + apart
        if "start" in key:
            apart += timedelta(seconds=1800)
        return self.when - apart
