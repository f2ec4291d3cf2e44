"""What SQLite's errors mean to the person who has to do something about them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from qualityroute.errors import StoreError

BUSY_SECONDS = 10

_MEANINGS = {
    sqlite3.SQLITE_BUSY: f"another process has kept it locked for more than {BUSY_SECONDS} s; try again",
    sqlite3.SQLITE_LOCKED: f"another process has kept it locked for more than {BUSY_SECONDS} s; try again",
    sqlite3.SQLITE_FULL: "the disk is full; free some space and try again",
    sqlite3.SQLITE_READONLY: "it is read-only; give write permission to the file and its folder, or use another file",
    sqlite3.SQLITE_NOTADB: "it is not a SQLite database; use another file",
    sqlite3.SQLITE_CORRUPT: "it is damaged; put it aside and restore a copy, or use another file",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened; look at the permissions of the file and its folder",
    sqlite3.SQLITE_IOERR: "the disk reports an error",
}
_PASSING = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL)


def primary_code(error: BaseException) -> int:
    """SQLite's error number without its extension; 0 when there is none."""
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF


def store_error(path: Path, doing: str, error: BaseException) -> StoreError:
    """For `raise store_error(...) from error`."""
    code = primary_code(error)
    meaning = f"{_MEANINGS[code]} ({error})" if code in _MEANINGS else f"{error}"
    told = StoreError(f"cannot {doing} in the store '{path}': {meaning}")
    told.retryable = code in _PASSING
    return told


@contextmanager
def store_errors(path: Path, doing: str) -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, OSError, ValueError, OverflowError) as error:
        raise store_error(path, doing, error) from error
