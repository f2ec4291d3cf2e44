"""Answers to serve again, and which decisions they were served to, as rows."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from qualityroute.cache import CacheKey, CacheSummary, Hit, Stored
from qualityroute.records import Tier
from qualityroute.store.columns import PER_DOLLAR, dollars, from_dollars, from_units, moment, name, text
from qualityroute.store.entry import Entry
from qualityroute.store.statements import Connection, add, insert, upsert

CACHE = """
CREATE TABLE cache (
    tenant TEXT NOT NULL,
    session TEXT NOT NULL,         -- empty: for every session of the tenant
    task TEXT NOT NULL,
    key TEXT NOT NULL,             -- of the question, all that shapes its answer, and its scope
    tier TEXT NOT NULL,            -- that answered
    model TEXT NOT NULL,           -- provider/model that answered
    answer TEXT NOT NULL,          -- its words
    at TEXT NOT NULL,              -- ISO 8601, UTC
    until TEXT NOT NULL,           -- served before this, and removed some time after
    decision_id TEXT NOT NULL REFERENCES decisions(id), -- the decision that it answered first
    cost REAL,                     -- USD that this decision took; NULL is unknown
    PRIMARY KEY (tenant, session, task, key, tier)
)
"""
HITS = """
CREATE TABLE cache_hits (
    decision_id TEXT PRIMARY KEY NOT NULL REFERENCES decisions(id),
    at TEXT NOT NULL,              -- ISO 8601, UTC
    task TEXT NOT NULL,
    source TEXT NOT NULL,          -- the decision whose answer was served again
    saved REAL                     -- USD that the source took; NULL is unknown
)
"""
SAVINGS = """
CREATE TABLE cache_savings (
    hour TEXT NOT NULL,            -- such as 2026-11-23T20, UTC
    task TEXT NOT NULL,
    hits INTEGER NOT NULL,
    saved INTEGER NOT NULL,        -- in 1e-12 USD
    unknown INTEGER NOT NULL,      -- hits of which nobody knows what they saved
    PRIMARY KEY (hour, task)
) WITHOUT ROWID
"""
TABLES = (
    CACHE, HITS,
    "CREATE INDEX cache_until ON cache (until)",
    "CREATE INDEX cache_hits_by_task ON cache_hits (task, at)",
)  # fmt: skip
_SAVED = f"CAST(ROUND(saved * {PER_DOLLAR}) AS INTEGER)"
BY_THE_HOUR = (
    SAVINGS,
    f"""INSERT INTO cache_savings (hour, task, hits, saved, unknown)
    SELECT SUBSTR(at, 1, 13), task, COUNT(*), COALESCE(SUM({_SAVED}), 0), COUNT(*) - COUNT(saved)
    FROM cache_hits GROUP BY SUBSTR(at, 1, 13), task""",
    "DROP INDEX cache_hits_by_task",
)
"""What hits saved, in sums that stay when their decisions are pruned."""
PRUNED_AT_ONCE = 100

_TIERS = {tier.value: tier for tier in Tier}
_KEY = ("tenant", "session", "task", "key", "tier")
_COLUMNS = (*_KEY, "model", "answer", "at", "until", "decision_id", "cost")
_PUT = upsert("cache", _COLUMNS, _KEY)
_PUT_HIT = insert("cache_hits", ("decision_id", "at", "task", "source", "saved"))
_ADD = add("cache_savings", ("hour", "task"), ("hits", "saved", "unknown"))
_OF_TIERS = """
SELECT tier, model, answer, at, until, decision_id, cost FROM cache
WHERE tenant = ? AND session = ? AND task = ? AND key = ? AND until > ?{tier} ORDER BY tier DESC LIMIT 1
"""
_OF_ANY_TIER = _OF_TIERS.format(tier="")
_OF_PERFORMANCE = _OF_TIERS.format(tier=" AND tier = 'performance'")
_EXPIRED = "SELECT tenant, session, task, key, tier FROM cache WHERE until <= ? ORDER BY until LIMIT ?"
_DELETE = f"DELETE FROM cache WHERE {' AND '.join(f'{column} = ?' for column in _KEY)} AND until <= ?"
_HIT = "SELECT decision_id, source, saved FROM cache_hits WHERE decision_id = ?"
_SUMS = "SELECT task, SUM(hits), SUM(saved), SUM(unknown) FROM cache_savings WHERE {where} GROUP BY task"
_COUNTED = """
SELECT at, task, saved FROM cache_hits WHERE at >= {horizon}
"""


def find(connection: Connection, key: CacheKey, *, efficiency: bool, now: datetime) -> Stored | None:
    """An answer that may be served now; performance's before efficiency's, which is found only where it would do."""
    query = _OF_ANY_TIER if efficiency else _OF_PERFORMANCE
    row = connection.execute(query, (key.tenant, key.session, key.task, key.digest, moment(now))).fetchone()
    if row is None:
        return None
    parse = datetime.fromisoformat
    return Stored(key, _TIERS[row[0]], row[1], row[2], parse(row[3]), parse(row[4]), row[5], from_dollars(row[6]))


def write(connection: Connection, entry: Entry) -> None:
    """Keep what a decision leaves for others, and note what it was served; in the transaction of the decision."""
    if entry.keeps is not None:
        connection.executemany(_PUT, [_row(entry.keeps)])
    if entry.hit is not None:
        told, at, saved = entry.decision, moment(entry.decision.at), dollars(entry.hit.saved)
        connection.executemany(_PUT_HIT, [(told.id, at, told.task, entry.hit.source, saved)])
        connection.executemany(_ADD, [_counted(at, told.task, saved)])


def prune(connection: Connection, now: datetime, most: int = PRUNED_AT_ONCE) -> int:
    """Remove the answers that expired first; says how many were looked at."""
    at = moment(now)
    found = [tuple(row) for row in connection.execute(_EXPIRED, (at, most))]
    connection.executemany(_DELETE, [(*row, at) for row in found])
    return len(found)


def hit_of(connection: Connection, decision_id: str) -> Hit | None:
    row = connection.execute(_HIT, (decision_id,)).fetchone()
    return None if row is None else Hit(row[0], row[1], from_dollars(row[2]))


def summaries(connection: Connection, task: str | None, since: datetime | None) -> dict[str, CacheSummary]:
    """By task, of one or all; `since` counts from the beginning of its hour."""
    wanted = {"task = ?": task, "hour >= ?": None if since is None else moment(since)[:13]}
    given = {condition: value for condition, value in wanted.items() if value is not None}
    rows = connection.execute(_SUMS.format(where=" AND ".join(["TRUE", *given])), tuple(given.values())).fetchall()
    return {task: CacheSummary(int(hits), from_units(int(saved)), int(unknown)) for task, hits, saved, unknown in rows}


def count_again(connection: Connection, horizon: Callable[[str], str]) -> None:
    """Add up what was saved anew, from the hour on that no decision was pruned of.

    Args:
        horizon: of a table with a column `task`, SQL for the beginning of that hour.
    """
    connection.execute(f"DELETE FROM cache_savings WHERE hour >= {horizon('cache_savings')}")
    rows = connection.execute(_COUNTED.format(horizon=horizon("cache_hits"))).fetchall()
    connection.executemany(_ADD, [_counted(*row) for row in rows])


def _counted(at: str, task: str, saved: float | None) -> tuple[Any, ...]:
    return (at[:13], task, 1, 0 if saved is None else round(saved * PER_DOLLAR), int(saved is None))


def _row(kept: Stored) -> tuple[Any, ...]:
    key = kept.key
    return (
        name(key.tenant), name(key.session), name(key.task), key.digest, kept.tier.value, text(kept.model),
        text(kept.answer), moment(kept.at), moment(kept.until), name(kept.decision_id), dollars(kept.cost),
    )  # fmt: skip
