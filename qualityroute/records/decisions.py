"""A request from its attempts to its answer, as it is written down."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from qualityroute.records.calls import Completion, ModelCall, Usage
from qualityroute.records.words import Outcome, PinEffect, Reason, Route, Ruling, Tier


@dataclass(frozen=True, slots=True)
class Verdict:
    """One check's word on one answer."""

    check: str
    ruling: Ruling
    reason: Reason | None = None
    message: str = ""
    score: float | None = None
    calls: tuple[ModelCall, ...] = ()
    """Model calls this check made."""
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def cost(self) -> Decimal | None:
        return total_cost(call.cost for call in self.calls)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One answer asked of one tier: its calls, its verdicts, and what became of it."""

    tier: Tier
    ruling: Ruling
    reason: Reason | None
    calls: tuple[ModelCall, ...] = ()
    """Answer calls in the order made; the last one answered, unless all failed."""
    verdicts: tuple[Verdict, ...] = ()
    completion: Completion | None = None
    output: Any = None
    """The parsed answer; what `Answer.output` will be if this attempt is kept."""
    message: str = ""
    repaired: bool = False
    """The JSON stood in a code fence, which was taken off."""
    latency: timedelta = timedelta(0)
    early: bool = False
    """Begun while the attempt before it was still being proved."""

    @property
    def accepted(self) -> bool:
        return self.ruling is Ruling.ACCEPTED

    @property
    def all_calls(self) -> tuple[ModelCall, ...]:
        return self.calls + tuple(call for verdict in self.verdicts for call in verdict.calls)

    @property
    def answer_call(self) -> ModelCall | None:
        """The call that answered; the last one tried when none did."""
        answered = (call for call in reversed(self.calls) if call.error is None)
        return next(answered, self.calls[-1] if self.calls else None)

    @property
    def model(self) -> str | None:
        """`provider/model` that answered, or was tried last; a peer, where peers' votes put its answer in the place."""
        served = next((v.details["served"] for v in self.verdicts if "served" in v.details), None)
        if served is not None:
            return str(served)
        return self.answer_call.name if self.answer_call else None

    @property
    def usage(self) -> Usage:
        return self.answer_call.usage if self.answer_call else Usage()

    @property
    def cost(self) -> Decimal | None:
        return total_cost(call.cost for call in self.all_calls)

    @property
    def failed_verdict(self) -> Verdict | None:
        return next((v for v in self.verdicts if v.ruling is not Ruling.ACCEPTED), None)


@dataclass(frozen=True, slots=True)
class Decision:
    """The whole story of one request: route, attempts, verdicts, outcome, cost."""

    id: str
    at: datetime
    tenant: str
    session: str | None
    task: str
    route: Route
    outcome: Outcome
    reason: Reason | None = None
    """Why the request left the efficiency tier, or why it failed."""
    message: str = ""
    tier: Tier | None = None
    """The tier that answered."""
    model: str | None = None
    """`provider/model` that answered."""
    attempts: tuple[Attempt, ...] = ()
    cost: Decimal | None = None
    latency: timedelta = timedelta(0)
    fingerprint: str = ""
    """The configuration's."""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    pin: PinEffect | None = None
    """What it did to its session's pin."""
    spare: Attempt | None = None
    """A performance answer that was begun early, and not needed; none of `attempts`."""
    likening: Attempt | None = None
    """What it took to look for an earlier answer to a question like it, and what came of that; none of `attempts`."""
    recorded: bool = True
    """False where the store could not write it; its caller then got `StoreError`, or a warning was logged."""

    @property
    def all_attempts(self) -> tuple[Attempt, ...]:
        """With those that served nobody: whatever was paid for."""
        beside = tuple(attempt for attempt in (self.spare, self.likening) if attempt is not None)
        return (*self.attempts, *beside) if beside else self.attempts

    @property
    def failed(self) -> bool | None:
        """Was the unpinned efficiency attempt rejected? `None` where nobody could say, or there was none.

        What the fallback rate counts: its denominator are those that are true or false.
        """
        first = self.attempts[0] if self.attempts else None
        if self.route not in (Route.CASCADE, Route.EXPLORE) or first is None or first.tier is not Tier.EFFICIENCY:
            return None
        if first.ruling is Ruling.ACCEPTED:
            return False
        return True if first.ruling is Ruling.REJECTED and first.reason is not None and first.reason.counts else None


@dataclass(frozen=True, slots=True)
class Answer:
    """What the caller gets."""

    output: Any
    """A pydantic object, parsed JSON, or text, as the task says."""
    decision: Decision
    completion: Completion | None = None
    """The model's own words behind `output`."""


def total_cost(costs: Iterable[Decimal | None]) -> Decimal | None:
    """The sum in USD; unknown as soon as one part is unknown."""
    total = Decimal(0)
    for cost in costs:
        if cost is None:
            return None
        total += cost
    return total
