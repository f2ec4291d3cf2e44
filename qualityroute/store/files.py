"""The database file: is it a place we may write to, and a connection to it."""

from __future__ import annotations

import os
import sqlite3
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import Protocol

from qualityroute.errors import StoreError
from qualityroute.store.schema import applied, migrate, pending
from qualityroute.store.trouble import BUSY_SECONDS, primary_code, store_errors

WAL_PAGES = 4000
"""Pages of 4 KiB in the write-ahead log before they go to the file, for which the disk is waited for twice.

Four times SQLite's own: the pages that every decision changes then go there a quarter as often.
"""

_BOUND_AS = {None: None}
"""What a NULL is bound as: itself.

The module asks of every value but texts and numbers what to bind in its place. Without an answer it makes and drops two
exceptions for each NULL, of which a decision has a dozen; that takes three times as long.
"""


class Connect(Protocol):
    def __call__(
        self, path: Path, /, *, patience: float = BUSY_SECONDS, checkpoints: bool = True
    ) -> sqlite3.Connection: ...


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
    locked = locked_part(path)
    if locked is not None:
        raise StoreError(f"the store '{path}' cannot be written: '{locked}' is read-only")


def locked_part(path: Path) -> Path | None:
    """The file or its folder, where we may not write to it."""
    return next((place for place in (path, path.parent) if place.exists() and not os.access(place, os.W_OK)), None)


def check_current(path: Path) -> None:
    """Raises `StoreError` for a file whose tables would have to be brought up to date first."""
    with store_errors(path, "open the tables"), closing(connect_to_read(path)) as connection:
        done = applied(connection)
        if not done:
            raise StoreError(f"the file '{path}' is no store of qualityroute; name another by --db")
        if pending(done, f"{path}"):
            raise StoreError(
                f"the store '{path}' is of an older version, and '{locked_part(path)}' is read-only; "
                "have somebody who may write to it open it once with this one, such as by `qualityroute report`"
            )


def connect_to_read(path: Path, *, patience: float = BUSY_SECONDS, checkpoints: bool = False) -> sqlite3.Connection:
    """A connection that changes nothing, even to a file that we may not write to. Raises `StoreError`.

    SQLite reads the log of one that writes with the help of a file that both of them write to. Where we may not, and
    there is no log, nobody writes, and it need not look for one.
    """
    log = Path(f"{path}-wal")
    options = "mode=ro" if log.exists() or locked_part(path) is None else "mode=ro&immutable=1"
    url = f"{path.absolute().as_uri()}?{options}"
    connection = sqlite3.connect(url, uri=True, timeout=patience, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("SELECT 1 FROM sqlite_master").fetchone()
    except sqlite3.OperationalError as error:
        connection.close()
        if log.exists() and primary_code(error) in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY):
            raise StoreError(
                f"the store '{path}' cannot be read: '{log.name}' holds what is not in it yet, and to read that takes "
                f"write permission to '{path.parent}'; give it, or end the program that writes, which empties the log"
            ) from error
        raise
    return connection


def connect(path: Path, *, patience: float = BUSY_SECONDS, checkpoints: bool = True) -> sqlite3.Connection:
    """A connection that begins and ends its own transactions, and may move between threads.

    `patience`: seconds that it waits for another's lock. `checkpoints`: its commits carry a long log over.
    """
    sqlite3.register_adapter(type(None), _BOUND_AS.get)
    connection = sqlite3.connect(path, timeout=patience, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute(f"PRAGMA wal_autocheckpoint = {WAL_PAGES if checkpoints else 0}")
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
