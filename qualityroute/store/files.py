"""The database file: is it a place we may write to, and a connection to it."""

from __future__ import annotations

import os
import sqlite3
import tempfile
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path

from qualityroute.errors import StoreError
from qualityroute.store.schema import migrate
from qualityroute.store.trouble import BUSY_SECONDS, primary_code, store_errors

WAL_PAGES = 4000
"""Pages of 4 KiB in the write-ahead log before they go to the file, for which the disk is waited for twice.

Four times SQLite's own: the pages that every decision changes then go there a quarter as often.
"""


def prepare(path: Path) -> None:
    """Make the file, or bring an older one up to date; one we must not touch stays as it is."""
    with store_errors(path, "open the tables"):
        check_place(path)
        connection = connect(path)
        try:
            migrate(connection, path)
            # After the tables, so that a file refused there is not even changed in its mode.
            patiently(lambda: connection.execute("PRAGMA journal_mode = WAL").fetchone())
        finally:
            connection.close()


@cache
def blank() -> bytes:
    """The bytes of a store without rows. Its tables take longer to make than all else that opens one."""
    with tempfile.TemporaryDirectory(prefix="qualityroute-") as folder:
        path = Path(folder, "blank.db")
        prepare(path)
        return path.read_bytes()


def check_place(path: Path) -> None:
    if path.is_dir():
        raise StoreError(f"the store '{path}' is a directory; name a file, such as '{path / 'qualityroute.db'}'")
    if path.exists() and not path.is_file():
        raise StoreError(f"the store '{path}' is not a regular file; name a file on a local disk")
    if not path.parent.is_dir():
        raise StoreError(f"the store '{path}' lies in the folder '{path.parent}', which does not exist; make it first")
    locked = next((place for place in (path, path.parent) if place.exists() and not os.access(place, os.W_OK)), None)
    if locked is not None:
        raise StoreError(f"the store '{path}' cannot be written: '{locked}' is read-only")


def connect(path: Path, *, patience: float = BUSY_SECONDS) -> sqlite3.Connection:
    """A connection that begins and ends its own transactions, and may move between threads.

    `patience`: seconds that it waits for another's lock.
    """
    connection = sqlite3.connect(path, timeout=patience, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute(f"PRAGMA wal_autocheckpoint = {WAL_PAGES}")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def patiently(step: Callable[[], object]) -> None:
    # SQLite does not wait its busy time for a change of the journal mode, which processes starting together all ask.
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            step()
            return
        except sqlite3.OperationalError as error:
            if primary_code(error) != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
