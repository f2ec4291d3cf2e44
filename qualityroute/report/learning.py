"""What `tier = "auto"` was worth: how well it predicted, what it did, and what that saved. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from qualityroute.complexity import Choice, Foretold, Score, score
from qualityroute.quantities import counted
from qualityroute.report.facts import LearningReport
from qualityroute.report.money import Means
from qualityroute.report.words import dollars

FEWEST_EXPLORED = 30
"""Outcomes of explored requests before they are believed rather than the predictions."""
ENOUGH = 150
"""Outcomes after which a predictor that saves nothing is told to be turned off."""
WORTH_IT = Decimal("0.01")
"""The least share of the task's cost that is worth a predictor."""


def learning_report(
    told: Sequence[Foretold], means: Means, *, by_judge: float, total: Decimal | None
) -> LearningReport | None:
    """`None` where nothing was predicted.

    Args:
        told: forecasts, the oldest first.
        by_judge: share of escalations that the judge alone made.
        total: USD that the task cost.
    """
    if not told:
        return None
    seen = [row for row in told if row.escalated is not None]
    outcomes = [bool(row.escalated) for row in seen]
    by_log = score([row.forecast.by_cells for row in seen], outcomes)
    straight, unjudged = _count(told, Choice.PERFORMANCE), _count(told, Choice.UNJUDGED)
    saved = _saved(told, means, by_judge)
    worth_it = _worth_it(len(seen), straight + unjudged, saved, total)
    by_regression, newest = _of_regression(seen), told[-1].forecast
    best = by_regression if newest.in_use and by_regression is not None else by_log
    return LearningReport(
        forecasts=len(told),
        by_log=by_log,
        by_regression=by_regression,
        in_use=newest.in_use,
        straight=straight,
        unjudged=unjudged,
        explored=sum(row.forecast.wanted is not row.forecast.taken for row in told),
        break_even=newest.break_even,
        saved=saved,
        worth_it=worth_it,
        sentence=f"{_prediction(best)} {_doing(straight, unjudged, saved)}{_advice(worth_it)}",
    )


def _of_regression(seen: Sequence[Foretold]) -> Score | None:
    both = [(row.forecast.by_regression, bool(row.escalated)) for row in seen if row.forecast.by_regression is not None]
    if not both:
        return None
    predictions, outcomes = zip(*both, strict=True)
    return score(predictions, outcomes)


def _count(told: Sequence[Foretold], choice: Choice) -> int:
    return sum(row.forecast.taken is choice for row in told)


def _saved(told: Sequence[Foretold], means: Means, by_judge: float) -> Decimal | None:
    """A request straight to performance would have cost u1 + uJ + p u2 and cost u2; one unjudged saved uJ + J u2."""
    efficiency, judge, performance = means.efficiency, means.judge, means.performance
    if not (_count(told, Choice.PERFORMANCE) or _count(told, Choice.UNJUDGED)):
        return Decimal(0)
    if efficiency is None or judge is None or performance is None:
        return None
    straight, rate = _count(told, Choice.PERFORMANCE), _rate(told, Choice.PERFORMANCE)
    unjudged, caught = _count(told, Choice.UNJUDGED), _rate(told, Choice.UNJUDGED) * Decimal(by_judge)
    return straight * (efficiency + judge + (rate - 1) * performance) + unjudged * (judge + caught * performance)


def _rate(told: Sequence[Foretold], wanted: Choice) -> Decimal:
    """P(escalate) of what was sent another way: by its explored share, or while that is small by the predictions.

    Each explored request stands for as many as its probability says, since not all had the same.
    """
    meant = [row for row in told if row.forecast.wanted is wanted]
    explored = [row for row in meant if row.forecast.taken is Choice.CASCADE and row.escalated is not None]
    if len(explored) >= FEWEST_EXPLORED:
        stands_for = [1 / row.forecast.propensity for row in explored]
        escalated = sum(weight for row, weight in zip(explored, stands_for, strict=True) if row.escalated)
        return Decimal(escalated / sum(stands_for))
    return Decimal(sum(row.forecast.probability for row in meant) / len(meant)) if meant else Decimal(0)


def _worth_it(seen: int, moved: int, saved: Decimal | None, total: Decimal | None) -> bool | None:
    if seen + moved < ENOUGH or saved is None:
        return None
    return saved > 0 and (total is None or saved >= WORTH_IT * (total + saved))


def _prediction(found: Score) -> str:
    if found.auroc is None or found.error is None or found.calibration_error is None:
        return f"Of {counted(found.outcomes, 'outcome')} all were alike, so how well they are predicted is unknown."
    return (
        f"Predictions sort {counted(found.outcomes, 'outcome')} with AUROC {found.auroc:.2f} ± {2 * found.error:.2f} "
        f"(0.50 is a coin) and are off by {100 * found.calibration_error:.0f} points on average."
    )


def _doing(straight: int, unjudged: int, saved: Decimal | None) -> str:
    if not (straight or unjudged):
        return "Every request went through the cascade, as if the tier were efficiency."
    money = "an unknown amount" if saved is None else dollars(saved)
    return (
        f"{counted(straight, 'request')} went straight to performance and {unjudged:,} without the judge, "
        f"which saved {money} against the cascade for all."
    )


def _advice(worth_it: bool | None) -> str:
    if worth_it is not False:
        return ""
    return ' Learning earns nothing here: turn it off with tier = "efficiency".'
