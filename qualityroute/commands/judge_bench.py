"""A task's gate and judge on the bench: asked outside of any request, as the gate asks them, and metered."""

from __future__ import annotations

import json
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from qualityroute.client import Client
from qualityroute.commands.progress import Progress
from qualityroute.config import ResolvedTask
from qualityroute.corruption import Case, Twin
from qualityroute.doors import utc_now
from qualityroute.errors import ConfigError, QualityRouteError
from qualityroute.gates import Gate
from qualityroute.gates.form import Reading, read_answer
from qualityroute.gates.interface import Candidate
from qualityroute.gates.judge import JudgeCheck
from qualityroute.judge_health import Asked
from qualityroute.lanes import work_through
from qualityroute.metering import Meter
from qualityroute.records import Completion, Json, Message, Ruling, Tier, Verdict, source_text
from qualityroute.rubrics import Rubric
from qualityroute.setup import Setup

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Original:
    """An answer as the efficiency tier gave it."""

    messages: tuple[Message, ...]
    text: str


class Bench:
    """Asks the judge and the free checks of one task. Raises `ConfigError` for a task that has no judge."""

    def __init__(self, setup: Setup, name: str, client: Client, *, concurrency: int) -> None:
        self.setup, self.client, self.concurrency = setup, client, concurrency
        self.task, self.gate = setup.task(name), setup.gates[name]
        self.judge, self.rubric = judge_of(self.task, self.gate)
        self.meter = Meter(client, setup.prices, utc_now, time.monotonic)

    def case(self, original: Original) -> Case:
        """Raises nothing for an answer that passed the form check."""
        return Case(source_text(original.messages), self._reading(original.text).value)

    def written(self, answer: Json) -> str:
        """An answer as a model would have written it."""
        return str(answer) if self.gate.schema is None else json.dumps(answer, ensure_ascii=False)

    async def objection(self, messages: tuple[Message, ...], text: str) -> Verdict | None:
        """The free check that rejects an answer; a check that could not be made rejects nothing."""
        gated = await self.gate(
            Completion(text), messages=messages, tools=(), tier=Tier.EFFICIENCY, judged=False, meter=self.meter
        )
        objection = gated.objection
        return objection if objection is not None and objection.ruling is Ruling.REJECTED else None

    async def verdict(self, messages: tuple[Message, ...], text: str) -> Verdict:
        """The judge's verdict alone."""
        reading, source = self._reading(text), source_text(messages)
        candidate = Candidate(messages, source, Completion(text), reading.answer, reading.value, reading.value)
        return await self.judge.ask(candidate, self.meter)

    async def asked(self, twin: Twin, original: Original) -> Asked:
        """Both of a twin."""
        messages = _with_addition(original.messages, twin.source_addition)
        # A source that was spoiled stands beside the answer exactly as it was.
        text = original.text if twin.source_addition else self.written(twin.answer)
        return Asked(twin, await self.objection(messages, text), await self.verdict(messages, text))

    async def all_of(self, jobs: Sequence[Callable[[], Awaitable[T]]], progress: Progress) -> list[T]:
        """What each job gives, in their order, a few done at once; the first error ends them."""
        pending, results, errors = iter(enumerate(jobs)), dict[int, T](), list[QualityRouteError]()

        async def draw() -> tuple[int, Callable[[], Awaitable[T]]] | None:
            return None if errors else next(pending, None)

        async def work(item: tuple[int, Callable[[], Awaitable[T]]]) -> None:
            position, job = item
            try:
                results[position] = await job()
            except QualityRouteError as error:
                errors.append(error)
            progress.advance()

        await work_through(draw, work, session_of=lambda _: None, concurrency=self.concurrency)
        if errors:
            raise errors[0]
        return [results[position] for position in range(len(jobs))]

    def _reading(self, text: str) -> Reading:
        return read_answer(Completion(text), wants_json=self.gate.schema is not None)


def judge_of(task: ResolvedTask, gate: Gate) -> tuple[JudgeCheck, Rubric]:
    """The judge of a task as its gate asks it. Raises `ConfigError` when there is none."""
    check = next((check for check in gate.checks if isinstance(check, JudgeCheck)), None)
    if check is None or task.rubric is None:
        raise ConfigError(
            f"task '{task.name}' has no judge: its gate is {' > '.join(task.gate) or 'form alone'}; "
            f'add "judge" to tasks.{task.name}.gate'
        )
    return check, task.rubric


def _with_addition(messages: tuple[Message, ...], addition: str) -> tuple[Message, ...]:
    """The addition as the last of what the caller handed in."""
    if not addition:
        return messages
    last = max(place for place, message in enumerate(messages) if message.get("role") != "assistant")
    content = messages[last].get("content")
    if isinstance(content, str):
        longer: Json = f"{content}\n\n{addition}"
    else:
        longer = [*(content or ()), {"type": "text", "text": addition}]
    return (*messages[:last], {**messages[last], "content": longer}, *messages[last + 1 :])
