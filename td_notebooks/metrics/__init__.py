"""Contact-centre measures, each with its formula, numerator and denominator.

Every function takes a report as a pandas, polars, Arrow or DuckDB frame (or any other that narwhals
knows) and gives back the same kind.
"""

from .adherence import adherence
from .agents import occupancy, time_by_status, utilisation
from .erlang import Queue, erlang_a, erlang_c
from .forecast import forecast
from .handling import after_call_work, aht, hold_time
from .intervals import interval_table
from .journeys import journeys, repeat_contact_rate, transfers
from .outcomes import abandonment_rate, callback_rate, missed_rate, transfer_rate, voicemail_rate
from .quality import QualityCard, quality
from .ratio import HandleTime, Ratio
from .reconcile import reconcile
from .service_level import service_level
from .staffing import required_agents, staffing
from .statuses import merge_statuses
from .waits import asa, average_wait, longest_wait, time_to_abandon

__all__ = [
    "HandleTime",
    "QualityCard",
    "Queue",
    "Ratio",
    "abandonment_rate",
    "adherence",
    "after_call_work",
    "aht",
    "asa",
    "average_wait",
    "callback_rate",
    "erlang_a",
    "erlang_c",
    "forecast",
    "hold_time",
    "interval_table",
    "journeys",
    "longest_wait",
    "merge_statuses",
    "missed_rate",
    "occupancy",
    "quality",
    "reconcile",
    "repeat_contact_rate",
    "required_agents",
    "service_level",
    "staffing",
    "time_by_status",
    "time_to_abandon",
    "transfer_rate",
    "transfers",
    "utilisation",
    "voicemail_rate",
]
