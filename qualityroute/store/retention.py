"""Old decisions taken out of the ledger, a few at a time, with all that belongs to them.

What stays: pins and the decisions that made those in force, the counters by the hour, references, labels and audits,
certificates, forecasts and what was learned of them, budgets. Counters of hours that were pruned cannot be made anew,
so it is written down from which hour on the ledger is whole; `rebuild` and `check` begin there.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from qualityroute.store.columns import moment
from qualityroute.store.condition import Pruned
from qualityroute.store.found import Place
from qualityroute.store.statements import Connection, Row

HORIZONS = """
CREATE TABLE horizons (
    task TEXT PRIMARY KEY NOT NULL, -- empty: of all tasks
    hour TEXT NOT NULL             -- decisions before it were pruned; such as 2026-11-23T20, UTC
)
"""
TURNS = """
CREATE TABLE turns (
    work TEXT PRIMARY KEY NOT NULL, -- such as prune
    until TEXT NOT NULL            -- ISO 8601, UTC; before that, only who took the turn does this work
)
"""
TABLES = (HORIZONS, TURNS)
PARTS = ("attempts", "calls", "verdicts", "payloads", "cache_hits", "cache_likenings")
"""Tables with rows of a decision, that go with it."""

_OLD = """
FROM decisions WHERE at < ? {of_task} AND NOT EXISTS (
  SELECT 1 FROM pins WHERE pins.tenant = decisions.tenant AND pins.session = decisions.session
    AND pins.decision_id = decisions.id AND pins.held = 1 AND pins.until > ?
)
"""
_MOVE_HORIZON = """
INSERT INTO horizons (task, hour) VALUES (?, ?)
ON CONFLICT (task) DO UPDATE SET hour = excluded.hour WHERE excluded.hour > horizons.hour
"""
_OWNED = """
UPDATE labels SET
  tenant = (SELECT decisions.tenant FROM decisions WHERE decisions.id = labels.decision_id),
  session = (SELECT decisions.session FROM decisions WHERE decisions.id = labels.decision_id)
WHERE decision_id = ? AND EXISTS (SELECT 1 FROM decisions WHERE decisions.id = labels.decision_id)
"""
_REMOVE = (
    _OWNED, *(f"DELETE FROM {table} WHERE decision_id = ?" for table in PARTS), "DELETE FROM decisions WHERE id = ?",
)  # fmt: skip
_TAKE = """
INSERT INTO turns (work, until) VALUES (?, ?)
ON CONFLICT (work) DO UPDATE SET until = excluded.until WHERE turns.until <= ?
"""


def prunable(connection: Connection, before: datetime, task: str | None, now: datetime) -> int:
    """How many decisions `prune` would remove in all."""
    old, bound = _old(before, task, now)
    (count,) = connection.execute(f"SELECT COUNT(*) {old}", bound).fetchone()
    return int(count)


def prune(
    connection: Connection, before: datetime, task: str | None, now: datetime, after: Place | None, most: int
) -> Pruned:
    """Remove at most so many decisions whole, the oldest first; those of pins in force are passed over."""
    connection.execute(_MOVE_HORIZON, (task or "", _hour(before)))
    found, bound = _old(before, task, now)
    place = ("", "") if after is None else (moment(after.at), after.id)
    some = f"SELECT id, at {found} AND (at, id) > (?, ?) ORDER BY at, id LIMIT ?"
    old = connection.execute(some, (*bound, *place, most)).fetchall()
    for statement in _REMOVE:
        connection.executemany(statement, [(decision_id,) for decision_id, _ in old])
    rest = Place(datetime.fromisoformat(old[-1][1]), old[-1][0]) if len(old) == most else None
    return Pruned(len(old), rest)


def _old(before: datetime, task: str | None, now: datetime) -> tuple[str, Row]:
    if task is None:
        return _OLD.format(of_task=""), (_hour(before), moment(now))
    return _OLD.format(of_task="AND task = ?"), (_hour(before), task, moment(now))


def _hour(at: datetime) -> str:
    """Of which the counters are; it sorts before every moment in it."""
    return moment(at)[:13]


def horizons(connection: Connection) -> Mapping[str, datetime]:
    """Before what moments decisions were pruned, by task; under an empty name, of all tasks."""
    rows = connection.execute("SELECT task, hour FROM horizons ORDER BY task").fetchall()
    return {task: datetime.fromisoformat(f"{hour}:00").replace(tzinfo=UTC) for task, hour in rows}


def take_turn(connection: Connection, work: str, now: datetime, until: datetime) -> bool:
    """Whether it was free."""
    return connection.execute(_TAKE, (work, moment(until), moment(now))).rowcount == 1
