"""Rows that wait to be written, so that many go together: which ones must not wait any longer is decided here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Protocol, TypeAlias

from qualityroute.store.commits import Write
from qualityroute.store.statements import Connection, Row, concerns, key_of_sums

Writes: TypeAlias = list[tuple[str, list[Row]]]
"""Statements, each with its rows."""


class Waiting:
    """The rows of one transaction."""

    def __init__(self) -> None:
        self._own: list[tuple[str, Iterable[Row]]] = []
        """Of the work that is being done."""
        self._aside: dict[str, list[Row]] = {}
        """Of earlier works, which this one does not look at."""
        self._sums: dict[str, dict[Row, list[Row]]] = {}
        """Of earlier works too: what is added to sums, by their key. These it may look at."""

    def add(self, sql: str, rows: Iterable[Row]) -> None:
        self._own.append((sql, rows))

    def set_aside(self) -> None:
        """A work is done, and the next one will not look at its rows."""
        own, self._own = self._own, []
        aside = self._aside
        for sql, rows in own:
            if sql in aside:  # which by the second work they are
                aside[sql] += rows
            else:
                self._keep(sql, rows, aside)

    def seen_by(self, statement: str) -> Writes:
        """What a statement may want to see; it waits no longer."""
        # No comprehensions: this is asked before every statement, and the answer is nearly always no.
        for sql in self._sums:
            if concerns(statement, sql):
                return self._take(statement)
        for sql, _ in self._own:
            if concerns(statement, sql):
                return self._take(statement)
        return []

    def rows(self) -> Writes:
        """All but what is added to sums; it waits no longer."""
        self.set_aside()
        rows, self._aside = list(self._aside.items()), {}
        return rows

    def everything(self) -> Writes:
        """All; it waits no longer. Sums that all processes add to come last and in one order.

        So the rows everybody wants are locked for a moment only, and no two transactions wait for each other.
        """
        rows, sums = self.rows(), sorted(self._sums.items())
        self._sums = {}
        return [*rows, *((sql, _added_up(by_key)) for sql, by_key in sums)]

    def _take(self, statement: str) -> Writes:
        """What a statement names the tables of, the sums added up."""
        seen: dict[str, list[Row]] = {}
        own, self._own = self._own, []
        for sql, rows in own:
            if concerns(statement, sql):
                self._keep(sql, rows, seen)
            else:
                self._own.append((sql, rows))
        sums = [sql for sql in self._sums if concerns(statement, sql)]
        return [*seen.items(), *((sql, _added_up(self._sums.pop(sql))) for sql in sums)]

    def _keep(self, sql: str, rows: Iterable[Row], among: dict[str, list[Row]]) -> None:
        key = key_of_sums(sql)
        if key is None:
            among.setdefault(sql, []).extend(rows)
            return
        sums = self._sums.setdefault(sql, {})
        for row in rows:
            sums.setdefault(row[:key], []).append(row[key:])


def _added_up(sums: dict[Row, list[Row]]) -> list[Row]:
    return [(*key, *map(sum, zip(*sums[key], strict=True))) for key in sorted(sums)]


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
