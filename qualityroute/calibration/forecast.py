"""How many more labelled cases until something can be certified, if they come out as those so far."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from qualityroute.calibration.certificate import Scored
from qualityroute.calibration.grid import STEPS, first_step
from qualityroute.calibration.proof import Claim

POWER = 0.8
"""The forecast is a number of cases with which four in five calibrations succeed."""
LEAST_SEEN = 20
"""A rate of bad answers is taken from no fewer cases than this."""
OUT_OF_SIGHT = 1000
"""A forecast ends at so many times the labels without which nothing can be proven."""


def grid_cases_to_go(cases: Sequence[Scored], claim: Claim) -> int | None:
    """For a calibration at one look, which starts at a stricter threshold the more cases there are."""
    ranked = sorted(cases, key=lambda case: -case.score)
    clean = claim.needed(0)

    def succeeds(total: int) -> bool:
        step = first_step(total, clean)
        rank = -(-step * len(ranked) // (STEPS * total))
        # Equal scores share a threshold, so that it may accept more than the grid asked for.
        accepted = step * len(_at_least(ranked, rank)) // (STEPS * rank)
        best = _at_least(ranked, min(len(ranked), max(rank, LEAST_SEEN)))
        return _likely(accepted, sum(best) / len(best), claim)

    return _first(succeeds, len(cases), claim) if cases else None


def _at_least(ranked: Sequence[Scored], rank: int) -> list[bool]:
    """Which answers are bad among those scored as high as the one at this rank."""
    return [case.bad for case in ranked if case.score >= ranked[rank - 1].score]


def fixed_cases_to_go(bad: int, accepted: int, cases: int, claim: Claim) -> int | None:
    """For thresholds that stay as they are."""

    def succeeds(total: int) -> bool:
        return _likely(total * accepted // cases, bad / accepted, claim)

    return _first(succeeds, cases, claim) if accepted else None


def _likely(accepted: int, rate: float, claim: Claim) -> bool:
    # At a rate of alpha or more a proof would be an error, and errors are rarer than delta.
    return rate < claim.alpha and claim.chance(accepted, rate) >= POWER


def _first(succeeds: Callable[[int], bool], cases: int, claim: Claim) -> int | None:
    least = claim.needed(0)
    total = max(cases + 1, least)
    while total <= OUT_OF_SIGHT * least:
        if succeeds(total):
            return total - cases
        total += max(1, total // 20)
    return None
