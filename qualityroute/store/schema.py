"""The tables, as a list of migrations: only ever added to at its end.

They are SQLite's words, which `postgres/dialect.py` declares for PostgreSQL; a migration executes plain statements.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Protocol

from qualityroute.errors import StoreError
from qualityroute.store import (
    browsing,
    cache_rows,
    capabilities,
    certificates,
    forecasts,
    kept,
    key_rows,
    likening_rows,
    retention,
    spending,
    truth,
)
from qualityroute.store.ledger import BEGUN
from qualityroute.store.tallies import HEAD_START_COLUMNS, LATENCIES, LIKENING_COLUMNS, PEER_COLUMNS
from qualityroute.store.tallies import TABLE as TALLIES

NAME = "qualityroute"

DECISIONS = """
CREATE TABLE decisions (
    id TEXT PRIMARY KEY NOT NULL,
    at TEXT NOT NULL,              -- when the request came; ISO 8601, UTC
    tenant TEXT NOT NULL,
    session TEXT,                  -- NULL: a request without a session
    task TEXT NOT NULL,
    route TEXT NOT NULL,           -- why it started where it started: cascade, pinned, probe, task, asked, baseline
    tier TEXT,                     -- the tier that answered
    model TEXT,                    -- provider/model that answered
    outcome TEXT NOT NULL,         -- accepted, fallback, pinned, failover, performance, rejected, failed, ...
    reason TEXT,                   -- why it left the efficiency tier, or why it failed
    message TEXT NOT NULL,         -- the reason in words
    cost REAL,                     -- USD; NULL is unknown, not 0
    latency_ms REAL NOT NULL,
    pin TEXT,                      -- what it did to its session's pin: created, held, probe_failed, released, ...
    failed INTEGER,                -- unpinned efficiency attempt: 1 rejected, 0 accepted, NULL not judged or no such
    session_attempt INTEGER,       -- which judged attempt of its session and task, up to the first failure
    session_started TEXT,          -- when the first of those was; NULL where session_attempt is
    fingerprint TEXT NOT NULL,     -- of the configuration it ran under
    metadata TEXT NOT NULL         -- the caller's own, as JSON
)
"""

ATTEMPTS = """
CREATE TABLE attempts (
    decision_id TEXT NOT NULL REFERENCES decisions(id),
    attempt INTEGER NOT NULL,      -- 0 is the first
    tier TEXT NOT NULL,
    ruling TEXT NOT NULL,          -- accepted, rejected, undecided
    reason TEXT,
    message TEXT NOT NULL,
    repaired INTEGER NOT NULL,     -- 1: the JSON stood in a code fence, which was taken off
    latency_ms REAL NOT NULL,
    PRIMARY KEY (decision_id, attempt)
) WITHOUT ROWID
"""

CALLS = """
CREATE TABLE calls (
    decision_id TEXT NOT NULL REFERENCES decisions(id),
    attempt INTEGER NOT NULL,
    position INTEGER NOT NULL,     -- in the order made, within the attempt
    role TEXT NOT NULL,            -- answer, judge, peer, audit
    tier TEXT,
    provider TEXT NOT NULL,
    model TEXT NOT NULL,           -- as asked for, without its provider
    served_model TEXT NOT NULL,    -- as the provider named it
    "check" TEXT,                  -- the check that made the call; NULL: the call for the answer itself
    input_tokens INTEGER,
    cached_tokens INTEGER,         -- the part of input_tokens read from the provider's prompt cache
    output_tokens INTEGER,
    reasoning_tokens INTEGER,      -- the part of output_tokens spent on reasoning
    estimated INTEGER NOT NULL,    -- 1: the tokens are our estimate, not the provider's count
    cost REAL,                     -- USD at the price of that day; NULL is unknown, not 0
    latency_ms REAL NOT NULL,
    error TEXT,                    -- NULL: the call was answered
    message TEXT NOT NULL,
    retries INTEGER NOT NULL,
    verdict INTEGER,               -- position of the check's verdict within the attempt
    PRIMARY KEY (decision_id, attempt, position)
) WITHOUT ROWID
"""

VERDICTS = """
CREATE TABLE verdicts (
    decision_id TEXT NOT NULL REFERENCES decisions(id),
    attempt INTEGER NOT NULL,
    position INTEGER NOT NULL,     -- in the order of the gate
    "check" TEXT NOT NULL,
    ruling TEXT NOT NULL,          -- accepted, rejected, undecided
    reason TEXT,
    message TEXT NOT NULL,
    score REAL,
    details TEXT NOT NULL,         -- JSON
    PRIMARY KEY (decision_id, attempt, position)
) WITHOUT ROWID
"""

PINS = """
CREATE TABLE pins (
    session TEXT NOT NULL,
    task TEXT NOT NULL,            -- empty: every task of the session
    state TEXT NOT NULL,           -- held, half_open (the next request probes), watching (not pinned yet)
    reason TEXT NOT NULL,          -- why: the rejected answer's reason, or manual
    "check" TEXT NOT NULL,         -- the check that rejected the answer
    message TEXT NOT NULL,         -- the reason in words
    since TEXT NOT NULL,           -- ISO 8601, UTC
    until TEXT NOT NULL,           -- no longer than this
    served INTEGER NOT NULL,       -- requests served by the performance tier because of this pin
    failed_probes INTEGER NOT NULL,
    model TEXT NOT NULL,           -- provider/model whose answer was rejected
    decision_id TEXT NOT NULL,     -- the decision that made the pin
    tenant TEXT NOT NULL,
    last_used TEXT NOT NULL,
    strikes INTEGER NOT NULL,      -- rejected answers in a row
    held INTEGER NOT NULL,         -- 0: only watching
    hold INTEGER NOT NULL,         -- requests held between probes
    remaining INTEGER NOT NULL,    -- requests still held before the next probe
    passed_probes INTEGER NOT NULL,
    probe_token TEXT,              -- who has the lease of the probe
    probe_expires TEXT,
    PRIMARY KEY (tenant, session, task)
) WITHOUT ROWID
"""

PAYLOADS = """
CREATE TABLE payloads (
    decision_id TEXT NOT NULL REFERENCES decisions(id),
    kind TEXT NOT NULL,            -- prompt or answer, and of which attempt
    content TEXT NOT NULL,
    PRIMARY KEY (decision_id, kind)
) WITHOUT ROWID
"""

CERTIFICATES = """
CREATE TABLE certificates (
    id TEXT PRIMARY KEY NOT NULL,
    task TEXT NOT NULL,
    at TEXT NOT NULL,              -- ISO 8601, UTC
    pipeline TEXT NOT NULL,        -- fingerprint of what was certified
    threshold REAL NOT NULL,
    alpha REAL NOT NULL,           -- at most this share of accepted answers differs
    delta REAL NOT NULL,           -- with confidence 1 - delta
    cases INTEGER NOT NULL,
    revoked_at TEXT,
    details TEXT NOT NULL          -- JSON
)
"""

AUDITS = """
CREATE TABLE audits (
    decision_id TEXT PRIMARY KEY NOT NULL REFERENCES decisions(id),
    at TEXT NOT NULL,              -- ISO 8601, UTC
    task TEXT NOT NULL,
    agrees INTEGER,                -- NULL: could not be compared
    cost REAL,                     -- USD
    details TEXT NOT NULL          -- the fields that differ, as JSON
)
"""

BASELINES = """
CREATE TABLE baselines (
    task TEXT NOT NULL,
    input_id TEXT NOT NULL,
    at TEXT NOT NULL,              -- ISO 8601, UTC
    decision_id TEXT NOT NULL REFERENCES decisions(id),
    output TEXT NOT NULL,          -- the performance tier's answer, as JSON
    PRIMARY KEY (task, input_id)
)
"""

CACHE = """
CREATE TABLE cache (
    tenant TEXT NOT NULL,
    task TEXT NOT NULL,
    key TEXT NOT NULL,             -- of the request, its configuration and its scope
    at TEXT NOT NULL,              -- ISO 8601, UTC
    until TEXT NOT NULL,
    decision_id TEXT NOT NULL REFERENCES decisions(id),
    output TEXT NOT NULL,          -- JSON
    embedding BLOB,
    PRIMARY KEY (tenant, task, key)
)
"""

INDEXES = (
    "CREATE INDEX decisions_at ON decisions (at)",
    """CREATE INDEX decisions_session_attempts ON decisions (tenant, session, task, session_attempt, failed)
       WHERE session IS NOT NULL AND session_attempt IS NOT NULL""",
    """CREATE INDEX decisions_session_starts ON decisions (task, session_started, session_attempt, failed)
       WHERE session_attempt IS NOT NULL""",
    "CREATE INDEX verdicts_of_judges_in_trouble ON verdicts (decision_id) WHERE reason = 'judge_error'",
)


class Tables(Protocol):
    """What a migration changes; `sqlite_utils.Database` is one."""

    def execute(self, statement: str) -> object: ...


def first_tables(db: Tables) -> None:
    tables = (
        DECISIONS, ATTEMPTS, CALLS, VERDICTS, PINS, PAYLOADS, CERTIFICATES, AUDITS, BASELINES, CACHE,
        TALLIES, LATENCIES,
    )  # fmt: skip
    for statement in (*tables, *INDEXES):
        db.execute(statement.strip())


def costs_of_peers(db: Tables) -> None:
    for statement in PEER_COLUMNS:
        db.execute(statement)


def ground_truth(db: Tables) -> None:
    """References, labels, audits, certificates and looks; three of the tables were there before and never written."""
    for table in ("baselines", "audits", "certificates"):
        db.execute(f"DROP TABLE {table}")
    for statement in (*truth.TABLES, *certificates.TABLES):
        db.execute(statement.strip())


def learned_capabilities(db: Tables) -> None:
    db.execute(capabilities.TABLE.strip())


def budgets(db: Tables) -> None:
    """What is spent of them, and what is reserved."""
    for statement in spending.TABLES:
        db.execute(statement.strip())


def searches(db: Tables) -> None:
    """Decisions found by what they are, and the secret that signs who may look."""
    for statement in (*browsing.INDEXES, kept.SECRETS):
        db.execute(statement.strip())


def keys(db: Tables) -> None:
    for statement in (key_rows.TABLE, *key_rows.INDEXES):
        db.execute(statement.strip())


def learned_routing(db: Tables) -> None:
    """Cells, forecasts and regressions of tasks whose tier is `auto`."""
    for statement in forecasts.TABLES:
        db.execute(statement.strip())


def pruning(db: Tables) -> None:
    """What was pruned, whose turn it is, and whose labels remain of decisions that are gone."""
    for statement in (*retention.TABLES, *truth.OWNERS):
        db.execute(statement.strip())


def head_starts(db: Tables) -> None:
    """Performance answers that are begun while efficiency's are still being proved."""
    for statement in (BEGUN, *HEAD_START_COLUMNS):
        db.execute(statement)


def exact_cache(db: Tables) -> None:
    """Answers to serve again; the table was there before and never written."""
    db.execute("DROP TABLE cache")
    for statement in cache_rows.TABLES:
        db.execute(statement.strip())


def cache_by_the_hour(db: Tables) -> None:
    for statement in cache_rows.BY_THE_HOUR:
        db.execute(statement.strip())


def semantic_cache(db: Tables) -> None:
    """Questions that others are likened to, what came of it, and what it cost."""
    for statement in (*likening_rows.TABLES, *LIKENING_COLUMNS):
        db.execute(statement.strip())


MIGRATIONS: tuple[Callable[[Tables], None], ...] = (
    first_tables, costs_of_peers, ground_truth, learned_capabilities, budgets, searches, keys, learned_routing,
    pruning, head_starts, exact_cache, cache_by_the_hour, semantic_cache,
)  # fmt: skip


def tables() -> set[str]:
    """Names of all tables of this version."""
    with closing(sqlite3.connect(":memory:")) as connection:
        for migration in MIGRATIONS:
            migration(connection)
        return {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


def migrate(connection: sqlite3.Connection, path: Path) -> None:
    """Bring the tables up to date; of processes that start together, one does it and the others wait."""
    if not pending(applied(connection), f"{path}"):
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        pending(applied(connection), f"{path}")  # another process may have made it newer meanwhile
        _apply(connection)
        connection.execute("COMMIT")
    except BaseException:
        with suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
        raise


def _apply(connection: sqlite3.Connection) -> None:
    from sqlite_utils import Database, Migrations  # noqa: PLC0415  (0.2 s, needed only when something is pending)

    migrations = Migrations(NAME)
    for function in MIGRATIONS:
        migrations(name=function.__name__)(function)
    migrations.apply(Database(connection, execute_plugins=False))


def pending(done: Sequence[str], store: str) -> list[Callable[[Tables], None]]:
    """What is still to be done to a store. Raises `StoreError` for one that a newer version wrote."""
    ours = [function.__name__ for function in MIGRATIONS]
    newer = [name for name in done if name not in ours]
    if newer:
        raise StoreError(
            f"the store '{store}' was written by a newer version of qualityroute (it has '{newer[-1]}', and this one "
            f"knows its tables up to '{ours[-1]}'); upgrade this one, or use another store"
        )
    return [function for function in MIGRATIONS if function.__name__ not in done]


def applied(connection: sqlite3.Connection) -> list[str]:
    """What was done to this file already, read without sqlite-utils: most files need nothing more."""
    there = connection.execute("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = '_sqlite_migrations'")
    if there.fetchone() is None:
        return []
    rows = connection.execute(
        "SELECT name FROM _sqlite_migrations WHERE migration_set = ? ORDER BY rowid", (NAME,)
    ).fetchall()
    return [str(row[0]) for row in rows]
