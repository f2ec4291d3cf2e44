"""`qualityroute baseline compare`: the efficiency tier with its whole gate, held against references."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import anyio
import click

from qualityroute.commands.asking import Asking, Pace, paced, that_writes
from qualityroute.commands.baseline_inputs import BaselineInput, InputFile, kept_inputs
from qualityroute.commands.exits import Exit, tell_error
from qualityroute.commands.options import as_json, forced, placed
from qualityroute.commands.overwriting import PICTURE, check_replaceable
from qualityroute.commands.places import Place, near
from qualityroute.commands.progress import Progress, progress_on
from qualityroute.commands.purse import Purse, check_priced
from qualityroute.commands.replacing import replace_text
from qualityroute.commands.screens import box_for, news, screen, show
from qualityroute.commands.stand_in import with_practice
from qualityroute.config import Config, ResolvedTask
from qualityroute.engine import Engine
from qualityroute.errors import ConfigError
from qualityroute.ground_truth import GroundTruth
from qualityroute.labels import Label
from qualityroute.records import Decision
from qualityroute.render import visible
from qualityroute.render.tier_view import TierFindings, tier_json, tier_view
from qualityroute.setup import Setup, build_setup
from qualityroute.store import SessionStore
from qualityroute.tier_comparison import Case, TierComparison, compare_tiers

MOST_NAMED = 5
_SHARE = click.FloatRange(0, 1, min_open=True, max_open=True)


@click.command()
@click.argument("task")
@click.argument("file", metavar="[INPUTS.jsonl]", required=False)
@click.option("--plot", type=click.Path(path_type=Path), metavar="FILE.svg", help="Draw quality against cost there.")
@forced
@click.option("--alpha", type=_SHARE, default=None, help="The risk to hold against; default: the task's accept.alpha.")
@click.option("--delta", type=_SHARE, default=None, help="1 - confidence of bounds; default: the task's accept.delta.")
@paced
@placed
@as_json
def compare(
    place: Place,
    task: str,
    file: str | None,
    plot: Path | None,
    force: bool,
    alpha: float | None,
    delta: float | None,
    concurrency: int,
    budget: Decimal | None,
    resume: bool,
    plain_json: bool,
) -> None:
    """Hold the efficiency tier and its gate against references.

    The inputs are those of INPUTS.jsonl, lines as for `baseline run`; or else those that the live baseline mode
    kept. What today's pipeline has a label for is not asked again.
    """
    config = that_writes(place.load())
    setup = build_setup(config, time.monotonic)
    resolved = setup.task(task)
    if plot is not None:
        check_replaceable(plot, place, PICTURE, force=force)
        _check_drawable()
    if budget is not None:
        check_priced(config, models_asked(config, resolved), datetime.now(UTC).date())
    inputs = InputFile(file, config.max_input) if file is not None else None
    with with_practice(config) as config, progress_on(news(), inputs.lines if inputs else None) as progress:
        store = place.store(config)
        comparing = Comparing(resolved, inputs, Pace(concurrency, budget, resume), setup, progress)
        comparison = anyio.run(comparing.through, Engine(config, store=store), store)
    code = comparing.ending()
    if comparison is not None:
        accept = resolved.settings.accept
        found = TierFindings(
            task, comparison, alpha or accept.alpha, delta or accept.delta, comparing.in_use, comparing.certified
        )
        _tell(found, comparing, plain_json=plain_json)
        if plot is not None:
            _draw(found, plot)
    click.get_current_context().exit(code)


def models_asked(config: Config, task: ResolvedTask) -> Iterable[str]:
    """Those of the efficiency tier and of the task's gate."""
    yield from config.tiers.efficiency.models
    agreement = task.settings.agreement if "agreement" in task.gate else None
    judged = "judge" in task.gate or (agreement is not None and agreement.on_difference == "judge")
    if judged and config.judge is not None:
        yield from config.judge.models
    if agreement is not None:
        yield from agreement.peers


@dataclass(slots=True)
class Comparing:
    """One `baseline compare` on its way."""

    task: ResolvedTask
    inputs: InputFile | None
    """`None`: those kept in the store."""
    pace: Pace
    setup: Setup
    progress: Progress
    asking: Asking = field(init=False)
    keys: dict[str, str] = field(default_factory=dict)
    """Of every input that has a reference, by id."""
    without: list[str] = field(default_factory=list)
    """Inputs that have none."""
    there: int = 0
    certified: float | None = None
    """The threshold that is proven, if a certificate is in force."""

    @property
    def in_use(self) -> float | None:
        """The threshold that the gate accepts at; `None` without a judge."""
        if "judge" not in self.task.gate or self.task.rubric is None:
            return None
        return self.task.rubric.threshold if self.certified is None else self.certified

    async def through(self, engine: Engine, store: SessionStore) -> TierComparison | None:
        """What it came to; `None` when it was stopped."""
        async with engine:
            known = await self._known(store)

            async def ask(given: BaselineInput) -> Decision:
                reference = known.reference(given.id, given.key)
                assert reference is not None
                return await engine.baseline.compare(
                    self.task.name,
                    given.input,
                    reference,
                    performance=known.answer(given.id, given.key),
                    session=given.session,
                )

            self.asking = Asking(ask, Purse(self.pace.budget), self.progress)
            await self.asking.through(self._to_ask(known, await self._inputs(store)), self.pace.concurrency)
            if self.asking.work.stopped_by or self.asking.work.failure:
                return None
            return await self._found(store)

    def ending(self) -> int:
        """Tell what went wrong; the exit code."""
        code = self.asking.ending()
        if not self.without:
            return code
        name = visible(self.task.name, 64)
        names = ", ".join(visible(name, 80) for name in self.without[:MOST_NAMED])
        more = f" and {len(self.without) - MOST_NAMED:,} more" if len(self.without) > MOST_NAMED else ""
        have = "1 input has" if len(self.without) == 1 else f"{len(self.without):,} inputs have"
        tell_error(f"{have} no reference of today: {names}{more}; first run `qualityroute baseline run {name} FILE`")
        return max(code, Exit.REJECTED)

    def to_json(self) -> dict[str, Any]:
        return {
            "version": 1,
            "task": self.task.name,
            "there_already": self.there,
            "without_reference": len(self.without),
            "repeated": self.inputs.repeated if self.inputs else 0,
            **self.asking.to_json(),
        }

    def _to_ask(self, known: GroundTruth, inputs: Iterable[BaselineInput]) -> Iterator[BaselineInput]:
        for given in inputs:
            if given.mistake:
                yield given
            elif known.reference(given.id, given.key) is None:
                self.without.append(given.id)
                self.progress.advance()
            else:
                self.keys[given.id] = given.key
                if self.pace.resume and known.label(given.id, given.key) is not None:
                    self.there += 1
                    self.progress.advance()
                else:
                    yield given

    async def _inputs(self, store: SessionStore) -> Iterable[BaselineInput]:
        if self.inputs is not None:
            return self.inputs
        kept = kept_inputs(await store.references(self.task.name))
        if not kept:
            raise ConfigError(
                f"no input of task '{self.task.name}' is kept in the store; name a file of inputs, or keep those of "
                'live traffic by [routing] mode = "baseline" with [store] payloads = "all"'
            )
        return kept

    async def _known(self, store: SessionStore) -> GroundTruth:
        name = self.task.name
        return GroundTruth.of(
            await store.references(name),
            await store.labels(name),
            fingerprint=self.setup.reference_keys[name],
            pipeline=self.setup.pipelines[name],
        )

    async def _found(self, store: SessionStore) -> TierComparison:
        name = self.task.name
        certificate = await store.certificate(name)
        if certificate is not None and certificate.in_force(self.setup.pipelines[name], datetime.now(UTC)):
            self.certified = certificate.threshold
        known = await self._known(store)
        labels = (known.label(*item) for item in self.keys.items())
        return compare_tiers([await _case(store, label) for label in labels if label is not None])


async def _case(store: SessionStore, label: Label) -> Case:
    """With the gate's reason, which stands in the ledger."""
    decision = None if label.accepted else await store.decision(label.decision_id)
    return Case(label, decision.attempts[0].reason if decision is not None and decision.attempts else None)


def _tell(found: TierFindings, comparing: Comparing, *, plain_json: bool) -> None:
    if plain_json:
        click.echo(json.dumps({**comparing.to_json(), **tier_json(found)}, indent=2))
        return
    console = screen()
    fancy = console.is_terminal and console.encoding.lower().startswith("utf")
    show(console, tier_view(found, box_for(console), fancy=fancy))
    known = f", {comparing.there:,} known already" if comparing.there else ""
    click.echo(f"asked {comparing.asking.tally.summary()}{known}", err=True)


def _check_drawable() -> None:
    """Before any money is spent. Raises `ConfigError` without the extra."""
    from qualityroute.page.drawing import library  # noqa: PLC0415  (an optional extra)

    library()


def _draw(found: TierFindings, file: Path) -> None:
    # With the drawing library, which only a picture needs.
    from qualityroute.page.drawing import svg_file  # noqa: PLC0415
    from qualityroute.page.quality_chart import quality_picture  # noqa: PLC0415

    figure = found.figure
    if figure is None:
        tell_error(f"'{file}' was not written: there is nothing to draw yet")
        return
    replace_text(file, svg_file(quality_picture(figure, found.task)))
    click.echo(visible(f"wrote {near(file)}"), err=True)
