"""Transactions on a SQLite file, which one connection at a time may write to."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from typing import Any

from qualityroute.store.commits import Write
from qualityroute.store.statements import Cursor
from qualityroute.store.together import together
from qualityroute.store.trouble import BUSY_SECONDS, primary_code
from qualityroute.store.waiting import Waiting, Writes, done_one_by_one

LARGEST_BATCH = 500
AGAIN_SECONDS = 0.0005
"""Until a lock that another process holds is asked for again."""


class FileTransactions:
    """The `Transactions` of the group commit.

    A transaction locks the whole file. What works lock says only which of them may not see each other's rows late.
    """

    largest = LARGEST_BATCH

    def __init__(
        self,
        connection: sqlite3.Connection,
        patience: float = BUSY_SECONDS,
        *,
        committed: Callable[[], object] | None = None,
    ) -> None:
        """patience: seconds that a lock is waited for. committed: called after each commit."""
        self.patience = patience
        self._connection = connection
        self._committed = committed
        # SQLite's own waiting naps ever longer, up to 0.1 s, and a lock is free again after a few milliseconds.
        connection.execute("PRAGMA busy_timeout = 0")

    def begin(self) -> Exception | None:
        deadline = time.monotonic() + self.patience
        while True:
            # IMMEDIATE: a transaction that reads first and then wants to write is refused at once, however patient.
            try:
                self._connection.execute("BEGIN IMMEDIATE")
            except sqlite3.Error as error:
                if primary_code(error) != sqlite3.SQLITE_BUSY or time.monotonic() >= deadline:
                    return error
                time.sleep(AGAIN_SECONDS)
            else:
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
        if self._committed is not None:
            self._committed()
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
        self.executemany = self.waiting.add
        self._connection = connection

    def execute(self, sql: str, parameters: Sequence[Any] | Mapping[str, Any] = (), /) -> Cursor:
        if due := self.waiting.seen_by(sql):
            self.write(due)
        return self._connection.execute(sql, parameters)

    def write(self, due: Writes, /) -> None:
        for sql, rows in due:
            for statement, values in together(sql, rows):
                self._connection.executemany(_without_journal(statement), values)


@lru_cache(1000)
def _without_journal(sql: str) -> str:
    """The statement, when what it has done by the time it fails need not be taken back.

    Whoever writes rows here takes back the whole transaction. SQLite would copy every page that a statement of many
    rows changes, to be able to take back that alone.
    """
    return sql.replace("INSERT INTO", "INSERT OR FAIL INTO", 1)
