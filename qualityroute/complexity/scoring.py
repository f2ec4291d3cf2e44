"""How good predictions were, each made before its outcome: order, calibration, log loss."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log, sqrt

LEAST = 1e-6
TENTHS = 10


@dataclass(frozen=True, slots=True)
class Score:
    """Of one predictor on outcomes that it had not seen."""

    outcomes: int
    escalated: int
    auroc: float | None
    """The chance that a request which escalated was given the higher number; .5 says nothing. `None`: all alike."""
    error: float | None
    """Standard error of `auroc` (Hanley and McNeil, 1982)."""
    calibration_error: float | None
    """Mean distance between predicted and observed shares over tenths of the predictions, by how many lie in each."""
    log_loss: float | None
    """Nats per outcome."""


def score(predictions: Sequence[float], escalated: Sequence[bool]) -> Score:
    """Of predictions beside what came of them, in any order."""
    area = auroc(predictions, escalated)
    positive, count = sum(escalated), len(escalated)
    return Score(
        count,
        positive,
        area,
        None if area is None else _error(area, positive, count - positive),
        _calibration_error(predictions, escalated) if count else None,
        mean_log_loss(predictions, escalated) if count else None,
    )


def auroc(predictions: Sequence[float], escalated: Sequence[bool]) -> float | None:
    """By ranks, ties counting one half; `None` where all outcomes are alike."""
    positive = sum(escalated)
    negative = len(escalated) - positive
    if not positive or not negative:
        return None
    ranked = sorted(zip(predictions, escalated, strict=True))
    ranks, start = 0.0, 0
    while start < len(ranked):
        end = start
        while end < len(ranked) and ranked[end][0] == ranked[start][0]:
            end += 1
        ranks += (start + end + 1) / 2 * sum(happened for _, happened in ranked[start:end])
        start = end
    return (ranks - positive * (positive + 1) / 2) / (positive * negative)


def mean_log_loss(predictions: Sequence[float], escalated: Sequence[bool]) -> float:
    losses = (-log(max(LEAST, p if happened else 1 - p)) for p, happened in zip(predictions, escalated, strict=True))
    return sum(losses) / len(predictions)


def _calibration_error(predictions: Sequence[float], escalated: Sequence[bool]) -> float:
    gaps = [0.0] * TENTHS
    for chance, happened in zip(predictions, escalated, strict=True):
        gaps[min(TENTHS - 1, int(chance * TENTHS))] += chance - happened
    return sum(map(abs, gaps)) / len(predictions)


def _error(area: float, positive: int, negative: int) -> float:
    one, other = area / (2 - area), 2 * area**2 / (1 + area)
    spread = area * (1 - area) + (positive - 1) * (one - area**2) + (negative - 1) * (other - area**2)
    return sqrt(max(0.0, spread) / (positive * negative))
