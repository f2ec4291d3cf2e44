"""Keys as rows, never with their tokens; always in the caller's transaction."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from qualityroute.keys import Key
from qualityroute.store.columns import moment, name, text
from qualityroute.store.statements import Connection, insert

TABLE = """
CREATE TABLE keys (
    id TEXT PRIMARY KEY NOT NULL,
    name TEXT NOT NULL,            -- of one key in force at most; what was spent today goes by it
    tenant TEXT NOT NULL,          -- whose sessions and pins its requests meet
    digest TEXT NOT NULL,          -- SHA-256 of the token, which is nowhere
    hint TEXT NOT NULL,            -- the token's last 4 characters
    created_at TEXT NOT NULL,      -- ISO 8601, UTC
    revoked_at TEXT,               -- NULL: in force
    budget_per_day TEXT,           -- USD, in digits; NULL: no limit
    requests_per_minute INTEGER,   -- NULL: no limit
    dashboard INTEGER NOT NULL     -- 1: may open the dashboard
)
"""
INDEXES = (
    "CREATE UNIQUE INDEX keys_by_digest ON keys (digest)",
    "CREATE UNIQUE INDEX keys_in_force_by_name ON keys (name) WHERE revoked_at IS NULL",
)

_COLUMNS = (
    "id", "name", "tenant", "digest", "hint", "created_at", "revoked_at", "budget_per_day", "requests_per_minute",
    "dashboard",
)  # fmt: skip
_SELECT = f"SELECT {', '.join(_COLUMNS)} FROM keys"
_ALL = f"{_SELECT} ORDER BY created_at, id"
_BY_ID = f"{_SELECT} WHERE id = ?"
_BY_DIGEST = f"{_SELECT} WHERE digest = ?"
_IN_FORCE = f"{_SELECT} WHERE name = ? AND revoked_at IS NULL"
_ANY = "SELECT 1 FROM keys LIMIT 1"
_ADD = f"{insert('keys', _COLUMNS)} ON CONFLICT (name) WHERE revoked_at IS NULL DO NOTHING"
_REVOKE = "UPDATE keys SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL"


def add(connection: Connection, key: Key) -> bool:
    """Whether it was added: false where its name is taken."""
    return connection.execute(_ADD, row_of(key)).rowcount == 1


def revoke(connection: Connection, key_name: str, at: datetime) -> Key | None:
    row = connection.execute(_IN_FORCE, (name(key_name),)).fetchone()
    if row is None:
        return None
    key = replace(key_of(row), revoked_at=at)
    connection.execute(_REVOKE, (moment(at), key.id))
    return key


def every(connection: Connection) -> list[Key]:
    return [key_of(row) for row in connection.execute(_ALL)]


def by_digest(connection: Connection, digest: str) -> Key | None:
    return _one(connection.execute(_BY_DIGEST, (digest,)).fetchone())


def by_id(connection: Connection, key_id: str) -> Key | None:
    return _one(connection.execute(_BY_ID, (key_id,)).fetchone())


def is_any(connection: Connection) -> bool:
    return connection.execute(_ANY).fetchone() is not None


def row_of(key: Key) -> tuple[Any, ...]:
    """Raises `ValueError` for a name that cannot be kept."""
    budget = None if key.budget_per_day is None else f"{key.budget_per_day:f}"
    return (
        name(key.id), name(key.name), name(key.tenant), text(key.digest), text(key.hint), moment(key.created_at),
        None if key.revoked_at is None else moment(key.revoked_at), budget, key.requests_per_minute,
        int(key.dashboard),
    )  # fmt: skip


def key_of(row: tuple[Any, ...]) -> Key:
    return Key(
        id=row[0], name=row[1], tenant=row[2], digest=row[3], hint=row[4], created_at=datetime.fromisoformat(row[5]),
        revoked_at=None if row[6] is None else datetime.fromisoformat(row[6]),
        budget_per_day=None if row[7] is None else Decimal(row[7]), requests_per_minute=row[8], dashboard=row[9] == 1,
    )  # fmt: skip


def _one(row: tuple[Any, ...] | None) -> Key | None:
    return None if row is None else key_of(row)
