"""What a store holds, read by plain SQL of its own, from either database."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any

PER_DOLLAR = 10**12
Row = dict[str, Any]
TABLES = {
    "decisions": "SELECT rowid AS place, * FROM decisions ORDER BY rowid",
    "attempts": "SELECT * FROM attempts ORDER BY decision_id, attempt",
    "calls": "SELECT * FROM calls ORDER BY decision_id, attempt, position",
    "verdicts": "SELECT * FROM verdicts ORDER BY decision_id, attempt, position",
    "payloads": "SELECT decision_id, kind FROM payloads",
    "pins": "SELECT * FROM pins",
    "tallies": "SELECT * FROM tallies",
    "latencies": "SELECT * FROM latencies",
    "spending": "SELECT * FROM spending",
    "reservations": "SELECT * FROM reservations",
}


@dataclass(frozen=True)
class Books:
    """The rows of one moment."""

    rows: dict[str, list[Row]]
    damage: str = ""
    """What the database itself finds wrong with its file."""

    def __getitem__(self, table: str) -> list[Row]:
        return self.rows[table]

    def of_decision(self, table: str) -> dict[str, list[Row]]:
        """The rows of a table, by their decision."""
        found: defaultdict[str, list[Row]] = defaultdict(list)
        for row in self.rows[table]:
            found[row["decision_id"]].append(row)
        return found

    @cached_property
    def decisions(self) -> dict[str, Row]:
        return {row["id"]: row for row in self.rows["decisions"]}


def read_books(url: str) -> Books:
    """Raises what the database's own module raises."""
    with opened(url) as connection:
        rows = {table: list(_rows(connection, query)) for table, query in TABLES.items()}
        damage = ""
        if isinstance(connection, sqlite3.Connection):
            found = [row[0] for row in connection.execute("PRAGMA integrity_check")]
            damage = "" if found == ["ok"] else "; ".join(found)
        return Books(rows, damage)


@contextmanager
def opened(url: str) -> Iterator[Any]:
    """A connection in a transaction that sees one moment, and changes nothing in the end."""
    if url.startswith("sqlite:///"):
        with closing(sqlite3.connect(Path(url.removeprefix("sqlite:///")), isolation_level=None)) as file:
            file.execute("BEGIN")
            yield file
            file.execute("ROLLBACK")
        return
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        yield connection
        connection.execute("ROLLBACK")


def _rows(connection: Any, query: str) -> Iterator[Row]:
    cursor = connection.execute(query)
    names = [column[0] for column in cursor.description]
    for row in cursor.fetchall():
        yield dict(zip(names, row, strict=True))


def units(cost: float | Decimal) -> int:
    """USD as a whole number of what the store counts in."""
    return round(Decimal(repr(cost) if isinstance(cost, float) else cost) * PER_DOLLAR)
