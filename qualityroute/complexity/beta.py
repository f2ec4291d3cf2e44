"""The Beta distribution, as far as it is needed: what is believed of a rate after so many of each outcome."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, lgamma, log, log1p

HALVINGS = 40
MOST_TERMS = 200
SMALLEST = 1e-300
PRECISION = 1e-12


@dataclass(frozen=True, slots=True)
class Belief:
    """What is believed of P(escalate): Beta(escalations, passes), each above 0."""

    escalations: float
    passes: float

    @property
    def mean(self) -> float:
        return self.escalations / (self.escalations + self.passes)

    def chance_below(self, rate: float) -> float:
        """The probability that P(escalate) is below a rate."""
        return beta_cdf(rate, self.escalations, self.passes)

    def quantile(self, chance: float) -> float:
        """The rate below which P(escalate) lies with this probability."""
        low, high = 0.0, 1.0
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            low, high = (middle, high) if self.chance_below(middle) < chance else (low, middle)
        return (low + high) / 2


def beta_cdf(x: float, a: float, b: float) -> float:
    """The regularised incomplete beta function I_x(a, b), by its continued fraction (DLMF 8.17.22).

    >>> round(beta_cdf(0.5, 2, 2), 6), round(beta_cdf(0.3, 1, 3), 6)
    (0.5, 0.657)
    """
    if x <= 0:
        return 0.0
    if x >= 1:
        return 1.0
    if x > (a + 1) / (a + b + 2):  # the fraction converges fast on the other side
        return 1.0 - beta_cdf(1 - x, b, a)
    scale = lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x)
    return min(1.0, exp(scale) / (a * _fraction(x, a, b)))


def _fraction(x: float, a: float, b: float) -> float:
    """1 + d1/(1 + d2/(1 + ...)), from the front (Lentz's method)."""
    value = upper = 1.0
    lower = 0.0
    for term in range(1, MOST_TERMS):
        part = _part(term, x, a, b)
        lower = 1 / _away_from_zero(1 + part * lower)
        upper = _away_from_zero(1 + part / upper)
        change = upper * lower
        value *= change
        if abs(change - 1) < PRECISION:
            break
    return value


def _part(term: int, x: float, a: float, b: float) -> float:
    half = term // 2
    if term % 2:
        return -(a + half) * (a + b + half) * x / ((a + term - 1) * (a + term))
    return half * (b - half) * x / ((a + term - 1) * (a + term))


def _away_from_zero(value: float) -> float:
    return value if abs(value) > SMALLEST else SMALLEST
