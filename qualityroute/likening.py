"""Looks for an earlier answer to a question that was asked before in other words, and has it proved for this one.

Whatever goes wrong here is a miss: the request is answered as if nobody had looked.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import anyio

from qualityroute.attempts import Request
from qualityroute.cache import CacheKey, Candidate, Likening, Sense, Space, Stored
from qualityroute.cache.semantic import MOST_NEIGHBOURS, Fate, alike, is_too_long, is_whole, propensity
from qualityroute.client import CompletionRequest
from qualityroute.config import Cache
from qualityroute.config.fields import split_model
from qualityroute.errors import QualityRouteError
from qualityroute.metering import Meter
from qualityroute.records import Attempt, Completion, Role, Ruling, Tier, Verdict, total_cost
from qualityroute.setup import Setup
from qualityroute.store import SessionStore

if TYPE_CHECKING:
    from qualityroute.cache.nearest import Nearest

logger = logging.getLogger("qualityroute")
VECTOR_TIME = timedelta(seconds=5)
"""For a question's vector; longer than that nobody waits for what is only perhaps of use."""
SHARE_OF_TIME = 0.25
"""Of a request's deadline, which looking may take with all that belongs to it."""
MOST_SPACES, MOST_BYTES = 1_000, 256 * 2**20
"""Whose vectors are kept in memory, those looked at last, and what these may take together."""
LATE = timedelta(minutes=1)
"""What was kept so long before the newest that is known may have been committed after it, or by a host whose clock is
slow."""
CHECK = "likeness"
GUARDS = 2
"""Raised when other pairs of questions than before are let through."""


def fingerprint_of(setup: Setup, task: str) -> str:
    """What evidence of right and wrong answers is about: a lower threshold lets others through, as new guards do."""
    return f"{setup.likening_keys[task]} at {setup.config.cache.threshold:g}, guards {GUARDS}"


class Neighbourhood:
    """One engine's vectors of earlier questions, as far as it has read them."""

    def __init__(self, store: SessionStore) -> None:
        self._store = store
        self._spaces: OrderedDict[tuple[CacheKey, int], Nearest] = OrderedDict()

    async def near(self, space: CacheKey, vector: bytes, threshold: float, now: datetime) -> list[tuple[str, float]]:
        """Decisions whose questions are near, and how near, the nearest first. Raises `StoreError`."""
        from qualityroute.cache.nearest import Nearest  # noqa: PLC0415  (numpy, an extra)

        key = (space, len(vector))
        known = self._spaces.setdefault(key, Nearest(len(vector)))
        since = None if known.newest is None else known.newest - LATE
        known.add(await self._store.neighbours(space, since=since, now=now))
        known.forget(now)
        self._spaces[key] = known  # another look may have made room meanwhile
        self._spaces.move_to_end(key)
        while len(self._spaces) > 1 and (len(self._spaces) > MOST_SPACES or self._bytes > MOST_BYTES):
            self._spaces.popitem(last=False)
        return known.of(vector, threshold=threshold, most=MOST_NEIGHBOURS, now=now)

    @property
    def _bytes(self) -> int:
        return sum(space.taken for space in self._spaces.values())


@dataclass(slots=True)
class Look:
    """One request's look, and all that came of it so far."""

    store: SessionStore
    neighbourhood: Neighbourhood
    request: Request
    space: Space
    fingerprint: str
    settings: Cache
    meter: Meter
    """Its own, so that its calls are told from those of attempts."""
    efficiency: bool
    """Would an answer of efficiency's do?"""
    chance: float
    """Uniform in [0, 1): the coin by which the judge is asked, or not."""
    now: datetime
    sense: Sense | None = None
    """Of the question, to be compared with later ones."""
    found: Stored | None = None
    """What may be served."""
    _fate: Fate = Fate.FAILED
    _similarity: float | None = None
    _propensity: float | None = None
    _source: str | None = None
    _verdicts: list[Verdict] = field(default_factory=list)
    _latency: timedelta = timedelta(0)

    async def take(self) -> Stored | None:
        """What may be served of what was answered before. Raises nothing but what cancels it."""
        started, allowed = self.meter.clock(), self.request.task.deadline * SHARE_OF_TIME
        try:
            with anyio.move_on_after(allowed.total_seconds()):
                self._fate = await self._look()
        except QualityRouteError as error:  # no money, no store, no key
            logger.warning("no answer in other words: %s", error)
        finally:
            self._latency = timedelta(seconds=self.meter.clock() - started)
        return self.found

    async def _look(self) -> Fate:
        vector = await self._vector()
        if isinstance(vector, Fate):
            return vector
        self.sense = Sense(self.space.key.digest, self.space.text, vector)
        near = dict(await self.neighbourhood.near(self.space.key, vector, self.settings.threshold, self.now))
        there = await self._candidates(list(near))
        candidates, objection = alike(self.space.text, there)
        self._similarity = near[there[0].stored.decision_id] if there else None
        for candidate in candidates:
            self._source = candidate.stored.decision_id
            self._similarity = near[self._source]
            objection = await self._proved(candidate)
            if objection is not Fate.REFUSED:
                break
        return objection

    async def _candidates(self, ids: list[str]) -> list[Candidate]:
        """In their order, those whose answer may be served now."""
        there = await self.store.candidates(self.space.key, ids, efficiency=self.efficiency, now=self.now)
        # The time they were kept for may have been longer then.
        return [there[one] for one in ids if one in there and self.now - there[one].stored.at < self.settings.ttl]

    async def _vector(self) -> bytes | Fate:
        from qualityroute.cache.nearest import unit  # noqa: PLC0415  (numpy, an extra)

        text, window, model = self.space.text, self.settings.window, self.settings.embeddings
        assert window is not None and model is not None  # noqa: PT018  (the configuration saw to it)
        if is_too_long(text, window):
            return Fate.WINDOW
        provider, name = split_model(model)
        called = await self.meter.ask(
            CompletionRequest(
                role=Role.EMBEDDING,
                tier=None,
                provider=provider,
                model=name,
                messages=({"role": "user", "content": text},),
                max_output_tokens=0,
                embeds=True,
                timeout=VECTOR_TIME,
                waits=False,
            )
        )
        told = called.completion
        numbers = told.raw.get("embedding") if told is not None and told.raw is not None else None
        if told is None or numbers is None:  # no answer, or one of a client that knows no vectors
            return Fate.FAILED
        counted = None if told.usage.estimated else told.usage.input_tokens
        if not is_whole(text, window, counted):
            return Fate.WINDOW
        return unit(numbers) or Fate.FAILED

    async def _proved(self, candidate: Candidate) -> Fate:
        """Is the answer right for this input, as far as the gate can say and the judge is asked?"""
        evidence = await self.store.evidence(self.request.task.name, self.fingerprint)
        odds = propensity(evidence, false_hits=self.settings.false_hits, recheck=self.settings.recheck)
        judged = self.chance < odds
        gated = await self.request.gate(
            Completion(candidate.stored.answer),
            messages=self.request.messages,
            tools=(),
            tier=Tier.EFFICIENCY,
            judged=judged,
            meter=self.meter,
            accept_at=self.request.accept_at,
        )
        self._verdicts += gated.verdicts
        self._propensity = odds
        fate = _fate_of(gated.objection, judged=judged)
        self.found = candidate.stored if fate.is_hit else None
        return fate

    @property
    def attempt(self) -> Attempt:
        """For the story, and the bill."""
        proving = [call for verdict in self._verdicts for call in verdict.calls]
        own = tuple(call for call in self.meter.calls if all(call is not other for other in proving))
        ruling = Ruling.ACCEPTED if self._source is not None else Ruling.UNDECIDED
        details = {"fate": self._fate.value, "similarity": self._similarity, "propensity": self._propensity}
        verdict = Verdict(CHECK, ruling, message=self._fate.told, calls=own, details=details)
        return Attempt(
            tier=self.found.tier if self.found is not None else Tier.EFFICIENCY,
            ruling=_RULINGS.get(self._fate, Ruling.UNDECIDED),
            reason=None,
            verdicts=(verdict, *self._verdicts),
            message=self._fate.told,
            latency=self._latency,
        )

    @property
    def likening(self) -> Likening:
        """For the ledger."""
        cost = total_cost(call.cost for call in self.meter.calls)
        saved = self.found.cost if self.found is not None else None
        return Likening(self.fingerprint, self._fate, self._similarity, self._propensity, self._source, cost, saved)


def _fate_of(objection: Verdict | None, *, judged: bool) -> Fate:
    if objection is None:
        return Fate.CONFIRMED if judged else Fate.SERVED
    if objection.check != "judge":
        return Fate.REFUSED
    return Fate.WRONG if objection.ruling is Ruling.REJECTED else Fate.UNDECIDED


_RULINGS = {Fate.SERVED: Ruling.ACCEPTED, Fate.CONFIRMED: Ruling.ACCEPTED, Fate.WRONG: Ruling.REJECTED}
