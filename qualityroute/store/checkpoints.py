"""SQLite's log carried over into the file, by a thread of its own, so that no request waits for the disk.

A commit only appends to the log. Now and then its pages go to the file, for which the disk is waited for twice, and
once more by whoever begins the log anew; SQLite would have one of the commits do all that.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from contextlib import suppress
from datetime import timedelta

PAUSE = timedelta(seconds=0.5)
"""From a commit until it is carried over: pages that every decision changes go to the file once for all of them."""
LONGEST = 16_000
"""Pages of the log. Under steady writing it is never all in the file, so that it does not begin anew by itself."""
_TRIES = 100
_AGAIN = timedelta(milliseconds=1)


class Checkpoints:
    """Carries over what other connections to the file commit; has a connection of its own."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        # Whoever waits for the readers of an old state keeps everybody from writing.
        connection.execute("PRAGMA busy_timeout = 0")
        self._connection = connection
        self._due, self._closing = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="qualityroute-checkpoints", daemon=True)
        self._thread.start()

    def note(self) -> None:
        """Something was committed."""
        if not self._due.is_set():
            self._due.set()

    def close(self) -> None:
        """End; blocks while the disk is waited for."""
        self._closing.set()
        self._due.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ended():
            with suppress(sqlite3.Error):  # whoever writes next hears of a full disk, or of a damaged file
                carry_over(self._connection)

    def _ended(self) -> bool:
        """Wait until something is due, and tell whether that is the end."""
        self._due.wait()
        self._closing.wait(PAUSE.total_seconds())
        self._due.clear()
        # Looked at last: whoever closes as the pause runs out would be cleared away, and wait for ever.
        return self._closing.is_set()


def carry_over(connection: sqlite3.Connection) -> None:
    """The log's pages, as far as no reader needs the file as it is; writers wait only where it has grown too long."""
    pages, carried = _checkpoint(connection, "PASSIVE")
    if pages > LONGEST:
        pages, carried = _checkpoint(connection, "FULL")
    if pages == carried:
        _begin_anew(connection)


def _checkpoint(connection: sqlite3.Connection, kind: str) -> tuple[int, int]:
    """Pages in the log, and those of them that are in the file."""
    for _ in range(_TRIES):
        busy, pages, carried = connection.execute(f"PRAGMA wal_checkpoint({kind})").fetchone()
        if not busy or kind == "PASSIVE":
            break
        time.sleep(_AGAIN.total_seconds())
    return pages, carried


def _begin_anew(connection: sqlite3.Connection) -> None:
    """Write a page that says what it said: who writes the first one waits for the disk."""
    with suppress(sqlite3.OperationalError):  # another one has
        connection.execute("BEGIN IMMEDIATE")
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        connection.execute(f"PRAGMA user_version = {version}")
        connection.execute("COMMIT")
