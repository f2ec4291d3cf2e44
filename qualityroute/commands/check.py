"""`qualityroute check`: everything a configuration names, looked at before the first request."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial

import anyio
import click
from rich.console import Console
from rich.text import Text

from qualityroute.commands.check_live import check_live
from qualityroute.commands.exits import Exit
from qualityroute.commands.not_in_force import not_in_force
from qualityroute.commands.options import as_json, placed
from qualityroute.commands.places import Place
from qualityroute.commands.screens import news, screen
from qualityroute.config import Config, ResolvedTask
from qualityroute.errors import ConfigError, QualityRouteError
from qualityroute.openai_client import OpenAIClient
from qualityroute.quantities import counted
from qualityroute.render import safe_text
from qualityroute.setup import build_setup

Finding = tuple[str, str, str]
"""What was looked at, its mistake or "", and a word on what was found."""


@click.command()
@click.option("--live", is_flag=True, help="Ask each model by tiny calls what its endpoint honours.")
@click.option("--yes", is_flag=True, help="With --live: do not ask before calls that cost money.")
@placed
@as_json
def check(place: Place, live: bool, yes: bool, plain_json: bool) -> None:
    """Check everything a configuration names, before the first request.

    Makes the database if it is not there yet; asks no model without --live. With --live, tells what the calls cost,
    asks whether to go on, and shows and keeps what each endpoint honours. --json is for --live.
    """
    _check_forms(live=live, yes=yes, plain_json=plain_json)
    _check(place, news() if plain_json else screen())
    if live:
        check_live(place, yes=yes, plain_json=plain_json)


def _check_forms(*, live: bool, yes: bool, plain_json: bool) -> None:
    for option, given in (("--yes", yes), ("--json", plain_json)):
        if given and not live:
            raise click.UsageError(f"{option} goes with --live.")


def _check(place: Place, console: Console) -> None:
    found_mistake = False
    for what, mistake, told in _findings(place):
        mark = Text("mistake ", style="bold red") if mistake else Text("ok      ", style="green")
        console.print(
            Text.assemble(mark, safe_text(what), ": " if mistake or told else "", safe_text(mistake or told)),
            soft_wrap=True,
        )
        found_mistake = found_mistake or bool(mistake)
    if found_mistake:
        click.get_current_context().exit(Exit.USAGE)
    for warning in not_in_force(place.load(), datetime.now(UTC).date()):
        console.print(Text.assemble(("warning ", "yellow"), safe_text(warning)), soft_wrap=True)


def _findings(place: Place) -> Iterator[Finding]:
    try:
        config = place.load()
    except ConfigError as error:
        yield "configuration", str(error), ""
        return
    yield f"configuration '{place.config}'", "", counted(len(config.tasks), "task")
    for name in config.tasks:
        yield _looked_at(f"task '{name}'", partial(_task, config, name))
    for name in sorted({model.partition("/")[0] for model in config.models_used()}):
        yield _looked_at(f"provider '{name}'", partial(_provider, config, name))
    yield _looked_at("store", partial(_store, place, config))


def _looked_at(what: str, look: Callable[[], str]) -> Finding:
    try:
        return what, "", look()
    except QualityRouteError as error:
        return what, str(error), ""


def _task(config: Config, name: str) -> str:
    """Its schema compiled, its rubric read, its functions imported."""
    alone = config.model_copy(update={"tasks": {name: config.tasks[name]}})
    return _described(build_setup(alone, time.monotonic).tasks[name])


def _described(task: ResolvedTask) -> str:
    rubric = f"rubric '{task.rubric.name}' with {len(task.rubric.criteria)} questions" if task.rubric else "no rubric"
    checks = f", checks {', '.join(check.name for check in task.checks)}" if task.checks else ""
    return f"tier {task.settings.tier}, gate {' > '.join(task.gate) or 'form alone'}, {rubric}{checks}"


def _provider(config: Config, name: str) -> str:
    provider = config.known_providers.get(name)
    if provider is None:
        raise ConfigError(f"there is no [providers.{name}]")
    OpenAIClient({name: provider})  # which refuses a key that is not set
    key = f"the key in {provider.api_key_env} is set" if provider.api_key_env else "no key needed"
    return f"{provider.base_url}, {key}"


def _store(place: Place, config: Config) -> str:
    store = place.store(config)

    async def look() -> None:
        await store.open()
        await store.aclose()

    anyio.run(look)
    return str(getattr(store, "path", "") or getattr(store, "place", "in memory of this process"))
