"""What each policy buys: right answers beside cost, for one pair of tiers, with what chance alone would explain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray
from replay_arithmetic import oracle, recorded
from replay_engine import run_policy
from replay_policies import Policy
from replay_records import Pair, Records, Served, correct, valid

from qualityroute.calibration import Compared, apgr, pgr, quality_curve

RESAMPLES = 2000
SEED = 20261125
_WITHIN = (2.5, 97.5)

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Row:
    """One policy over all cases of a pair; shares from 0 to 1."""

    pair: Pair
    policy: str
    how: str
    """engine: over HTTP; flags: arithmetic on the recorded flags; both tiers alone and the oracle are arithmetic."""
    cases: int
    right: float
    """As served: a request that ends in an error is not right."""
    taken: float
    """If the caller takes the performance tier's answer from `AnswerRejected`, as the source's arithmetic does."""
    between: tuple[float, float]
    """95 % of bootstrap resamples of `taken`."""
    gain: tuple[float, float]
    """95 % of paired resamples of `taken` minus all-performance."""
    cost: float
    """Of the all-performance cost."""
    cost_between: tuple[float, float]
    fallback: float
    """The share that efficiency and its peers did not answer."""
    coin: float
    """A coin flip between the two tiers at the same cost."""
    pgr: float | None
    """Of `taken`; `None` without a gap between the tiers."""
    errors: int
    asked: int
    """Calls of peers and judges."""
    otherwise: int | None = None
    """Requests whose answer is another model's than by the recorded flags."""
    undominated: bool = False
    """No policy of the pair, as run, is as good for less."""


class Measure:
    """Rows for one pair: every policy is measured on the same resamples."""

    def __init__(self, records: Records) -> None:
        self.records, self.pair, count = records, records.pair, len(records.cases)
        self._full: Floats = np.array(records.costs(self.pair.performance))
        self._best: Floats = np.array([correct(case, self.pair.performance) for case in records.cases], float)
        self._cheapest = sum(records.costs(self.pair.efficiency)) / self._full.sum()
        self._low, self._high = records.right(self.pair.efficiency), records.right(self.pair.performance)
        self._draws = np.random.default_rng(SEED).integers(0, count, (RESAMPLES, count))

    def row(self, policy: str, how: str, served: Sequence[Served]) -> Row:
        cases = list(zip(self.records.cases, served, strict=True))
        right: Floats = np.array([correct(case, end.taken) for case, end in cases], float)
        costs: Floats = np.array([end.cost for end in served])
        taken, cost = float(right.mean()), float(costs.sum() / self._full.sum())
        return Row(
            self.pair,
            policy,
            how,
            len(cases),
            right=sum(correct(case, end.model) for case, end in cases) / len(cases),
            taken=taken,
            between=_between(right[self._draws].mean(axis=1)),
            gain=_between((right - self._best)[self._draws].mean(axis=1)),
            cost=cost,
            cost_between=_between(costs[self._draws].sum(axis=1) / self._full[self._draws].sum(axis=1)),
            fallback=sum(end.model in (self.pair.performance, None) for end in served) / len(cases),
            coin=self._coin(cost),
            pgr=pgr(taken, efficiency=self._low, performance=self._high),
            errors=sum(end.model is None for end in served),
            asked=sum(end.asked for end in served),
        )

    def tiers(self) -> list[Row]:
        both = (("all efficiency", self.pair.efficiency), ("all performance", self.pair.performance))
        return [self.row(name, "tier", [Served(model, c) for c in self.records.costs(model)]) for name, model in both]

    def engine(self, policy: Policy, *, flags: bool) -> list[Row]:
        """The policy through the real engine and, where the records hold its signals, by their arithmetic."""
        served = run_policy(policy, self.records)
        row = self.row(policy.name, "engine", served)
        if not flags:
            return [row]
        by_flags = [recorded(self.records, policy, case) for case in self.records.cases]
        otherwise = sum(one.taken != other.taken for one, other in zip(served, by_flags, strict=True))
        return [replace(row, otherwise=otherwise), self.row(policy.name, "flags", by_flags)]

    def oracle(self) -> Row:
        return self.row("oracle cascade", "oracle", [oracle(self.records, case) for case in self.records.cases])

    def _coin(self, cost: float) -> float:
        share = min(1.0, max(0.0, (cost - self._cheapest) / (1 - self._cheapest)))
        return self._low + share * (self._high - self._low)


def frontier(records: Records, policies: Sequence[Policy], *, flags: bool = False) -> list[Row]:
    """Both tiers, each policy, and the oracle cascade."""
    measure = Measure(records)
    rows = measure.tiers()
    for policy in policies:
        rows += measure.engine(policy, flags=flags and not policy.required_decide)
    return [*_marked(rows), measure.oracle()]


def _marked(rows: Sequence[Row]) -> list[Row]:
    run = [row for row in rows if row.how != "flags"]
    return [replace(row, undominated=row.how != "flags" and not any(_beats(o, row) for o in run)) for row in rows]


def _beats(one: Row, other: Row) -> bool:
    better = one.taken > other.taken or one.cost < other.cost
    return better and one.taken >= other.taken and one.cost <= other.cost


def _between(resampled: Floats) -> tuple[float, float]:
    low, high = np.percentile(resampled, _WITHIN)
    return float(low), float(high)


def area_of(records: Records, signal: str) -> float | None:
    """APGR of a recorded score of the efficiency answer, swept over all thresholds; invalid answers come last."""
    own, performance = records.pair.efficiency, records.pair.performance
    return apgr(
        quality_curve(
            [
                Compared(
                    float(case["answers"][own]["judge"][signal]) if valid(case, own) else -1.0,
                    correct(case, own),
                    correct(case, performance),
                    Decimal(str(records.cost(case, own))),
                    Decimal(str(records.cost(case, performance))),
                )
                for case in records.cases
            ]
        )
    )
