"""Answers to serve again, and which decisions they were served to, as rows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from qualityroute.cache import CacheKey, CacheSummary, Hit, Stored
from qualityroute.records import Tier
from qualityroute.store.columns import dollars, from_dollars, moment, name, text
from qualityroute.store.interface import Entry
from qualityroute.store.statements import Connection, insert, upsert

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
TABLES = (
    CACHE, HITS,
    "CREATE INDEX cache_until ON cache (until)",
    "CREATE INDEX cache_hits_by_task ON cache_hits (task, at)",
)  # fmt: skip
PRUNED_AT_ONCE = 100

_TIERS = {tier.value: tier for tier in Tier}
_KEY = ("tenant", "session", "task", "key", "tier")
_COLUMNS = (*_KEY, "model", "answer", "at", "until", "decision_id", "cost")
_PUT = upsert("cache", _COLUMNS, _KEY)
_PUT_HIT = insert("cache_hits", ("decision_id", "at", "task", "source", "saved"))
_OF_TIERS = """
SELECT tier, model, answer, at, until, decision_id, cost FROM cache
WHERE tenant = ? AND session = ? AND task = ? AND key = ? AND until > ?{tier} ORDER BY tier DESC LIMIT 1
"""
_OF_ANY_TIER = _OF_TIERS.format(tier="")
_OF_PERFORMANCE = _OF_TIERS.format(tier=" AND tier = 'performance'")
_EXPIRED = "SELECT tenant, session, task, key, tier FROM cache WHERE until <= ? ORDER BY until LIMIT ?"
_DELETE = f"DELETE FROM cache WHERE {' AND '.join(f'{column} = ?' for column in _KEY)} AND until <= ?"
_HIT = "SELECT decision_id, source, saved FROM cache_hits WHERE decision_id = ?"
_SUMS = "SELECT task, COUNT(*), COUNT(saved), SUM(saved) FROM cache_hits WHERE {where} GROUP BY task"


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
        told, hit = entry.decision, entry.hit
        row = (told.id, moment(told.at), told.task, hit.source, dollars(hit.saved))
        connection.executemany(_PUT_HIT, [row])


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
    """By task; of one task, or all."""
    wanted: Sequence[tuple[str, Any]] = (("task = ?", task), ("at >= ?", None if since is None else moment(since)))
    given = [(condition, value) for condition, value in wanted if value is not None]
    query = _SUMS.format(where=" AND ".join(["TRUE", *(condition for condition, _ in given)]))
    rows = connection.execute(query, tuple(value for _, value in given)).fetchall()
    return {
        task: CacheSummary(hits, from_dollars(saved) or Decimal(0), hits - known) for task, hits, known, saved in rows
    }


def _row(kept: Stored) -> tuple[Any, ...]:
    key = kept.key
    return (
        name(key.tenant), name(key.session), name(key.task), key.digest, kept.tier.value, text(kept.model),
        text(kept.answer), moment(kept.at), moment(kept.until), name(kept.decision_id), dollars(kept.cost),
    )  # fmt: skip
