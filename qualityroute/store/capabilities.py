"""What models' endpoints were found to do or to refuse."""

from __future__ import annotations

from datetime import datetime

from qualityroute.client import Capability
from qualityroute.store.columns import moment, name
from qualityroute.store.statements import Connection

TABLE = """
CREATE TABLE capabilities (
    provider TEXT NOT NULL,        -- as the configuration named it
    base_url TEXT NOT NULL,
    model TEXT NOT NULL,
    name TEXT NOT NULL,            -- what it is about, such as 'structured output' or 'no temperature'
    value TEXT NOT NULL,
    at TEXT NOT NULL,              -- when it was found; ISO 8601, UTC
    PRIMARY KEY (base_url, model, name)
) WITHOUT ROWID
"""

_SELECT = "SELECT provider, base_url, model, name, value, at FROM capabilities WHERE base_url = ? AND model = ?"


def of_model(connection: Connection, base_url: str, model: str) -> list[Capability]:
    rows = connection.execute(_SELECT, (base_url, model)).fetchall()
    return [
        Capability(provider, address, asked, about, value, datetime.fromisoformat(at))
        for provider, address, asked, about, value, at in rows
    ]


def write(connection: Connection, found: Capability) -> None:
    """In place of what was known under its name, unless that is newer."""
    connection.execute(
        """INSERT INTO capabilities (provider, base_url, model, name, value, at) VALUES (?, ?, ?, ?, ?, ?)
        ON CONFLICT (base_url, model, name) DO UPDATE SET provider = excluded.provider, value = excluded.value,
        at = excluded.at WHERE excluded.at >= capabilities.at""",
        (name(found.provider), found.base_url, found.model, found.name, found.value, moment(found.at)),
    )
