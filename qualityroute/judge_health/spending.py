"""What testing a judge cost."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Self

from qualityroute.records import ModelCall


@dataclass(frozen=True, slots=True)
class Spent:
    """USD, as far as it is known."""

    calls: int
    known: Decimal
    unknown: int
    """Calls that cost nobody knows how much."""

    @classmethod
    def on(cls, calls: Iterable[ModelCall]) -> Self:
        costs = [call.cost for call in calls]
        return cls(len(costs), sum((cost for cost in costs if cost is not None), Decimal(0)), costs.count(None))

    @property
    def total(self) -> Decimal | None:
        return None if self.unknown else self.known


@dataclass(frozen=True, slots=True)
class Bill:
    judging: Spent
    answering: Spent
    """The efficiency tier and its gate, where inputs were answered first."""
