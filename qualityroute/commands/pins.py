"""`qualityroute pins`: look at pins and change them; only the store is needed."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import anyio
import click
from rich.text import Text

from qualityroute.commands.options import as_json, placed
from qualityroute.commands.places import Place, opened
from qualityroute.commands.screens import box_for, screen, show
from qualityroute.config import Pins, parse_duration
from qualityroute.errors import ConfigError
from qualityroute.pinboard import Pinboard
from qualityroute.pins import Pin
from qualityroute.render import PIN_COLUMNS, json_line, pin_card, pin_json, pin_table, safe_text

_tenant = click.option("--tenant", default="default", show_default=True, help="Whose session.")
_any_tenant = click.option("--tenant", default=None, help="Of this tenant only.")
_task = click.option("--task", default=None, help="When pins are kept for session and task together.")


def _now() -> datetime:
    return datetime.now(UTC)


@asynccontextmanager
async def _pinboard(
    place: Place, task: str | None, *, make: bool = False, to_read: bool = False
) -> AsyncIterator[Pinboard]:
    store, policy = place.store_alone()
    # Without a configuration, whoever names a task has pins for session and task together.
    known = policy or Pins(scope="task" if task else "session")
    async with opened(store, make=make, to_read=to_read):
        yield Pinboard(store, lambda: known, _now)


@click.group()
def pins() -> None:
    """List, show, add, release and export pinned sessions."""


@pins.command("list")
@_any_tenant
@click.option("--session", default=None, help="Of this session only.")
@placed
@as_json
def list_pins(place: Place, tenant: str | None, session: str | None, plain_json: bool) -> None:
    """List the sessions held on the performance tier, and why."""
    found = anyio.run(_list, place, tenant, session)
    if plain_json:
        click.echo(json.dumps([pin_json(pin) for pin in found], indent=2))
        return
    console = screen()
    show(console, pin_table(found, _now(), box_for(console)))


@pins.command("show")
@click.argument("session")
@_tenant
@_task
@placed
@as_json
def show_pin(place: Place, session: str, tenant: str, task: str | None, plain_json: bool) -> None:
    """Show why SESSION is pinned, since when and until when."""

    async def get() -> Pin | None:
        async with _pinboard(place, task, to_read=True) as board:
            return await board.get(session, tenant=tenant, task=task)

    _show(anyio.run(get), session, plain_json)


@pins.command("add")
@click.argument("session")
@_tenant
@_task
@click.option("--reason", "message", default="", help="Why, in your words.")
@click.option("--for", "lasts", default=None, metavar="TIME", help="Such as 2h or 7d; else pins.max_age.")
@placed
@as_json
def add_pin(
    place: Place, session: str, tenant: str, task: str | None, message: str, lasts: str | None, plain_json: bool
) -> None:
    """Hold SESSION on the performance tier.

    It stays there until it is released, or its time is over.
    """

    async def add() -> Pin:
        async with _pinboard(place, task, make=True) as board:
            return await board.add(session, tenant=tenant, task=task, message=message, lasts=_lasts(lasts))

    _show(anyio.run(add), session, plain_json)


@pins.command("release")
@click.argument("session")
@_tenant
@_task
@placed
@as_json
def release_pin(place: Place, session: str, tenant: str, task: str | None, plain_json: bool) -> None:
    """Let SESSION start on the efficiency tier again."""

    async def release() -> Pin | None:
        async with _pinboard(place, task) as board:
            return await board.release(session, tenant=tenant, task=task)

    pin = anyio.run(release)
    if plain_json:
        click.echo(json.dumps(pin and pin_json(pin), indent=2))
    elif pin is None:
        show(screen(), _no_pin(session))
    else:
        show(screen(), Text.assemble("Session ", safe_text(session, "bold"), " is released: it starts on efficiency."))


@pins.command("export")
@click.option("--format", "form", type=click.Choice(["jsonl", "csv"]), default="jsonl", show_default=True)
@click.option("--json", "as_lines", is_flag=True, help="The same as --format jsonl.")
@_any_tenant
@placed
def export_pins(place: Place, form: str, as_lines: bool, tenant: str | None) -> None:
    """Write the pins that hold now, as lines of JSON or CSV."""
    rows = [pin_json(pin) for pin in anyio.run(_list, place, tenant, None)]
    if form == "jsonl" or as_lines:
        for row in rows:
            click.echo(json_line(row))
        return
    writer = csv.DictWriter(sys.stdout, fieldnames=PIN_COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _cell(value) for name, value in row.items()} for row in rows)


async def _list(place: Place, tenant: str | None, session: str | None) -> list[Pin]:
    async with _pinboard(place, None, to_read=True) as board:
        return await board.list(tenant=tenant, session=session)


def _show(pin: Pin | None, session: str, plain_json: bool) -> None:
    if plain_json:
        click.echo(json.dumps(pin and pin_json(pin), indent=2))
    else:
        show(screen(), pin_card(pin, _now()) if pin else _no_pin(session))


def _no_pin(session: str) -> Text:
    return Text.assemble("Session ", safe_text(session, "bold", most=300), " has no pin: it starts on efficiency.")


def _lasts(text: str | None) -> timedelta | None:
    if text is None:
        return None
    try:
        lasts = parse_duration(text)
    except ValueError as error:
        raise ConfigError(f"--for: {error}") from None
    if lasts <= timedelta(0):
        raise ConfigError(f"--for: {text!r} is no time at all")
    return lasts


def _cell(value: object) -> object:
    """A spreadsheet must not take a stranger's text for a formula."""
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") else value
