"""How many agents it takes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pyarrow as pa

from ..errors import ConfigError
from .erlang import Queue, erlang_a, erlang_c
from .kinds import arrow, columns_of, like


def required_agents(
    calls: float,
    aht: float,
    *,
    service_level: float = 0.8,
    within: float = 20.0,
    interval: float = 1800.0,
    patience: float | None = None,
    max_occupancy: float = 1.0,
    shrinkage: float = 0.0,
) -> int:
    """Return the fewest agents that reach a service level.

    Parameters
    ----------
    calls : float
        Calls per interval.
    aht : float
        Mean seconds of talk, hold and after-call work.
    service_level : float
        To be reached, such as 0.8.
    within : float
        Threshold in seconds.
    interval : float
        Seconds in which that many calls come.
    patience : float, optional
        Mean seconds after which a caller hangs up (Erlang A); without it callers wait for ever
        (Erlang C).
    max_occupancy : float
        Agents shall have calls in no larger share of their time.
    shrinkage : float
        Share of the scheduled time in which agents are not at work. The result is then how many to
        schedule: required ÷ (1 - shrinkage), rounded up.

    Returns
    -------
    int
        0 when nobody calls.

    Raises
    ------
    ConfigError
        A share that is none, or a number that no queue has.

    Examples
    --------
    >>> required_agents(100, 180)
    14
    >>> required_agents(100, 180, shrinkage=0.3)
    20
    """
    if not (0 <= service_level < 1 and 0 < max_occupancy <= 1 and 0 <= shrinkage < 1):
        raise ConfigError(
            "Agents cannot be computed: service_level and shrinkage lie in 0..1 without the 1, "
            "max_occupancy without the 0.",
            hint="Write 80% as 0.8.",
        )

    def enough(agents: int) -> bool:
        queue = _queue(calls, aht, agents, within, interval, patience)
        return bool(queue.service_level >= service_level and queue.occupancy <= max_occupancy)

    if not calls:
        return 0
    # Double until there are enough, then halve what is between.
    low, high = 0, max(1, math.ceil(calls * aht / interval))
    while not enough(high):
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    # 14 ÷ (1 - 0.3) is 20, whatever the last binary digit says.
    return math.ceil(round(high / (1 - shrinkage), 9))


def staffing(
    table: Any,
    *,
    service_level: float = 0.8,
    within: float = 20.0,
    interval: float = 1800.0,
    patience: float | None = None,
    max_occupancy: float = 1.0,
    shrinkage: float = 0.0,
) -> Any:
    """Add to an interval table the agents that each interval needs.

    Parameters
    ----------
    table : frame
        As `interval_table` returns it: ``offered`` and ``aht`` count.
    service_level, within, interval, patience, max_occupancy, shrinkage
        As for `required_agents`.

    Returns
    -------
    frame
        Of the kind given: the table with ``required`` (agents at work) and ``scheduled`` (with
        shrinkage). An interval without an answered call is given the mean handle time of all.

    Raises
    ------
    SchemaError
        A column is missing.
    ConfigError
        As for `required_agents`.
    """
    columns = columns_of(table)
    wanted = dict.fromkeys([*columns, "offered", "answered", "aht"])
    rows = arrow(table, list(wanted), "staffing", "contacts")
    offered = rows["offered"].to_numpy()
    aht = np.asarray(rows["aht"].cast(pa.float64()).to_numpy(zero_copy_only=False), float)
    answered = rows["answered"].to_numpy()
    known = ~np.isnan(aht) & (answered > 0)
    overall = np.average(aht[known], weights=answered[known]) if known.any() else np.nan
    found: dict[tuple[float, float], tuple[int, int]] = {}
    need = []
    for calls, handle in zip(offered, np.where(known, aht, overall), strict=True):
        if calls and math.isnan(handle):
            raise ConfigError(
                "Staffing cannot be computed: no call of the table was answered, "
                "so that the handle time is not known."
            )
        if (calls, handle) not in found:
            at_work = required_agents(
                float(calls),
                float(handle),
                service_level=service_level,
                within=within,
                interval=interval,
                patience=patience,
                max_occupancy=max_occupancy,
            )
            found[calls, handle] = at_work, math.ceil(round(at_work / (1 - shrinkage), 9))
        need.append(found[calls, handle])
    counts = np.array(need, np.int64).reshape(-1, 2)
    result = rows.append_column("required", pa.array(counts[:, 0]))
    return like(table, result.append_column("scheduled", pa.array(counts[:, 1])))


def _queue(
    calls: float,
    aht: float,
    agents: int,
    within: float,
    interval: float,
    patience: float | None,
) -> Queue:
    if patience is None:
        return erlang_c(calls=calls, aht=aht, agents=agents, within=within, interval=interval)
    return erlang_a(
        calls=calls, aht=aht, agents=agents, patience=patience, within=within, interval=interval
    )
