"""Between the store and the pure rules of `cache`: who is served an earlier answer, and who waits for one that is made.

Of equal questions that are asked at once in one process, one is sent to the models and the others wait for its answer.
Where it brings none that may be served again, another one goes; where that brings none either, two go, then four, so
that questions whose answers cannot be kept do not stand in line for ever.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import anyio

from qualityroute.attempts import Request
from qualityroute.cache import (
    CacheKey,
    Question,
    Sense,
    Space,
    Stored,
    content_parameters,
    is_kept,
    key_of,
    space_of,
    tiers_served,
)
from qualityroute.config import ResolvedTask
from qualityroute.likening import Neighbourhood
from qualityroute.records import Attempt, Completion, Decision, Ruling, Tier, Usage, Verdict
from qualityroute.routing import Plan
from qualityroute.setup import Setup
from qualityroute.store import SessionStore
from qualityroute.strict_json import read_json

SECRET = "answers"  # noqa: S105  (its name)
NOTHING_USED = Usage(0, 0, 0)


@dataclass(frozen=True, slots=True)
class Asked:
    """One request's question, and whose answers would do."""

    key: CacheKey
    efficiency: bool
    """Would efficiency's do as well as performance's?"""
    ttl: timedelta
    space: Space | None = None
    """Where questions in other words are looked for, and this one is kept; `None`: nowhere."""


class Flight:
    """Equal questions that are under way."""

    def __init__(self) -> None:
        self.under_way, self.waiting, self.failed = 0, 0, 0
        self.answer: Stored | None = None
        self._landed: anyio.Event | None = None

    @property
    def is_full(self) -> bool:
        return self.under_way >= 1 << max(0, self.failed - 1)

    @property
    def is_over(self) -> bool:
        return self.answer is not None or not (self.under_way or self.waiting)

    async def wait(self) -> None:
        self.waiting += 1
        self._landed = self._landed or anyio.Event()
        try:
            await self._landed.wait()
        finally:
            self.waiting -= 1

    def land(self, answer: Stored | None) -> None:
        """One of those under way is back, with an answer or without."""
        self.under_way -= 1
        self.failed += answer is None
        self.answer = self.answer or answer
        if self._landed is not None:
            self._landed.set()
            self._landed = None


class Turn:
    """What a request got: an earlier answer, or its turn to be sent."""

    def __init__(
        self, recall: Recall, asked: Asked, flight: Flight | None = None, *, found: Stored | None = None
    ) -> None:
        self._recall, self._flight = recall, flight
        self.asked, self.found = asked, found
        self.sense: Sense | None = None
        """With which the answer is kept, for questions in other words."""

    def end(self, answer: Stored | None) -> None:
        """The request is over; `answer` is what it leaves to those who wait. To be called once in any case."""
        if self._flight is not None:
            self._recall.land(self.asked, self._flight, answer)


class Recall:
    """One engine's."""

    def __init__(self, store: SessionStore) -> None:
        self._store = store
        self._secret: bytes | None = None
        self._flights: dict[Asked, Flight] = {}
        self.neighbourhood = Neighbourhood(store)

    async def turn(
        self, setup: Setup, request: Request, plan: Plan, *, tenant: str, session: str | None, now: datetime
    ) -> Turn | None:
        """`None` for a request that the cache is not for. Raises `StoreError`."""
        asked = await self._asked(setup, request, plan, tenant, session)
        return None if asked is None else await self._turn(asked, now)

    def land(self, asked: Asked, flight: Flight, answer: Stored | None) -> None:
        flight.land(answer)
        self._forget(asked, flight)

    async def _asked(
        self, setup: Setup, request: Request, plan: Plan, tenant: str, session: str | None
    ) -> Asked | None:
        task, tiers, cache = request.task, tiers_served(plan), setup.config.cache
        if task.settings.cache == "off" or not tiers or request.tools:
            return None
        parameters = content_parameters(request.parameters)
        if parameters is None or (cache.scope == "session" and session is None):
            return None
        if self._secret is None:
            self._secret = bytes.fromhex(await self._store.secret(SECRET))
        own_schema = None if task is setup.tasks[task.name] else task.schema
        question = Question(
            task.name, request.messages, setup.answer_keys[task.name], parameters, own_schema, request.accept_at
        )  # fmt: skip
        sharing = session if cache.scope == "session" else None
        key = key_of(question, tenant=tenant, session=sharing, secret=self._secret)
        if key is None:
            return None
        space = None
        free = own_schema is None and "response_format" not in parameters
        if task.settings.cache == "semantic" and (free or task.settings.semantic_despite_schema):
            likened = replace(question, fingerprint=setup.likening_keys[task.name])
            space = space_of(likened, tenant=tenant, session=sharing, secret=self._secret)
        return Asked(key, Tier.EFFICIENCY in tiers, cache.ttl, space)

    async def _turn(self, asked: Asked, now: datetime) -> Turn:
        if asked not in self._flights:
            found = await self._find(asked, now)
            if found is not None:
                return Turn(self, asked, found=found)
        while True:
            flight = self._flights.setdefault(asked, Flight())
            if not flight.is_full:
                return await self._lead(asked, flight, now)
            try:
                await flight.wait()
            finally:
                self._forget(asked, flight)
            if flight.answer is not None:
                return Turn(self, asked, found=flight.answer)

    async def _lead(self, asked: Asked, flight: Flight, now: datetime) -> Turn:
        """Look once more before a model is asked: whoever asked it meanwhile may be back."""
        flight.under_way += 1
        try:
            found = await self._find(asked, now)
        except BaseException:
            self.land(asked, flight, None)
            raise
        if found is None:
            return Turn(self, asked, flight)
        self.land(asked, flight, found)
        return Turn(self, asked, found=found)

    async def _find(self, asked: Asked, now: datetime) -> Stored | None:
        found = await self._store.cached(asked.key, efficiency=asked.efficiency, now=now)
        # The time it was kept for may have been longer then.
        return None if found is None or now - found.at >= asked.ttl else found

    def _forget(self, asked: Asked, flight: Flight) -> None:
        if flight.is_over and self._flights.get(asked) is flight:
            del self._flights[asked]


def served(found: Stored, task: ResolvedTask) -> Attempt | None:
    """An earlier answer in the form of one that was just accepted; `None` where the task's model refuses it today."""
    try:
        output = _output_of(found.answer, task)
    except ValueError:  # pydantic's errors are ValueErrors
        return None
    completion = Completion(found.answer, usage=NOTHING_USED, model=found.model.partition("/")[2], cost=Decimal(0))
    # No call was made that could tell which model answered.
    verdict = Verdict("cache", Ruling.ACCEPTED, details={"served": found.model})
    return Attempt(found.tier, Ruling.ACCEPTED, None, verdicts=(verdict,), completion=completion, output=output)


def to_keep(
    turn: Turn, plan: Plan, decision: Decision, kept: Attempt | None, task: ResolvedTask, now: datetime
) -> Stored | None:
    """What a finished request leaves to be served again."""
    if kept is None or kept.completion is None or kept.model is None or not is_kept(plan, decision.outcome, kept):
        return None
    return Stored(
        key=turn.asked.key,
        tier=kept.tier,
        model=kept.model,
        answer=_words_of(kept.completion.content or "", task),
        at=now,
        until=now + turn.asked.ttl,
        decision_id=decision.id,
        cost=decision.cost,
        sense=turn.sense,
    )


def _output_of(answer: str, task: ResolvedTask) -> Any:
    if task.model is not None:
        return task.model.model_validate_json(answer)
    return answer if task.schema is None else json.loads(answer)


def _words_of(content: str, task: ResolvedTask) -> str:
    """The model's own, without what stood around the JSON."""
    if task.schema is None:
        return content
    parsed = read_json(content)
    return json.dumps(parsed.value, ensure_ascii=False) if parsed.repaired else content.strip()
