"""One request on its way: what is known of it so far."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import chain
from typing import Any

from qualityroute.attempts import Request
from qualityroute.budgets import Allowance
from qualityroute.cache import Hit, Stored
from qualityroute.calibration import Certificate
from qualityroute.client import Client
from qualityroute.complexity import Forecast
from qualityroute.errands import Ending, Errand
from qualityroute.head_start import HeadStart
from qualityroute.hearing import Ear
from qualityroute.learning import Learner
from qualityroute.likening import Look
from qualityroute.metering import Meter
from qualityroute.pins import PinKey, key_for
from qualityroute.recall import Recall, Turn
from qualityroute.records import (
    Attempt,
    Decision,
    ModelCall,
    Reason,
    Role,
    Route,
    Ruling,
    Tier,
    Verdict,
)
from qualityroute.setup import Setup
from qualityroute.store import SessionStore
from qualityroute.wallet import Owner, Wallet, has_budget


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
    """One request: what was asked, and all that has come of it so far.

    `planning.py`, `cascade.py` and `recording.py` take it from one to the next.
    """

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
        self.ear: Ear | None = None
        if request.hear is not None:
            self.ear = Ear(request.hear, is_open=True)
            request = replace(request, hear=self.ear)
        self.world, self.setup, self.request, self.caller = world, setup, request, caller
        self.errand, self.audited = errand, audited
        self.learner = learner if request.task.settings.tier == "auto" else None
        self.recall = recall
        self.turn: Turn | None = None
        """Of a task with a cache; others may wait until it ends."""
        self.look: Look | None = None
        """For an earlier answer to a question like it; of a task with a semantic cache."""
        self.left: Stored | None = None
        """What it leaves to be served again, once that is written."""
        self.id = caller.decision_id or world.new_id()
        self.at, self.started = world.now(), world.clock()
        self.wallet = _wallet(world, setup, request, caller, errand)
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

    @property
    def pin_key(self) -> PinKey | None:
        """`None` without a session."""
        session = self.caller.session
        policy = self.setup.config.pins
        return None if session is None else key_for(policy, self.caller.tenant, session, self.request.task.name)

    @property
    def hit(self) -> Hit | None:
        """The earlier answer that it is served."""
        found = self.turn.found if self.turn is not None else None
        if found is None or self.plan is None or self.plan.route is not Route.CACHED:
            return None
        return Hit(self.id, found.decision_id, found.cost)

    @property
    def calls(self) -> list[ModelCall]:
        """All that were made, in order."""
        beside = (self.look.meter.calls if self.look is not None else (),
                  self.head_start.calls if self.head_start is not None else ())  # fmt: skip
        return [*self.meter.calls, *chain(*beside)]

    def note_interrupted(self, limit: Reason) -> None:
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


def _wallet(world: World, setup: Setup, request: Request, caller: Caller, errand: Errand | None) -> Wallet | None:
    """`None` without a budget, so that nothing is kept and the store is not asked."""
    waited_for = errand is None or errand.plan.route not in (Route.AUDIT, Route.EXPLORE)
    owner = Owner(request.task, caller.tenant, caller.session, waited_for, caller.allowance)
    budget = setup.config.budget
    if not has_budget(budget, owner):
        return None
    return Wallet(world.store, budget, owner, setup.prices, setup.lengths, world.now, world.new_id)
