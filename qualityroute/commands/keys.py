"""`qualityroute keys`: who may ask the gateway; only the store is needed."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal

import anyio
import click
from rich.text import Text

from qualityroute.budgets import allowance_pots
from qualityroute.commands.options import Integer, as_dollars, as_json, placed
from qualityroute.commands.places import Place, opened
from qualityroute.commands.purse import check_priced
from qualityroute.commands.screens import box_for, news, screen, show
from qualityroute.config.near import near
from qualityroute.errors import ConfigError
from qualityroute.inputs import checked_name
from qualityroute.keys import SECRET_BYTES, Key, digest_of, hint_of, token_of
from qualityroute.render import json_line, key_json, key_table, safe_text
from qualityroute.store import SessionStore

MOST_REQUESTS = 1_000_000
MOST_DOLLARS = 1_000_000
"""As much as any budget may be."""


@click.group()
def keys() -> None:
    """Add, list and revoke the keys of the gateway."""


@keys.command("add")
@click.argument("name")
@click.option("--tenant", default="default", show_default=True, help="Whose sessions and pins its requests meet.")
@click.option(
    "--budget-per-day",
    metavar="USD",
    callback=as_dollars,
    help="What its requests may cost in a day (UTC); every model needs a price.",
)
@click.option("--requests-per-minute", metavar="N", type=Integer(1, MOST_REQUESTS), help="In each process.")
@click.option("--dashboard", is_flag=True, help="It may open the dashboard, which shows every tenant's decisions.")
@placed
@as_json
def add_key(
    place: Place,
    name: str,
    tenant: str,
    budget_per_day: Decimal | None,
    requests_per_minute: int | None,
    dashboard: bool,
    plain_json: bool,
) -> None:
    """Make a key called NAME, and show its token this once."""
    now, token = _now(), token_of(secrets.token_bytes(SECRET_BYTES))
    if budget_per_day is not None:
        _check_budget(place, budget_per_day, now)
    key = Key(
        id=secrets.token_hex(8),
        name=_checked(name, "key's name"),
        tenant=_checked(tenant, "tenant"),
        digest=digest_of(token),
        hint=hint_of(token),
        created_at=now,
        budget_per_day=budget_per_day,
        requests_per_minute=requests_per_minute,
        dashboard=dashboard,
    )
    anyio.run(_add, place, key)
    if plain_json:
        shown = {**key_json(key, None if budget_per_day is None else Decimal(0)), "token": token}
        click.echo(json_line(shown))
    else:
        click.echo(token)
    told = ("Key ", safe_text(key.name, "bold"), " of tenant ", safe_text(key.tenant, "bold"))
    show(news(), Text.assemble(*told, ". Keep its token: it will not be shown again."))


@keys.command("list")
@placed
@as_json
def list_keys(place: Place, plain_json: bool) -> None:
    """List the keys, in force and revoked.

    Each is shown with its limits and what it spent today.
    """
    now = _now()
    found, spent = anyio.run(_list, place, now)
    if plain_json:
        click.echo(json.dumps([key_json(key, spent.get(key.id)) for key in found], indent=2))
        return
    console = screen()
    show(console, key_table(found, spent, now, box_for(console)))


@keys.command("revoke")
@click.argument("name")
@placed
@as_json
def revoke_key(place: Place, name: str, plain_json: bool) -> None:
    """End the key called NAME.

    Gateways that run refuse it within 5 seconds. Nobody is served without a key, even after the last.
    """
    key = anyio.run(_revoke, place, name)
    if plain_json:
        click.echo(json.dumps(key_json(key, None), indent=2))
    else:
        ends = Text.assemble("Key ", safe_text(key.name, "bold"), " (it ends in ", safe_text(key.hint), ") is revoked")
        show(screen(), ends.append("; gateways that run refuse it within 5 seconds."))


async def _add(place: Place, key: Key) -> None:
    store, _ = place.store_alone()
    async with opened(store, make=True):
        if not await store.add_key(key):
            raise ConfigError(f"there is a key '{key.name}' already; revoke it first, or choose another name")


async def _list(place: Place, now: datetime) -> tuple[list[Key], dict[str, Decimal]]:
    store, _ = place.store_alone()
    async with opened(store, to_read=True):
        found = await store.keys()
        return found, await _spent(store, found, now)


async def _revoke(place: Place, name: str) -> Key:
    store, _ = place.store_alone()
    async with opened(store):
        key = await store.revoke_key(name, _now())
        if key is None:
            in_force = {one.name: one for one in await store.keys() if one.in_force}
            raise ConfigError(f"no key '{name[:100]}' is in force{near(name, in_force)}")
        return key


async def _spent(store: SessionStore, found: Iterable[Key], now: datetime) -> dict[str, Decimal]:
    """By key. What is spent goes by the name, which a revoked key may have left to another."""
    day = now.astimezone(UTC).date()
    pots = {key.id: allowance_pots(key.allowance, day) for key in found if key.in_force}
    fillings = await store.fillings([pot for each in pots.values() for pot in each], now)
    spent = {filling.pot.name: filling.spent for filling in fillings}
    return {key_id: spent[pot.name] for key_id, each in pots.items() for pot in each}


def _check_budget(place: Place, limit: Decimal, now: datetime) -> None:
    if limit > MOST_DOLLARS:
        raise ConfigError(f"--budget-per-day: ${limit:,f} is more than can be counted; at most ${MOST_DOLLARS:,}")
    config = place.load()
    check_priced(config, config.models_used(), now.date(), "--budget-per-day")


def _checked(value: str, what: str) -> str:
    name = checked_name(value, what)
    assert name is not None
    return name


def _now() -> datetime:
    return datetime.now(UTC)
