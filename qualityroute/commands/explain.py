"""`qualityroute explain`: one decision from route to cost."""

from __future__ import annotations

import json
from typing import TypeAlias

import anyio
import click

from qualityroute.cache import Hit
from qualityroute.commands.options import as_json, placed
from qualityroute.commands.places import Place, opened
from qualityroute.commands.screens import screen, show
from qualityroute.complexity import Foretold
from qualityroute.labels import Label
from qualityroute.records import Decision
from qualityroute.render import decision_json, story_of
from qualityroute.retention import not_found

Told: TypeAlias = tuple[Decision, Label | None, Foretold | None, Hit | None]


@click.command()
@click.argument("decision_id", metavar="ID")
@placed
@as_json
def explain(place: Place, decision_id: str, plain_json: bool) -> None:
    """Tell the decision ID: its route, attempts, verdicts, pin and cost."""
    told = anyio.run(_decision, place, decision_id)
    if plain_json:
        click.echo(json.dumps(decision_json(*told), indent=2, default=str))
    else:
        show(screen(), story_of(*told))


async def _decision(place: Place, decision_id: str) -> Told:
    store, _ = place.store_alone()
    async with opened(store, to_read=True):
        decision = await store.decision(decision_id)
        if decision is None:
            raise await not_found(store, decision_id)
        label = await store.label(decision_id)
        return decision, label, await store.forecast(decision_id), await store.cache_hit(decision_id)
