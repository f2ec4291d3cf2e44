"""The SQL that both databases take, and what they have in common to run it with.

Everything in this package but the two doors, SQLite's and PostgreSQL's, is written against `Connection`. Statements
say `?` for a bound value, name the target of every conflict, and call a column of the old row by its table.
Tables are declared in SQLite's words; what PostgreSQL calls by other names is translated at its door.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache, lru_cache
from typing import Any, Protocol, TypeAlias

Row: TypeAlias = tuple[Any, ...]

_TABLE = re.compile(r"(?:INTO|FROM|UPDATE)\s+(\w+)", re.IGNORECASE)
_SUM = re.compile(r"ON CONFLICT \((?P<key>[^)]*)\) DO UPDATE SET (\w+) = \w+\.\2 \+ ")


class Cursor(Protocol):
    """What a statement gave."""

    @property
    def rowcount(self) -> int:
        """How many rows it changed."""

    def fetchone(self) -> Any: ...

    def fetchall(self) -> list[Any]: ...

    def __iter__(self) -> Iterator[Any]: ...


class Connection(Protocol):
    """A connection within a transaction that its owner begins and ends; `sqlite3.Connection` is one."""

    def execute(self, sql: str, parameters: Sequence[Any] | Mapping[str, Any] = ..., /) -> Cursor: ...

    def executemany(self, sql: str, rows: Iterable[Row], /) -> object:
        """Write rows, now or later, but before a statement that names their table, and in their order."""


def insert(table: str, columns: Sequence[str]) -> str:
    """The statement that adds one row."""
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"


def upsert(table: str, columns: Sequence[str], key: Sequence[str]) -> str:
    """The statement that adds one row, or puts it in the place of that with the same key."""
    taken = ", ".join(f"{column} = excluded.{column}" for column in columns if column not in key)
    return f"{insert(table, columns)} ON CONFLICT ({', '.join(key)}) DO UPDATE SET {taken}"


def add(table: str, key: Sequence[str], sums: Sequence[str]) -> str:
    """The statement that adds to the sums kept under a key. A row is the key, then what is added."""
    added = ", ".join(f"{column} = {table}.{column} + excluded.{column}" for column in sums)
    return f"{insert(table, (*key, *sums))} ON CONFLICT ({', '.join(key)}) DO UPDATE SET {added}"


@lru_cache(1000)  # most statements are constants, a few are put together from what is looked for
def concerns(statement: str, write: str) -> bool:
    """Whether a statement names the table that another one writes to."""
    return re.search(rf"\b{table_of(write)}\b", statement) is not None


@cache
def table_of(sql: str) -> str:
    """What a statement writes to."""
    found = _TABLE.search(sql)
    if found is None:
        raise ValueError(f"the statement {sql[:60]!r} names no table")
    return found[1]


@cache
def key_of_sums(sql: str) -> int | None:
    """By how many columns a statement of `add` finds the sums it adds to; `None` for any other."""
    found = _SUM.search(sql)
    return None if found is None else found["key"].count(",") + 1
