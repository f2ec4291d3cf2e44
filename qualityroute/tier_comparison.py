"""What holding the efficiency tier against references came to: its gate, its quality, its cost. Pure.

Formulas: judging.md E. A share, sum or quality of nothing is `None`, and so is money with an unknown part.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from math import sqrt

from qualityroute.calibration import Compared, Confusion, Point, apgr, pgr, quality_curve
from qualityroute.labels import Label, Origin
from qualityroute.records import Reason, total_cost

NEVER = -1.0
"""The score of an answer that no threshold accepts, since something else than the judge's score rejected it."""
CONFIDENT = 1.96
"""Standard errors on each side of a 95 % interval."""
THRESHOLD_REASONS = frozenset({None, Reason.JUDGED})
"""Why an answer can be rejected at one threshold and accepted at another."""


@dataclass(frozen=True, slots=True)
class Case:
    """One efficiency answer with its label, and why the gate did not accept it."""

    label: Label
    reason: Reason | None = None
    """`None` where it was accepted, or where the ledger does not say."""

    @property
    def score(self) -> float:
        """By which a threshold would accept it or not."""
        scored = self.label.score is not None and (self.label.accepted or self.reason in THRESHOLD_REASONS)
        return self.label.score if scored and self.label.score is not None else NEVER


@dataclass(frozen=True, slots=True)
class Spending:
    """USD per request, on average."""

    efficiency: Decimal | None
    """The efficiency answer with its gate."""
    cascade: Decimal | None
    """That, and the performance answer where the gate rejected."""
    performance: Decimal | None
    """Every request answered by performance at once."""

    @property
    def saved(self) -> float | None:
        """The share of the performance tier's money that the cascade does not need."""
        if self.cascade is None or not self.performance:
            return None
        return float(1 - self.cascade / self.performance)


@dataclass(frozen=True)
class TierComparison:
    """Labelled answers of the efficiency tier, each held against its reference."""

    cases: tuple[Case, ...]
    """Those with a label that says right or wrong; every number below is of them."""
    uncompared: int = 0
    """Answers that could not be compared: long prose that differs."""

    @property
    def by_people(self) -> int:
        """Cases whose label or reference is a person's."""
        return sum(case.label.origin is Origin.PERSON for case in self.cases)

    @property
    def agreement_only(self) -> bool:
        """Does "right" mean no more than "equal to the performance tier's answer"?"""
        return not self.by_people

    @cached_property
    def confusion(self) -> Confusion:
        """What the gate did, at the threshold of the day, against what the answers were."""
        counts = Counter((case.label.accepted, case.label.bad) for case in self.cases)
        return Confusion(
            accepted_good=counts[True, False],
            accepted_bad=counts[True, True],
            rejected_good=counts[False, False],
            rejected_bad=counts[False, True],
        )

    @cached_property
    def reasons(self) -> tuple[tuple[Reason | None, int], ...]:
        """Why the gate did not accept, the commonest first."""
        counts = Counter(case.reason for case in self.cases if not case.label.accepted)
        return tuple(sorted(counts.items(), key=lambda item: (-item[1], str(item[0]))))

    @cached_property
    def spending(self) -> Spending:
        labels = [case.label for case in self.cases]
        return Spending(
            efficiency=_mean([label.attempt_cost for label in labels]),
            cascade=_mean([_cascade_cost(label) for label in labels]),
            performance=_mean([label.reference_cost for label in labels]),
        )

    @property
    def efficiency_quality(self) -> float | None:
        """Share of right answers if every efficiency answer were served."""
        return _share([not case.label.bad for case in self.cases])

    @property
    def performance_quality(self) -> float | None:
        """The same of the performance tier; 1 by definition where its own answers are the references."""
        return _share([case.label.reference_right for case in self.cases])

    @property
    def cascade_quality(self) -> float | None:
        """The same of what the cascade would have served."""
        return _share([not label.bad if label.accepted else label.reference_right for label in self._labels])

    @property
    def pgr(self) -> float | None:
        """Performance gap recovered; `None` where no gap between the tiers is seen."""
        efficiency, cascade, performance = self.efficiency_quality, self.cascade_quality, self.performance_quality
        if efficiency is None or cascade is None or performance is None or not self.gap_is_seen:
            return None
        return pgr(cascade, efficiency=efficiency, performance=performance)

    @property
    def apgr(self) -> float | None:
        """The area under it over all thresholds: .5 is a coin flip."""
        return apgr(self.curve) if self.cases and self.gap_is_seen else None

    @property
    def excess_error(self) -> float | None:
        """How much more often the cascade is wrong than the performance tier; below 0, less often."""
        cascade, performance = self.cascade_quality, self.performance_quality
        return None if cascade is None or performance is None else performance - cascade

    @property
    def gap_is_seen(self) -> bool:
        """Does the 95 % interval of the difference between the tiers lie above 0? (Wald's, for pairs.)"""
        count = len(self.cases)
        better = sum(bool(label.bad) and label.reference_right for label in self._labels)
        worse = sum(not label.bad and not label.reference_right for label in self._labels)
        if not count or better <= worse:
            return False
        return better - worse > CONFIDENT * sqrt(better + worse - (better - worse) ** 2 / count)

    @cached_property
    def curve(self) -> tuple[Point, ...]:
        """The cascade at every threshold; the first point serves every efficiency answer, the last none."""
        if not self.cases:
            return ()
        return quality_curve(
            [
                Compared(
                    case.score,
                    efficiency_right=not case.label.bad,
                    performance_right=case.label.reference_right,
                    attempt_cost=case.label.attempt_cost,
                    performance_cost=case.label.reference_cost,
                )
                for case in self.cases
            ]
        )

    def at(self, threshold: float) -> Point | None:
        """The point of the curve that a threshold stands for."""
        return next((point for point in self.curve if point.threshold >= threshold), None)

    @property
    def differing(self) -> tuple[Label, ...]:
        """Labels of answers that are wrong: those that were accepted first, then in the order of their inputs."""
        wrong = [label for label in self._labels if label.bad]
        return tuple(sorted(wrong, key=lambda label: (not label.accepted, label.input_id or "", label.decision_id)))

    @property
    def _labels(self) -> Sequence[Label]:
        return [case.label for case in self.cases]


def compare_tiers(cases: Iterable[Case]) -> TierComparison:
    """Cases in any order; those that could not be compared are counted apart."""
    found = list(cases)
    compared = tuple(case for case in found if case.label.bad is not None)
    return TierComparison(compared, len(found) - len(compared))


def _cascade_cost(label: Label) -> Decimal | None:
    return label.attempt_cost if label.accepted else total_cost((label.attempt_cost, label.reference_cost))


def _mean(costs: Sequence[Decimal | None]) -> Decimal | None:
    total = total_cost(costs)
    return total / len(costs) if costs and total is not None else None


def _share(found: Sequence[bool]) -> float | None:
    return sum(found) / len(found) if found else None
