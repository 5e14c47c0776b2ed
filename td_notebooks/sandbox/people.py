"""Who works in the simulated contact centre: agents, their teams, ring groups and moves."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from datetime import date
from itertools import accumulate
from typing import TYPE_CHECKING

from .chance import seeded

if TYPE_CHECKING:
    from .settings import CentreSettings

#: Day of the month, and local hour, at which one agent changes team.
MOVING_DAY, MOVING_HOUR = 15, 11.5

# Accents, a nickname in quotes, an apostrophe and a hyphen are there to be carried through files.
_FIRST = (
    "Zoë", "João", 'Inês "Nê"', "Amara", "Łukasz", "Grace", "Søren", "Mónica", "Kwame", "Aoife",
    "Renée", "Tomás", "Yuki", "Björn", "Priya", "Noah", "Élodie", "Mateus", "Ana-Sofia", "Omar",
)  # fmt: skip
_LAST = (
    "Müller", "Conceição", "Gonçalves", "Okafor", "Wiśniewski", "Hopper", "Ångström", "Núñez",
    "Mensah", "O'Neill", "D'Hondt", "Sousa", "Tanaka", "Lindqvist", "Raman", "Smith", "Lefèvre",
    "Araújo", "Costa-Pereira", "Haddad",
)  # fmt: skip
_TEAMS = ("Atlântico", "Northern Lights", "Team 007")


@dataclass(frozen=True, slots=True)
class Team:
    """A team of agents."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Agent:
    """A user of the account.

    Attributes
    ----------
    index : int
        Position in `People.agents`.
    id, name, email : str
    groups : tuple of int
        Positions of the agent's ring groups, the main one first.
    ring_groups : str
        Their names, joined by ``+``.
    turn : int
        Position among the agents with the same main ring group; spreads the shifts.
    """

    index: int
    id: str
    name: str
    email: str
    groups: tuple[int, ...]
    ring_groups: str
    turn: int


class People:
    """Everybody who works in the centre.

    Parameters
    ----------
    settings : CentreSettings
    """

    def __init__(self, settings: CentreSettings) -> None:
        rng = seeded(settings.seed, "people")
        self.teams = tuple(Team(f"{rng.getrandbits(128):032x}", name) for name in _TEAMS)
        names = settings.ring_groups
        weights = settings.shares or tuple(1 / (i + 1) for i in range(len(names)))
        self.shares = tuple(weight / sum(weights) for weight in weights)
        self.cumulated = tuple(accumulate(self.shares))
        agents: list[Agent] = []
        members = [0] * len(names)
        for index in range(settings.agents):
            # The next agent goes where most calls per agent are.
            main = max(range(len(names)), key=lambda g: self.shares[g] / (members[g] + 1))
            groups: tuple[int, ...] = (main,)
            if index % 2 and len(names) > 1:
                groups = (main, (main - 1) % len(names))
            name = _name(index)
            agents.append(
                Agent(
                    index=index,
                    id=f"{rng.getrandbits(96):024x}",
                    name=name,
                    email=_email(name),
                    groups=groups,
                    ring_groups="+".join(names[g] for g in sorted(groups)),
                    turn=members[main],
                )
            )
            members[main] += 1
        self.agents = tuple(agents)

    def team(self, agent: Agent, day: date, *, moved: bool) -> Team:
        """Return an agent's team on a day.

        Every month one agent moves to the next team, on `MOVING_DAY` at `MOVING_HOUR`.

        Parameters
        ----------
        agent : Agent
        day : date
        moved : bool
            Whether the hour of the move has passed; only matters on the moving day.
        """
        month = day.year * 12 + day.month - 1
        if (day.day, moved) < (MOVING_DAY, True):
            month -= 1
        moves = (month - agent.index) // len(self.agents)
        return self.teams[(agent.index + moves) % len(self.teams)]

    def moves(self, agent: Agent, day: date) -> bool:
        """Tell whether an agent changes team on a day."""
        month = day.year * 12 + day.month - 1
        return day.day == MOVING_DAY and month % len(self.agents) == agent.index


def _name(index: int) -> str:
    """Return a name that nobody else in the centre has."""
    turn, place = divmod(index, len(_FIRST))
    generation, shift = divmod(turn, len(_LAST))
    name = f"{_FIRST[place]} {_LAST[(place + shift) % len(_LAST)]}"
    return f"{name} {generation + 1}" if generation else name


def _email(name: str) -> str:
    """Return an address in the reserved domain, with nothing but ASCII in it."""
    plain = unicodedata.normalize("NFKD", name.lower().replace("ø", "o").replace("ł", "l"))
    words = "".join(c for c in plain if c.isascii() and (c.isalnum() or c in " -")).split()
    return ".".join(words) + "@example.com"
