"""Questions that others are likened to, and what came of each look for one like it, as rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from qualityroute.cache import CacheKey, Candidate, Evidence, Likening, LikeningSummary, Neighbour, Stored
from qualityroute.cache.semantic import NEWEST, Fate
from qualityroute.records import Tier
from qualityroute.store.columns import PER_DOLLAR, dollars, from_dollars, from_units, moment, name, text
from qualityroute.store.entry import Entry
from qualityroute.store.statements import Connection, add, insert

VECTORS = """
CREATE TABLE cache_vectors (
    decision_id TEXT PRIMARY KEY NOT NULL REFERENCES decisions(id), -- whose answer stands in cache
    tenant TEXT NOT NULL,
    session TEXT NOT NULL,         -- as in cache
    task TEXT NOT NULL,
    space TEXT NOT NULL,           -- of all that has to be equal besides the text, its scope included
    key TEXT NOT NULL,             -- as in cache
    question TEXT NOT NULL,        -- the text that is compared
    vector BLOB NOT NULL,          -- of length 1: float32, little-endian
    at TEXT NOT NULL,              -- as in cache
    until TEXT NOT NULL
)
"""
LIKENINGS = """
CREATE TABLE cache_likenings (
    decision_id TEXT PRIMARY KEY NOT NULL REFERENCES decisions(id),
    at TEXT NOT NULL,              -- ISO 8601, UTC
    task TEXT NOT NULL,
    fingerprint TEXT NOT NULL,     -- of the pipeline, and of what likens questions
    fate TEXT NOT NULL,            -- served, confirmed, or why no earlier answer was
    similarity REAL,               -- of the question in question
    propensity REAL,               -- the chance with which the judge was to be asked; NULL where nothing came so far
    source TEXT,                   -- the decision whose answer was in question
    cost REAL,                     -- USD of vector and judge; NULL is unknown
    saved REAL                     -- USD that the source took, of those that were served; NULL is unknown
)
"""
SUMS = """
CREATE TABLE cache_likening_sums (
    hour TEXT NOT NULL,            -- such as 2026-11-23T20, UTC
    task TEXT NOT NULL,
    fate TEXT NOT NULL,
    looks INTEGER NOT NULL,
    cost INTEGER NOT NULL,         -- in 1e-12 USD
    unknown INTEGER NOT NULL,      -- looks of which nobody knows what they cost
    saved INTEGER NOT NULL,        -- in 1e-12 USD
    PRIMARY KEY (hour, task, fate)
) WITHOUT ROWID
"""
TABLES = (
    VECTORS, LIKENINGS, SUMS,
    "CREATE INDEX cache_vectors_by_space ON cache_vectors (tenant, session, task, space, at)",
    "CREATE INDEX cache_vectors_until ON cache_vectors (until)",
    "CREATE INDEX cache_likenings_by_task ON cache_likenings (task, fingerprint, at)",
)  # fmt: skip
MOST_NEIGHBOURS = 10_000
"""Of one space; older questions are likened to none."""

_FATES = {fate.value: fate for fate in Fate}
_TIERS = {tier.value: tier for tier in Tier}
_PUT_VECTOR = insert(
    "cache_vectors", ("decision_id", "tenant", "session", "task", "space", "key", "question", "vector", "at", "until")
)
_LIKENING = (
    "decision_id", "at", "task", "fingerprint", "fate", "similarity", "propensity", "source", "cost", "saved",
)  # fmt: skip
_PUT_LIKENING = insert("cache_likenings", _LIKENING)
_ADD = add("cache_likening_sums", ("hour", "task", "fate"), ("looks", "cost", "unknown", "saved"))
_NEIGHBOURS = f"""
SELECT decision_id, vector, at, until FROM cache_vectors
WHERE tenant = ? AND session = ? AND task = ? AND space = ? AND at >= ? AND until > ?
ORDER BY at DESC LIMIT {MOST_NEIGHBOURS}
"""
_CANDIDATES = """
SELECT cache_vectors.decision_id, question, cache.key, tier, model, answer, cache.at, cache.until, cost
FROM cache_vectors JOIN cache ON cache.tenant = cache_vectors.tenant AND cache.session = cache_vectors.session
  AND cache.task = cache_vectors.task AND cache.key = cache_vectors.key
  AND cache.decision_id = cache_vectors.decision_id
WHERE cache_vectors.decision_id IN ({places}) AND cache_vectors.tenant = ? AND cache_vectors.session = ?
  AND cache_vectors.task = ? AND space = ? AND cache.until > ?{tier}
"""
_CHECKED = [fate.value for fate in Fate if fate.was_checked]
_EVIDENCE = f"""
SELECT fate, COUNT(*) FROM (
  SELECT fate FROM cache_likenings WHERE task = ? AND fingerprint = ? AND fate IN (?, ?)
  ORDER BY at DESC, decision_id DESC LIMIT {NEWEST}
) AS newest GROUP BY fate
"""
_STRIKE = "DELETE FROM cache_vectors WHERE decision_id = ?"
_EXPIRED = "SELECT decision_id FROM cache_vectors WHERE until <= ? ORDER BY until LIMIT ?"
_SUMMED = """
SELECT task, fate, SUM(looks), SUM(cost), SUM(unknown), SUM(saved) FROM cache_likening_sums
WHERE {where} GROUP BY task, fate ORDER BY 3 DESC, fate
"""


def neighbours(connection: Connection, space: CacheKey, *, since: datetime | None, now: datetime) -> list[Neighbour]:
    """Questions of a space that were kept since a moment."""
    kept = "" if since is None else moment(since)
    parse = datetime.fromisoformat
    wanted = (space.tenant, space.session, space.task, space.digest, kept, moment(now))
    rows = connection.execute(_NEIGHBOURS, wanted).fetchall()
    return [Neighbour(row[0], bytes(row[1]), parse(row[2]), parse(row[3])) for row in rows]


def candidates(
    connection: Connection, space: CacheKey, ids: Sequence[str], *, efficiency: bool, now: datetime
) -> dict[str, Candidate]:
    """By decision, those whose answer may be served now."""
    query = _CANDIDATES.format(places=", ".join("?" * len(ids)), tier="" if efficiency else " AND tier = 'performance'")
    asked = (*ids, space.tenant, space.session, space.task, space.digest, moment(now))
    return {row[0]: _candidate(space, row) for row in connection.execute(query, asked).fetchall()}


def evidence(connection: Connection, task: str, fingerprint: str) -> Evidence:
    """Of the newest answers that the judge was asked of."""
    counts = dict(connection.execute(_EVIDENCE, (task, fingerprint, *_CHECKED)).fetchall())
    return Evidence(int(sum(counts.values())), int(counts.get(Fate.WRONG.value, 0)))


def write(connection: Connection, entry: Entry) -> None:
    """Keep the question that a decision leaves for others, and what its own look came to."""
    kept, told = entry.keeps, entry.decision
    if kept is not None and kept.sense is not None:
        key, sense = kept.key, kept.sense
        row = (name(told.id), name(key.tenant), name(key.session), name(key.task), sense.space, key.digest,
               text(sense.text), sense.vector, moment(kept.at), moment(kept.until))  # fmt: skip
        connection.executemany(_PUT_VECTOR, [row])
    if entry.likening is not None:
        found, at = entry.likening, moment(told.at)
        rest = (found.similarity, found.propensity, found.source, dollars(found.cost), dollars(found.saved))
        connection.executemany(_PUT_LIKENING, [(told.id, at, told.task, found.fingerprint, found.fate.value, *rest)])
        connection.executemany(_ADD, [_counted(at, told.task, found)])
        if found.fate is Fate.WRONG and found.source is not None:
            connection.executemany(_STRIKE, [(found.source,)])


def prune(connection: Connection, now: datetime, most: int) -> None:
    """Remove the questions whose answers expired first."""
    found = [tuple(row) for row in connection.execute(_EXPIRED, (moment(now), most))]
    connection.executemany(_STRIKE, found)


def likening_of(connection: Connection, decision_id: str) -> Likening | None:
    query = f"SELECT {', '.join(_LIKENING[3:])} FROM cache_likenings WHERE decision_id = ?"
    row = connection.execute(query, (decision_id,)).fetchone()
    return None if row is None else _likening(row)


def summaries(connection: Connection, task: str | None, since: datetime | None) -> dict[str, LikeningSummary]:
    """By task, of one or all; `since` counts from the beginning of its hour."""
    wanted = {"task = ?": task, "hour >= ?": None if since is None else moment(since)[:13]}
    given = {condition: value for condition, value in wanted.items() if value is not None}
    rows = connection.execute(_SUMMED.format(where=" AND ".join(["TRUE", *given])), tuple(given.values())).fetchall()
    by_task: defaultdict[str, list[Any]] = defaultdict(list)
    for row in rows:
        by_task[row[0]].append(row[1:])
    return {name: _summary(sums) for name, sums in by_task.items()}


def count_again(connection: Connection, horizon: Callable[[str], str]) -> None:
    """As `cache_rows.count_again` does."""
    connection.execute(f"DELETE FROM cache_likening_sums WHERE hour >= {horizon('cache_likening_sums')}")
    query = f"SELECT at, task, {', '.join(_LIKENING[3:])} FROM cache_likenings WHERE at >= {horizon('cache_likenings')}"
    rows = connection.execute(query).fetchall()
    connection.executemany(_ADD, [_counted(row[0], row[1], _likening(row[2:])) for row in rows])


def _candidate(space: CacheKey, row: Any) -> Candidate:
    parse = datetime.fromisoformat
    key = CacheKey(space.tenant, space.session, space.task, row[2])
    stored = Stored(key, _TIERS[row[3]], row[4], row[5], parse(row[6]), parse(row[7]), row[0], from_dollars(row[8]))
    return Candidate(row[1], stored)


def _likening(row: Any) -> Likening:
    fingerprint, fate, similarity, chance, source, cost, saved = row
    return Likening(
        fingerprint, _FATES[fate], similarity, chance, source, from_dollars(cost), from_dollars(saved)
    )  # fmt: skip


def _summary(rows: Sequence[Any]) -> LikeningSummary:
    return LikeningSummary(
        fates={_FATES[fate]: int(looks) for fate, looks, *_ in rows},
        cost=from_units(int(sum(row[2] for row in rows))),
        unknown=int(sum(row[3] for row in rows)),
        saved=from_units(int(sum(row[4] for row in rows))),
    )


def _counted(at: str, task: str, found: Likening) -> tuple[Any, ...]:
    cost, saved = _units(found.cost), _units(found.saved)
    return (at[:13], task, found.fate.value, 1, cost, int(found.cost is None), saved)


def _units(amount: Decimal | None) -> int:
    return 0 if amount is None else round(float(amount) * PER_DOLLAR)
