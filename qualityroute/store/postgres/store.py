"""A session store on a PostgreSQL server.

A request's look-ups run in worker threads on a few connections, what is written goes through the group commit on
one, reports read on another. All of them are made when they are first needed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

import anyio
import anyio.to_thread

from qualityroute.errors import StoreError
from qualityroute.pins import Pin, PinKey
from qualityroute.store import tallies
from qualityroute.store.commits import GroupCommit, to_the_end
from qualityroute.store.condition import Checked, Space
from qualityroute.store.pin_rows import read_pin
from qualityroute.store.postgres import upkeep
from qualityroute.store.postgres.driver import Parameters, ServerError, Session
from qualityroute.store.postgres.server import Server
from qualityroute.store.postgres.tables import prepare
from qualityroute.store.postgres.transactions import LIMIT, ServerTransactions
from qualityroute.store.postgres.trouble import store_error
from qualityroute.store.sql import SQLStore
from qualityroute.store.statements import Connection

T = TypeVar("T")

LOOKS = 4
"""Look-ups at once; more wait their turn, which is a fraction of a millisecond."""
READS = 2
"""Reports at once."""
REPORT_LIMIT = timedelta(seconds=60)
SNAPSHOT = "ISOLATION LEVEL REPEATABLE READ READ ONLY"


class PostgresStore(SQLStore):
    """A `SessionStore` in a database that any number of processes on any number of hosts share."""

    def __init__(self, parameters: Parameters, place: str, *, now: Callable[[], datetime]) -> None:
        super().__init__(now)
        self._parameters = parameters
        self.place = place
        """Its URL, as it may be shown."""
        self._connections: Connections | None = None

    def __repr__(self) -> str:
        return f"PostgresStore('{self.place}')"

    async def open(self, *, to_read: bool = False) -> None:
        if self._connections is None:
            self._connections = await anyio.to_thread.run_sync(self._connect)

    async def aclose(self) -> None:
        """Wait for what is being written, then close."""
        connections, self._connections = self._connections, None
        if connections is not None:
            await to_the_end(lambda: anyio.to_thread.run_sync(connections.close))

    async def pin(self, key: PinKey) -> Pin | None:
        return await self._look(f"read the pin of session {key.session[:40]!r}", partial(read_pin, key=key))

    async def rebuild(self) -> int:
        def work(connection: Connection) -> int:
            # Whoever records meanwhile counts its decision after this, which has not seen it.
            connection.execute("LOCK TABLE tallies, latencies, cache_savings, cache_likening_sums IN EXCLUSIVE MODE")
            return tallies.rebuild(connection)

        return await self._write("rebuild the tallies", work)

    async def check(self) -> Checked:
        return await anyio.to_thread.run_sync(self._check)

    def _check(self) -> Checked:
        """On a connection of its own, since an open store has made or changed its tables already."""
        server = Server(self._parameters)
        try:
            return server.ask(partial(snapshot, query=partial(upkeep.check, shown=self.place)))
        except ServerError as error:
            raise self._failure("check the tables", error) from error
        finally:
            server.close()

    async def vacuum(self) -> Space:
        connections = self._open()
        return await self._ask("vacuum", upkeep.vacuum, connections.server, connections.reads)

    def _failure(self, doing: str, error: BaseException) -> StoreError:
        return store_error(self.place, doing, error)

    async def _write(
        self,
        doing: str,
        work: Callable[[Connection], T],
        locks: Sequence[str] | None = None,
        *,
        brief: bool = False,
    ) -> T:
        commits = self._open().commits
        try:
            return await commits.run(work, locks)
        except Exception as error:  # any failure of a row is the store's failure to its caller
            raise self._failure(doing, error) from error

    async def _look(self, doing: str, query: Callable[[Connection], T]) -> T:
        connections = self._open()
        return await self._ask(doing, partial(alone, query=query), connections.server, connections.looks)

    async def _read(self, doing: str, query: Callable[[Connection], T]) -> T:
        connections = self._open()
        return await self._ask(doing, partial(snapshot, query=query), connections.server, connections.reads)

    async def _ask(
        self, doing: str, query: Callable[[Session], T], server: Server, limiter: anyio.CapacityLimiter
    ) -> T:
        try:
            return await anyio.to_thread.run_sync(server.ask, query, limiter=limiter)
        except Exception as error:
            raise self._failure(doing, error) from error

    def _open(self) -> Connections:
        if self._connections is None:
            raise StoreError(f"the store '{self.place}' is not open; call open() first")
        return self._connections

    def _connect(self) -> Connections:
        server = Server(self._parameters)
        try:
            server.ask(partial(prepare, shown=self.place, now=self._now))
        except BaseException as error:
            server.close()
            if isinstance(error, Exception) and not isinstance(error, StoreError):
                raise self._failure("open the tables", error) from error
            raise
        return Connections(server)


class Connections:
    """What an open store holds."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self._transactions = ServerTransactions(server)
        self.commits = GroupCommit(self._transactions)
        self.looks = anyio.CapacityLimiter(LOOKS)
        self.reads = anyio.CapacityLimiter(READS)

    def close(self) -> None:
        self.commits.close()
        self._transactions.close()
        self.server.close()


def alone(session: Session, query: Callable[[Connection], T]) -> T:
    """A single statement is a transaction by itself, and one way to the server and back."""
    session.limit = LIMIT
    return query(session)


def snapshot(session: Session, query: Callable[[Session], T]) -> T:
    """A query that sees one state of the database."""
    session.begin(SNAPSHOT, REPORT_LIMIT)
    try:
        return query(session)
    finally:
        session.roll_back()
