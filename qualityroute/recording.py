"""How a request ends: its decision is made out and written down, with its pin and all that is learned of it."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import timedelta

import anyio

from qualityroute.cache import Stored
from qualityroute.complexity import Forecast
from qualityroute.endings import payloads_of, without_quotes
from qualityroute.errands import Ending, label_of_fallback, reference_of
from qualityroute.errors import StoreError
from qualityroute.fallback import (
    is_late,
    is_short,
    outcome_of,
    reason_of,
)
from qualityroute.labels import Fact
from qualityroute.passage import Passage
from qualityroute.pins import pin_after
from qualityroute.recall import to_keep
from qualityroute.records import (
    Attempt,
    Decision,
    Outcome,
    Reason,
    Route,
    Tier,
    total_cost,
)
from qualityroute.routing import Plan
from qualityroute.store import Entry

logger = logging.getLogger("qualityroute")


async def record(passage: Passage, kept: Attempt | None, limit: Reason | None) -> Decision:
    """Write the decision and its pin; committed when this returns."""
    decision = _noted(passage, kept, limit)
    event = pin_after(decision.route, passage.attempts, passage.id)
    payloads = payloads_of(passage.setup.config.store.payloads, passage.request.messages, passage.attempts)
    facts, forecast = _facts(passage, kept), _borne_out(passage)
    owed = tuple(passage.wallet.owed) if passage.wallet is not None else ()
    keeps, hit = _kept_answer(passage, decision, kept), passage.hit
    likening = passage.look.likening if passage.look is not None else None
    entry = Entry(
        decision, passage.pin_key, event, passage.setup.config.pins, payloads, facts, forecast, owed, keeps, hit,
        likening,
    )  # fmt: skip
    try:
        with anyio.CancelScope(shield=True):
            effect = await passage.world.store.record(entry)
    except StoreError as error:
        error.decision = decision = _unrecorded(passage, decision)
        if passage.setup.config.store.on_store_error == "raise":
            raise
        logger.warning("decision could not be written: %s", error, extra={"decision_id": passage.id})
        return decision
    passage.left = passage.turn.found if hit is not None and passage.turn is not None else keeps
    if effect is not None:
        decision = replace(decision, pin=effect)
    passage.world.tell(decision)
    return decision


async def record_broken_off(passage: Passage, limit: Reason) -> None:
    """Of a request that ends without an answer for another reason than the models'."""
    try:
        with anyio.CancelScope(shield=True):
            await record(passage, None, limit)
    except StoreError as error:  # what broke it off must go on, whatever the store says
        logger.error("%s decision could not be written: %s", limit, error, extra={"decision_id": passage.id})


async def record_spending(passage: Passage) -> Decision | None:
    """Of a request that the store ended: it may be back by now, and what was spent is to be written down."""
    if not passage.calls:
        return _unrecorded(passage, _noted(passage, None, Reason.INTERNAL))
    try:
        return await record(passage, None, Reason.INTERNAL)
    except StoreError as error:
        return error.decision


def _noted(passage: Passage, kept: Attempt | None, limit: Reason | None) -> Decision:
    """The decision, with the calls of an attempt that was cut short."""
    if limit is not None and not is_late(passage.attempts):
        passage.note_interrupted(limit)
    return _decision(passage, kept, limit)


def _decision(passage: Passage, kept: Attempt | None, limit: Reason | None) -> Decision:
    plan = passage.plan or Plan(Route.CASCADE, Tier.EFFICIENCY, judged=True, falls_back=True)
    outcome = outcome_of(plan, passage.attempts, kept)
    spare = passage.head_start.spare if passage.head_start is not None else None
    if limit is not None and kept is None:
        outcome = Outcome.CANCELLED if limit is Reason.CANCELLED else Outcome.FAILED
    why = reason_of(passage.attempts, kept)
    return Decision(
        id=passage.id,
        at=passage.at,
        tenant=passage.caller.tenant,
        session=passage.caller.session,
        task=passage.request.task.name,
        route=plan.route,
        outcome=outcome,
        reason=limit or (why.reason if why else None),
        message=why.message if why else _note(passage, plan),
        tier=kept.tier if kept else None,
        model=kept.model if kept else None,
        attempts=tuple(_without_contents(passage, attempt) for attempt in passage.attempts),
        spare=None if spare is None else _without_contents(passage, spare),
        likening=None if passage.look is None else _without_contents(passage, passage.look.attempt),
        cost=total_cost(call.cost for call in passage.calls),
        latency=timedelta(seconds=passage.world.clock() - passage.started),
        fingerprint=passage.setup.fingerprint,
        metadata=passage.caller.metadata,
    )


def _note(passage: Passage, plan: Plan) -> str:
    if passage.hit is not None:
        return f"the answer of decision {passage.hit.source}"
    return (passage.limit or "") if plan.route is Route.HARD_LIMIT else ""


def _without_contents(passage: Passage, attempt: Attempt) -> Attempt:
    """Verdicts may quote the document; they do so only where prompts and answers may be kept."""
    if passage.setup.config.store.payloads != "none":
        return attempt
    return replace(attempt, verdicts=tuple(without_quotes(verdict) for verdict in attempt.verdicts))


def _kept_answer(passage: Passage, decision: Decision, kept: Attempt | None) -> Stored | None:
    if passage.turn is None or passage.plan is None:
        return None
    return to_keep(passage.turn, passage.plan, decision, kept, passage.request.task, passage.world.now())


def _unrecorded(passage: Passage, decision: Decision) -> Decision:
    """Told all the same: what was spent is spent, and whoever listens is to hear of the store."""
    decision = replace(decision, recorded=False)
    passage.world.tell(decision)
    return decision


def _borne_out(passage: Passage) -> Forecast | None:
    """The forecast, unless another model than the one it is about has answered."""
    first = passage.attempts[0] if passage.attempts else None
    if passage.forecast is None or first is None or first.tier is Tier.PERFORMANCE:
        return passage.forecast
    answered = first.answer_call
    return passage.forecast if answered is None or answered.name == passage.forecast.key.model else None


def _facts(passage: Passage, kept: Attempt | None) -> tuple[Fact, ...]:
    """What the end of this request adds to the ground truth."""
    unjudged = passage.plan is not None and passage.plan.route is Route.UNJUDGED
    passage.ending = Ending(
        passage.id, passage.at, passage.setup, passage.request, tuple(passage.attempts), kept, passage.certificate,
        unjudged,
    )  # fmt: skip
    if passage.errand is not None:
        return () if is_short(passage.attempts) else passage.errand.facts(passage.ending)
    if passage.plan is not None and passage.plan.route is Route.BASELINE:
        return reference_of(passage.ending)
    audited = passage.audited and passage.plan is not None and passage.plan.route is Route.CASCADE
    return label_of_fallback(passage.ending) if audited else ()
