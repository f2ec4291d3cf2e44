"""Rows that wait to be written, so that many go together: which ones must not wait any longer is decided here."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Sequence
from typing import Any, Protocol, TypeAlias

from qualityroute.store.commits import Write
from qualityroute.store.statements import Connection, Row, concerns, key_of_sums, table_of

Writes: TypeAlias = list[tuple[str, list[Row]]]
"""Statements, each with its rows."""


class Waiting:
    """The rows of one transaction."""

    def __init__(self) -> None:
        self._own: dict[str, list[Row]] = {}
        """Of the work that is being done."""
        self._aside: dict[str, list[Row]] = {}
        """Of earlier works, which this one does not look at."""
        self._sums: dict[str, dict[Row, Row]] = {}
        """Of all works: what is added to sums, by their key."""

    def add(self, sql: str, rows: Iterable[Row]) -> None:
        key = key_of_sums(sql)
        if key is None:
            self._own.setdefault(sql, []).extend(rows)
            return
        sums = self._sums.setdefault(sql, {})
        for row in rows:
            name, added = row[:key], row[key:]
            before = sums.get(name)
            sums[name] = added if before is None else tuple(map(operator.add, before, added))

    def set_aside(self) -> None:
        """A work is done, and the next one will not look at its rows."""
        for sql, rows in self._own.items():
            self._aside.setdefault(sql, []).extend(rows)
        self._own = {}

    def seen_by(self, statement: str) -> Writes:
        """What a statement may want to see; it waits no longer."""
        seen = [sql for sql in (*self._own, *self._sums) if concerns(statement, table_of(sql))]
        return [(sql, self._own.pop(sql) if sql in self._own else _rows(self._sums.pop(sql))) for sql in seen]

    def rows(self) -> Writes:
        """All but what is added to sums; it waits no longer."""
        self.set_aside()
        rows, self._aside = list(self._aside.items()), {}
        return rows

    def everything(self) -> Writes:
        """All; it waits no longer. Sums that all processes add to come last and in one order.

        So the rows everybody wants are locked for a moment only, and no two transactions wait for each other.
        """
        sums, self._sums = sorted(self._sums.items()), {}
        return [*self.rows(), *((sql, _rows(by_key)) for sql, by_key in sums)]


def _rows(sums: dict[Row, Row]) -> list[Row]:
    return [(*key, *sums[key]) for key in sorted(sums)]


class Patient(Connection, Protocol):
    """A connection that lets rows wait."""

    @property
    def waiting(self) -> Waiting: ...

    def write(self, due: Writes, /) -> None:
        """Write rows that waited."""


def done_one_by_one(connection: Patient, writes: Sequence[Write]) -> list[Any]:
    """The results of works, whose last rows still wait.

    None looks at what others wait to write, unless they lock the same or do not say what they lock.
    """
    results: list[Any] = []
    locked: set[str] = set()
    for write in writes:
        if write.locks is None or not locked.isdisjoint(write.locks):
            connection.write(connection.waiting.rows())
            locked.clear()
        results.append(write.work(connection))
        if write.locks is None:
            connection.write(connection.waiting.rows())
        else:
            connection.waiting.set_aside()
            locked.update(write.locks)
    return results
