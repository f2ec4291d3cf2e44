"""The thresholds that a calibration tries: made of scores, never of labels."""

from __future__ import annotations

from collections.abc import Iterable

from qualityroute.calibration.certificate import check_score
from qualityroute.calibration.proof import accepted_needed

STEPS = 20
"""Coverage grows by one twentieth from threshold to threshold."""


def threshold_grid(scores: Iterable[float], *, alpha: float, delta: float) -> tuple[float, ...]:
    """The thresholds to try, strictest first; equal scores share one."""
    ranked = sorted(scores, reverse=True)
    for score in ranked:
        check_score(score)
    ranks = accepted_ranks(len(ranked), accepted_needed(alpha, delta))
    return tuple(dict.fromkeys(ranked[rank - 1] for rank in ranks))


def accepted_ranks(cases: int, clean_needed: int) -> list[int]:
    """How many cases each threshold accepts if no scores are equal, in steps of one twentieth up to all of them."""
    if cases == 0:
        return []
    steps = range(first_step(cases, clean_needed), STEPS * cases, cases)
    return [-(-step // STEPS) for step in steps] + [cases]


def first_step(cases: int, clean_needed: int) -> int:
    """What the strictest threshold accepts, in twentieths of a case so that nothing is rounded.

    That is the share min(1, max(.05, 1.2·n_min/n, min(.40, 3·n_min/n))): enough to prove something, and some to spare.
    """
    return min(20 * cases, max(cases, 24 * clean_needed, min(8 * cases, 60 * clean_needed)))
