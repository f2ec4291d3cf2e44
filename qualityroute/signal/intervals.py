"""Intervals for a rate: one for a single look, one for any number of looks."""

from __future__ import annotations

from collections.abc import Callable
from math import lgamma, log, pi, sqrt
from statistics import NormalDist
from typing import NamedTuple

HALVINGS = 60
"""Halvings of [0, 1] after which a float no longer moves."""


class Interval(NamedTuple):
    low: float
    high: float

    def __contains__(self, rate: object) -> bool:
        return isinstance(rate, int | float) and self.low <= rate <= self.high


def wilson(failures: int, attempts: int, *, confidence: float = 0.95) -> Interval:
    """Wilson's score interval, for one look at a fixed time (judging.md C3).

    (p̂ + z²/2n ± z·√(p̂(1-p̂)/n + z²/4n²)) / (1 + z²/n). Looked at after every attempt it is wrong in about a third
    of all runs: use `always_valid` to decide anything.
    """
    _check(failures, attempts)
    if attempts == 0:
        return Interval(0.0, 1.0)
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    rate = failures / attempts
    middle = rate + z * z / (2 * attempts)
    reach = z * sqrt(rate * (1 - rate) / attempts + z * z / (4 * attempts * attempts))
    scale = 1 + z * z / attempts
    # Rounding must not push the rate itself out of its own interval.
    return Interval(
        max(0.0, min((middle - reach) / scale, rate)),
        min(1.0, max((middle + reach) / scale, rate)),
    )


def always_valid(failures: int, attempts: int, *, confidence: float = 0.95) -> Interval:
    """An interval that holds at every look at once, for independent attempts (the first of each session).

    {p : B(k+½, n-k+½) / B(½,½) / (p^k (1-p)^(n-k)) < 1/(1 - confidence)}: Robbins' mixture with a Beta(½,½) prior
    (judging.md C3; Howard et al., arXiv:1810.08240). By Ville's inequality the true rate ever leaves it with
    probability 1 - confidence at most. It is 1.5 to 2 times as wide as Wilson's.
    """
    _check(failures, attempts)
    if attempts == 0:
        return Interval(0.0, 1.0)
    limit = -log(1 - confidence)
    rate = failures / attempts

    def inside(candidate: float) -> bool:
        return log_mixture_ratio(failures, attempts, candidate) < limit

    low = 0.0 if failures == 0 else _edge(inside, rate, 0.0)
    high = 1.0 if failures == attempts else _edge(inside, rate, 1.0)
    return Interval(low, high)


def log_mixture_ratio(failures: int, attempts: int, rate: float) -> float:
    """ln of the Beta(½,½) mixture's likelihood over that of one `rate` strictly between 0 and 1; B(½,½) is π."""
    passes = attempts - failures
    mixture = lgamma(failures + 0.5) + lgamma(passes + 0.5) - lgamma(attempts + 1) - log(pi)
    return mixture - failures * log(rate) - passes * log(1 - rate)


def _edge(inside: Callable[[float], bool], good: float, bad: float) -> float:
    """Where `inside` ends between a point that is in and one that is out, by bisection; never inside the edge."""
    for _ in range(HALVINGS):
        middle = (good + bad) / 2
        if inside(middle):
            good = middle
        else:
            bad = middle
    return bad


def _check(failures: int, attempts: int) -> None:
    if not 0 <= failures <= attempts:
        raise ValueError(f"{failures} failures in {attempts} attempts; right is 0 <= failures <= attempts")
