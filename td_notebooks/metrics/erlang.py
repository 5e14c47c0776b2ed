"""Queueing theory: what service level a number of agents gives, by Erlang C and Erlang A.

Calls arrive at random (Poisson) at a constant rate and are handled for exponential times. In
Erlang C callers wait for ever; in Erlang A each hangs up after an exponential patience.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import ConfigError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

#: Terms of a distribution this much smaller (as a logarithm) than its largest are left out.
NEGLIGIBLE = 60.0


@dataclass(frozen=True, slots=True)
class Queue:
    """What a queue with a number of agents is like in the long run.

    Attributes
    ----------
    service_level : float or ndarray
        Share of all callers who are answered within the threshold.
    wait_probability : float or ndarray
        Share of the callers who find no free agent.
    asa : float or ndarray
        Mean wait of the answered in seconds; infinite when the queue grows without end.
    abandonment : float or ndarray
        Share of the callers who hang up; 0 in Erlang C.
    occupancy : float or ndarray
        Share of their time in which agents have a call.
    """

    service_level: Any
    wait_probability: Any
    asa: Any
    abandonment: Any
    occupancy: Any


def erlang_c(
    *,
    calls: ArrayLike,
    aht: ArrayLike,
    agents: ArrayLike,
    within: float = 20.0,
    interval: float = 1800.0,
) -> Queue:
    """Predict a queue whose callers wait for ever.

    Parameters
    ----------
    calls : float or array
        Calls per interval.
    aht : float or array
        Mean seconds of talk, hold and after-call work.
    agents : int or array
        Agents at work. Arrays are matched as numpy does.
    within : float
        Threshold in seconds.
    interval : float
        Seconds in which that many calls come.

    Returns
    -------
    Queue
        Of floats, or of arrays if one was given. With no more agents than work the queue grows
        without end: a service level of 0.

    Raises
    ------
    ConfigError
        A negative or missing number, no handle time, or agents that are no whole numbers.

    Notes
    -----
    Erlang's formula, by way of Erlang B in logarithms: nothing overflows, whatever the number of
    agents. With a the load (calls · aht ÷ interval), n the agents and P_w the share that waits, the
    service level is 1 - P_w · e^(-(n - a) · within ÷ aht), the mean wait P_w · aht ÷ (n - a). Where
    callers abandon it asks for more agents than needed: see `erlang_a`.

    Examples
    --------
    >>> round(erlang_c(calls=100, aht=180, agents=14).service_level, 4)
    0.8884
    """
    load, handle, staff = checked(calls, aht, agents, interval, within)
    pairs = zip(load.flat, staff.flat, strict=True)
    blocked = np.array([_erlang_b(float(a), int(n)) for a, n in pairs]).reshape(load.shape)
    stable = staff > load
    spare = np.where(stable, staff - load, 1.0)
    waits = np.where(stable, staff * blocked / (spare + load * blocked), 1.0)
    waits = np.where(load == 0, 0.0, waits)
    late = waits * np.exp(-spare * within / handle)
    return _queue(
        service_level=np.where(stable | (load == 0), 1 - late, 0.0),
        wait_probability=waits,
        asa=np.where(stable | (load == 0), waits * handle / spare, np.inf),
        abandonment=np.zeros_like(load),
        occupancy=np.where(stable, load / np.maximum(staff, 1), np.where(load == 0, 0.0, 1.0)),
    )


def erlang_a(
    *,
    calls: ArrayLike,
    aht: ArrayLike,
    agents: ArrayLike,
    patience: float,
    within: float = 20.0,
    interval: float = 1800.0,
) -> Queue:
    """Predict a queue whose callers hang up when their patience ends (M/M/n+M).

    Parameters
    ----------
    calls : float or array
        Calls per interval.
    aht : float or array
        Mean seconds of talk, hold and after-call work.
    agents : int or array
        Agents at work. Arrays are matched as numpy does.
    patience : float
        Mean seconds after which a caller hangs up, were there no answer; if infinite, it is
        Erlang C. Longer than the mean wait
        of those who did: the others' patience was not put to the test.
    within : float
        Threshold in seconds.
    interval : float
        Seconds in which that many calls come.

    Returns
    -------
    Queue
        Of floats, or of arrays if one was given. The service level counts abandoned calls as not
        served (``abandoned_negative``).

    Raises
    ------
    ConfigError
        A negative or missing number, no handle time, no patience, or agents that are no whole
        numbers.

    Notes
    -----
    From the stationary distribution, in logarithms. With c = n·patience/aht and q callers ahead,
    e to the power of -wait/patience has a Beta(c, q + 1) distribution: it is a product of
    independent powers of uniform numbers, one for each departure ahead.
    """
    if not patience > 0:
        raise ConfigError(f"A patience of {patience} seconds: nobody would wait at all.")
    if patience == math.inf:
        return erlang_c(calls=calls, aht=aht, agents=agents, within=within, interval=interval)
    load, handle, staff = checked(calls, aht, agents, interval, within)
    each = [
        _abandoning(float(a), float(h), int(n), patience, within)
        for a, h, n in zip(load.flat, handle.flat, staff.flat, strict=True)
    ]
    names = Queue.__slots__
    columns = np.array(each, float).reshape(*load.shape, len(names))
    return _queue(**{name: columns[..., place] for place, name in enumerate(names)})


def _erlang_b(load: float, agents: int) -> float:
    """Return the share of callers who find all agents busy when nobody may wait.

    Its inverse is the sum of n · (n - 1) · … · (n - k + 1) ÷ load^k for k from 0 to n.
    """
    if load == 0 or agents == 0:
        return float(agents == 0)
    logs = np.cumsum(np.log(np.arange(agents, 0, -1)) - math.log(load))
    peak = max(0.0, float(logs.max()))
    inverse = math.exp(-peak) + float(np.exp(logs - peak).sum())
    return math.exp(-peak - math.log(inverse))


def _abandoning(
    load: float, handle: float, agents: int, patience: float, within: float
) -> tuple[float, ...]:
    """Return a queue's numbers, in the order of `Queue`'s attributes."""
    if load == 0:
        return 1.0, 0.0, 0.0, 0.0, 0.0
    if agents == 0:
        return 0.0, 1.0, math.inf, 1.0, 0.0
    # Logarithms of the probabilities of 0, 1, … calls, up to a common factor.
    busy = math.log(load) * np.arange(agents + 1) - _log_factorials(agents)
    per_call, c = handle / patience, agents * patience / handle
    waiting = np.zeros(0)
    length, peak = 64, busy.max()
    while True:
        steps = math.log(load) - np.log(agents + per_call * np.arange(1, length))
        waiting = busy[-1] + np.concatenate([[0.0], np.cumsum(steps)])
        peak = max(peak, waiting.max())
        if steps[-1] < 0 and waiting[-1] < peak - NEGLIGIBLE:
            break
        length *= 2
    free, queued = np.exp(busy[:-1] - peak), np.exp(waiting - peak)
    total = free.sum() + queued.sum()
    free, queued = free / total, queued / total
    ahead = np.arange(length)
    # A caller with q ahead is served at all with probability c ÷ (c + q + 1).
    served = queued * c / (c + ahead + 1)
    in_time = served * _beta_above(math.exp(-within / patience), c + 1, length)
    wait = patience * np.cumsum(1 / (c + ahead + 1))
    answered = free.sum() + served.sum()
    return (
        min(1.0, free.sum() + in_time.sum()),
        queued.sum(),
        (served * wait).sum() / answered,
        max(0.0, 1 - answered),
        min(1.0, load * answered / agents),
    )


def _beta_above(x: float, a: float, many: int) -> Floats:
    """Return P(Beta(a, b) > x) for b = 1, 2, …, `many`."""
    if x <= 0:
        return np.ones(many)
    if x >= 1:
        return np.zeros(many)
    b = np.arange(1, many)
    # I_x(a, b + 1) - I_x(a, b) = x^a (1 - x)^b ÷ (b B(a, b)); of the last factor from B(a, 1) on.
    logs = a * math.log(x) + b * math.log1p(-x) + np.cumsum(np.log((a + b - 1) / b))
    below = np.concatenate([[x**a], x**a + np.cumsum(np.exp(logs))])
    above: Floats = np.clip(1 - below, 0.0, 1.0)
    return above


def _log_factorials(most: int) -> Floats:
    logs: Floats = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, most + 1)))])
    return logs


def checked(
    calls: ArrayLike, aht: ArrayLike, agents: ArrayLike, interval: float, within: float
) -> tuple[Floats, Floats, Floats]:
    """Return the load in erlangs, the handle time and the agents, as arrays of one shape.

    Raises
    ------
    ConfigError
        A number that no queue has.
    """
    calls, handle, staff = np.broadcast_arrays(
        np.asarray(calls, float), np.asarray(aht, float), np.asarray(agents, float)
    )
    wrong = {
        "calls must be finite and not negative": not ((calls >= 0) & (calls < np.inf)).all(),
        "aht must be finite and positive": not ((handle > 0) & (handle < np.inf)).all(),
        "agents must be whole and not negative": not (
            (staff >= 0) & (staff < np.inf) & (staff == np.floor(staff))
        ).all(),
        "interval must be finite and positive": not 0 < interval < np.inf,
        "within must be finite and not negative": not 0 <= within < np.inf,
    }
    if problems := [problem for problem, found in wrong.items() if found]:
        raise ConfigError(f"A queue cannot be computed: {'; '.join(problems)}.")
    return calls * handle / interval, handle, staff


def _queue(**values: Floats) -> Queue:
    return Queue(**{name: v if v.ndim else float(v) for name, v in values.items()})
