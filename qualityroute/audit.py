"""What runs beside the requests and serves nobody: audits of accepted answers, and exploring tries.

Both are decided by a coin that is flipped for a session before anything is asked, so that who is looked at does not
depend on how it went, and both begin with a session's first request, since the later ones are not independent of it
(judging.md B5). Nobody waits for them: the answer has been served.
"""

from __future__ import annotations

import logging
import random
from collections import Counter
from collections.abc import Callable, Hashable
from contextlib import suppress
from datetime import datetime
from decimal import Decimal

import anyio

from qualityroute.attempts import Request
from qualityroute.background import Background
from qualityroute.cascade import answer
from qualityroute.errands import Ending, Errand, to_audit, to_explore
from qualityroute.errors import QualityRouteError
from qualityroute.exploring import chosen
from qualityroute.learning import Learner
from qualityroute.passage import Caller, Passage, World
from qualityroute.records import Answer, Decision, Role, Route, Tier
from qualityroute.setup import Setup

logger = logging.getLogger("qualityroute")
MOST_EXPLORING = 16
"""Exploring tries at once; more are left out rather than queued."""
MOST_AUDITS = 64
"""Audits waiting or under way; a coin does not fall on "audit" while there are so many."""
AUDITS_AT_ONCE = 4
DRAIN_SECONDS = 120.0
"""How long closing waits for audits."""


class Sideline:
    """One engine's audits and exploring tries."""

    def __init__(self, world: Callable[[], World], background: Background) -> None:
        self._world, self._background = world, background
        self._exploring: set[Hashable] = set()
        self._audited: set[Hashable] = set()
        """Sessions whose coin has fallen, until their audit is written."""
        self._under_way: Counter[str] = Counter()
        """Audits by task, from the coin on."""
        self._turn = anyio.CapacityLimiter(AUDITS_AT_ONCE)
        self._idle = anyio.Event()

    async def coin(self, request: Request, caller: Caller) -> bool:
        """Is this request to be audited, if efficiency answers it and is accepted? Asked before anything else."""
        task, accept = request.task, request.task.settings.accept
        if not accept.audit or caller.tier is not None or not _chosen(accept.audit, request, caller):
            return False
        key = _key(request, caller)
        if key in self._audited or self._under_way.total() >= MOST_AUDITS:
            return False
        self._under_way[task.name] += 1  # taken before anything is awaited, so that two do not take the last place
        self._audited.add(key)
        try:
            audited = await self._is_first(request, caller) and await self._within_budget(request)
        except QualityRouteError as error:  # the request itself goes on
            logger.warning("not audited: %s", error)
            audited = False
        except BaseException:
            self._free(request, caller)
            raise
        if not audited:
            self._free(request, caller)
        return audited

    def follow(self, passage: Passage) -> None:
        """After a request whose coin fell on "audit": ask performance, if an efficiency answer was accepted."""
        ending = passage.ending
        if ending is None or not _is_accepted(passage):
            self._free(passage.request, passage.caller)
            return
        try:
            self._background.start_soon(self._audit, passage, ending)
        except QualityRouteError:  # closed meanwhile
            self._free(passage.request, passage.caller)

    def learn(self, learner: Learner, passage: Passage) -> None:
        """After a request of a task on `auto`: fit its regression anew, if there is enough to fit it by."""
        if passage.forecast is not None and learner.is_due(passage.forecast):
            with suppress(QualityRouteError):  # closed meanwhile
                self._background.start_soon(learner.fit, passage.forecast)

    async def explore(self, setup: Setup, request: Request, caller: Caller, served: Answer) -> None:
        """Perhaps try efficiency as well; the performance answer has been served."""
        share = _share_to_explore(request, served.decision)
        if not share or not _chosen(share, request, caller):
            return
        key = _key(request, caller)
        if len(self._exploring) >= MOST_EXPLORING or key in self._exploring:
            return
        self._exploring.add(key)
        try:
            if await self._is_first(request, caller):
                passage = Passage(self._world(), setup, request, caller, to_explore(served))
                self._background.start_soon(self._try_efficiency, passage, key)
                return
        except QualityRouteError as error:  # the caller has been served; whether to explore is no reason to fail
            logger.warning("not explored: %s", error)
        self._exploring.discard(key)

    async def drain(self) -> None:
        """Wait for the audits, but not for ever."""
        with anyio.move_on_after(DRAIN_SECONDS):
            while self._under_way.total():
                self._idle = anyio.Event()
                await self._idle.wait()

    async def _audit(self, passage: Passage, accepted: Ending) -> None:
        try:
            async with self._turn:
                await self._run(_auditing(self._world(), passage, to_audit(accepted)))
        finally:
            self._free(passage.request, passage.caller)

    async def _try_efficiency(self, passage: Passage, key: Hashable) -> None:
        try:
            await self._run(passage)
        finally:
            self._exploring.discard(key)

    async def _run(self, passage: Passage) -> None:
        try:
            await answer(passage)
        except QualityRouteError as error:  # its decision is written; nobody waits for an answer
            logger.debug("%s: %s", passage.plan and passage.plan.route, type(error).__name__)

    async def _is_first(self, request: Request, caller: Caller) -> bool:
        session, task = caller.session, request.task.name
        return session is None or not await self._world().store.has_attempt(caller.tenant, session, task)

    async def _within_budget(self, request: Request) -> bool:
        """May one more audit be paid today, if all whose cost is not known yet cost as much as the dearest so far?"""
        budget, task = request.task.settings.accept.audit_budget_per_day, request.task.name
        if budget is None:
            return True
        world = self._world()
        spent, dearest, unknown = await world.store.audit_spending(task, since=_midnight(world.now()))
        open_ones = self._under_way[task] + unknown
        if not dearest:  # the first of the day finds out
            return open_ones == 1 and budget > Decimal(0)
        return spent + open_ones * dearest <= budget

    def _free(self, request: Request, caller: Caller) -> None:
        self._audited.discard(_key(request, caller))
        self._under_way[request.task.name] -= 1
        if not self._under_way.total():
            self._idle.set()


def _auditing(world: World, passage: Passage, errand: Errand) -> Passage:
    request = passage.request
    asked = Request(
        request.task, request.gate, request.messages, request.system, request.tools, request.parameters,
        role=Role.AUDIT,
    )  # fmt: skip
    return Passage(world, passage.setup, asked, passage.caller, errand)


def _is_accepted(passage: Passage) -> bool:
    kept = passage.ending.kept if passage.ending is not None else None
    tried = passage.plan is not None and passage.plan.route in (Route.CASCADE, Route.UNJUDGED)
    return tried and kept is not None and kept.tier is Tier.EFFICIENCY and kept.accepted


def _share_to_explore(request: Request, served: Decision) -> float:
    settings, route = request.task.settings, served.route
    if served.tier is not Tier.PERFORMANCE:  # for want of money efficiency has answered already
        return 0.0
    if route is Route.TASK:
        return settings.explore
    # What is not served for want of a certificate is still tried for a share, or there would never be one.
    return max(settings.explore, settings.accept.audit) if route is Route.UNCERTIFIED else 0.0


def _chosen(share: float, request: Request, caller: Caller) -> bool:
    chance = random.random()  # noqa: S311  (no secret)
    return chosen(share, caller.tenant, caller.session, request.task.name, chance)


def _key(request: Request, caller: Caller) -> Hashable:
    """A session is looked at once; requests without a session are each one of their own."""
    if caller.session is None:
        return id(caller)
    return (caller.tenant, caller.session, request.task.name)


def _midnight(now: datetime) -> datetime:
    return now.replace(hour=0, minute=0, second=0, microsecond=0)
