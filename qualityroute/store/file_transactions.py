"""Transactions on a SQLite file, which one connection at a time may write to."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import suppress

from qualityroute.store.commits import Write

LARGEST_BATCH = 500


class FileTransactions:
    """The `Transactions` of the group commit. What works lock is left aside: a transaction locks the whole file."""

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
        try:
            results = [write.work(self._connection) for write in writes]
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
