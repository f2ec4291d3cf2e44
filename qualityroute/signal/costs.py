"""The fallback rate at which trying the efficiency tier first stops paying."""

from __future__ import annotations

from decimal import Decimal


def break_even(
    *,
    efficiency: Decimal | float | None,
    judge: Decimal | float | None,
    performance: Decimal | float | None,
    judged: float = 1.0,
    audited: float = 0.0,
) -> float | None:
    """f* = 1 - (c_E + v·c_J) / (c_P·(1 - q)): an attempt saves money while its fallback rate is below f*.

    An attempt costs c_E + v·c_J + f·c_P + (1-f)·q·c_P, going to performance at once costs c_P; f* makes them
    equal (judging.md C1). The mean costs c are of one attempt, in any one unit (in seconds it is the break-even of
    latency); `judged` is v, judge calls per attempt; `audited` is q, the share of accepted answers asked again.

    Unknown (`None`) when a cost that matters is unknown, and when there is nothing to save: performance calls that
    are free, or an audit of every accepted answer. It may be 0 or less: then trying can never pay.

    >>> break_even(efficiency=1, judge=1, performance=10)
    0.8
    """
    spent_judging = _times(judged, judge)
    if efficiency is None or performance is None or spent_judging is None:
        return None
    at_stake = float(performance) * (1 - audited)
    if at_stake <= 0:
        return None
    return 1 - (float(efficiency) + spent_judging) / at_stake


def _times(share: float, cost: Decimal | float | None) -> float | None:
    # A judge that is never called costs nothing, whatever its price.
    if share == 0:
        return 0.0
    return None if cost is None else share * float(cost)
