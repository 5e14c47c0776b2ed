"""What can be changed about the simulated contact centre."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ..errors import ConfigError

Hours = tuple[float, float]


@dataclass(frozen=True, slots=True)
class CentreSettings:
    """The simulated contact centre's parameters.

    All times are means in seconds unless said otherwise; all shares are between 0 and 1.

    Attributes
    ----------
    seed : int
        The same settings with the same seed give the same rows.
    timezone : str
        IANA zone of the opening hours and shifts.
    calls_per_day : float
        Inbound calls on an average weekday, in opening hours.
    agents : int
        How many users the account has. Some are absent, some start late.
    ring_groups : tuple of str
    shares : tuple of float, optional
        How the inbound calls divide among the ring groups, as weights. By default each group gets
        less than the one before: 1, 1/2, 1/3, …
    weekday_hours, saturday_hours, sunday_hours : tuple of float, optional
        Opening and closing in hours of the local clock, ``(8.5, 20.0)`` for 08:30 to 20:00; None
        when closed.
    weekend_share : float
        Calls of an open Saturday or Sunday, as a share of `calls_per_day`.
    closed_share : float
        Calls of a day that is closed around the clock, as a share of `calls_per_day`: they end in
        voicemail or missed. A day open for half of the time has half of them.
    patience : float
        Seconds a caller waits before hanging up (exponential).
    max_wait : float
        Seconds after which the queue gives up: voicemail or missed.
    voicemail_share : float
        Of the calls the queue gave up, those that leave a message.
    talk_time, talk_spread : float
        Mean seconds of talk, and its standard deviation as a share of the mean (log-normal).
    exponential_talk : bool
        Draw the talk from an exponential distribution instead.
    hold_share, hold_time : float
        Of the conversations, those with a hold, and its seconds (log-normal).
    after_call_work_time : float
        Seconds of after-call work (log-normal); 0 for none.
    ring_time, ring_timeout : float
        Seconds until an agent answers; seconds after which a ring counts as ignored.
    ignored_share, rejected_share, unavailable_share : float
        Of the ring attempts, those an agent lets ring or refuses, or whose device is unreachable.
    outbound_share : float
        Outbound calls among all calls of the opening hours.
    connected_share : float
        Of the outbound calls, those somebody answers.
    transfer_share : float
        Of the answered inbound calls, those handed on.
    callback_share, callback_after : float
        Of the callers still waiting after that many seconds, those that ask to be called back.
    returning_share : float
        Calls from numbers that call several times in the same week.
    csat_share, notes_share : float
        Of the conversations, those with a survey answer, and those with an agent's note.
    short_abandon_threshold : float
        An abandoned call that waited less seconds is a short abandon.
    service_level_threshold : float
        Seconds within which a call should be answered.
    greeting_time, menu_time : float
        Seconds of the greeting and of each menu before the queue.
    steady : bool
        Theory instead of life: the same arrival rate at every moment and on every day, and all
        agents at work during all opening hours, without breaks.
    """

    seed: int = 7
    timezone: str = "Europe/Lisbon"
    calls_per_day: float = 400
    agents: int = 14
    ring_groups: tuple[str, ...] = ("support", "sales", "billing")
    shares: tuple[float, ...] | None = None
    weekday_hours: Hours | None = (8.0, 20.0)
    saturday_hours: Hours | None = (9.0, 14.0)
    sunday_hours: Hours | None = None
    weekend_share: float = 0.35
    closed_share: float = 0.03
    patience: float = 240.0
    max_wait: float = 240.0
    voicemail_share: float = 0.5
    talk_time: float = 230.0
    talk_spread: float = 0.8
    exponential_talk: bool = False
    hold_share: float = 0.2
    hold_time: float = 40.0
    after_call_work_time: float = 45.0
    ring_time: float = 7.0
    ring_timeout: float = 20.0
    ignored_share: float = 0.04
    rejected_share: float = 0.015
    unavailable_share: float = 0.01
    outbound_share: float = 0.18
    connected_share: float = 0.7
    transfer_share: float = 0.07
    callback_share: float = 0.25
    callback_after: float = 60.0
    returning_share: float = 0.2
    csat_share: float = 0.2
    notes_share: float = 0.3
    short_abandon_threshold: float = 5.0
    service_level_threshold: float = 20.0
    greeting_time: float = 6.0
    menu_time: float = 5.0
    steady: bool = False

    def __post_init__(self) -> None:
        try:
            ZoneInfo(self.timezone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ConfigError(
                f"The contact centre cannot be simulated in the time zone {self.timezone!r}: "
                "there is no such zone.",
                hint="Use an IANA name such as 'Europe/Lisbon'.",
            ) from None
        shares = self.shares or (1.0,) * len(self.ring_groups)
        hours = (self.weekday_hours, self.saturday_hours, self.sunday_hours)
        problems = {
            "agents must be at least 1": self.agents < 1,
            "ring_groups must name at least one group": not self.ring_groups,
            "shares must have one number per ring group": len(shares) != len(self.ring_groups),
            "shares must be positive": min(shares, default=1) <= 0,
            "opening hours must lie in 0..24, opening first": any(
                not 0 <= span[0] < span[1] <= 24 for span in hours if span
            ),
            "outbound_share must be below 1": not 0 <= self.outbound_share < 1,
            "ring_timeout must be at most 60 seconds": self.ring_timeout > 60,
            "a number must not be negative": any(
                value < 0
                for name in self.__dataclass_fields__
                if name != "seed" and isinstance(value := getattr(self, name), (int, float))
            ),
        }
        if wrong := [problem for problem, found in problems.items() if found]:
            raise ConfigError(
                f"The contact centre's settings do not fit: {'; '.join(wrong)}.",
                hint="Change these values of CentreSettings.",
            )

    @classmethod
    def erlang(
        cls,
        *,
        calls_per_hour: float,
        agents: int,
        talk_time: float,
        patience: float,
        seed: int = 7,
    ) -> Self:
        """Return a centre that queueing theory describes exactly: M/M/n+M (Erlang A).

        One ring group, open around the clock in UTC, exponential talk and patience, agents who
        answer at once and do nothing else. Every day starts with an empty queue, and nobody calls
        in its last quarter of an hour.

        Parameters
        ----------
        calls_per_hour : float
        agents : int
        talk_time, patience : float
            Mean seconds.
        seed : int

        Returns
        -------
        CentreSettings
        """
        always = (0.0, 24.0)
        return cls(
            seed=seed,
            timezone="UTC",
            calls_per_day=calls_per_hour * 24,
            agents=agents,
            ring_groups=("support",),
            weekday_hours=always,
            saturday_hours=always,
            sunday_hours=always,
            patience=patience,
            max_wait=86400.0,
            talk_time=talk_time,
            exponential_talk=True,
            hold_share=0.0,
            after_call_work_time=0.0,
            ring_time=0.0,
            ignored_share=0.0,
            rejected_share=0.0,
            unavailable_share=0.0,
            outbound_share=0.0,
            transfer_share=0.0,
            callback_share=0.0,
            greeting_time=0.0,
            menu_time=0.0,
            steady=True,
        )
