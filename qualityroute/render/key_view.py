"""Keys as people read them: a table of all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from rich.box import Box
from rich.console import RenderableType
from rich.text import Text

from qualityroute.keys import Key
from qualityroute.render.safe import safe_text
from qualityroute.render.tables import table
from qualityroute.render.words import distance, dollars

_NONE = "-"
_MOST_OF_A_NAME = 60


def key_table(
    keys: Sequence[Key], spent: Mapping[str, Decimal], now: datetime, box: Box | None = None
) -> RenderableType:
    """One line for each key; `spent` today by the ids of those with a budget, in USD."""
    if not keys:
        return Text("There are no keys: the gateway answers programs on this machine, and nobody else.")
    shown = table(box)
    for name in ("name", "tenant"):
        shown.add_column(name, overflow="fold")
    for name in ("ends in", "created", "revoked", "a minute", "a day (UTC)", "dashboard"):
        shown.add_column(name, no_wrap=True)
    for key in keys:
        shown.add_row(*_cells(key, spent.get(key.id), now), style="" if key.in_force else "dim")
    return shown


def _cells(key: Key, spent: Decimal | None, now: datetime) -> list[Text]:
    return [
        safe_text(key.name, most=_MOST_OF_A_NAME),
        safe_text(key.tenant, most=_MOST_OF_A_NAME),
        safe_text(key.hint),
        Text(distance(key.created_at, now)),
        Text(_NONE if key.revoked_at is None else distance(key.revoked_at, now)),
        Text(_NONE if key.requests_per_minute is None else f"{key.requests_per_minute:,} requests"),
        Text(_money(key.budget_per_day, spent)),
        Text("yes" if key.dashboard else _NONE),
    ]


def _money(limit: Decimal | None, spent: Decimal | None) -> str:
    if limit is None:
        return _NONE
    return dollars(limit) if spent is None else f"{dollars(spent)} of {dollars(limit)} spent"
