"""What the ledger says of many requests at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from qualityroute.records import Outcome, Reason


@dataclass(frozen=True, slots=True)
class LatencySummary:
    """Seconds, to within nine per cent."""

    count: int
    p50: float
    p95: float


@dataclass(frozen=True, slots=True)
class CostSummary:
    """USD spent on one part. Where the cost of an answer is unknown, no sum is told."""

    count: int = 0
    """Attempts of a tier that got an answer, or calls of a judge or of peers."""
    known: Decimal = Decimal(0)
    unknown: int = 0
    """Answers whose cost is unknown."""

    @property
    def total(self) -> Decimal | None:
        return self.known if self.unknown == 0 else None

    @property
    def mean(self) -> Decimal | None:
        return self.known / self.count if self.count and not self.unknown else None


@dataclass(frozen=True, slots=True)
class HeadStarts:
    """Performance answers that were begun while efficiency's was still being proved."""

    needed: int = 0
    spare: int = 0
    """Those that were not."""
    seconds: float = 0.0
    """What one that was needed took, on average."""
    saved: float = 0.0
    """Seconds that those came sooner, together."""
    cost: Decimal = Decimal(0)
    """USD of those that were not needed, as far as it is known."""
    unknown: int = 0
    """Calls of those whose cost is unknown."""


@dataclass(frozen=True, slots=True)
class Pairs:
    """Sums over requests that both tiers answered: what a request's size says of its performance cost."""

    count: int = 0
    tokens: int = 0
    """Input tokens, as the efficiency tier counted them."""
    cost: Decimal = Decimal(0)
    """USD, of the performance tier."""
    tokens_squared: float = 0.0
    tokens_cost: float = 0.0
    alone: int = 0
    """Requests that only the efficiency tier answered, and their input tokens."""
    alone_tokens: int = 0


@dataclass(frozen=True, slots=True)
class HourSummary:
    """Judged unpinned attempts of one hour, and how many of them were rejected."""

    hour: datetime
    attempts: int
    fallbacks: int


@dataclass(frozen=True, slots=True)
class FirstAttempt:
    """The first judged attempt of a session."""

    at: datetime
    failed: bool


@dataclass(frozen=True, slots=True)
class JudgedAnswer:
    """An efficiency answer that was kept and that the judge had ruled on."""

    input: str
    """The caller's messages, as JSON."""
    answer: str
    """As the model wrote it."""


@dataclass(frozen=True, slots=True)
class TaskSummary:
    """One task's ledger, added up by the store."""

    task: str
    requests: int
    outcomes: Mapping[Outcome, int]
    attempts: int
    """Unpinned efficiency attempts the gate could judge: the denominator of the fallback rate."""
    accepted: int
    fallbacks: int
    """Attempts rejected for quality, form or suspicion."""
    by_reason: Mapping[Reason, int]
    """Why unpinned efficiency attempts were not accepted; availability and trouble are here, and not in the rate."""
    first_attempts: int
    """First judged attempts of their session."""
    first_fallbacks: int
    judged: int
    """Attempts of the fallback rate that reached the judge."""
    judge_catches: int
    """Attempts the judge rejected after every free check had passed."""
    tried: CostSummary
    """Efficiency answers that the gate was to judge, wherever the caller did not ask for the tier."""
    judging: CostSummary
    """Judge and peers, of those."""
    efficiency: CostSummary
    judge: CostSummary
    performance: CostSummary
    cut_off: int
    """Calls that got no answer, and whose cost is unknown; in no sum."""
    pairs: Pairs
    latency: Mapping[Outcome, LatencySummary]
    pins_created: int
    pinned: int
    """Requests held by a pin."""
    probes: int
    """Half-open tries of the efficiency tier that said something on its quality."""
    failed_probes: int
    released: int
    """Pins that two accepted probes released."""
    explored: int
    """Tries of the efficiency tier for a task on performance."""
    hours: tuple[HourSummary, ...]
    peers: CostSummary = CostSummary()
    measuring: CostSummary = CostSummary()
    """What audits and comparisons took, which is in none of the sums above."""
    head_starts: HeadStarts = HeadStarts()
    """What was not needed of them is in none of the sums above either."""
    likening: CostSummary = CostSummary()
    """Vectors of questions, and what the judge was asked of earlier answers; in none of the sums above."""


@dataclass(frozen=True, slots=True)
class DaySpending:
    """What one task took on one day (UTC)."""

    day: date
    task: str
    efficiency: CostSummary
    judge: CostSummary
    peers: CostSummary
    performance: CostSummary
    measuring: CostSummary
    """Audits and comparisons, which are in none of the others."""
