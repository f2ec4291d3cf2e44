"""Rows that wait to be written, so that many go together: which ones must not wait any longer is decided here."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

from qualityroute.store.postgres.dialect import concerns, key_of_sums, table_of
from qualityroute.store.statements import Row

Writes: TypeAlias = list[tuple[str, list[Row]]]
"""Statements, each with its rows."""


class Waiting:
    """The rows of one transaction."""

    def __init__(self) -> None:
        self._own: dict[str, list[Row]] = {}
        """Of the work that is being done."""
        self._aside: dict[str, list[Row]] = {}
        """Of earlier works, which this one does not look at."""
        self._sums: dict[str, list[Row]] = {}
        """Of all works: what is added to sums."""

    def add(self, sql: str, rows: Iterable[Row]) -> None:
        waiting = self._own if key_of_sums(sql) is None else self._sums
        waiting.setdefault(sql, []).extend(rows)

    def set_aside(self) -> None:
        """A work is done, and the next one will not look at its rows."""
        for sql, rows in self._own.items():
            self._aside.setdefault(sql, []).extend(rows)
        self._own = {}

    def seen_by(self, statement: str) -> Writes:
        """What a statement may want to see; it waits no longer."""
        return [
            (sql, waiting.pop(sql))
            for waiting in (self._own, self._sums)
            for sql in list(waiting)
            if concerns(statement, table_of(sql))
        ]

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
        return [*self.rows(), *sums]
