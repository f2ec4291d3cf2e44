"""One request on its way: from route to pin, written down before it is answered."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import anyio

from qualityroute.attempts import Request, make_attempt
from qualityroute.budgets import Allowance
from qualityroute.cache import Hit, Stored
from qualityroute.calibration import Certificate
from qualityroute.client import Client
from qualityroute.complexity import Forecast
from qualityroute.endings import error_of, output_of, payloads_of, without_quotes
from qualityroute.errands import Ending, Errand, label_of_fallback, reference_of
from qualityroute.errors import QualityRouteError, StoreError
from qualityroute.fallback import (
    FallbackPolicy,
    GiveUp,
    Keep,
    Try,
    best_in_time,
    is_late,
    is_short,
    next_step,
    outcome_of,
    reason_of,
)
from qualityroute.head_start import HeadStart
from qualityroute.hearing import Ear
from qualityroute.labels import Fact
from qualityroute.learning import Learner
from qualityroute.metering import Meter
from qualityroute.pins import Pin, PinKey, key_for, pin_after
from qualityroute.recall import Recall, Turn, served, to_keep
from qualityroute.records import (
    Answer,
    Attempt,
    Decision,
    ModelCall,
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
from qualityroute.wallet import Forehand, Owner, Wallet, has_budget

logger = logging.getLogger("qualityroute")
LEASE_MARGIN = timedelta(seconds=10)
LAST_MOMENT = timedelta(milliseconds=50)
"""Before its deadline a request that is to serve its best answer stops proving it, so that it is served in time."""
PAID_CHECKS = frozenset({"judge", "agreement"})
"""Those that ask models; the others of a gate are free."""


@dataclass(frozen=True, slots=True)
class World:
    """Doors, clocks and chance, handed in."""

    store: SessionStore
    client: Client
    now: Callable[[], datetime]
    clock: Callable[[], float]
    new_id: Callable[[], str]
    tell: Callable[[Decision], None]
    """Called with each decision, recorded or not."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, and what they asked for besides the input."""

    session: str | None
    tenant: str
    tier: Tier | None
    metadata: Mapping[str, Any]
    decision_id: str | None = None
    """Given by who must know it beforehand."""
    allowance: Allowance | None = None
    """A budget of their own."""


class Passage:
    """One request from route to recorded decision."""

    def __init__(
        self,
        world: World,
        setup: Setup,
        request: Request,
        caller: Caller,
        errand: Errand | None = None,
        *,
        audited: bool = False,
        learner: Learner | None = None,
        recall: Recall | None = None,
    ) -> None:
        """`audited`: the coin was flipped for this request, whatever becomes of it; `learner`: of tasks on `auto`;
        `recall`: of tasks with a cache."""
        self.ear = Ear(request.hear, is_open=True) if request.hear is not None else None
        request = replace(request, hear=self.ear)
        self.world, self.setup, self.request, self.caller = world, setup, request, caller
        self.errand, self.audited = errand, audited
        self.learner = learner if request.task.settings.tier == "auto" else None
        self.recall = recall
        self.turn: Turn | None = None
        """Of a task with a cache; others may wait until it ends."""
        self.left: Stored | None = None
        """What it leaves to be served again, once that is written."""
        self.id = caller.decision_id or world.new_id()
        self.at, self.started = world.now(), world.clock()
        self.wallet = self._wallet()
        self.meter = Meter(world.client, setup.prices, world.now, world.clock, self.wallet)
        self.attempts: list[Attempt] = []
        self.trying: Tier | None = None
        self.head_start: HeadStart | None = None
        """Performance's answer that was begun early."""
        self.plan = errand.plan if errand is not None else None
        """The errand's, or found by `route` from the task and its pin."""
        self.certificate: Certificate | None = None
        self.limit: str | None = None
        """The hard limit that the efficiency tier would meet."""
        self.forecast: Forecast | None = None
        """What the log says of the request; `None` where nothing asked it."""
        self.ending: Ending | None = None
        """Once it is over."""

    async def answer(self) -> Answer:
        """Serve the request.

        Raises `AnswerRejected`, `ProviderError`, `DeadlineExceeded`, `BudgetExceeded` or `StoreError`.
        """
        try:
            return await self._answer()
        finally:
            if self.turn is not None:
                self.turn.end(self.left)

    async def _answer(self) -> Answer:
        policy = self._policy()
        kept: Attempt | None = None
        limit: Reason | None = None
        try:
            self.certificate = await self._certificate()
            self.plan = self.plan or await self._plan()
            with anyio.move_on_after(self.request.task.deadline.total_seconds()) as scope:
                kept = await self._recalled(self.plan) or await self._walk(self.plan, policy)
            if scope.cancelled_caught:
                limit, kept = Reason.DEADLINE, self._best_in_time(policy)
            elif kept is None and is_late(self.attempts):
                limit = Reason.DEADLINE
        except anyio.get_cancelled_exc_class():
            await self._record_broken_off(Reason.CANCELLED)
            raise
        except StoreError as error:  # the pin or the budgets could not be read
            error.decision = await self._record_spending()
            raise
        except Exception as error:  # whatever broke, what was spent is written down, and a probe's lease given back
            await self._record_broken_off(Reason.INTERNAL)
            if isinstance(error, QualityRouteError):
                raise
            raise QualityRouteError(f"task '{self.request.task.name}': {type(error).__name__}: {error}") from error
        decision = await self._record(kept, limit)
        if kept is None:
            short = self.wallet.shortage if self.wallet is not None else None
            raise error_of(decision, limit, self.request.task.deadline, self.meter.failures, short)
        return Answer(output_of(kept), decision, kept.completion)

    def _policy(self) -> FallbackPolicy:
        task = self.request.task
        # Measuring is left out where there is no money for it; it takes nothing else instead.
        exhausted = self.setup.config.budget.on_exhausted if self.errand is None else "error"
        free = frozenset({"form", *task.gate} - PAID_CHECKS)
        late = task.on_deadline if self.errand is None else "error"
        return FallbackPolicy(task.settings.on_refusal, task.on_undecided, exhausted, late, free)

    def _wallet(self) -> Wallet | None:
        """`None` without a budget, so that nothing is kept and the store is not asked."""
        waited_for = self.errand is None or self.errand.plan.route not in (Route.AUDIT, Route.EXPLORE)
        caller = self.caller
        owner = Owner(self.request.task, caller.tenant, caller.session, waited_for, caller.allowance)
        budget, world = self.setup.config.budget, self.world
        if not has_budget(budget, owner):
            return None
        return Wallet(world.store, budget, owner, self.setup.prices, self.setup.lengths, world.now, world.new_id)

    async def _recalled(self, plan: Plan) -> Attempt | None:
        """An earlier answer to the same question; the route is then none other."""
        if self.recall is None:
            return None
        caller, now = self.caller, self.world.now()
        try:
            self.turn = await self.recall.turn(
                self.setup, self.request, plan, tenant=caller.tenant, session=caller.session, now=now
            )
        except StoreError as error:  # whatever is not found is asked
            logger.warning("no earlier answer: %s", error, extra={"decision_id": self.id})
        if self.turn is None or self.turn.found is None:
            return None
        kept = served(self.turn.found, self.request.task)
        if kept is not None:
            # Nothing is learned of a request that no model was asked.
            self.plan, self.forecast = replace(plan, route=Route.CACHED), None
        return kept

    async def _walk(self, plan: Plan, policy: FallbackPolicy) -> Attempt | None:
        if not plan.early:
            return await self._steps(plan, policy)
        wallet = Forehand(self.wallet) if self.wallet is not None else None
        self.head_start = HeadStart(self.request, self.setup.config, replace(self.meter, wallet=wallet, _calls=[]))
        return await self.head_start.beside(lambda: self._steps(plan, policy))

    async def _steps(self, plan: Plan, policy: FallbackPolicy) -> Attempt | None:
        until = math.inf
        if policy.on_deadline == "serve_best":
            until = anyio.current_effective_deadline() - self._last_moment.total_seconds()
        while True:
            match next_step(plan, self.attempts, policy):
                case Try(tier):
                    self.trying = tier
                    self.attempts.append(await self._attempt(plan, tier, until))
                    self._take_what_is_there(policy)
                case Keep(attempt):
                    return attempt
                case GiveUp():
                    return None

    async def _attempt(self, plan: Plan, tier: Tier, until: float) -> Attempt:
        """Performance's is perhaps under way already."""
        if self.head_start is not None and tier is Tier.PERFORMANCE:
            begun = await self.head_start.attempt()
            if begun is not None:
                return begun
        # What efficiency answers in place of performance is proved as any answer of its.
        judged = plan.judged or tier is not plan.tier
        return await make_attempt(self.request, tier, self.setup.config, self.meter, judged=judged, until=until)

    @property
    def _last_moment(self) -> timedelta:
        return min(LAST_MOMENT, self.request.task.deadline / 10)

    def _take_what_is_there(self, policy: FallbackPolicy) -> None:
        """When time is up: performance's answer, if that was begun early and is good."""
        if self.head_start is None or policy.on_deadline == "error" or not is_late(self.attempts):
            return
        if (answer := self.head_start.take_accepted()) is not None:
            self.attempts.append(answer)

    def _best_in_time(self, policy: FallbackPolicy) -> Attempt | None:
        """What is served of what there is at the deadline; nothing, once the beginning of another was heard."""
        self._note_interrupted(Reason.DEADLINE)
        self._take_what_is_there(policy)
        heard = self.ear is not None and self.ear.passed_on
        return None if heard else best_in_time(self.attempts, policy)

    async def _plan(self) -> Plan:
        config, now = self.setup.config, self.at
        pin = await self._pin()
        if self.learner is not None:
            self.limit = await self.learner.limit(self.setup, self.request)

        def planned() -> Plan:
            return route(
                self.request.task.settings,
                pin,
                self.caller.tier,
                policy=config.pins,
                now=now,
                mode=config.routing.mode,
                certified=self.certificate is not None,
                limited=self.limit is not None,
                forecast=self.forecast,
            )

        plan = planned()
        if self.learner is not None and plan.route is Route.CASCADE:
            certified = self.certificate is not None
            self.forecast = await self.learner.forecast(self.setup, self.request, self.id, certified=certified)
            plan = planned()
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

    async def _certificate(self) -> Certificate | None:
        """The task's, if it is in force; the gate then accepts at its threshold."""
        task = self.request.task
        if "judge" not in task.gate and task.settings.accept.on_uncertified == "threshold":
            return None
        try:
            found = await self.world.store.certificate(task.name)
        except StoreError:
            if self.setup.config.store.on_store_error == "raise":
                raise
            found = None
        if found is None or not found.in_force(self.setup.pipelines[task.name], self.at):
            return None
        self.request = replace(self.request, accept_at=found.threshold)
        return found

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
        decision = self._noted(kept, limit)
        event = pin_after(decision.route, self.attempts, self.id)
        payloads = payloads_of(self.setup.config.store.payloads, self.request.messages, self.attempts)
        facts, forecast = self._facts(kept), self._borne_out()
        owed = tuple(self.wallet.owed) if self.wallet is not None else ()
        keeps, hit = self._kept_answer(decision, kept), self._hit
        entry = Entry(
            decision, self._pin_key, event, self.setup.config.pins, payloads, facts, forecast, owed, keeps, hit
        )
        try:
            with anyio.CancelScope(shield=True):
                effect = await self.world.store.record(entry)
        except StoreError as error:
            error.decision = decision = self._unrecorded(decision)
            if self.setup.config.store.on_store_error == "raise":
                raise
            logger.warning("decision could not be written: %s", error, extra={"decision_id": self.id})
            return decision
        self.left = keeps
        decision = replace(decision, pin=effect)
        self.world.tell(decision)
        return decision

    def _kept_answer(self, decision: Decision, kept: Attempt | None) -> Stored | None:
        if self.turn is None or self.plan is None:
            return None
        return to_keep(self.turn, self.plan, decision, kept, self.request.task, self.world.now())

    @property
    def _hit(self) -> Hit | None:
        found = self.turn.found if self.turn is not None else None
        if found is None or self.plan is None or self.plan.route is not Route.CACHED:
            return None
        return Hit(self.id, found.decision_id, found.cost)

    def _unrecorded(self, decision: Decision) -> Decision:
        """Told all the same: what was spent is spent, and whoever listens is to hear of the store."""
        decision = replace(decision, recorded=False)
        self.world.tell(decision)
        return decision

    def _noted(self, kept: Attempt | None, limit: Reason | None) -> Decision:
        """The decision, with the calls of an attempt that was cut short."""
        if limit is not None and not is_late(self.attempts):
            self._note_interrupted(limit)
        return self._decision(kept, limit)

    def _borne_out(self) -> Forecast | None:
        """The forecast, unless another model than the one it is about has answered."""
        first = self.attempts[0] if self.attempts else None
        if self.forecast is None or first is None or first.tier is Tier.PERFORMANCE:
            return self.forecast
        answered = first.answer_call
        return self.forecast if answered is None or answered.name == self.forecast.key.model else None

    def _facts(self, kept: Attempt | None) -> tuple[Fact, ...]:
        """What the end of this request adds to the ground truth."""
        unjudged = self.plan is not None and self.plan.route is Route.UNJUDGED
        self.ending = Ending(
            self.id, self.at, self.setup, self.request, tuple(self.attempts), kept, self.certificate, unjudged
        )  # fmt: skip
        if self.errand is not None:
            return () if is_short(self.attempts) else self.errand.facts(self.ending)
        if self.plan is not None and self.plan.route is Route.BASELINE:
            return reference_of(self.ending)
        audited = self.audited and self.plan is not None and self.plan.route is Route.CASCADE
        return label_of_fallback(self.ending) if audited else ()

    async def _record_broken_off(self, limit: Reason) -> None:
        try:
            with anyio.CancelScope(shield=True):
                await self._record(None, limit)
        except StoreError as error:  # what broke it off must go on, whatever the store says
            logger.error("%s decision could not be written: %s", limit, error, extra={"decision_id": self.id})

    async def _record_spending(self) -> Decision | None:
        """Of a request that the store ended: it may be back by now, and what was spent is to be written down."""
        if not self.meter.calls:
            return self._unrecorded(self._noted(None, Reason.INTERNAL))
        try:
            return await self._record(None, Reason.INTERNAL)
        except StoreError as error:
            return error.decision

    def _note_interrupted(self, limit: Reason) -> None:
        """Calls of the attempt that was cut short belong to the story, and to the bill."""
        waited_for = self.head_start.interrupted(limit) if self.head_start is not None else None
        if waited_for is not None:
            self.attempts.append(waited_for)
            return
        counted = sum(len(attempt.all_calls) for attempt in self.attempts if not attempt.early)
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
        spare = self.head_start.spare if self.head_start is not None else None
        if limit is not None and kept is None:
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
            message=why.message if why else self._note(plan),
            tier=kept.tier if kept else None,
            model=kept.model if kept else None,
            attempts=tuple(self._without_contents(attempt) for attempt in self.attempts),
            spare=None if spare is None else self._without_contents(spare),
            cost=total_cost(call.cost for call in self._calls),
            latency=timedelta(seconds=self.world.clock() - self.started),
            fingerprint=self.setup.fingerprint,
            metadata=self.caller.metadata,
        )

    @property
    def _calls(self) -> list[ModelCall]:
        return self.meter.calls if self.head_start is None else [*self.meter.calls, *self.head_start.calls]

    def _note(self, plan: Plan) -> str:
        if self._hit is not None:
            return f"the answer of decision {self._hit.source}"
        return (self.limit or "") if plan.route is Route.HARD_LIMIT else ""

    def _without_contents(self, attempt: Attempt) -> Attempt:
        """Verdicts may quote the document; they do so only where prompts and answers may be kept."""
        if self.setup.config.store.payloads != "none":
            return attempt
        return replace(attempt, verdicts=tuple(without_quotes(verdict) for verdict in attempt.verdicts))
