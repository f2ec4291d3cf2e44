"""A short transaction on the event loop's own thread, where nobody else has the file."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import TypeVar

from qualityroute.store.commits import Write
from qualityroute.store.file_transactions import FileTransactions
from qualityroute.store.statements import Connection

T = TypeVar("T")

IN_A_ROW = 250
"""Then one goes the other way, which has the time to carry SQLite's log over into the file."""


class AtOnce:
    """Runs works on a connection of its own, which must not wait for locks.

    Handing a work to a thread and hearing back costs more than its few rows do, and while there are other threads
    each statement may wait for the interpreter's lock. The file is written by one at a time, so that a transaction
    here keeps out those of other processes for as long as any does.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        # That takes milliseconds, and waits for the disk.
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        self._transactions = FileTransactions(connection, patience=0)  # the whole event loop would wait
        self._in_a_row = 0

    def run(self, work: Callable[[Connection], T]) -> tuple[T] | None:
        """The work's result, committed; `None` where it was not done, since the file is locked, or it is time to.

        Raises what the work or the commit raised.
        """
        if self._in_a_row >= IN_A_ROW or self._transactions.begin() is not None:
            self._in_a_row = 0
            return None
        self._in_a_row += 1
        write = Write(work, None)
        error = self._transactions.finish([write])
        if error is not None:
            raise error
        return (write.result,)
