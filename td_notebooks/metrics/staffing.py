"""How many agents it takes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pyarrow as pa

from ..errors import ConfigError
from .cuts import width_of
from .erlang import Queue, checked, erlang_a, erlang_c
from .kinds import arrow, columns_of, epoch, like


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
        A share that is none, or a number that no queue has, such as a missing one.

    Examples
    --------
    >>> required_agents(100, 180)
    14
    >>> required_agents(100, 180, shrinkage=0.3)
    20
    """
    _check_shares(service_level, max_occupancy, shrinkage)

    def enough(agents: int) -> bool:
        queue = _queue(calls, aht, agents, within, interval, patience)
        return bool(queue.service_level >= service_level and queue.occupancy <= max_occupancy)

    load, _, _ = checked(calls, aht, 0, interval, within)
    if not load:
        return 0
    # Double until there are enough, then halve what is between.
    low, high = 0, max(1, math.ceil(load))
    while not enough(high):
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return _scheduled(high, shrinkage)


def staffing(
    table: Any,
    *,
    service_level: float = 0.8,
    within: float = 20.0,
    interval: float | None = None,
    patience: float | None = None,
    max_occupancy: float = 1.0,
    shrinkage: float = 0.0,
) -> Any:
    """Add to an interval table the agents that each interval needs.

    Parameters
    ----------
    table : frame
        As `interval_table` returns it: ``offered``, ``answered`` and ``aht`` count.
    interval : float, optional
        Seconds in which the calls of a row come. By default the ``interval`` column tells; half an
        hour if there is none.
    service_level, within, patience, max_occupancy, shrinkage
        As for `required_agents`.

    Returns
    -------
    frame
        Of the kind given: the table with ``required`` (agents at work) and ``scheduled`` (with
        shrinkage), missing where ``offered`` is. An interval without a handle time is given the
        mean of all.

    Raises
    ------
    SchemaError
        A column is missing.
    ConfigError
        As for `required_agents`; also when no interval has a handle time, or when those of the
        table are not as long as `interval` says.
    """
    columns = columns_of(table)
    wanted = dict.fromkeys([*columns, "offered", "answered", "aht"])
    rows = arrow(table, list(wanted), "staffing", "contacts")
    seconds = _interval(rows, interval)
    _check_shares(service_level, max_occupancy, shrinkage)
    offered, answered, aht = (
        rows[name].cast(pa.float64()).fill_null(np.nan).to_numpy()
        for name in ("offered", "answered", "aht")
    )
    known = (aht > 0) & (answered > 0)
    overall = np.average(aht[known], weights=answered[known]) if known.any() else np.nan
    unknown = np.isnan(offered)
    some = ~unknown & (offered != 0)
    handle = np.where(known, aht, overall)
    if np.isnan(handle[some]).any():
        raise ConfigError(
            "Staffing cannot be computed: no call of the table was answered and took time, "
            "so that the handle time is not known."
        )
    loads = list(zip(offered[some].tolist(), handle[some].tolist(), strict=True))
    need = {
        load: required_agents(
            *load,
            service_level=service_level,
            within=within,
            interval=seconds,
            patience=patience,
            max_occupancy=max_occupancy,
        )
        for load in set(loads)
    }
    at_work = np.zeros(len(rows), np.int64)
    at_work[some] = [need[load] for load in loads]
    scheduled = [_scheduled(agents, shrinkage) for agents in at_work.tolist()]
    result = rows.append_column("required", pa.array(at_work, mask=unknown))
    result = result.append_column("scheduled", pa.array(scheduled, pa.int64(), mask=unknown))
    return like(table, result)


def _interval(rows: pa.Table, interval: float | None) -> float:
    """Return the seconds of a table's intervals, given those that were asked for."""
    if "interval" not in rows.column_names or not pa.types.is_timestamp(rows["interval"].type):
        return 1800.0 if interval is None else interval
    begins = np.unique(epoch(rows["interval"].drop_null()))
    if interval is None:
        return width_of(begins, "staffing")
    # There may be gaps.
    if interval > 0 and (np.diff(begins) % interval).any():
        raise ConfigError(
            f"Staffing cannot be computed for intervals of {interval:g} s: those of the table "
            f"begin {np.diff(begins).min()} s apart.",
            hint="Leave `interval` out: the table tells.",
        )
    return interval


def _check_shares(service_level: float, max_occupancy: float, shrinkage: float) -> None:
    if not (0 <= service_level < 1 and 0 < max_occupancy <= 1 and 0 <= shrinkage < 1):
        raise ConfigError(
            "Agents cannot be computed: service_level and shrinkage lie in 0..1 without the 1, "
            "max_occupancy without the 0.",
            hint="Write 80% as 0.8.",
        )


def _scheduled(at_work: int, shrinkage: float) -> int:
    # 14 ÷ (1 - 0.3) is 20, whatever the last binary digit says.
    return math.ceil(round(at_work / (1 - shrinkage), 9))


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
