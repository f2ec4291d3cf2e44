"""`qualityroute check --live`: what each endpoint honours, found by tiny calls once their cost is agreed to."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import anyio
import click

from qualityroute.commands.exits import Exit
from qualityroute.commands.places import Place
from qualityroute.commands.progress import Progress, progress_on
from qualityroute.commands.screens import box_for, news, screen, show
from qualityroute.commands.stand_in import with_practice
from qualityroute.config import Config
from qualityroute.config.fields import split_model
from qualityroute.errors import ConfigError
from qualityroute.openai_client import OpenAIClient
from qualityroute.openai_client.findings import Finding, answers
from qualityroute.openai_client.probes import CALLS, PROBES, most_usage
from qualityroute.render import dollars, safe_text
from qualityroute.render.capability_view import capability_view
from qualityroute.render.json_lines import json_line, money_text

AT_ONCE = 2
"""Models of one provider that are probed together."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What probing one model costs at most."""

    model: str
    most: Decimal | None
    """USD by our estimate; `None` without a price."""


def check_live(place: Place, *, yes: bool, plain_json: bool) -> None:
    """Tell what it costs, ask, probe, keep what was found and show it. Ends with an exit code."""
    config = place.load()
    costs = costs_of(config, datetime.now(UTC).date())
    _tell(costs)
    if not (yes or _agreed()):
        click.echo("Nothing was asked.", err=True)
        return
    with with_practice(config) as reachable, progress_on(news(), len(costs) * len(PROBES), "Probing") as progress:
        found = anyio.run(_probed, place, reachable, progress)
    if plain_json:
        click.echo(json_line(_to_json(costs, found)))
    else:
        console = screen()
        show(console, *capability_view(found, box_for(console), width=console.width))
    if not all(answers(findings) for findings in found.values()):
        click.get_current_context().exit(Exit.DOWN)


def costs_of(config: Config, today: date) -> tuple[Cost, ...]:
    """Of each model the configuration uses, in its order."""
    prices = config.price_book
    return tuple(Cost(model, prices.cost(model, most_usage(*split_model(model)), today)) for model in _models(config))


def total(costs: Sequence[Cost]) -> Decimal | None:
    """Unknown with any part of it."""
    known = [cost.most for cost in costs if cost.most is not None]
    return sum(known, Decimal(0)) if len(known) == len(costs) else None


def _models(config: Config) -> tuple[str, ...]:
    """Those that answer in words: what likens questions for a cache does not."""
    return tuple(model for model, key in config.models_used().items() if key != "cache.embeddings")


def _tell(costs: Sequence[Cost]) -> None:
    console = news()
    for cost in costs:
        told = f"{CALLS} tiny calls, {_at_most(cost.most)}"
        console.print(safe_text(f"{cost.model}: {told}"), soft_wrap=True)
    console.print(safe_text(f"in all: {CALLS * len(costs)} calls, {_at_most(total(costs))}"), soft_wrap=True)


def _at_most(amount: Decimal | None) -> str:
    return "cost unknown, since [[prices]] lack it" if amount is None else f"about {dollars(amount)} at most"


def _agreed() -> bool:
    if not sys.stdin.isatty():
        raise ConfigError("nobody is there to be asked, so no model was; with --yes it is done without asking")
    return click.confirm("Proceed?", err=True)


async def _probed(place: Place, config: Config, progress: Progress) -> dict[str, tuple[Finding, ...]]:
    """Findings by model, in the configuration's order. Raises `StoreError`."""
    found: dict[str, tuple[Finding, ...]] = {}
    models = _models(config)
    used = {split_model(model)[0] for model in models}
    store = place.store(config)
    await store.open()
    client = OpenAIClient({name: config.known_providers[name] for name in used}, memory=store)

    async def probe(model: str, limiter: anyio.CapacityLimiter) -> None:
        async with limiter:
            found[model] = await client.probe(*split_model(model), progress.advance)

    try:
        limiters = {name: anyio.CapacityLimiter(AT_ONCE) for name in used}
        async with anyio.create_task_group() as probes:
            for model in models:
                probes.start_soon(probe, model, limiters[split_model(model)[0]])
    finally:
        await client.aclose()
        await store.aclose()
    return {model: found[model] for model in models}


def _to_json(costs: Sequence[Cost], found: Mapping[str, Sequence[Finding]]) -> dict[str, Any]:
    return {
        "version": 1,
        "calls": CALLS * len(costs),
        "most_cost": money_text(total(costs)),
        "models": [
            {
                "model": cost.model,
                "answers": answers(found[cost.model]),
                "most_cost": money_text(cost.most),
                "probes": {
                    finding.probe: {"standing": finding.standing.value, "reason": finding.reason}
                    for finding in found[cost.model]
                },
            }
            for cost in costs
        ],
    }
