"""`qualityroute store prune`: old decisions removed while other processes go on writing."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import anyio
import click
from rich.text import Text

from qualityroute.commands.options import as_json, placed
from qualityroute.commands.places import Place, opened
from qualityroute.commands.progress import progress_on
from qualityroute.commands.screens import news, screen, show
from qualityroute.config import parse_duration
from qualityroute.config.fields import check_keep
from qualityroute.errors import ConfigError
from qualityroute.quantities import counted
from qualityroute.render import safe_text
from qualityroute.retention import hour_of
from qualityroute.retention import prune as prune_store


@click.command()
@click.option("--keep", metavar="TIME", help="Such as 90d or 12h; else [store] keep of the configuration.")
@click.option("--task", default=None, help="Of this task only.")
@click.option("--dry-run", is_flag=True, help="Only count.")
@placed
@as_json
def prune(place: Place, keep: str | None, task: str | None, dry_run: bool, plain_json: bool) -> None:
    """Remove decisions that are older than TIME.

    Their calls, verdicts, prompts and answers go with them. Pins, counters, references, labels, audits, certificates,
    forecasts and budgets stay, so `report` counts what it counted.
    """
    before = hour_of(datetime.now(UTC) - _keep(keep, place))
    count = anyio.run(_prune, place, before, task, dry_run)
    if plain_json:
        told = {"pruned": count, "before": before.isoformat(), "task": task, "dry_run": dry_run}
        click.echo(json.dumps(told, indent=2))
        return
    done = "Would prune" if dry_run else "Pruned"
    whose = (" of task ", safe_text(task, "bold", most=100)) if task else ()
    show(
        screen(),
        Text.assemble(f"{done} {counted(count, 'decision')}", *whose, f" from before {before:%Y-%m-%d %H:%M} UTC."),
    )
    if count and not dry_run:
        show(news(), Text("The file is as large as before: new rows take the place, or `store vacuum` gives it back."))


async def _prune(place: Place, before: datetime, task: str | None, dry_run: bool) -> int:
    store, _ = place.store_alone()
    async with opened(store):
        if dry_run:
            return await store.prunable(before, task=task)
        console = news()
        total = await store.prunable(before, task=task) if console.is_terminal else None
        with progress_on(console, total, "Pruning") as bar:
            return await prune_store(store, before, task=task, told=bar.advance)


def _keep(text: str | None, place: Place) -> timedelta:
    if text is not None:
        try:
            return check_keep(parse_duration(text))
        except ValueError as error:
            raise ConfigError(f"--keep: {error}") from None
    keep = place.load().store.keep if place.config.exists() else None
    if keep is None:
        raise ConfigError('say how long decisions are kept: --keep 90d, or keep = "90d" in [store]')
    return keep
