"""Between the store and the pure rules of `complexity`: what is read for a task on `auto`, and what is fitted for it.

A request of such a task reads its pipeline's cells, four rows by their key. Mean costs are read again when a minute has
passed or the log has grown, and the regression when it may have been fitted anew, so that neither waits in most
requests. Nothing here is read for another task.
"""

from __future__ import annotations

import hashlib
import importlib.util
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import anyio.to_thread

from qualityroute.attempts import Request
from qualityroute.complexity import (
    Cell,
    CellKey,
    Circumstances,
    Complexity,
    Economics,
    Forecast,
    Foretold,
    History,
    Known,
    Regression,
    analyse,
    features,
    forecast,
    hard_limit,
    known_of,
    shape_of,
)
from qualityroute.complexity.regression import EVERY, FEWEST, FEWEST_SHADOWED, MOST, fit
from qualityroute.complexity.scoring import mean_log_loss
from qualityroute.config.fields import split_model
from qualityroute.economics import economics_of
from qualityroute.errors import StoreError
from qualityroute.pins import PinKey, alive
from qualityroute.setup import Setup
from qualityroute.store import SessionStore

logger = logging.getLogger("qualityroute")
FRESH = timedelta(minutes=1)
"""How long means are used before they are read again."""
GROWN = 1.25
"""Also when there are so many times as many outcomes."""
RECENT = timedelta(days=7)
"""Means are of this time: prices and lengths change."""


@dataclass(frozen=True, slots=True)
class Sums:
    """What was added up for one pipeline, and when."""

    economics: Economics
    at: datetime
    observed: int

    def is_fresh(self, now: datetime, observed: int) -> bool:
        return now - self.at < FRESH and observed <= self.observed * GROWN


@dataclass(frozen=True, slots=True)
class Fitted:
    """The regression as it was read, and how many outcomes there were then."""

    regression: Regression | None
    observed: int
    tried: int = 0
    """Outcomes when it was last fitted, or could not be."""


@dataclass(frozen=True, slots=True)
class Studied:
    """All that is known of one request before it is asked."""

    key: CellKey
    own: Cell
    known: Known
    economics: Economics
    features: tuple[float, ...]


class Learner:
    """One engine's."""

    def __init__(self, store: SessionStore, now: Callable[[], datetime]) -> None:
        self._store, self._now = store, now
        self._sums: dict[CellKey, Sums] = {}
        self._fitted: dict[CellKey, Fitted] = {}
        self._shapes: dict[CellKey, tuple[float, ...]] = {}
        self._tools: dict[str, tuple[datetime, dict[str, str]]] = {}
        self._fitting: set[CellKey] = set()
        # Without numpy nothing is ever fitted, so that nothing is counted either.
        self._counts = importlib.util.find_spec("numpy") is not None

    async def limit(self, setup: Setup, request: Request) -> str | None:
        """The hard limit that a request meets, in words."""
        learned = {}
        if request.tools:
            tiers = setup.config.tiers
            models = (*tiers.efficiency.models, *tiers.performance.models)
            learned = {model: await self._learned_of(setup, model) for model in models}
        room = request.task.settings.max_output_tokens
        return hard_limit(setup.config, request.messages, tools=bool(request.tools), room=room, learned=learned)

    async def forecast(self, setup: Setup, request: Request, decision_id: str, *, certified: bool) -> Forecast | None:
        """What is predicted of a request, and what to do; `None` where the store cannot say.

        Args:
            decision_id: what the coin is made of, so that the ledger shows how it fell.
            certified: a certificate is in force, which is about the whole gate.
        """
        try:
            found = await self.study(setup, request, certified=certified)
        except StoreError as error:  # whether to take a short way is no reason to fail
            logger.warning("no forecast: %s", error)
            return None
        explore = setup.config.routing.explore
        return forecast(
            found.key, found.known, found.economics, found.features, coin=coin_of(decision_id), explore=explore
        )

    async def study(self, setup: Setup, request: Request, *, certified: bool) -> Studied:
        """What the log says of a request. Raises `StoreError`."""
        key = key_of(setup, request.task.name)
        history = History.of(await self._store.cells(key))
        observed = history.own.observed
        regression = await self._regression(key, observed)
        found = features(request.messages, self._shape(key, request)) if self._counts else ()
        economics = await self._economics(key, setup, observed, certified=certified)
        return Studied(key, history.own, known_of(history, regression, found), economics, found)

    async def analyse(self, setup: Setup, request: Request, pin_key: PinKey | None) -> Complexity:
        """How hard a request would be, and where it would start. Raises `StoreError`."""
        task, now = request.task, self._now()
        limit = await self.limit(setup, request) if task.settings.tier == "auto" else None
        pin = await self._store.pin(pin_key) if pin_key is not None else None
        pinned = pin is not None and pin.held and alive(pin, now)
        certificate = await self._store.certificate(task.name)
        certified = certificate is not None and certificate.in_force(setup.pipelines[task.name], now)
        found = await self.study(setup, request, certified=certified)
        shown = features(request.messages, shape_of(task.schema, request.tools))
        return analyse(Circumstances(task.name, task.settings, limit, pinned, found.known, found.economics), shown)

    def is_due(self, told: Forecast) -> bool:
        """Is there enough new to fit the regression by?"""
        key = replace(told.key, band=CellKey().band)
        read = self._fitted.get(key)
        if not self._counts or read is None or key in self._fitting:
            return False
        return read.observed >= max(FEWEST, read.tried + EVERY)

    async def fit(self, told: Forecast) -> None:
        """Fit the regression of a forecast's pipeline anew, in a thread of its own."""
        key = replace(told.key, band=CellKey().band)
        self._fitting.add(key)
        try:
            rows = await self._store.forecasts(key.task, key=key, most=MOST)
            observed = self._fitted[key].observed
            fitted = await anyio.to_thread.run_sync(fitted_on, rows, observed)
            if fitted is not None:
                await self._store.keep_regression(key, fitted)
            self._fitted[key] = Fitted(fitted or self._fitted[key].regression, observed, observed)
        except StoreError as error:
            logger.warning("no regression: %s", error)
        finally:
            self._fitting.discard(key)

    async def _regression(self, key: CellKey, observed: int) -> Regression | None:
        if not self._counts:
            return None
        read = self._fitted.get(key)
        if read is None or observed >= read.observed + EVERY:
            found = await self._store.regression(key) if observed >= FEWEST else None
            usable = found if found is not None and found.fits else None
            tried = max(0 if read is None else read.tried, 0 if usable is None else usable.outcomes)
            self._fitted[key] = read = Fitted(usable, observed, tried)
        return read.regression

    async def _economics(self, key: CellKey, setup: Setup, observed: int, *, certified: bool) -> Economics:
        sums, now = self._sums.get(key), self._now()
        if sums is None or not sums.is_fresh(now, observed):
            summaries = await self._store.summaries(task=key.task, since=now - RECENT)
            priced = setup.config.routing.cost_of_error
            labels = await self._store.labels(key.task) if priced else ()
            found = economics_of(
                setup.config.routing, setup.task(key.task), next(iter(summaries), None), labels, key.fingerprint
            )
            self._sums[key] = sums = Sums(found, now, observed)
        return replace(sums.economics, may_skip_judge=sums.economics.may_skip_judge and not certified)

    def _shape(self, key: CellKey, request: Request) -> tuple[float, ...]:
        if request.tools:
            return shape_of(request.task.schema, request.tools)
        if key not in self._shapes:
            self._shapes[key] = shape_of(request.task.schema)
        return self._shapes[key]

    async def _learned_of(self, setup: Setup, model: str) -> dict[str, str]:
        """What is known of a model's endpoint; the client's own memory, read at most once a minute."""
        at, known = self._tools.get(model, (None, {}))
        if at is None or self._now() - at >= FRESH:
            provider, name = split_model(model)
            address = setup.config.known_providers.get(provider)
            try:
                found = await self._store.capabilities(address.base_url, name) if address is not None else []
            except StoreError as error:
                logger.warning("what was learned of '%s' cannot be read: %s", model, error)
                found = []
            known = {capability.name: capability.value for capability in found}
            self._tools[model] = (self._now(), known)
        return known


def key_of(setup: Setup, task: str) -> CellKey:
    return CellKey(task, setup.config.tiers.efficiency.models[0], setup.pipelines[task])


def coin_of(decision_id: str) -> float:
    """Uniform in [0, 1), and the same whenever it is looked at again."""
    digest = hashlib.sha256(decision_id.encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:7], "big") / 2**56


def fitted_on(rows: Sequence[Foretold], observed: int) -> Regression | None:
    """A regression on what was seen; in use once those before it have predicted better than the cells did."""
    told = [row for row in rows if row.forecast.features and row.escalated is not None]
    fitted = fit([row.forecast.features for row in told], [bool(row.escalated) for row in told], observed)
    return None if fitted is None else replace(fitted, in_use=has_won(told))


def has_won(rows: Sequence[Foretold]) -> bool:
    """Prequential: each prediction was written down before its outcome was known."""
    both = [
        (row.forecast.by_regression, row.forecast.by_cells, bool(row.escalated))
        for row in rows
        if row.forecast.by_regression is not None
    ]
    if len(both) < FEWEST_SHADOWED:
        return False
    by_regression, by_cells, escalated = zip(*both, strict=True)
    return mean_log_loss(by_regression, escalated) < mean_log_loss(by_cells, escalated)
