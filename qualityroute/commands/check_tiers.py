"""`qualityroute check-tiers`: is the performance tier truly better on this task's inputs?"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import anyio
import click

from qualityroute.commands.exits import Exit
from qualityroute.commands.options import as_json, placed
from qualityroute.commands.places import Place, opened
from qualityroute.config import Config, ResolvedTask, resolve
from qualityroute.errors import ConfigError
from qualityroute.render.safe import visible
from qualityroute.render.words import percent
from qualityroute.tier_check import Share, Standing, TierCheck, sentence
from qualityroute.tier_checks import tier_check_of


@click.command("check-tiers")
@click.argument("task")
@placed
@as_json
def check_tiers(place: Place, task: str, plain_json: bool) -> None:
    """Say whether performance is truly better than efficiency on TASK (exit code 1 when that is not shown).

    Both are held against what people say of the same inputs: `baseline run` keeps the performance tier's answers,
    `baseline import` people's, and `baseline compare` asks the efficiency tier. No model is asked here.
    """
    config = place.load()
    tasks = resolve(config)
    if task not in tasks:
        raise ConfigError(f"no task '{task[:100]}'; there are: {', '.join(sorted(tasks))}")
    found = anyio.run(_found, place, config, tasks[task])
    if plain_json:
        click.echo(json.dumps(to_json(task, found), indent=2))
    else:
        for line in lines(task, found):
            click.echo(visible(line, 2000))
    if found.standing is not Standing.BETTER:
        click.get_current_context().exit(Exit.REJECTED)


async def _found(place: Place, config: Config, task: ResolvedTask) -> TierCheck:
    async with opened(place.store(config), to_read=True) as store:
        return await tier_check_of(store, config, task)


def to_json(task: str, found: TierCheck) -> dict[str, Any]:
    difference = found.difference
    return {
        "version": 1,
        "task": task,
        "standing": found.standing,
        "sentence": sentence(found, task),
        "pairs": found.pairs,
        "both_right": found.both_right,
        "only_performance_right": found.only_performance,
        "only_efficiency_right": found.only_efficiency,
        "both_wrong": found.both_wrong,
        "difference": None if difference is None else dict(zip(("rate", "low", "high"), difference, strict=True)),
        **{
            name: {"rate": part.rate, "low": part.low, "high": part.high, "count": part.count, "of": part.of}
            for name, part in _shares(found).items()
        },
    }


def _shares(found: TierCheck) -> dict[str, Share]:
    return {
        "efficiency_right": found.efficiency,
        "performance_right": found.performance,
        "repaired": found.repairs,
        "broken": found.breaks,
        "agreement": found.agreement,
    }


def lines(task: str, found: TierCheck) -> Iterator[str]:
    yield sentence(found, task)
    if found.difference is not None:
        told, low, high = found.difference
        yield f"  efficiency right    {_told(found.efficiency)}"
        yield f"  performance right   {_told(found.performance)}"
        yield f"  difference          {100 * told:+.1f} points, 95 % interval {100 * low:+.1f} to {100 * high:+.1f}"
        yield f"  falling back        repairs {_told(found.repairs)} of efficiency's wrong answers"
        yield f"                      breaks {_told(found.breaks)} of its right ones"
    if found.agreement.rate is not None:
        yield f"  agreement           {_told(found.agreement)}, which does not say who is right"
    if found.standing is Standing.UNKNOWN:
        yield "  To know: `baseline run`, then `baseline import` of people's answers, then `baseline compare`."


def _told(part: Share) -> str:
    if part.rate is None:
        return "none"
    return f"{percent(part.rate)} ({100 * part.low:.0f} to {100 * part.high:.0f}; {part.count:,} of {part.of:,})"
