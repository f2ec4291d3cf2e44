"""A logistic regression on a request's features, from 150 outcomes on, where it predicts better (routing.md A2).

Predicting is plain Python; fitting needs numpy, and where that is not installed there is no regression.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, log
from types import ModuleType
from typing import Any

from qualityroute.complexity.features import NAMES

FEWEST = 150
"""Outcomes to fit by."""
FEWEST_SHADOWED = 100
"""Requests that both predictors were asked about, before one is preferred."""
EVERY = 50
"""Outcomes after which it is fitted anew."""
MOST = 1_000
"""Newest outcomes it is fitted on."""
PENALTY = 1.0
"""L2, on features of unit variance."""
STEPS = 12
FARTHEST = 6.0
"""Standard deviations; a feature beyond is taken as this far, for a request unlike all before."""


@dataclass(frozen=True, slots=True)
class Regression:
    """Weights of one pipeline's features."""

    bias: float
    weights: tuple[float, ...]
    means: tuple[float, ...]
    scales: tuple[float, ...]
    outcomes: int
    """Of its cell when it was fitted; the next fit is due `EVERY` later."""
    in_use: bool = False
    """Has it predicted better than the cells so far? Until then its predictions are only written down."""

    def predict(self, found: Sequence[float]) -> float:
        """P(escalate) of a request with these features."""
        total = self.bias
        for value, weight, mean, scale in zip(found, self.weights, self.means, self.scales, strict=True):
            total += weight * max(-FARTHEST, min(FARTHEST, (value - mean) / scale))
        return _logistic(total)

    @property
    def fits(self) -> bool:
        """Was it made of the features of today?"""
        return len(self.weights) == len(NAMES)


def fit(rows: Sequence[Sequence[float]], escalated: Sequence[bool], outcomes: int) -> Regression | None:
    """By Newton's method; `None` without numpy, and where the outcomes are too few or all alike."""
    numpy = _numpy()
    if numpy is None or len(rows) < FEWEST or len(set(escalated)) < 2:
        return None
    x, y = numpy.asarray(rows, dtype=float), numpy.asarray(escalated, dtype=float)
    means, scales = x.mean(axis=0), x.std(axis=0)
    scales[scales < 1e-9] = 1.0
    x = numpy.clip((x - means) / scales, -FARTHEST, FARTHEST)
    x = numpy.hstack([numpy.ones((len(x), 1)), x])
    weights = _newton(numpy, x, y)
    return Regression(
        float(weights[0]), tuple(map(float, weights[1:])), tuple(map(float, means)), tuple(map(float, scales)), outcomes
    )  # fmt: skip


def _newton(numpy: ModuleType, x: Any, y: Any) -> Any:
    penalty = numpy.full(x.shape[1], PENALTY)
    penalty[0] = 0.0
    weights = numpy.zeros(x.shape[1])
    weights[0] = log((y.mean() + 1e-3) / (1 - y.mean() + 1e-3))
    for _ in range(STEPS):
        chance = 1 / (1 + numpy.exp(-numpy.clip(x @ weights, -30, 30)))
        slope = x.T @ (chance - y) + penalty * weights
        curve = (x * (chance * (1 - chance))[:, None]).T @ x + numpy.diag(penalty + 1e-6)
        step = numpy.linalg.solve(curve, slope)
        weights = weights - step
        if float(numpy.abs(step).max()) < 1e-6:
            break
    return weights


def _logistic(value: float) -> float:
    return 1 / (1 + exp(-value)) if value > -700 else 0.0


def _numpy() -> ModuleType | None:
    try:
        import numpy  # noqa: PLC0415  (optional, and takes longer to load than the rest together)
    except ImportError:
        return None
    return numpy
