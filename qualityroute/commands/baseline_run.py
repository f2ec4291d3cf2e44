"""`qualityroute baseline run`: the performance tier's answers, kept as references."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import anyio
import click

from qualityroute.commands.asking import Asking, Pace, paced, that_writes
from qualityroute.commands.baseline_inputs import BaselineInput, InputFile
from qualityroute.commands.options import as_json, placed
from qualityroute.commands.places import Place
from qualityroute.commands.progress import Progress, progress_on
from qualityroute.commands.purse import Purse, check_priced
from qualityroute.commands.screens import news
from qualityroute.commands.stand_in import with_practice
from qualityroute.config import Config
from qualityroute.engine import Engine
from qualityroute.errors import ConfigError
from qualityroute.ground_truth import GroundTruth, Standing
from qualityroute.labels import held_against
from qualityroute.records import Decision, Outcome
from qualityroute.render import visible
from qualityroute.rubrics import FieldRule
from qualityroute.setup import Setup, build_setup
from qualityroute.store import SessionStore


@click.command()
@click.argument("task")
@click.argument("file", metavar="INPUTS.jsonl")
@paced
@placed
@as_json
def run(
    place: Place, task: str, file: str, concurrency: int, budget: Decimal | None, resume: bool, plain_json: bool
) -> None:
    """Keep the performance tier's answers as references of TASK.

    Each line of INPUTS.jsonl is {"input": ..., "id"?: ..., "session"?: ...}; without an id, a hash of the input stands
    for it. What today's performance tier has answered already is not asked again.
    """
    config = that_writes(place.load())
    setup = build_setup(config, time.monotonic)
    setup.task(task)
    check_kept(config)
    if budget is not None:
        check_priced(config, config.tiers.performance.models, datetime.now(UTC).date())
    inputs = InputFile(file, config.max_input)
    with with_practice(config) as config, progress_on(news(), inputs.lines) as progress:
        store = place.store(config)
        referring = Referring(task, inputs, Pace(concurrency, budget, resume), setup, progress)
        anyio.run(referring.through, Engine(config, store=store), store)
    if plain_json:
        click.echo(json.dumps(referring.to_json(), indent=2))
    else:
        click.echo("\n".join(referring.summary()))
    click.get_current_context().exit(referring.asking.ending())


def check_kept(config: Config) -> None:
    """Raises `ConfigError` where answers may not be kept."""
    if config.store.payloads == "none":
        raise ConfigError(
            '[store] payloads = "none" keeps no answer, and so no reference; right is "rejected", which keeps '
            'references without their inputs, or "all"'
        )


@dataclass(slots=True)
class Referring:
    """One `baseline run` on its way."""

    task: str
    inputs: InputFile
    pace: Pace
    setup: Setup
    progress: Progress
    asking: Asking = field(init=False)
    standings: Counter[Standing] = field(default_factory=Counter)
    repeats: list[bool | None] = field(default_factory=list)
    """Of inputs asked again: does the performance tier now say something else than before?"""

    async def through(self, engine: Engine, store: SessionStore) -> None:
        async def ask(given: BaselineInput) -> Decision:
            answer = await engine.baseline.refer(self.task, given.input, input_id=given.id, session=given.session)
            if (earlier := known.answer(given.id, given.key)) is not None:
                self.repeats.append(held_against(answer.output, earlier.output, self._rules).bad)
            return answer.decision

        self.asking = Asking(ask, Purse(self.pace.budget), self.progress)
        async with engine:
            known = GroundTruth.of(
                await store.references(self.task),
                (),
                fingerprint=self.setup.reference_keys[self.task],
                pipeline=self.setup.pipelines[self.task],
            )
            await self.asking.through(self._to_ask(known), self.pace.concurrency)

    def _to_ask(self, known: GroundTruth) -> Iterator[BaselineInput]:
        for given in self.inputs:
            if given.mistake:
                yield given
                continue
            standing = known.standing(given.id, given.key)
            self.standings[standing] += 1
            if standing is Standing.THERE and self.pace.resume:
                self.progress.advance()
            else:
                yield given

    @property
    def _rules(self) -> Mapping[str, FieldRule]:
        rubric = self.setup.task(self.task).rubric
        return rubric.fields if rubric is not None else {}

    @property
    def noise(self) -> tuple[int, int]:
        """Answers that differ from the performance tier's own earlier ones, and those compared (judging.md B5)."""
        compared = [differs for differs in self.repeats if differs is not None]
        return sum(compared), len(compared)

    @property
    def made(self) -> int:
        return self.asking.tally.outcomes[Outcome.PERFORMANCE]

    @property
    def there(self) -> int:
        return self.standings[Standing.THERE] if self.pace.resume else 0

    def summary(self) -> Iterator[str]:
        """For a person to read."""
        name = visible(self.task, 64)
        yield f"{name}: {_counted(self.made, 'reference')} made, {self.there:,} there already"
        if changed := self.standings[Standing.CHANGED]:
            yield f"  {_counted(changed, 'id')} had another input when its reference was made: asked anew"
        if outdated := self.standings[Standing.OUTDATED]:
            yield f"  {_counted(outdated, 'reference')} were made by other models, instructions or schema: asked anew"
        if self.inputs.repeated:
            yield f"  {_counted(self.inputs.repeated, 'line')} said the same as an earlier one"
        differing, compared = self.noise
        if compared:
            share = differing / compared
            hard = f": an alpha below {200 * share:.1f} % will hardly be proven on its word alone" if differing else ""
            yield f"  asked again, performance differs from its earlier answer in {differing:,} of {compared:,}{hard}"
        yield f"asked {self.asking.tally.summary()}"

    def to_json(self) -> dict[str, Any]:
        return {
            "version": 1,
            "task": self.task,
            "made": self.made,
            "there_already": self.there,
            "changed": self.standings[Standing.CHANGED],
            "outdated": self.standings[Standing.OUTDATED],
            "repeated": self.inputs.repeated,
            "differ_from_earlier": self.noise[0],
            "compared_with_earlier": self.noise[1],
            **self.asking.to_json(),
        }


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"
