"""Is the performance tier truly better on this task's inputs? Only people's answers can say. Pure.

Agreement with the performance tier takes its answers for right; of eight pairs of real models, three had a "strong"
model that was right less often than the cheap one (routing.md part B). So both tiers are held against what people say
of the same inputs, and the pairs are compared (McNemar): b inputs that only performance has right, c that only
efficiency has. The interval of the difference (b - c)/n is Wald's with half an input added to each of the four kinds,
which keeps what it promises for small n too (Agresti and Min, Statistics in Medicine 24, 2005).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from math import sqrt

from qualityroute.ground_truth import GroundTruth
from qualityroute.labels import Label, Origin, Reference, held_against
from qualityroute.quantities import counted
from qualityroute.rubrics import FieldRule
from qualityroute.signal import wilson
from qualityroute.tier_comparison import CONFIDENT

FEWEST_PAIRS = 10
"""Fewer inputs show nothing, whatever came of them."""


class Standing(StrEnum):
    """What the pairs show."""

    BETTER = "better"
    """The whole interval lies above 0."""
    WORSE = "worse"
    """The whole interval lies below 0."""
    NOT_SHOWN = "not_shown"
    """It holds 0, or there are too few pairs."""
    UNKNOWN = "unknown"
    """There is no input of which people say what is right, and that both tiers have answered."""


@dataclass(frozen=True, slots=True)
class Share:
    """A share with its 95 % interval (Wilson)."""

    rate: float | None
    low: float
    high: float
    count: int
    of: int


@dataclass(frozen=True, slots=True)
class TierCheck:
    """Inputs that people answered and both tiers did, and how often the tiers agree where nobody said what is right."""

    both_right: int = 0
    only_performance: int = 0
    only_efficiency: int = 0
    both_wrong: int = 0
    agreeing: int = 0
    """Efficiency answers equal to the performance tier's; that says nothing about which of two is right."""
    compared: int = 0
    """Efficiency answers held against the performance tier's."""

    @property
    def pairs(self) -> int:
        return self.both_right + self.only_performance + self.only_efficiency + self.both_wrong

    @property
    def efficiency(self) -> Share:
        """Right answers of the efficiency tier."""
        return share(self.both_right + self.only_efficiency, self.pairs)

    @property
    def performance(self) -> Share:
        return share(self.both_right + self.only_performance, self.pairs)

    @property
    def agreement(self) -> Share:
        return share(self.agreeing, self.compared)

    @property
    def repairs(self) -> Share:
        """Of the efficiency tier's wrong answers, those that performance has right: what falling back is worth."""
        return share(self.only_performance, self.only_performance + self.both_wrong)

    @property
    def breaks(self) -> Share:
        """Of the efficiency tier's right answers, those that performance has wrong: what a false alarm costs."""
        return share(self.only_efficiency, self.only_efficiency + self.both_right)

    @property
    def difference(self) -> tuple[float, float, float] | None:
        """By how much more often performance is right, with a 95 % interval; `None` without pairs."""
        if not self.pairs:
            return None
        count, b, c = self.pairs + 2, self.only_performance + 0.5, self.only_efficiency + 0.5
        middle, reach = (b - c) / count, CONFIDENT * sqrt(b + c - (b - c) ** 2 / count) / count
        told = (self.only_performance - self.only_efficiency) / self.pairs
        return told, max(-1.0, middle - reach), min(1.0, middle + reach)

    @property
    def standing(self) -> Standing:
        if self.difference is None:
            return Standing.UNKNOWN
        _, low, high = self.difference
        if self.pairs < FEWEST_PAIRS or low <= 0 <= high:
            return Standing.NOT_SHOWN
        return Standing.BETTER if low > 0 else Standing.WORSE


def share(count: int, of: int) -> Share:
    interval = wilson(count, of)
    return Share(count / of if of else None, interval.low, interval.high, count, of)


def check_tiers(truth: GroundTruth, labels: Iterable[Label], rules: Mapping[str, FieldRule]) -> TierCheck:
    """From references and labels of today's pipeline.

    Args:
        truth: by the id of an input: people's and the performance tier's answers, and the labels of the efficiency
            tier's.
        labels: all of the task's; those that rest on agreement are counted apart.
        rules: how the fields of two answers are compared.
    """
    counts = {(efficiency, performance): 0 for efficiency in (True, False) for performance in (True, False)}
    for input_id, person in truth.person.items():
        pair = _pair(truth, input_id, person, rules)
        if pair is not None:
            counts[pair] += 1
    by_agreement = [one for one in labels if one.origin is Origin.PERFORMANCE and one.bad is not None]
    return TierCheck(
        both_right=counts[True, True],
        only_performance=counts[False, True],
        only_efficiency=counts[True, False],
        both_wrong=counts[False, False],
        agreeing=sum(not one.bad for one in by_agreement),
        compared=len(by_agreement),
    )


def _pair(
    truth: GroundTruth, input_id: str, person: Reference, rules: Mapping[str, FieldRule]
) -> tuple[bool, bool] | None:
    """Who is right about one input, efficiency and performance; `None` where one of them is not known."""
    answer = truth.performance.get(input_id)
    key = person.input_key or (answer.input_key if answer is not None else "")
    answer, label = truth.answer(input_id, key), truth.label(input_id, key)
    if answer is None or label is None or label.bad is None or label.origin is not Origin.PERSON:
        return None
    performance = held_against(answer.output, person.output, rules).bad
    return None if performance is None else (not label.bad, not performance)


def sentence(found: TierCheck, task: str) -> str:
    """What the pairs show, in words."""
    inputs = f"{counted(found.pairs, 'input')} that people answered"
    match found.standing:
        case Standing.UNKNOWN:
            return f"{task}: nobody has said what is right, so whether performance is better is unknown."
        case Standing.BETTER:
            return f"{task}: performance is better than efficiency on {inputs}."
        case Standing.WORSE:
            return f"{task}: performance is WORSE than efficiency on {inputs}; falling back costs money and quality."
        case Standing.NOT_SHOWN:
            return f"{task}: performance is not shown to be better than efficiency on {inputs}."
