"""The same answers judged again and again: how often the ruling changes, and how far the score moves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, pstdev

from qualityroute.gates.judge_samples import NEAR
from qualityroute.judge_health.rulings import decided, flipped, p_yes, said_no, troubles
from qualityroute.records import Verdict
from qualityroute.report.facts import Rate
from qualityroute.report.series import rate_of
from qualityroute.rubrics import Rubric

_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class CriterionSpread:
    """How one criterion's answers moved."""

    flips: Rate
    """Answers to which it was both answered yes and answered no; unsure is neither."""
    spread: float | None
    """The mean over answers of the standard deviation of p(yes)."""


@dataclass(frozen=True, slots=True)
class Repeated:
    answers: int
    times: int
    threshold: float
    rejected: Rate
    """Verdicts that said no."""
    flips: Rate
    """Answers that were given both rulings."""
    near: Rate
    """The same, of answers whose mean score is within `NEAR` of the threshold."""
    far: Rate
    changes: float | None
    """The chance that two verdicts on one answer differ; unlike `flips` it does not grow with `times`."""
    spread: float | None
    """The mean over answers of the score's standard deviation."""
    widest: float | None
    """The largest difference between two scores of one answer."""
    criteria: Mapping[str, CriterionSpread]
    troubles: Mapping[str, int]


def repeated(verdicts: Sequence[Sequence[Verdict]], rubric: Rubric) -> Repeated:
    """Add up the verdicts on each answer. An answer with fewer than two that could be judged says nothing on flips."""
    all_verdicts = [verdict for one in verdicts for verdict in one]
    groups = [group for one in verdicts if len(group := decided(one)) > 1]
    scores = [_scores(group) for group in groups]
    near = [group for group, points in zip(groups, scores, strict=True) if _is_near(points, rubric.threshold)]
    far = [group for group, points in zip(groups, scores, strict=True) if not _is_near(points, rubric.threshold)]
    judged = decided(all_verdicts)
    return Repeated(
        answers=len(verdicts),
        times=max(map(len, verdicts), default=0),
        threshold=rubric.threshold,
        rejected=rate_of(sum(map(said_no, judged)), len(judged)),
        flips=_flips(groups),
        near=_flips(near),
        far=_flips(far),
        changes=fmean(map(_chance_of_change, groups)) if groups else None,
        spread=fmean(map(pstdev, scores)) if groups else None,
        widest=max((max(points) - min(points) for points in scores), default=None),
        criteria={criterion.id: _criterion(groups, criterion.id) for criterion in rubric.criteria},
        troubles=troubles(all_verdicts),
    )


def _flips(groups: Sequence[Sequence[Verdict]]) -> Rate:
    return rate_of(sum(map(flipped, groups)), len(groups))


def _scores(group: Sequence[Verdict]) -> list[float]:
    return [verdict.score or 0.0 for verdict in group]


def _is_near(scores: Sequence[float], threshold: float) -> bool:
    return abs(fmean(scores) - threshold) <= NEAR + _ROUNDING


def _chance_of_change(group: Sequence[Verdict]) -> float:
    """Of all pairs of verdicts, the share with one yes and one no."""
    no, count = sum(map(said_no, group)), len(group)
    return 2 * no * (count - no) / (count * (count - 1))


def _criterion(groups: Sequence[Sequence[Verdict]], criterion: str) -> CriterionSpread:
    answered = [[p for verdict in group if (p := p_yes(verdict, criterion)) is not None] for group in groups]
    answered = [points for points in answered if len(points) > 1]
    both = sum(min(points) < 0.5 < max(points) for points in answered)
    return CriterionSpread(rate_of(both, len(answered)), fmean(map(pstdev, answered)) if answered else None)
