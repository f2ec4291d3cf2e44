"""One request from its plan to its answer, which is written down before it is served."""

from __future__ import annotations

import logging
import math
from dataclasses import replace
from datetime import timedelta

import anyio

from qualityroute.attempts import make_attempt
from qualityroute.cache import Space
from qualityroute.endings import error_of, output_of
from qualityroute.errors import QualityRouteError, StoreError
from qualityroute.fallback import (
    FallbackPolicy,
    GiveUp,
    Keep,
    Try,
    best_in_time,
    is_late,
    next_step,
)
from qualityroute.head_start import HeadStart
from qualityroute.learning import coin_of
from qualityroute.likening import Look, fingerprint_of
from qualityroute.metering import Meter
from qualityroute.passage import Passage
from qualityroute.planning import certificate_of, plan_of
from qualityroute.recall import Turn, served
from qualityroute.recording import record, record_broken_off, record_spending
from qualityroute.records import (
    Answer,
    Attempt,
    Reason,
    Route,
    Tier,
)
from qualityroute.routing import Plan
from qualityroute.wallet import Forehand

logger = logging.getLogger("qualityroute")
LAST_MOMENT = timedelta(milliseconds=50)
"""Before its deadline a request that is to serve its best answer stops proving it, so that it is served in time."""
PAID_CHECKS = frozenset({"judge", "agreement"})
"""Those that ask models; the others of a gate are free."""


async def answer(passage: Passage) -> Answer:
    """Serve the request.

    Raises `AnswerRejected`, `ProviderError`, `DeadlineExceeded`, `BudgetExceeded` or `StoreError`.
    """
    try:
        return await _answer(passage)
    finally:
        if passage.turn is not None:
            passage.turn.end(passage.left)


async def _answer(passage: Passage) -> Answer:
    policy = _policy(passage)
    kept: Attempt | None = None
    limit: Reason | None = None
    try:
        passage.certificate = await certificate_of(passage)
        passage.plan = passage.plan or await plan_of(passage)
        with anyio.move_on_after(passage.request.task.deadline.total_seconds()) as scope:
            kept = await _recalled(passage, passage.plan) or await _walk(passage, passage.plan, policy)
        if scope.cancelled_caught:
            limit, kept = Reason.DEADLINE, _best_in_time(passage, policy)
        elif kept is None and is_late(passage.attempts):
            limit = Reason.DEADLINE
    except anyio.get_cancelled_exc_class():
        await record_broken_off(passage, Reason.CANCELLED)
        raise
    except StoreError as error:  # the pin or the budgets could not be read
        error.decision = await record_spending(passage)
        raise
    except Exception as error:  # whatever broke, what was spent is written down, and a probe's lease given back
        await record_broken_off(passage, Reason.INTERNAL)
        if isinstance(error, QualityRouteError):
            raise
        raise QualityRouteError(f"task '{passage.request.task.name}': {type(error).__name__}: {error}") from error
    decision = await record(passage, kept, limit)
    if kept is None:
        short = passage.wallet.shortage if passage.wallet is not None else None
        raise error_of(decision, limit, passage.request.task.deadline, passage.meter.failures, short)
    return Answer(output_of(kept), decision, kept.completion)


def _policy(passage: Passage) -> FallbackPolicy:
    task = passage.request.task
    # Measuring is left out where there is no money for it; it takes nothing else instead.
    exhausted = passage.setup.config.budget.on_exhausted if passage.errand is None else "error"
    free = frozenset({"form", *task.gate} - PAID_CHECKS)
    late = task.on_deadline if passage.errand is None else "error"
    return FallbackPolicy(task.settings.on_refusal, task.on_undecided, exhausted, late, free)


async def _recalled(passage: Passage, plan: Plan) -> Attempt | None:
    """An earlier answer to the same question; the route is then none other."""
    if passage.recall is None:
        return None
    caller, now = passage.caller, passage.world.now()
    try:
        passage.turn = await passage.recall.turn(
            passage.setup, passage.request, plan, tenant=caller.tenant, session=caller.session, now=now
        )
    except StoreError as error:  # whatever is not found is asked
        logger.warning("no earlier answer: %s", error, extra={"decision_id": passage.id})
    if passage.turn is None:
        return None
    if passage.turn.found is None and passage.turn.asked.space is not None:
        await _likened(passage, passage.turn, passage.turn.asked.space)
    if passage.turn.found is None:
        return None
    kept = served(passage.turn.found, passage.request.task)
    if kept is not None:
        # Nothing is learned of a request that no model was asked.
        passage.plan, passage.forecast = replace(plan, route=Route.CACHED), None
    return kept


async def _likened(passage: Passage, turn: Turn, space: Space) -> None:
    """An earlier answer to a question in other words, as far as it is proved for this one."""
    assert passage.recall is not None
    passage.look = Look(
        store=passage.world.store,
        neighbourhood=passage.recall.neighbourhood,
        request=passage.request,
        space=space,
        fingerprint=fingerprint_of(passage.setup, passage.request.task.name),
        settings=passage.setup.config.cache,
        meter=_beside(passage),
        efficiency=turn.asked.efficiency,
        chance=coin_of(f"likening {passage.id}"),
        now=passage.world.now(),
    )
    turn.found = await passage.look.take()
    turn.sense = passage.look.sense


def _beside(passage: Passage) -> Meter:
    """For calls that are perhaps not needed, and are no attempt's."""
    wallet = Forehand(passage.wallet) if passage.wallet is not None else None
    return replace(passage.meter, wallet=wallet, _calls=[])


async def _walk(passage: Passage, plan: Plan, policy: FallbackPolicy) -> Attempt | None:
    if not plan.early:
        return await _steps(passage, plan, policy)
    passage.head_start = HeadStart(passage.request, passage.setup.config, _beside(passage))
    return await passage.head_start.beside(lambda: _steps(passage, plan, policy))


async def _steps(passage: Passage, plan: Plan, policy: FallbackPolicy) -> Attempt | None:
    until = math.inf
    if policy.on_deadline == "serve_best":
        until = anyio.current_effective_deadline() - _last_moment(passage).total_seconds()
    while True:
        match next_step(plan, passage.attempts, policy):
            case Try(tier):
                passage.trying = tier
                passage.attempts.append(await _attempt(passage, plan, tier, until))
                _take_what_is_there(passage, policy)
            case Keep(attempt):
                return attempt
            case GiveUp():
                return None


async def _attempt(passage: Passage, plan: Plan, tier: Tier, until: float) -> Attempt:
    """Performance's is perhaps under way already."""
    if passage.head_start is not None and tier is Tier.PERFORMANCE:
        begun = await passage.head_start.attempt()
        if begun is not None:
            return begun
    # What efficiency answers in place of performance is proved as any answer of its.
    judged = plan.judged or tier is not plan.tier
    return await make_attempt(passage.request, tier, passage.setup.config, passage.meter, judged=judged, until=until)


def _last_moment(passage: Passage) -> timedelta:
    return min(LAST_MOMENT, passage.request.task.deadline / 10)


def _take_what_is_there(passage: Passage, policy: FallbackPolicy) -> None:
    """When time is up: performance's answer, if that was begun early and is good."""
    if passage.head_start is None or policy.on_deadline == "error" or not is_late(passage.attempts):
        return
    if (good := passage.head_start.take_accepted()) is not None:
        passage.attempts.append(good)


def _best_in_time(passage: Passage, policy: FallbackPolicy) -> Attempt | None:
    """What is served of what there is at the deadline; nothing, once the beginning of another was heard."""
    passage.note_interrupted(Reason.DEADLINE)
    _take_what_is_there(passage, policy)
    heard = passage.ear is not None and passage.ear.passed_on
    return None if heard else best_in_time(passage.attempts, policy)
