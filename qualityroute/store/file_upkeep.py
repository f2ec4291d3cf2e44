"""A SQLite file looked through without changing it, and made as small as what is in it."""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from qualityroute.errors import StoreError
from qualityroute.store import checking
from qualityroute.store.condition import Checked, Problem, Space
from qualityroute.store.files import connect, connect_to_read
from qualityroute.store.schema import MIGRATIONS, applied, pending
from qualityroute.store.trouble import primary_code, store_errors

MOST_DAMAGE = 20
"""Places of damage that are told."""
_DAMAGE = "put the file aside and restore a backup, or save what can be read: sqlite3 FILE .recover"
_TEMPORARY = ("SQLITE_TMPDIR", "TMPDIR")


def check(path: Path) -> Checked:
    """Everything that can be wrong with a file. Raises `StoreError` for one that is no store or cannot be read."""
    if not path.is_file():
        raise StoreError(f"there is no database '{path}'; `qualityroute run` makes it, or name another by --db")
    with store_errors(path, "check the tables"), closing(connect_to_read(path)) as connection:
        connection.execute("BEGIN")
        done = applied(connection)
        if not done:
            raise StoreError(f"the file '{path}' is no store of qualityroute; name another by --db")
        missing = pending(done, f"{path}")
        damage = _damage(connection)
        if damage:
            return Checked(None, None, len(done), (Problem("the file is damaged", damage, _DAMAGE),))
        if missing:
            return Checked(None, None, len(done), (checking.version_problem(len(done), len(MIGRATIONS)),))
        decisions, pins = checking.counts(connection)
        return Checked(decisions, pins, len(done), tuple(checking.problems(connection)))


def vacuum(path: Path) -> Space:
    """Write the file anew without its free pages. Others may read meanwhile, and wait with what they write."""
    with store_errors(path, "vacuum"), closing(connect(path)) as connection:
        before = _size(path)
        _check_room(path, _filled(connection))
        connection.execute("VACUUM")
        connection.execute("PRAGMA optimize")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        return Space(before, _size(path))


def _damage(connection: sqlite3.Connection) -> tuple[str, ...]:
    try:
        found = [str(row[0]) for row in connection.execute(f"PRAGMA integrity_check({MOST_DAMAGE})")]
    except sqlite3.DatabaseError as error:  # some damage ends the looking itself
        if primary_code(error) != sqlite3.SQLITE_CORRUPT:
            raise
        return (str(error),)
    return () if found == ["ok"] else tuple(found)


def _size(path: Path) -> int:
    """With what is still in its log."""
    return sum(part.stat().st_size for part in (path, Path(f"{path}-wal")) if part.exists())


def _filled(connection: sqlite3.Connection) -> int:
    pages, free, size = (
        int(connection.execute(f"PRAGMA {name}").fetchone()[0])
        for name in ("page_count", "freelist_count", "page_size")
    )
    return (pages - free) * size


def _check_room(path: Path, filled: int) -> None:
    """It is written into a temporary file, and from there through the log into its own place."""
    temporary = next((Path(os.environ[name]) for name in _TEMPORARY if os.environ.get(name)), Path("/var/tmp"))  # noqa: S108
    for folder, needed in ((path.parent, 2 * filled), (temporary, filled)):
        if folder.is_dir() and (free := shutil.disk_usage(folder).free) < needed:
            raise StoreError(
                f"cannot vacuum the store '{path}': it needs {needed / 2**20:,.0f} MiB free in '{folder}', "
                f"and there are {free / 2**20:,.0f}"
            )
