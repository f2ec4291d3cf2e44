"""One request on its way: from route to pin, written down before it is answered."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import anyio

from qualityroute.attempts import Request, make_attempt
from qualityroute.client import Client
from qualityroute.errors import AnswerRejected, DeadlineExceeded, ProviderError, QualityRouteError, StoreError
from qualityroute.fallback import FallbackPolicy, GiveUp, Keep, Try, is_unavailable, next_step, outcome_of, reason_of
from qualityroute.metering import Meter
from qualityroute.pins import Pin, PinKey, key_for, pin_after
from qualityroute.records import (
    Answer,
    Attempt,
    Decision,
    Outcome,
    Reason,
    Role,
    Route,
    Ruling,
    Tier,
    Verdict,
    total_cost,
)
from qualityroute.routing import Plan, held, route
from qualityroute.setup import Setup
from qualityroute.store import Entry, SessionStore

logger = logging.getLogger("qualityroute")
LEASE_MARGIN = timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class World:
    """Doors, clocks and chance, handed in."""

    store: SessionStore
    client: Client
    now: Callable[[], datetime]
    clock: Callable[[], float]
    new_id: Callable[[], str]
    tell: Callable[[Decision], None]
    """Called with each recorded decision."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, and what they asked for besides the input."""

    session: str | None
    tenant: str
    tier: Tier | None
    metadata: Mapping[str, Any]


class Passage:
    """One request from route to recorded decision."""

    def __init__(self, world: World, setup: Setup, request: Request, caller: Caller, plan: Plan | None = None) -> None:
        self.world, self.setup, self.request, self.caller = world, setup, request, caller
        self.id, self.at, self.started = world.new_id(), world.now(), world.clock()
        self.meter = Meter(world.client, setup.prices, world.now, world.clock)
        self.attempts: list[Attempt] = []
        self.trying: Tier | None = None
        self.plan = plan
        """Given, or found by `route` from the task and its pin."""

    async def answer(self) -> Answer:
        """Serve the request. Raises `AnswerRejected`, `ProviderError`, `DeadlineExceeded` or `StoreError`."""
        settings = self.request.task.settings
        policy = FallbackPolicy(settings.on_refusal, self.request.task.on_undecided)
        kept: Attempt | None = None
        limit: Reason | None = None
        try:
            self.plan = self.plan or await self._plan()
            with anyio.move_on_after(self.request.task.deadline.total_seconds()) as scope:
                kept = await self._walk(self.plan, policy)
            if scope.cancelled_caught:
                limit = Reason.DEADLINE
        except anyio.get_cancelled_exc_class():
            await self._record_broken_off(Reason.CANCELLED)
            raise
        except StoreError:
            raise
        except Exception as error:  # whatever broke, what was spent is written down, and a probe's lease given back
            await self._record_broken_off(Reason.INTERNAL)
            if isinstance(error, QualityRouteError):
                raise
            raise QualityRouteError(f"task '{self.request.task.name}': {type(error).__name__}: {error}") from error
        decision = await self._record(kept, limit)
        if kept is None:
            raise self._error(decision, limit)
        return Answer(_output(kept), decision, kept.completion)

    async def _walk(self, plan: Plan, policy: FallbackPolicy) -> Attempt | None:
        while True:
            match next_step(plan, self.attempts, policy):
                case Try(tier):
                    self.trying = tier
                    self.attempts.append(
                        await make_attempt(self.request, tier, self.setup.config, self.meter, judged=plan.judged)
                    )
                case Keep(attempt):
                    return attempt
                case GiveUp():
                    return None

    async def _plan(self) -> Plan:
        config, now = self.setup.config, self.at
        pin = await self._pin()
        plan = route(
            self.request.task.settings, pin, self.caller.tier, policy=config.pins, now=now, mode=config.routing.mode
        )
        if plan.route is not Route.PROBE or pin is None:
            return plan
        # Already a probe while the lease is being taken: cancelled in between, it gives the lease back.
        self.plan = plan
        expires = now + self.request.task.deadline + LEASE_MARGIN
        try:
            got_it = await self.world.store.lease_probe(pin, self.id, now=now, expires=expires)
        except StoreError:
            if config.store.on_store_error == "raise":
                raise
            got_it = False
        return plan if got_it else held(plan)

    async def _pin(self) -> Pin | None:
        key = self._pin_key
        if key is None:
            return None
        try:
            return await self.world.store.pin(key)
        except StoreError:
            if self.setup.config.store.on_store_error == "raise":
                raise
            logger.warning("pin could not be read; going on without", extra={"decision_id": self.id})
            return None

    @property
    def _pin_key(self) -> PinKey | None:
        session = self.caller.session
        policy = self.setup.config.pins
        return None if session is None else key_for(policy, self.caller.tenant, session, self.request.task.name)

    async def _record(self, kept: Attempt | None, limit: Reason | None) -> Decision:
        """Write the decision and its pin; committed when this returns."""
        if limit is not None:
            self._note_interrupted(limit)
        decision = self._decision(kept, limit)
        event = pin_after(decision.route, self.attempts, self.id)
        entry = Entry(decision, self._pin_key, event, self.setup.config.pins, self._payloads())
        try:
            with anyio.CancelScope(shield=True):
                await self.world.store.record(entry)
        except StoreError as error:
            error.decision = decision
            if self.setup.config.store.on_store_error == "raise":
                raise
            logger.warning("decision could not be written: %s", error, extra={"decision_id": self.id})
        self.world.tell(decision)
        return decision

    async def _record_broken_off(self, limit: Reason) -> None:
        try:
            with anyio.CancelScope(shield=True):
                await self._record(None, limit)
        except StoreError as error:  # what broke it off must go on, whatever the store says
            logger.error("%s decision could not be written: %s", limit, error, extra={"decision_id": self.id})

    def _note_interrupted(self, limit: Reason) -> None:
        """Calls of the attempt that was cut short belong to the story, and to the bill."""
        counted = sum(len(attempt.all_calls) for attempt in self.attempts)
        calls = self.meter.calls[counted:]
        if not calls or self.trying is None:
            return
        answers = tuple(call for call in calls if call.role is Role.ANSWER)
        others = tuple(call for call in calls if call.role is not Role.ANSWER)
        check = "agreement" if others and others[-1].role is Role.PEER else "judge"
        verdicts = (Verdict(check, Ruling.UNDECIDED, limit, "interrupted", calls=others),) if others else ()
        self.attempts.append(Attempt(self.trying, Ruling.UNDECIDED, limit, answers, verdicts, message="interrupted"))

    def _decision(self, kept: Attempt | None, limit: Reason | None) -> Decision:
        plan = self.plan or Plan(Route.CASCADE, Tier.EFFICIENCY, judged=True, falls_back=True)
        outcome = outcome_of(plan, self.attempts, kept)
        if limit is not None:
            outcome = Outcome.CANCELLED if limit is Reason.CANCELLED else Outcome.FAILED
        why = reason_of(self.attempts, kept)
        return Decision(
            id=self.id,
            at=self.at,
            tenant=self.caller.tenant,
            session=self.caller.session,
            task=self.request.task.name,
            route=plan.route,
            outcome=outcome,
            reason=limit or (why.reason if why else None),
            message=why.message if why else "",
            tier=kept.tier if kept else None,
            model=kept.model if kept else None,
            attempts=tuple(self._without_contents(attempt) for attempt in self.attempts),
            cost=total_cost(call.cost for call in self.meter.calls),
            latency=timedelta(seconds=self.world.clock() - self.started),
            fingerprint=self.setup.fingerprint,
            metadata=self.caller.metadata,
        )

    def _without_contents(self, attempt: Attempt) -> Attempt:
        """Verdicts may quote the document; they do so only where prompts and answers may be kept."""
        if self.setup.config.store.payloads != "none":
            return attempt
        return replace(attempt, verdicts=tuple(_without_quotes(verdict) for verdict in attempt.verdicts))

    def _payloads(self) -> dict[str, str]:
        wanted = self.setup.config.store.payloads
        rejected = any(attempt.ruling is Ruling.REJECTED for attempt in self.attempts)
        if wanted == "none" or (wanted == "rejected" and not rejected):
            return {}
        payloads = {"input": json.dumps(self.request.messages, ensure_ascii=False, default=str)}
        for number, attempt in enumerate(self.attempts, 1):
            if attempt.completion is not None:
                payloads[f"answer.{number}.{attempt.tier}"] = attempt.completion.content or ""
        return payloads

    def _error(self, decision: Decision, limit: Reason | None) -> QualityRouteError:
        error: QualityRouteError
        attempts = decision.attempts
        last = attempts[-1] if attempts else None
        if limit is not None:
            seconds = self.request.task.deadline.total_seconds()
            error = DeadlineExceeded(
                f"task '{decision.task}': no answer within its deadline of {seconds:g} s", attempts=attempts
            )
        elif last is not None and is_unavailable(last):
            error = ProviderError(
                f"task '{decision.task}': no endpoint of tier '{last.tier}' answered: {last.message}",
                reason=last.reason or Reason.PROVIDER_ERROR,
                retryable=any(failure.retryable for failure in self.meter.failures),
                retry_after=self.meter.failures[-1].retry_after,
                attempts=attempts,
            )
        else:
            told = "; ".join(f"{attempt.tier} ({attempt.reason}): {attempt.message}" for attempt in attempts)
            error = AnswerRejected(f"task '{decision.task}': no answer passed its checks: {told}", attempts=attempts)
        error.decision = decision
        return error


def _without_quotes(verdict: Verdict) -> Verdict:
    kept = {
        name: value for name, value in verdict.details.items() if name not in ("evidence", "not_found", "differences")
    }
    return replace(verdict, details=kept)


def _output(kept: Attempt) -> Any:
    """The gate's output; of a refusal that the task wants returned, its words."""
    completion = kept.completion
    if kept.reason is Reason.REFUSED and completion is not None:
        return completion.refusal or completion.content
    return kept.output
