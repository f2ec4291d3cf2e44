"""`qualityroute report`: how often each task falls back, what that cost, and what it saved."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import anyio
import click

from qualityroute.commands.options import as_json, placed
from qualityroute.commands.places import Place, opened
from qualityroute.commands.screens import box_for, screen, show
from qualityroute.config.models import near
from qualityroute.errors import ConfigError
from qualityroute.inputs import moment
from qualityroute.render import report_view
from qualityroute.report import Report, build_report


@click.command()
@click.option("--task", default=None, help="This task only.")
@click.option("--since", default=None, metavar="D", help="A date such as 2026-11-01, or a time such as 7d.")
@placed
@as_json
def report(place: Place, task: str | None, since: str | None, plain_json: bool) -> None:
    """Show how often each task falls back, what it cost and saved."""
    found = anyio.run(_report, place, task, since)
    if plain_json:
        click.echo(json.dumps(found.to_json(), indent=2))
        return
    console = screen()
    show(console, report_view(found, box_for(console)))


async def _report(place: Place, task: str | None, since: str | None) -> Report:
    config, now = place.load(), datetime.now(UTC)
    if task is not None and task not in config.tasks:
        raise ConfigError(f"no task '{task[:100]}'{near(task, config.tasks)}")
    async with opened(place.store(config)) as store:
        return await build_report(store, config, now=now, task=task, since=moment(since, now))
