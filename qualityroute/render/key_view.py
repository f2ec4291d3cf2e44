"""Keys as people read them: a table of all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from rich.box import Box
from rich.console import RenderableType
from rich.text import Text

from qualityroute.keys import Key
from qualityroute.quantities import counted
from qualityroute.render.safe import safe_text
from qualityroute.render.tables import table
from qualityroute.render.words import distance, dollars

_NONE = Text("-")
_LONG = ("name", "tenant")
_MOST_OF_A_NAME = 60


def key_table(
    keys: Sequence[Key], spent: Mapping[str, Decimal], now: datetime, box: Box | None = None
) -> RenderableType:
    """One line for each key; `spent` today by the ids of those with a budget, in USD. No column has nothing in it."""
    if not keys:
        return Text("There are no keys: the gateway answers programs on this machine, and nobody else.")
    lines = [_cells(key, spent.get(key.id), now) for key in keys]
    filled = [name for name in lines[0] if any(line[name] for line in lines)]
    shown = table(box)
    for name in filled:
        shown.add_column(name, overflow="fold", no_wrap=name not in _LONG)
    for key, line in zip(keys, lines, strict=True):
        shown.add_row(*(line[name] or _NONE for name in filled), style="" if key.in_force else "dim")
    return shown


def _cells(key: Key, spent: Decimal | None, now: datetime) -> dict[str, Text]:
    """By column."""
    limit = key.requests_per_minute
    return {
        "name": safe_text(key.name, most=_MOST_OF_A_NAME),
        "tenant": safe_text(key.tenant, most=_MOST_OF_A_NAME),
        "ends in": safe_text(key.hint),
        "created": Text(distance(key.created_at, now)),
        "revoked": Text("" if key.revoked_at is None else distance(key.revoked_at, now)),
        "a minute": Text("" if limit is None else counted(limit, "request")),
        "a day (UTC)": Text(_money(key.budget_per_day, spent)),
        "dashboard": Text("yes" if key.dashboard else ""),
    }


def _money(limit: Decimal | None, spent: Decimal | None) -> str:
    if limit is None:
        return ""
    return dollars(limit) if spent is None else f"{dollars(spent)} of {dollars(limit)} spent"
