"""Decisions looked for, the newest first: pages of a ledger that may have millions of rows.

No page reads more than `MOST_LOOKED_AT` rows. One condition is met by an index, the others by looking; where the
looking ends before the page is full, the answer says where to go on.
"""

from __future__ import annotations

from dataclasses import fields
from datetime import datetime
from typing import Any

from qualityroute.store.columns import moment
from qualityroute.store.found import Found, Place, Search
from qualityroute.store.ledger import DECISION_COLUMNS, decision_of
from qualityroute.store.statements import Connection

MOST_LOOKED_AT = 10_000
INDEXED = ("session", "reason", "outcome", "task")
"""Of several that are asked for, the index of the first is used: it has the fewest rows for one value."""
INDEXES = (
    "CREATE INDEX decisions_of_sessions ON decisions (session, at) WHERE session IS NOT NULL",
    "CREATE INDEX decisions_by_reason ON decisions (reason, at) WHERE reason IS NOT NULL",
    "CREATE INDEX decisions_by_outcome ON decisions (outcome, at)",
    "CREATE INDEX decisions_by_task ON decisions (task, at)",
)

_NEWEST_FIRST = "ORDER BY at DESC, id DESC LIMIT ?"
_COLUMNS = ", ".join((*DECISION_COLUMNS, "pin"))


def search(connection: Connection, wanted: Search, before: Place | None, limit: int) -> Found:
    """At most `limit` decisions without their attempts, and the place from which older ones follow."""
    equal = _equal(wanted)
    indexed = next((column for column in INDEXED if column in equal), None)
    narrow, bound = _narrow(wanted.since, before, {indexed: equal.pop(indexed)} if indexed else {})
    looked_at = f"SELECT {_COLUMNS} FROM decisions WHERE {narrow} {_NEWEST_FIRST}"
    if not equal:
        rows = connection.execute(looked_at, (*bound, limit + 1)).fetchall()
        return _found(rows, limit, None)
    rest = " AND ".join(f"{column} = ?" for column in equal)
    query = f"SELECT {_COLUMNS} FROM ({looked_at}) AS looked WHERE {rest} {_NEWEST_FIRST}"
    rows = connection.execute(query, (*bound, MOST_LOOKED_AT, *equal.values(), limit + 1)).fetchall()
    last = f"SELECT at, id FROM decisions WHERE {narrow} {_NEWEST_FIRST} OFFSET ?"
    full = len(rows) > limit
    return _found(rows, limit, None if full else connection.execute(last, (*bound, 1, MOST_LOOKED_AT - 1)).fetchone())


def _equal(wanted: Search) -> dict[str, str]:
    values = {one.name: getattr(wanted, one.name) for one in fields(wanted) if one.name != "since"}
    return {column: str(value) for column, value in values.items() if value is not None}


def _narrow(since: datetime | None, before: Place | None, equal: dict[str, str]) -> tuple[str, list[Any]]:
    """What an index finds, and the values that are bound."""
    conditions, bound = [f"{column} = ?" for column in equal], list[Any](equal.values())
    if since is not None:
        conditions.append("at >= ?")
        bound.append(moment(since))
    if before is not None:
        conditions.append("(at, id) < (?, ?)")
        bound += [moment(before.at), before.id]
    return " AND ".join(conditions) or "1 = 1", bound


def _found(rows: list[Any], limit: int, last_looked_at: tuple[str, str] | None) -> Found:
    decisions = tuple(decision_of(row, ()) for row in rows[:limit])
    if len(rows) > limit:
        return Found(decisions, Place(decisions[-1].at, decisions[-1].id))
    if last_looked_at is None:
        return Found(decisions)
    return Found(decisions, Place(datetime.fromisoformat(last_looked_at[0]), last_looked_at[1]))
