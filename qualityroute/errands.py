"""Requests that measure instead of serve, and what a finished request adds to the ground truth. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TypeAlias

from qualityroute.attempts import Request
from qualityroute.calibration import Certificate
from qualityroute.comparison import Difference
from qualityroute.labels import (
    MOST_DIFFERENCES,
    Audit,
    Fact,
    Held,
    Label,
    Origin,
    Reference,
    first_efficiency,
    held_against,
    input_key,
    plain_output,
    score_of,
)
from qualityroute.records import Answer, Attempt, Json, Route, Tier
from qualityroute.routing import Plan, plan_of
from qualityroute.rubrics import FieldRule
from qualityroute.setup import Setup


@dataclass(frozen=True, slots=True)
class Ending:
    """A request that is over, about to be written down."""

    decision_id: str
    at: datetime
    setup: Setup
    request: Request
    attempts: Sequence[Attempt]
    kept: Attempt | None
    certificate: Certificate | None
    """The one in force when it began."""
    unjudged: bool = False
    """Was the judge left out, as not worth his cost?"""

    @property
    def rules(self) -> dict[str, FieldRule]:
        rubric = self.request.task.rubric
        return dict(rubric.fields) if rubric is not None else {}

    def told(self, differences: Sequence[Difference]) -> tuple[str, ...]:
        """Differences in words; what the values are, only where prompts and answers of good requests are kept."""
        quoted = self.setup.config.store.payloads == "all"
        return tuple(one.text if quoted else one.place for one in differences[:MOST_DIFFERENCES])


Facts: TypeAlias = Callable[[Ending], tuple[Fact, ...]]


@dataclass(frozen=True, slots=True)
class Errand:
    """Where a request goes that was not sent by a caller's need, and what its end is worth knowing for."""

    plan: Plan
    facts: Facts


def to_refer(input_id: str | None = None) -> Errand:
    """Ask performance, and keep its answer as reference."""
    return Errand(plan_of(Route.BASELINE), lambda ending: reference_of(ending, input_id))


def to_compare(reference: Reference, performance: Reference | None) -> Errand:
    """Try efficiency, and hold its answer against a reference; `performance` is that tier's own, where it is known."""

    def facts(ending: Ending) -> tuple[Fact, ...]:
        tried = first_efficiency(ending.attempts)
        if tried is None:
            return ()
        right = performance is None or held_against(performance.output, reference.output, ending.rules).bad is not True
        return (
            _label(
                ending,
                tried,
                _held(tried, reference.output, ending),
                cost=performance.cost if performance is not None else None,
                origin=reference.origin,
                input_id=reference.input_id,
                reference_right=right,
            ),
        )

    return Errand(plan_of(Route.COMPARE), facts)


def to_explore(served: Answer) -> Errand:
    """Try efficiency beside a performance answer that was served, and hold the one against the other."""

    def facts(ending: Ending) -> tuple[Fact, ...]:
        tried = first_efficiency(ending.attempts)
        if tried is None:
            return ()
        held = _held(tried, plain_output(served.output), ending)
        return (_label(ending, tried, held, cost=served.decision.cost),)

    return Errand(plan_of(Route.EXPLORE), facts)


def to_audit(accepted: Ending) -> Errand:
    """Ask performance what efficiency was trusted with."""

    def facts(ending: Ending) -> tuple[Fact, ...]:
        tried = first_efficiency(accepted.attempts)
        assert tried is not None
        cost = _cost_of(ending.attempts)
        held = Held(None) if ending.kept is None else _held(tried, plain_output(ending.kept.output), accepted)
        audit = Audit(
            decision_id=accepted.decision_id,
            audit_id=ending.decision_id,
            task=ending.request.task.name,
            at=ending.at,
            agrees=None if held.bad is None else not held.bad,
            cost=cost,
            certificate=accepted.certificate.id if accepted.certificate is not None else None,
            differences=accepted.told(held.differences),
        )
        # Its score says nothing of the judge's threshold, which labels are there to prove.
        return (audit,) if accepted.unjudged else (audit, _label(accepted, tried, held, cost=cost))

    return Errand(plan_of(Route.AUDIT), facts)


def reference_of(ending: Ending, input_id: str | None = None) -> tuple[Fact, ...]:
    """The performance tier's answer as reference, under the caller's id for the input or the input's own key."""
    if ending.kept is None or ending.setup.config.store.payloads == "none":
        return ()
    key = input_key(ending.request.messages)
    task = ending.request.task.name
    return (
        Reference(
            task=task,
            input_id=input_id or key,
            origin=Origin.PERFORMANCE,
            at=ending.at,
            output=plain_output(ending.kept.output),
            input_key=key,
            decision_id=ending.decision_id,
            messages=ending.request.messages if ending.setup.config.store.payloads == "all" else None,
            cost=_cost_of(ending.attempts),
            fingerprint=ending.setup.reference_keys[task],
        ),
    )


def label_of_fallback(ending: Ending) -> tuple[Fact, ...]:
    """The label of an efficiency answer that performance answered after, whose coin was flipped before."""
    tried = first_efficiency(ending.attempts)
    if tried is None or ending.kept is None or ending.kept.tier is not Tier.PERFORMANCE:
        return ()
    held = _held(tried, plain_output(ending.kept.output), ending)
    return (_label(ending, tried, held, cost=ending.kept.cost),)


def _held(tried: Attempt, reference: Json, ending: Ending) -> Held:
    """An answer without an output, since form or schema refused it, differs from any."""
    return Held(True) if tried.output is None else held_against(tried.output, reference, ending.rules)


def _label(
    ending: Ending,
    tried: Attempt,
    held: Held,
    *,
    cost: Decimal | None,
    origin: Origin = Origin.PERFORMANCE,
    input_id: str | None = None,
    reference_right: bool = True,
) -> Label:
    task = ending.request.task.name
    return Label(
        decision_id=ending.decision_id,
        task=task,
        at=ending.at,
        pipeline=ending.setup.pipelines[task],
        score=score_of(tried),
        accepted=tried.accepted,
        bad=held.bad,
        origin=origin,
        input_id=input_id,
        attempt_cost=tried.cost,
        reference_cost=cost,
        reference_right=reference_right,
        differences=ending.told(held.differences),
    )


def _cost_of(attempts: Sequence[Attempt]) -> Decimal | None:
    return attempts[-1].cost if attempts else None
