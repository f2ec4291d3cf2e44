"""Transactions on PostgreSQL: done once, whatever happens to the connection meanwhile."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any

from qualityroute.store.commits import Write, fail
from qualityroute.store.postgres.driver import ServerError, Session
from qualityroute.store.postgres.server import Server
from qualityroute.store.postgres.trouble import worth_another_try
from qualityroute.store.statements import insert, upsert
from qualityroute.store.waiting import done_one_by_one

LARGEST_BATCH = 100
"""Each of its works may take a lock, and a server has 6,400 of them unless told otherwise."""
LIMIT = timedelta(seconds=5)
READ_WRITE = "ISOLATION LEVEL READ COMMITTED READ WRITE"

WRITERS = """
CREATE TABLE qualityroute_writers (
    writer TEXT PRIMARY KEY NOT NULL, -- one open store
    number INTEGER NOT NULL           -- of the last transaction that it committed
)
"""

_LOCK = "SELECT pg_advisory_xact_lock(lock) FROM unnest(?::bigint[]) AS lock"
_JOIN = f"{insert('qualityroute_writers', ('writer', 'number'))} ON CONFLICT (writer) DO NOTHING"
_SIGN = upsert("qualityroute_writers", ("writer", "number"), ("writer",))
_LEAVE = "DELETE FROM qualityroute_writers WHERE writer = ?"
# FOR UPDATE: a transaction that is still being committed holds the row.
_SIGNED = "SELECT number FROM qualityroute_writers WHERE writer = ? FOR UPDATE"


class ServerTransactions:
    """The `Transactions` of the group commit.

    Each transaction signs with its number in a row of this writer's own. So after a commit whose answer was lost the
    row says whether it was done. The server's own numbers would not: after a crash it can give them a second time.
    """

    largest = LARGEST_BATCH

    def __init__(self, server: Server) -> None:
        self._server = server
        self._session: Session | None = None
        self._writer = secrets.token_hex(12)
        self._number = 0

    def begin(self) -> Exception | None:
        try:
            self._begin()
        except Exception as error:
            return error
        return None

    def finish(self, writes: Sequence[Write]) -> Exception | None:
        try:
            results = self._run(writes)
        except UnknownFate as error:
            fail(writes, error)
            return None  # since what goes wrong is tried again one by one
        except (
            Exception
        ) as error:  # whatever a work raises belongs to its caller, and must not leave the others waiting
            self._roll_back()
            return error
        for write, result in zip(writes, results, strict=True):
            write.result = result
        return None

    def close(self) -> None:
        if self._session is not None:
            with suppress(ServerError):  # then the row stays, and means nothing to anybody
                self._session.execute(_LEAVE, (self._writer,))
            self._session.close()

    def _begin(self) -> Session:
        """On the connection there is, or on a new one when that was lost while it lay idle."""
        if self._session is not None:
            try:
                self._session.begin(READ_WRITE, LIMIT)
            except ServerError as error:
                self._forget()
                if not error.lost:
                    raise
            else:
                return self._session
        self._session = self._server.connect()
        self._session.execute(_JOIN, (self._writer, 0))
        self._session.begin(READ_WRITE, LIMIT)
        return self._session

    def _run(self, writes: Sequence[Write]) -> list[Any]:
        """Nothing is left of a transaction that failed before its commit, so it can be done once more."""
        try:
            return self._once(writes)
        except ServerError as error:
            if not worth_another_try(error):
                raise
        self._roll_back()
        self._begin()
        return self._once(writes)

    def _once(self, writes: Sequence[Write]) -> list[Any]:
        session = self._session
        if session is None:
            session = self._begin()
        session.execute(_LOCK, (sorted({lock_number(name) for write in writes for name in write.locks or ()}),))
        results = done_one_by_one(session, writes)
        self._number += 1
        session.write([*session.waiting.everything(), (_SIGN, [(self._writer, self._number)])])
        self._commit(session)
        return results

    def _commit(self, session: Session) -> None:
        try:
            session.commit()
        except ServerError as error:
            if not error.lost or not self._is_committed(error):
                raise

    def _is_committed(self, lost: ServerError) -> bool:
        """Of the transaction whose connection was lost while it was committed."""
        self._forget()
        try:
            signed = self._server.ask(lambda session: session.execute(_SIGNED, (self._writer,)).fetchone())
        except ServerError as error:
            raise UnknownFate(error) from lost
        return signed is not None and signed[0] == self._number

    def _roll_back(self) -> None:
        if self._session is not None:
            self._session.roll_back()
            if self._session.lost:
                self._forget()

    def _forget(self) -> None:
        if self._session is not None:
            self._session.close()
            self._server.lose(self._session)
            self._session = None


class UnknownFate(Exception):
    """A commit was sent, and nobody can say whether it was done; so it is not done again."""

    def __init__(self, cause: ServerError) -> None:
        super().__init__(f"the connection was lost during the commit, which may have been done or not ({cause})")


def lock_number(name: str) -> int:
    """What PostgreSQL knows a lock by: 64 bits."""
    digest = hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)
