"""Pins and the ledger in one SQLite file, shared by tasks, threads and processes.

Five connections: pins are looked up on the event loop's own thread, where a thread hop would cost ten times the
lookup; there decisions are written as well, while nobody else writes, since a row or two take less time than the hop;
everything else that is written goes through the group commit; reports read in a worker thread; one more thread
carries the log over into the file.
"""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TypeVar

import anyio
import anyio.to_thread

from qualityroute.cache import CacheKey, Stored
from qualityroute.errors import StoreError
from qualityroute.pins import Pin, PinKey
from qualityroute.store import cache_rows, file_upkeep
from qualityroute.store.at_once import AtOnce
from qualityroute.store.checkpoints import Checkpoints
from qualityroute.store.commits import GroupCommit, to_the_end
from qualityroute.store.condition import Checked, Space
from qualityroute.store.file_transactions import FileTransactions
from qualityroute.store.files import Connect, blank, check_current, connect, connect_to_read, locked_part, prepare
from qualityroute.store.pin_rows import SELECT_ONE, pin_of
from qualityroute.store.sql import SQLStore
from qualityroute.store.statements import Connection
from qualityroute.store.trouble import store_error, store_errors

T = TypeVar("T")


def utc_now() -> datetime:
    return datetime.now(UTC)


class SQLiteStore(SQLStore):
    """A `SessionStore` in one file; without a path, in a temporary file that is removed at the end."""

    def __init__(self, path: Path | None, *, now: Callable[[], datetime] = utc_now) -> None:
        super().__init__(now)
        self._path = path
        self._connections: Connections | None = None

    @property
    def path(self) -> Path | None:
        """The database file; `None` for a temporary one that is not open."""
        return self._path if self._connections is None else self._connections.path

    async def open(self, *, to_read: bool = False) -> None:
        if self._connections is None:
            self._connections = await anyio.to_thread.run_sync(partial(open_connections, self._path, to_read=to_read))

    async def aclose(self) -> None:
        """Wait for what is being written, then close."""
        connections, self._connections = self._connections, None
        if connections is not None:
            await to_the_end(lambda: anyio.to_thread.run_sync(connections.close))

    async def pin(self, key: PinKey) -> Pin | None:
        connections = self._open()
        try:
            row = connections.lookup.execute(SELECT_ONE, (key.tenant, key.session, key.task)).fetchone()
            return None if row is None else pin_of(row)
        except (sqlite3.Error, ValueError) as error:
            raise store_error(connections.path, f"read the pin of session {key.session[:40]!r}", error) from error

    async def check(self) -> Checked:
        path = self.path
        if path is None:
            raise StoreError("a store in a temporary file that is not open cannot be checked; name a file")
        return await anyio.to_thread.run_sync(file_upkeep.check, path)

    async def vacuum(self) -> Space:
        return await anyio.to_thread.run_sync(file_upkeep.vacuum, self._open().path)

    async def cached(self, key: CacheKey, *, efficiency: bool, now: datetime) -> Stored | None:
        connections = self._open()
        try:
            return cache_rows.find(connections.lookup, key, efficiency=efficiency, now=now)
        except (sqlite3.Error, ValueError) as error:
            raise store_error(connections.path, "look for an earlier answer", error) from error

    def _open(self) -> Connections:
        if self._connections is None:
            raise StoreError(f"the store '{self._path or 'in a temporary file'}' is not open; call open() first")
        return self._connections

    def _failure(self, doing: str, error: BaseException) -> StoreError:
        return store_error(self._open().path, doing, error)

    async def _write(
        self,
        doing: str,
        work: Callable[[Connection], T],
        locks: Sequence[str] | None = None,
        *,
        brief: bool = False,
    ) -> T:
        connections = self._open()
        try:
            return await (connections.at_once if brief else connections.commits).run(work, locks)
        except Exception as error:  # any failure of a row is the store's failure to its caller
            raise store_error(connections.path, doing, error) from error

    async def _look(self, doing: str, query: Callable[[Connection], T]) -> T:
        connections = self._open()
        with store_errors(connections.path, doing):
            return query(connections.lookup)

    async def _read(self, doing: str, query: Callable[[Connection], T]) -> T:
        connections = self._open()
        with store_errors(connections.path, doing):
            return await anyio.to_thread.run_sync(connections.read, query)


class Connections:
    """What an open store holds."""

    def __init__(self, path: Path, resources: ExitStack, connect: Connect) -> None:
        self.path = path
        self.lookup, self._reports, carrier, *writers = (
            resources.enter_context(closing(connect(path, checkpoints=False))) for _ in range(5)
        )
        self.writers = writers
        self._checkpoints = Checkpoints(carrier)
        self.transactions, at_once = (FileTransactions(one, committed=self._checkpoints.note) for one in writers)
        at_once.patience = 0  # the whole event loop would wait for a lock
        self.commits = GroupCommit(self.transactions)
        self.at_once = AtOnce(at_once, self.commits)
        self._resources = resources.pop_all()
        self._reading = threading.Lock()

    def read(self, query: Callable[[Connection], T]) -> T:
        """Run a query that sees one state of the file."""
        with self._reading:
            self._reports.execute("BEGIN")
            try:
                return query(self._reports)
            finally:
                self._reports.execute("ROLLBACK")

    def close(self) -> None:
        self.commits.close()
        self._checkpoints.close()
        with self._reading:
            self._resources.close()


def open_connections(path: Path | None, *, to_read: bool = False) -> Connections:
    with store_errors(path or Path(tempfile.gettempdir()), "open the tables"), ExitStack() as resources:
        if path is None:
            path = Path(tempfile.mkdtemp(prefix="qualityroute-"), "qualityroute.db")
            resources.callback(shutil.rmtree, path.parent, ignore_errors=True)
            path.write_bytes(blank())
        if to_read and path.is_file() and locked_part(path) is not None:
            check_current(path)
            return Connections(path, resources, connect_to_read)
        prepare(path)
        return Connections(path, resources, connect)
