"""Where answers to test a judge on come from: the store, or inputs answered now on the efficiency tier."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import click

from qualityroute.attempts import Request
from qualityroute.cascade import answer
from qualityroute.commands.given import read_inputs
from qualityroute.commands.judge_bench import Bench, Original
from qualityroute.commands.progress import progress_on
from qualityroute.commands.screens import news
from qualityroute.doors import new_decision_id, utc_now
from qualityroute.errands import Errand
from qualityroute.errors import ConfigError, ProviderError, QualityRouteError
from qualityroute.inputs import as_messages
from qualityroute.lanes import work_through
from qualityroute.passage import Caller, Passage, World
from qualityroute.quantities import counted
from qualityroute.records import Decision, Message, ModelCall, Outcome, ReasonKind, Route, Ruling
from qualityroute.routing import plan_of
from qualityroute.store import SessionStore, open_store

MOST_TROUBLES = 5
"""Inputs in a row from the start that nobody could answer or judge, before no further one is tried."""
TRY = Errand(plan_of(Route.EXPLORE), lambda ending: ())
"""Efficiency with its whole gate and no fallback; nothing is learned of it that is kept."""
_TROUBLE = frozenset({ReasonKind.AVAILABILITY, ReasonKind.TROUBLE, ReasonKind.LIMIT})


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which answers."""

    least: int
    """Fewer are too few to say anything."""
    most: int
    accepted: bool
    """Only those that passed the whole gate; else all that the judge ruled on."""

    @property
    def kind(self) -> str:
        return "accepted answers" if self.accepted else "answers that reached the judge"

    @property
    def need(self) -> str:
        return f"at least {self.least} {'is' if self.least == 1 else 'are'} needed"


async def from_store(bench: Bench, store: SessionStore, wanted: Wanted) -> list[Original]:
    """Kept answers that the free checks still pass, the newest first. Raises `ConfigError` for too few."""
    name = bench.task.name
    kept = await store.judged_answers(name, most=wanted.most, accepted=wanted.accepted)
    originals = [Original(tuple(json.loads(one.input)), one.answer) for one in kept]
    passing = [one for one in originals if await bench.objection(one.messages, one.text) is None]
    if len(passing) < wanted.least:
        raise ConfigError(
            f"the store holds {len(passing)} {wanted.kind} of task '{name}'; {wanted.need}. "
            'Name a file of inputs, or keep answers from now on: payloads = "all" under [store]'
        )
    return passing


async def from_inputs(bench: Bench, path: Path, wanted: Wanted) -> tuple[list[Original], list[ModelCall]]:
    """Inputs answered by the efficiency tier and the task's whole gate, and the calls that took.

    Nothing falls back, nothing is pinned, and the ledger is not touched. Raises `ConfigError` for too few answers,
    `ProviderError` when that is because models were down.
    """
    inputs = _inputs(path, bench, wanted)
    most = min(len(inputs), wanted.most)
    click.echo(
        f"Answering up to {counted(len(inputs), 'input')} on the efficiency tier, for {most} {wanted.kind}.", err=True
    )
    store = open_store("sqlite://", folder=Path())
    await store.open()
    try:
        answering = Answering(bench, _world(bench, store), wanted)
        await answering.work_through(inputs)
    finally:
        await store.aclose()
    return answering.found(path), [call for decision in answering.decisions for call in _calls(decision)]


@dataclass(slots=True)
class Answering:
    """Inputs on their way through the efficiency tier and the gate."""

    bench: Bench
    world: World
    wanted: Wanted
    decisions: list[Decision] = field(default_factory=list)
    _taken: dict[int, Original] = field(default_factory=dict)
    _troubles: list[str] = field(default_factory=list)

    async def work_through(self, inputs: Iterable[tuple[Message, ...]]) -> None:
        """Until there are as many answers as wanted, or it is plain that models are down."""
        pending = iter(enumerate(inputs))
        with progress_on(news(), self.wanted.most) as progress:

            async def draw() -> tuple[int, tuple[Message, ...]] | None:
                return None if self._enough() else next(pending, None)

            async def work(item: tuple[int, tuple[Message, ...]]) -> None:
                if await self._take(*item):
                    progress.advance()

            await work_through(draw, work, session_of=lambda _: None, concurrency=self.bench.concurrency)

    def found(self, path: Path) -> list[Original]:
        """In the order of the inputs. Raises when they are too few."""
        wanted, taken = self.wanted, [self._taken[position] for position in sorted(self._taken)]
        if len(taken) >= wanted.least:
            return taken[: wanted.most]
        tried = len(self.decisions)
        if self._troubles and len(taken) + len(self._troubles) >= min(wanted.least, tried):
            raise ProviderError(
                f"{len(self._troubles)} of {tried} inputs could not be answered and judged: {self._troubles[0]}",
                retryable=True,
            )
        raise ConfigError(
            f"{len(taken)} of {tried} inputs in '{path}' gave {wanted.kind}; {wanted.need}, so give it more inputs"
        )

    def _enough(self) -> bool:
        down = len(self._troubles) >= MOST_TROUBLES and len(self._troubles) == len(self.decisions)
        return down or len(self._taken) >= self.wanted.most

    async def _take(self, position: int, messages: tuple[Message, ...]) -> bool:
        decision = await self._decision(messages)
        self.decisions.append(decision)
        if decision.reason is not None and decision.reason.kind in _TROUBLE:
            self._troubles.append(decision.message or str(decision.reason))
        text = _judged_text(decision)
        if text is None or (self.wanted.accepted and decision.outcome is not Outcome.ACCEPTED):
            return False
        self._taken[position] = Original(messages, text)
        return True

    async def _decision(self, messages: tuple[Message, ...]) -> Decision:
        setup, task = self.bench.setup, self.bench.task
        request = Request(task, self.bench.gate, messages, setup.systems[task.name])
        caller = Caller(None, "default", None, {})
        try:
            return (await answer(Passage(self.world, setup, request, caller, TRY))).decision
        except QualityRouteError as error:
            if error.decision is None:
                raise
            return error.decision


def _judged_text(decision: Decision) -> str | None:
    """The answer, if the judge ruled on it."""
    attempt = decision.attempts[-1] if decision.attempts else None
    if attempt is None or attempt.completion is None:
        return None
    judged = any(one.check == "judge" and one.ruling is not Ruling.UNDECIDED for one in attempt.verdicts)
    return attempt.completion.content if judged else None


def _calls(decision: Decision) -> Iterable[ModelCall]:
    return (call for attempt in decision.attempts for call in attempt.all_calls)


def _inputs(path: Path, bench: Bench, wanted: Wanted) -> list[tuple[Message, ...]]:
    """Each input once. Raises `ConfigError` when they are too few, before anything is asked."""
    most = bench.setup.config.max_input
    found: dict[str, tuple[Message, ...]] = {}
    mistakes: list[str] = []
    for given in read_inputs((str(path),), "jsonl", most, None):
        try:
            if given.mistake:
                raise ConfigError(given.mistake)
            messages = as_messages(given.input, most)
        except ConfigError as error:
            mistakes.append(given.mistake or f"{given.id}: {error}")
            continue
        found.setdefault(json.dumps(messages, sort_keys=True, default=str), messages)
    told = f" ({len(mistakes)} bad, such as {mistakes[0]})" if mistakes else ""
    if len(found) < wanted.least:
        raise ConfigError(
            f"'{path}' holds {len(found)} different inputs{told}; {wanted.need}, and not every input gives one"
        )
    if mistakes:
        click.echo(f"Left out{told}.", err=True)
    return list(found.values())


def _world(bench: Bench, store: SessionStore) -> World:
    return World(store, bench.client, utc_now, time.monotonic, new_decision_id, lambda decision: None)
