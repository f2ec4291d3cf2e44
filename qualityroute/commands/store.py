"""`qualityroute store`: what is done to the store as a whole; no key and no model is needed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict

import anyio
import click
from rich.text import Text

from qualityroute.commands.exits import Exit
from qualityroute.commands.options import as_json, placed
from qualityroute.commands.places import Place, opened
from qualityroute.commands.screens import screen, show
from qualityroute.commands.store_export import export
from qualityroute.commands.store_prune import prune
from qualityroute.quantities import counted
from qualityroute.render import safe_text
from qualityroute.store import Checked, Problem, Space


@click.group()
def store() -> None:
    """Prune, check, export and vacuum the store."""


@store.command()
@placed
@as_json
@click.pass_context
def check(ctx: click.Context, place: Place, plain_json: bool) -> None:
    """Look whether the store is whole, and change nothing.

    Exit code 1 says that something is wrong. Looked at are a file's pages and indexes; that each row has its decision
    and each decision its rows; that costs and counters are the sums of what the ledger holds.
    """
    found, _ = place.store_alone()
    checked = anyio.run(found.check)
    if plain_json:
        click.echo(json.dumps(asdict(checked), indent=2))
    else:
        show(screen(), *_told(checked))
    if checked.problems:
        ctx.exit(Exit.REJECTED)


@store.command()
@placed
@as_json
def vacuum(place: Place, plain_json: bool) -> None:
    """Give back the space of what was removed.

    A SQLite file is written anew, which takes as much room again while it lasts; who writes waits meanwhile. On
    PostgreSQL nobody waits, and the space is kept for new rows.
    """
    space = anyio.run(_vacuum, place)
    if plain_json:
        click.echo(json.dumps(asdict(space), indent=2))
    else:
        show(screen(), Text(f"The store takes {_size(space.after)}; it took {_size(space.before)}."))


for command in (prune, export):
    store.add_command(command)


async def _vacuum(place: Place) -> Space:
    found, _ = place.store_alone()
    async with opened(found):
        return await found.vacuum()


def _told(checked: Checked) -> Iterator[Text]:
    if not checked.problems:
        yield Text(
            f"The store is whole: {counted(checked.decisions or 0, 'decision')}, {counted(checked.pins or 0, 'pin')}."
        )
    for problem in checked.problems:
        yield _problem(problem)


def _problem(problem: Problem) -> Text:
    told = safe_text(problem.what, "bold red")
    if problem.examples:
        told.append(": ").append(safe_text(", ".join(problem.examples), most=2000))
    return told.append(f"\n  {problem.remedy}") if problem.remedy else told


def _size(count: int) -> str:
    return f"{count / 2**20:,.1f} MiB"
