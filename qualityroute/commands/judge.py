"""`qualityroute judge`: is a task's judge any good, and does it say the same thing twice?"""

from __future__ import annotations

import functools
import json
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import anyio
import click

from qualityroute.commands.exits import Exit
from qualityroute.commands.judge_answers import Wanted, from_inputs, from_store
from qualityroute.commands.judge_bench import Bench, Original, judge_of
from qualityroute.commands.options import Integer, as_json, placed
from qualityroute.commands.places import Place, opened
from qualityroute.commands.progress import progress_on
from qualityroute.commands.screens import box_for, news, screen, show
from qualityroute.commands.stand_in import with_practice
from qualityroute.config import Config
from qualityroute.corruption import twins_of
from qualityroute.doors import client_for
from qualityroute.errors import ConfigError, ProviderError
from qualityroute.judge_health import Bill, Repeated, SelfTest, Spent, repeat_json, repeated, self_test, selftest_json
from qualityroute.quantities import counted
from qualityroute.records import ModelCall, Ruling, Verdict
from qualityroute.render.judge_views import repeat_view, selftest_view
from qualityroute.setup import build_setup

LEAST_ANSWERS = 20
"""Accepted answers that a self test needs (judging.md A8)."""
REPEATS = 3
"""How often the self test asks about each untouched answer."""

Command = Callable[..., None]
_FILE = click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path)
F = TypeVar("F")


@dataclass(frozen=True, slots=True)
class Order:
    """What the caller asked for."""

    place: Place
    task: str
    inputs: Path | None
    most: int
    concurrency: int


def _ordered(command: Command) -> Command:
    """The arguments and options that both commands have, handed in as one `order`."""

    @click.argument("task")
    @click.argument("inputs", required=False, metavar="[INPUTS.jsonl]", type=_FILE)
    @click.option(
        "--most",
        type=Integer(1, 10_000),
        default=50,
        show_default=True,
        help="Answers at most; a self test needs 20 or more.",
    )
    @click.option("--concurrency", type=Integer(1, 1024), default=16, show_default=True, help="At once.")
    @placed
    @functools.wraps(command)
    def with_order(place: Place, task: str, inputs: Path | None, most: int, concurrency: int, **options: Any) -> None:
        command(Order(place, task, inputs, most, concurrency), **options)

    return with_order


@click.group()
def judge() -> None:
    """Test a task's judge on mistakes made on purpose, and on itself."""


@judge.command()
@_ordered
@click.option("--seed", type=int, default=0, show_default=True, help="Another seed makes other mistakes.")
@as_json
def selftest(order: Order, seed: int, plain_json: bool) -> None:
    """Spoil accepted answers and see whether the judge says no.

    The answers come from INPUTS (lines of {"input": ...}, answered now by the efficiency tier and the whole gate), or
    from the store, which keeps them with payloads = "all". No labels are needed. Exit code 1: the judge is weak. It
    misses more than one in five mistakes of some kind that the free checks let through, or one of its criteria never
    says no where it should.
    """
    if order.most < LEAST_ANSWERS:
        raise ConfigError(f"--most {order.most} is too few; a self test needs at least {LEAST_ANSWERS} answers")
    wanted = Wanted(LEAST_ANSWERS, order.most, accepted=True)
    found, bill = _tested(order, wanted, partial(_self_test, seed=seed))
    if plain_json:
        click.echo(json.dumps(selftest_json(order.task, found, bill), indent=2))
    else:
        console = screen()
        show(console, selftest_view(order.task, found, bill, box_for(console)))
    click.get_current_context().exit(Exit.REJECTED if found.weak else Exit.GOOD)


@judge.command()
@_ordered
@click.option("-k", "times", type=Integer(2, 100), default=5, show_default=True, help="Verdicts an answer.")
@as_json
def repeat(order: Order, times: int, plain_json: bool) -> None:
    """Have the judge of TASK judge the same answers again and again.

    The answers are those that the judge was asked about, whatever it said: from INPUTS, answered now by the efficiency
    tier, or from the store.
    """
    found, bill = _tested(order, Wanted(1, order.most, accepted=False), partial(_repeat, times=times))
    if plain_json:
        click.echo(json.dumps(repeat_json(order.task, found, bill), indent=2))
    else:
        console = screen()
        show(console, repeat_view(order.task, found, bill, box_for(console)))


Test: TypeAlias = Callable[[Bench, list[Original]], Coroutine[Any, Any, F]]


def _tested(order: Order, wanted: Wanted, test: Test[F]) -> tuple[F, Bill]:
    config = order.place.load()
    setup = build_setup(config, time.monotonic)
    judge_of(setup.task(order.task), setup.gates[order.task])  # a task without one is a mistake before anything starts
    with with_practice(config) as config:
        return anyio.run(partial(_run, order, config, wanted, test))


async def _run(order: Order, config: Config, wanted: Wanted, test: Test[F]) -> tuple[F, Bill]:
    async with _bench(order, config) as bench:
        answering: Sequence[ModelCall] = ()
        if order.inputs is not None:
            originals, answering = await from_inputs(bench, order.inputs, wanted)
        else:
            async with opened(order.place.store(config)) as store:
                originals = await from_store(bench, store, wanted)
        found = await test(bench, originals)
        return found, Bill(Spent.on(bench.meter.calls), Spent.on(answering))


@asynccontextmanager
async def _bench(order: Order, config: Config) -> AsyncIterator[Bench]:
    client = client_for(config)
    try:
        yield Bench(build_setup(config, time.monotonic), order.task, client, concurrency=order.concurrency)
    finally:
        with anyio.CancelScope(shield=True):
            await client.aclose()


async def _self_test(bench: Bench, originals: list[Original], *, seed: int) -> SelfTest:
    cases = [bench.case(original) for original in originals]
    twins = twins_of(cases, schema=bench.task.schema, rules=bench.rubric.fields, seed=seed)
    _announce(
        bench,
        len(originals) * REPEATS + len(twins),
        f"{counted(len(originals), 'answer')} and {counted(len(twins), 'spoiled twin')}",
    )
    judged = await _judged(bench, originals, REPEATS)
    with progress_on(news(), len(twins), "Spoiled twins") as progress:
        asked = await bench.all_of([partial(bench.asked, twin, originals[twin.case]) for twin in twins], progress)
    return self_test(judged, asked, bench.rubric)


async def _repeat(bench: Bench, originals: list[Original], *, times: int) -> Repeated:
    _announce(bench, len(originals) * times, f"{counted(len(originals), 'answer')}, {times} times each")
    return repeated(await _judged(bench, originals, times), bench.rubric)


async def _judged(bench: Bench, originals: list[Original], times: int) -> list[list[Verdict]]:
    """The verdicts on each answer as it is. Raises `ProviderError` when not one came."""
    jobs = [partial(bench.verdict, one.messages, one.text) for _ in range(times) for one in originals]
    with progress_on(news(), len(jobs), "Judging") as progress:
        verdicts = await bench.all_of(jobs, progress)
    if all(verdict.ruling is Ruling.UNDECIDED for verdict in verdicts):
        raise ProviderError(f"the judge gave none of {len(jobs)} verdicts: {verdicts[0].message}", retryable=True)
    return [verdicts[position :: len(originals)] for position in range(len(originals))]


def _announce(bench: Bench, verdicts: int, what: str) -> None:
    settings = bench.setup.config.judge
    assert settings is not None
    least, most = (verdicts * len(settings.models) * samples for samples in settings.sample_range)
    calls = f"{least:,}" if least == most else f"{least:,} to {most:,}"
    click.echo(f"{what}: about {calls} calls of the judge ({', '.join(settings.models)}).", err=True)
