"""The lowest score at which answers may be accepted, with proof that few of them are bad.

Thresholds are tried from the strictest on, and the first that is not proven ends the search. Each is tried only when
all stricter ones passed, so no confidence is lost to their number (fixed-sequence testing, judging.md B2; picking any
threshold that passes for itself breaks the promise). The claim holds for labels drawn like the traffic that will be
gated, one a session, and for one frozen pipeline. Scores need be neither calibrated nor monotone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from qualityroute.calibration.certificate import Certified, Refused, Scored, check_score
from qualityroute.calibration.forecast import fixed_cases_to_go, grid_cases_to_go
from qualityroute.calibration.grid import threshold_grid
from qualityroute.calibration.proof import Claim, any_look, one_look


def certify(cases: Sequence[Scored], *, alpha: float, delta: float) -> Certified | Refused:
    """The most permissive threshold proven by one look at labels whose number was fixed beforehand.

    Looking again whenever a few labels have arrived breaks the promise: use `certify_anytime` for that.
    """
    claim = Claim(alpha, delta, one_look)
    thresholds = threshold_grid((case.score for case in cases), alpha=alpha, delta=delta)
    certified = _search(thresholds, cases, claim)
    if certified is not None:
        return certified
    bad, accepted = _count(cases, thresholds[0]) if thresholds else (0, 0)
    return _refused(bad, accepted, len(cases), grid_cases_to_go(cases, claim), claim)


def certify_anytime(
    thresholds: Sequence[float], cases: Sequence[Scored], *, alpha: float, delta: float
) -> Certified | Refused:
    """The same, to be asked as often as one likes while labels arrive.

    `thresholds` must be fixed before the first label is seen, such as by `threshold_grid` on unlabelled scores.
    """
    claim = Claim(alpha, delta, any_look)
    _check_thresholds(thresholds)
    certified = _search(thresholds, cases, claim)
    if certified is not None:
        return certified
    bad, accepted = _count(cases, thresholds[0])
    return _refused(bad, accepted, len(cases), fixed_cases_to_go(bad, accepted, len(cases), claim), claim)


def _search(thresholds: Sequence[float], cases: Sequence[Scored], claim: Claim) -> Certified | None:
    certified = None
    for threshold in thresholds:
        bad, accepted = _count(cases, threshold)
        if not claim.proven(bad, accepted):
            break
        certified = threshold, bad, accepted
    return certified and _certified(*certified, len(cases), claim)


def _certified(threshold: float, bad: int, accepted: int, cases: int, claim: Claim) -> Certified:
    return Certified(
        threshold=threshold,
        accepted=accepted,
        bad=bad,
        # Found by halving, the bound may miss by its last bit the alpha that passed.
        upper_bound=min(claim.bound(bad, accepted), claim.alpha),
        cases=cases,
        alpha=claim.alpha,
        delta=claim.delta,
    )


def _refused(bad: int, accepted: int, cases: int, cases_to_go: int | None, claim: Claim) -> Refused:
    return Refused(
        accepted=accepted,
        bad=bad,
        upper_bound=claim.bound(bad, accepted),
        cases=cases,
        alpha=claim.alpha,
        delta=claim.delta,
        clean_needed=claim.needed(0),
        clean_to_go=claim.needed(bad) - accepted,
        cases_to_go=cases_to_go,
    )


def _count(cases: Iterable[Scored], threshold: float) -> tuple[int, int]:
    """Bad and all answers with such a score."""
    accepted = [case.bad for case in cases if case.score >= threshold]
    return sum(accepted), len(accepted)


def _check_thresholds(thresholds: Sequence[float]) -> None:
    for threshold in thresholds:
        check_score(threshold)
    if not thresholds or list(thresholds) != sorted(set(thresholds), reverse=True):
        raise ValueError(f"thresholds {list(thresholds)!r}; right is one or more, the strictest (highest) first")
