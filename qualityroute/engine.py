"""The engine: the cheap model answers first, its answer is proved, and what fails goes to the performance tier.

Read on in this order: `cascade.py` (one request), `planning.py` and `routing.py` (where it starts), `fallback.py` (what
comes next), `attempts.py` (one tier's answer), `gates/` (its checks), `recording.py`, `pins.py`, `store/`.
"""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterable, Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import anyio

from qualityroute import cascade
from qualityroute.asked import request_of
from qualityroute.audit import Sideline
from qualityroute.background import Background
from qualityroute.baseline import Baseline, Workplace
from qualityroute.budgets import Allowance
from qualityroute.client import Client, EndpointHealth, Hear
from qualityroute.complexity import Complexity, classify
from qualityroute.config import Config, Judge
from qualityroute.doors import client_for, log_decision, new_decision_id, store_for, utc_now
from qualityroute.errors import ConfigError, QualityRouteError
from qualityroute.gates import JsonSchemaCheck, OwnJudge
from qualityroute.inputs import (
    Input,
    as_listener,
    as_messages,
    checked_allowance,
    checked_metadata,
    checked_name,
    checked_tier,
    moment,
)
from qualityroute.learning import Learner
from qualityroute.mapping import MapResults, options_of
from qualityroute.passage import Caller, Passage, World
from qualityroute.pinboard import Pinboard
from qualityroute.pins import key_for
from qualityroute.recall import Recall
from qualityroute.records import Answer, Decision, Tier, source_text
from qualityroute.report import Report, build_report
from qualityroute.retention import Retention, not_found
from qualityroute.retired import RetiredClients
from qualityroute.setup import build_setup
from qualityroute.store import SessionStore
from qualityroute.sync import SyncFace
from qualityroute.telemetry.otel import Spans
from qualityroute.tier_checks import tier_checks

logger = logging.getLogger("qualityroute")


class Engine:
    """Answers requests by the configuration's tasks, and keeps the ledger.

        async with Engine.from_file("qualityroute.toml") as engine:
            answer = await engine.run("invoice", text, session="user-42")

    For use without `async`: `with Engine.from_file(...) as engine: engine.run_sync("invoice", text)`.

    Args:
        config: from `Config.load`, `Config.model_validate` or built in Python.
        client: replaces the door to the models (an object with `complete` and `aclose`).
        judge: an object of your own in place of the configuration's judge model; see `OwnJudge`.
        store: a URL, or an object that keeps pins and decisions; default: the configuration's.
        now: aware datetimes; for tests.

    Raises:
        ConfigError: a schema, rubric or check is missing or wrong, or a provider's key is not set.
    """

    def __init__(
        self,
        config: Config,
        *,
        client: Client | None = None,
        judge: OwnJudge | None = None,
        store: str | SessionStore | None = None,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        if not isinstance(config, Config):
            config = Config.model_validate(config)
        config = _judged_by(judge, config)
        self._amendments: list[Callable[[Config], Config]] = []
        self._setup = build_setup(config, time.monotonic)
        self._given_client, self._given_judge, self._given_store = client, judge, store
        self._now = now
        self._store = store_for(config, store, now)
        self._client = client if client is not None else client_for(config, self._store)
        # What a check says may quote the answer, so it leaves only where every answer may be kept.
        spans = Spans(lambda: self._setup.config.store.payloads == "all")
        self._listeners: list[Callable[[Decision], None]] = [log_decision, spans.decision]
        self._background: Background | None = None
        self._open: AsyncExitStack | None = None
        self._sync = SyncFace()
        self._reload_failure = ""
        self._sideline: Sideline | None = None
        self._learner = Learner(self._store, now)
        self._retention = Retention(self._store, lambda: self._setup.config.store.keep, now)
        self._retired = RetiredClients(time.monotonic)
        self._recall = Recall(self._store)
        self.pins = Pinboard(self._store, lambda: self._setup.config.pins, now)
        """List, get, add and release pins."""
        self.baseline = Baseline(self._workplace)
        """Keep performance answers as references, and hold efficiency answers against them."""

    @classmethod
    def from_file(cls, path: str | Path, **options: Any) -> Self:
        """An engine by a `qualityroute.toml`. Raises `ConfigError`."""
        return cls(Config.load(path), **options)

    @property
    def config(self) -> Config:
        return self._setup.config

    @property
    def store(self) -> SessionStore:
        """Where pins and decisions are kept; open while the engine is."""
        return self._store

    @property
    def is_open(self) -> bool:
        return self._open is not None

    def amend(self, change: Callable[[Config], Config]) -> None:
        """Change the configuration, now and whenever it is read again. Raises `ConfigError`."""
        self._setup = build_setup(change(self.config), time.monotonic)
        self._amendments.append(change)

    async def run(
        self,
        task: str,
        input: Input,
        *,
        session: str | None = None,
        tenant: str = "default",
        tier: Tier | str | None = None,
        metadata: Mapping[str, Any] | None = None,
        tools: Sequence[Mapping[str, Any]] = (),
        parameters: Mapping[str, Any] | None = None,
        schema: Mapping[str, Any] | JsonSchemaCheck | None = None,
        hear: Hear | None = None,
        decision_id: str | None = None,
        allowance: Allowance | None = None,
    ) -> Answer:
        """Answer one request; its decision is written down before this returns or raises.

        Args:
            task: a task of the configuration.
            input: text, or OpenAI chat messages with text and image parts.
            session: the caller's id for a user or conversation; without one, nothing is pinned.
            tenant: part of every key that is stored.
            tier: `"performance"` or `"efficiency"`: ask this tier only, whatever pins say. Its answer passes
                the free checks; no judge, no fallback.
            metadata: kept with the decision.
            tools: OpenAI tools of this request; a tool call is checked against its tool's `parameters`.
            parameters: further fields of the request body for the provider; a `tool_choice` that requires a call is
                checked as well.
            schema: JSON Schema of this request's answer, in place of the task's schema or model; or its check, from
                `schema_of_request`, for a caller who had to look at it before.
            hear: awaited with each OpenAI `delta` of a performance answer while it is written. An efficiency answer
                is not heard, since it has to be proved first. The answer is returned whole all the same; once its
                beginning was heard, no other takes its place.
            decision_id: the decision's id, from `new_decision_id`, for a caller who must know it before the answer.
            allowance: what the caller may spend in a day; one more budget that each call has to fit into.

        Raises:
            ConfigError: no such task, or an input, session or tier that cannot be used.
            AnswerRejected: no tier gave an answer that passes its checks.
            ProviderError: no endpoint answered.
            DeadlineExceeded: the task's deadline passed.
            BudgetExceeded: a call that was needed does not fit into a budget.
            StoreError: the decision could not be written.
            QualityRouteError: `hear` failed.
        """
        self._check_open()
        setup = self._setup
        request = request_of(setup, task, input, tools, parameters, schema)
        if hear is not None:
            request = replace(request, hear=as_listener(hear))
        name = checked_name(tenant, "tenant") or "default"
        session, tier = checked_name(session, "session"), checked_tier(tier)
        allowance = checked_allowance(allowance, setup.unpriced)
        caller = Caller(session, name, tier, checked_metadata(metadata), decision_id, allowance)
        sideline = self._sideline
        assert sideline is not None
        audited = await sideline.coin(request, caller)
        passage = Passage(
            self._world(), setup, request, caller, audited=audited, learner=self._learner, recall=self._recall
        )
        try:
            answer = await cascade.answer(passage)
        finally:
            if audited:
                sideline.follow(passage)
            sideline.learn(self._learner, passage)
        await sideline.explore(setup, request, caller, answer)
        return answer

    def run_sync(self, task: str, input: Input, **options: Any) -> Answer:
        """`run` for code that does not await; also from a thread whose event loop is running."""
        self._sync.open(lambda: self._twin() if self._open is not None else self)
        return self._sync.run(task, input, options)

    def map(
        self,
        task: str,
        inputs: Iterable[Any] | AsyncIterable[Any],
        *,
        concurrency: int = 16,
        session: str | None = None,
        tenant: str = "default",
    ) -> MapResults:
        """Answer many inputs, at most `concurrency` at once; items come in the order they are done.

        Each input is text, messages, or a mapping with `input` and perhaps `session`, `tenant`, `tier`, `metadata`,
        `tools`, `parameters` and an `id` of your own; inputs of one session are answered one after another, in
        their order, so that its pin is met. Each item has `.index`,
        `.answer` and `.error`, one of the two `None`; a failed input does not end the others.

            async for item in engine.map("invoice", texts, concurrency=16): ...

        Raises `ConfigError` at once for an unknown task or a concurrency below 1.
        """
        self._check_open()
        self._setup.task(task)
        if concurrency < 1:
            raise ConfigError(f"concurrency must be at least 1, not {concurrency}")
        assert self._background is not None

        async def one(value: Any) -> Answer:
            given: dict[str, Any] = {"session": session, "tenant": tenant}
            if isinstance(value, Mapping):
                given |= options_of(value)
                value = value.get("input")
            return await self.run(task, value, **given)

        def lane(value: Any) -> str | None:
            own = value if isinstance(value, Mapping) else {}
            name = own.get("session") or session
            return f"{own.get('tenant') or tenant}\x00{name}" if name else None

        return MapResults(one, inputs, concurrency, self._background, lane)

    async def analyze_complexity(
        self,
        task: str,
        input: Input,
        *,
        session: str | None = None,
        tenant: str = "default",
        tools: Sequence[Mapping[str, Any]] = (),
    ) -> Complexity:
        """How hard a request would be for the efficiency tier, and where it would start; no model is asked.

        P(escalate) comes from the gate's log of this task, once there is one, and is the more honest the longer that
        is; only tasks with `tier = "auto"` keep one. The arguments are those of `run`; a hard limit, the task's tier
        and the session's pin have the first word, as they have there.

        Raises `ConfigError` and `StoreError`.
        """
        self._check_open()
        setup = self._setup
        request = request_of(setup, task, input, tools)
        key = None
        if (name := checked_name(session, "session")) is not None:
            key = key_for(setup.config.pins, checked_name(tenant, "tenant") or "default", name, task)
        return await self._learner.analyse(setup, request, key)

    def classify(self, input: Input, *, schema: Mapping[str, Any] | None = None) -> str | None:
        """The task that a request belongs to which names none, by `[tasks.X.match]` and schemas; `None`: unknown.

        Args:
            input: as for `run`.
            schema: the JSON Schema that the request wants its answer to follow.

        Raises `ConfigError` for an input that cannot be used.
        """
        setup = self._setup
        said = source_text(as_messages(input, setup.config.max_input))
        return classify(said, setup.rules, schema=schema)

    async def report(self, task: str | None = None, since: datetime | timedelta | str | None = None) -> Report:
        """The fallback report, of all tasks or one, of all time or since a date (or so long ago, as in `"7d"`)."""
        self._check_open()
        if task is not None:
            self._setup.task(task)
        now, setup = self._now(), self._setup
        tasks = {name: found for name, found in setup.tasks.items() if task in (None, name)}
        checks = await tier_checks(self._store, setup.config, tasks)
        return await build_report(
            self._store, setup.config, now=now, pipelines=setup.pipelines, task=task, since=moment(since, now),
            tier_checks=checks,
        )  # fmt: skip

    async def explain(self, decision_id: str) -> Decision:
        """One decision as it was recorded, from route to cost. Raises `ConfigError` when there is none."""
        self._check_open()
        decision = await self._store.decision(decision_id)
        if decision is None:
            raise await not_found(self._store, decision_id)
        return decision

    def reload(self) -> bool:
        """Read the configuration's file again, for the requests that start from now on.

        An invalid file keeps the old configuration and is logged once. Returns whether the new one holds.
        The store stays the one that was opened.
        """
        try:
            if self.config.file is None:
                raise ConfigError("this configuration did not come from a file")
            config = _judged_by(self._given_judge, Config.load(self.config.file))
            for change in self._amendments:
                config = change(config)
            setup = build_setup(config, time.monotonic)
            client = self._client if self._given_client is not None else client_for(setup.config, self._store)
        except ConfigError as error:
            if str(error) != self._reload_failure:
                self._reload_failure = str(error)
                logger.error("configuration not reloaded, the old one holds: %s", error)
            return False
        if client is not self._client and self._open is not None:  # requests under way still use the old one
            self._retired.add(self._client, *(task.deadline for task in self._setup.tasks.values()))
        self._setup, self._client, self._reload_failure = setup, client, ""
        self._sync.reload(self)
        return True

    def subscribe(self, listener: Callable[[Decision], None]) -> None:
        """Call `listener` with each decision once it is recorded, on the engine's event loop.

        A decision that the store could not write is told as well, with `recorded` false.
        """
        self._listeners.append(listener)

    def health(self) -> tuple[EndpointHealth, ...]:
        """How each model's endpoint fares now: its breaker, and who waits. Empty with a client that does not say."""
        tell = getattr(self._client, "health", None)
        return () if tell is None else tuple(tell())

    async def aopen(self) -> Self:
        """What `async with` does on entering. Raises `StoreError`."""
        if self._open is not None:
            raise QualityRouteError("the engine is open already")
        async with AsyncExitStack() as stack:
            await self._store.open()
            stack.push_async_callback(self._store.aclose)
            if self._given_client is None:
                stack.push_async_callback(self._close_client)
            stack.push_async_callback(self._retired.aclose)
            self._background = Background()
            await self._background.start()
            stack.push_async_callback(self._background.aclose)
            self._background.start_soon(self._retention.run)
            self._background.start_soon(self._retired.run)
            self._sideline = Sideline(self._world, self._background)
            stack.push_async_callback(self._sideline.drain)
            self._open = stack.pop_all()
        return self

    async def aclose(self) -> None:
        """Close connections and the store; audits are waited for, what is still running in `map` is cancelled."""
        stack, self._open = self._open, None
        with anyio.CancelScope(shield=True):
            try:
                if self._sync.holds_another(self):
                    await anyio.to_thread.run_sync(self._sync.close)
            finally:
                if stack is not None:
                    await stack.aclose()

    async def __aenter__(self) -> Self:
        return await self.aopen()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    def __enter__(self) -> Self:
        self._sync.open(lambda: self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """What `with` does on leaving; for an engine used by `run_sync` alone."""
        self._sync.close()

    def _twin(self) -> Engine:
        """The same engine for another thread's event loop: connections belong to one loop."""
        path = getattr(self._store, "path", None)
        store = self._store if path is None else str(path)
        twin = Engine(self.config, client=self._given_client, judge=self._given_judge, store=store, now=self._now)
        twin._listeners = self._listeners
        return twin

    def _world(self) -> World:
        return World(self._store, self._client, self._now, time.monotonic, new_decision_id, self._tell)

    def _workplace(self) -> Workplace:
        self._check_open()
        setup = self._setup
        return Workplace(self._world(), setup, lambda task, value: request_of(setup, task, value))

    def _tell(self, decision: Decision) -> None:
        for listener in self._listeners:
            try:
                listener(decision)
            except Exception:  # the answer is the caller's, whatever a listener makes of it
                logger.exception("a listener failed")

    def _check_open(self) -> None:
        if self._open is None:
            raise QualityRouteError("the engine is not open; use it in `async with engine:`, or call `run_sync`")

    async def _close_client(self) -> None:
        await self._client.aclose()


def _judged_by(judge: OwnJudge | None, config: Config) -> Config:
    """The configuration with the caller's own judge in place of its model."""
    if judge is None:
        return config
    section = (config.judge or Judge()).model_copy(update={"object": judge, "model": None})
    return config.model_copy(update={"judge": section})
