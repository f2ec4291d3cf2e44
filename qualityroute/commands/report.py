"""`qualityroute report`: how often each task falls back, whether it belongs where it is, and what that is worth."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import anyio
import click

from qualityroute.commands.options import as_json, forced, placed
from qualityroute.commands.overwriting import PAGE, check_replaceable
from qualityroute.commands.places import Place, called, near, opened
from qualityroute.commands.replacing import replace_text
from qualityroute.commands.screens import box_for, screen, show
from qualityroute.config import Config, ResolvedTask, resolve
from qualityroute.config.near import near as did_you_mean
from qualityroute.errors import ConfigError
from qualityroute.inputs import moment
from qualityroute.pins import Pin
from qualityroute.pipelines import pipeline_keys
from qualityroute.quantities import counted
from qualityroute.render import report_view, visible
from qualityroute.render.report_view import suggestions_view
from qualityroute.report import Report, build_report
from qualityroute.tier_checks import tier_checks

DEFAULT_CONFIG = Path("qualityroute.toml")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be reported."""

    task: str | None
    since: str | None
    rebuild: bool


@dataclass(frozen=True, slots=True)
class Found:
    report: Report
    pins: Sequence[Pin]
    counted_anew: int | None


@click.command()
@click.option("--task", default=None, help="This task only.")
@click.option("--since", default=None, metavar="D", help="A date such as 2026-11-01, or a time such as 7d.")
@click.option("--html", metavar="FILE", type=click.Path(path_type=Path), help="Write it as one HTML page.")
@forced
@click.option("--apply", "applied", is_flag=True, help="Write what it suggests into the configuration, after asking.")
@click.option("--yes", is_flag=True, help="With --apply: do not ask.")
@click.option("--rebuild", is_flag=True, help="First add up the ledger anew, from its rows.")
@placed
@as_json
def report(
    place: Place,
    task: str | None,
    since: str | None,
    html: Path | None,
    force: bool,
    applied: bool,
    yes: bool,
    rebuild: bool,
    plain_json: bool,
) -> None:
    """Show how often each task falls back, what it cost and saved."""
    _check_forms(html=html is not None, applied=applied, plain_json=plain_json, yes=yes)
    if html is not None:
        check_replaceable(html, place, PAGE, force=force)
    wanted = Wanted(task, since, rebuild)
    if applied:
        _apply(place, wanted, yes=yes)
    elif html is not None:
        _write_page(html, _find(place, wanted))
    elif plain_json:
        click.echo(json.dumps(_find(place, wanted).report.to_json(), indent=2))
    else:
        _show(place, _find(place, wanted).report)


def _resolved(config: Config, task: str | None) -> dict[str, ResolvedTask]:
    """None where what the configuration names cannot be read: a report is made all the same."""
    try:
        return {name: found for name, found in resolve(config).items() if task in (None, name)}
    except ConfigError:
        return {}


def _check_forms(*, html: bool, applied: bool, plain_json: bool, yes: bool) -> None:
    if html + applied + plain_json > 1:
        raise click.UsageError("--html, --apply and --json exclude each other; give one of them.")
    if yes and not applied:
        raise click.UsageError("--yes goes with --apply.")


def _show(place: Place, found: Report) -> None:
    console = screen()
    show(console, report_view(found, box_for(console)))
    if found.suggestions:
        click.echo(f"To apply, type:\n  {apply_command(place)}")  # not by rich, which would fold the command


def apply_command(place: Place) -> str:
    """As one types it from here."""
    config = [] if place.config == DEFAULT_CONFIG else ["--config", near(place.config)]
    store = [] if place.db is None else ["--db", place.db]
    return f"{called()} {shlex.join(['report', '--apply', *config, *store])}"


def _write_page(file: Path, found: Found) -> None:
    # With the drawing library, which only a page needs.
    from qualityroute.page import page  # noqa: PLC0415

    replace_text(file, page(found.report, found.pins, now=found.report.at))
    click.echo(visible(f"wrote {near(file)}"))


def _apply(place: Place, wanted: Wanted, *, yes: bool) -> None:
    # With tomlkit, which only this needs.
    from qualityroute.commands.apply import read_configuration, write_suggestions  # noqa: PLC0415

    text = read_configuration(place.config)  # before it is loaded: a later change is noticed
    suggestions = _find(place, wanted).report.suggestions
    file = near(place.config)
    if not suggestions:
        click.echo(visible(f"The report suggests nothing, so {file} stays as it is."))
        return
    show(screen(), suggestions_view(suggestions))
    if not (yes or _agreed(file)):
        click.echo("Nothing was written.")
        return
    write_suggestions(place.config, text, suggestions)
    written = ", ".join(f"{'.'.join(found.key)} = {json.dumps(found.value)}" for found in suggestions)
    click.echo(visible(f"Wrote {written} into {file}."))


def _agreed(file: str) -> bool:
    if not sys.stdin.isatty():
        raise ConfigError("nobody is there to be asked, so nothing was written; with --yes it is done without asking")
    return click.confirm(f"Write this into {visible(file)}?", err=True)


def _find(place: Place, wanted: Wanted) -> Found:
    found = anyio.run(_found, place, wanted)
    if found.counted_anew is not None:
        click.echo(f"Added up {counted(found.counted_anew, 'decision')} anew.", err=True)
    return found


async def _found(place: Place, wanted: Wanted) -> Found:
    config, now, task = place.load(), datetime.now(UTC), wanted.task
    if task is not None and task not in config.tasks:
        raise ConfigError(f"no task '{task[:100]}'{did_you_mean(task, config.tasks)}")
    since = moment(wanted.since, now)
    async with opened(place.store(config), to_read=not wanted.rebuild) as store:
        counted = await store.rebuild() if wanted.rebuild else None
        keys = pipeline_keys(config)
        checks = await tier_checks(store, config, _resolved(config, task))
        found = await build_report(store, config, now=now, pipelines=keys, task=task, since=since, tier_checks=checks)
        return Found(found, await store.pins(now=now), counted)
