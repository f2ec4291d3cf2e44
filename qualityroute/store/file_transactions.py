"""Transactions on a SQLite file, which one connection at a time may write to."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from qualityroute.store.commits import Write
from qualityroute.store.statements import Cursor, Row
from qualityroute.store.waiting import Waiting, Writes, done_one_by_one

LARGEST_BATCH = 500


class FileTransactions:
    """The `Transactions` of the group commit.

    A transaction locks the whole file. What works lock says only which of them may not see each other's rows late.
    """

    largest = LARGEST_BATCH

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def begin(self) -> Exception | None:
        # IMMEDIATE: a transaction that reads first and then wants to write is refused at once, whatever the busy time.
        try:
            self._connection.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            return error
        return None

    def finish(self, writes: Sequence[Write]) -> Exception | None:
        written = Gathering(self._connection)
        try:
            results = done_one_by_one(written, writes)
            written.write(written.waiting.everything())
            self._connection.execute("COMMIT")
        except (
            Exception
        ) as error:  # whatever a work raises belongs to its caller, and must not leave the others waiting
            self._roll_back()
            return error
        for write, result in zip(writes, results, strict=True):
            write.result = result
        return None

    def _roll_back(self) -> None:
        if self._connection.in_transaction:
            with suppress(sqlite3.Error):  # a full disk can have ended the transaction already
                self._connection.execute("ROLLBACK")


class Gathering:
    """The connection during one transaction: rows of many works go to their table together."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.waiting = Waiting()
        self._connection = connection

    def execute(self, sql: str, parameters: Sequence[Any] | Mapping[str, Any] = (), /) -> Cursor:
        self.write(self.waiting.seen_by(sql))
        return self._connection.execute(sql, parameters)

    def executemany(self, sql: str, rows: Iterable[Row], /) -> None:
        self.waiting.add(sql, rows)

    def write(self, due: Writes, /) -> None:
        for sql, rows in due:
            self._connection.executemany(sql, rows)
