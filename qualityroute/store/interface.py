"""What the engine asks of a store. SQLite is the first to implement it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from qualityroute.config import Pins
from qualityroute.pins import Pin, PinEffect, PinEvent, PinKey
from qualityroute.records import Decision, Outcome, Reason


@dataclass(frozen=True, slots=True)
class Entry:
    """One finished request, as it goes into the ledger, with what it means for its pin."""

    decision: Decision
    pin_key: PinKey | None = None
    event: PinEvent | None = None
    policy: Pins = field(default_factory=Pins)
    payloads: Mapping[str, str] = field(default_factory=dict)
    """Prompts and answers to keep, by kind; empty when they are not kept."""


@dataclass(frozen=True, slots=True)
class LatencySummary:
    """Seconds."""

    count: int
    p50: float
    p95: float


@dataclass(frozen=True, slots=True)
class CostSummary:
    """USD spent on one part; `unknown` calls had no known cost, and then no sum is told."""

    calls: int = 0
    known: Decimal = Decimal(0)
    unknown: int = 0

    @property
    def total(self) -> Decimal | None:
        return self.known if self.unknown == 0 else None

    @property
    def mean(self) -> Decimal | None:
        return self.known / self.calls if self.calls and not self.unknown else None


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
    """Of all efficiency attempts that were not accepted, availability and trouble too."""
    first_attempts: int
    """First judged attempts of their session."""
    first_fallbacks: int
    judged: int
    """Attempts that reached the judge."""
    judge_catches: int
    """Attempts rejected by the judge after every free check had passed."""
    efficiency: CostSummary
    judge: CostSummary
    performance: CostSummary
    cost_unknown: int
    """Decisions whose cost is unknown."""
    latency: Mapping[Outcome, LatencySummary]
    pins_created: int
    pinned: int
    """Requests served by a pin."""


class SessionStore(Protocol):
    """Keeps pins and the ledger. Every method raises `StoreError` when it cannot do its work."""

    async def open(self) -> None: ...

    async def aclose(self) -> None: ...

    async def pin(self, key: PinKey) -> Pin | None:
        """The row as it stands, dated or not; the caller looks at `until`."""

    async def lease_probe(self, pin: Pin, token: str, *, now: datetime, expires: datetime) -> bool:
        """Take the one probe of a half-open pin, if the pin is still as `pin` says and nobody has it."""

    async def record(self, entry: Entry) -> PinEffect | None:
        """Write a decision, its calls, its verdicts and its pin in one transaction; back when committed."""

    async def pins(self, *, tenant: str | None = None, session: str | None = None, now: datetime) -> list[Pin]:
        """Pins that hold at `now`, the newest first; those only watched are not among them."""

    async def put_pin(self, pin: Pin) -> None: ...

    async def release_pin(self, key: PinKey) -> Pin | None:
        """Remove a pin, and say what it was."""

    async def decision(self, decision_id: str) -> Decision | None:
        """As it was recorded, without completions and outputs."""

    async def pin_effect(self, decision_id: str) -> PinEffect | None: ...

    async def summaries(self, *, task: str | None = None, since: datetime | None = None) -> list[TaskSummary]: ...

    async def pins_active(self, now: datetime) -> int: ...
