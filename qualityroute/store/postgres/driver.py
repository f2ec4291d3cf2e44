"""The door to psycopg: a connection that takes the store's SQL, and one error for whatever goes wrong.

Nothing here outlives a transaction on the server: no prepared statement, no setting, no lock. So pgbouncer may hand
each transaction to another connection of its own.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any, TypeVar

import psycopg
from psycopg.adapt import Buffer, Loader
from psycopg.conninfo import conninfo_to_dict

from qualityroute.store.postgres.dialect import translate
from qualityroute.store.statements import Cursor, Row
from qualityroute.store.together import together
from qualityroute.store.waiting import Waiting, Writes

T = TypeVar("T")
Parameters = dict[str, Any]

DEFAULTS: Mapping[str, str | int] = {
    "connect_timeout": 3,
    "application_name": "qualityroute",
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 2,
    "tcp_user_timeout": 5_000,
}
"""Of a connection, where its URL says nothing else; seconds, the last in milliseconds."""
GRACE = timedelta(seconds=1)
"""For the server to keep its own time limit, before the connection is cut from here."""


class ServerError(Exception):
    """What the server or the way to it refused. It never holds a password or a value of a row."""

    def __init__(self, message: str, code: str = "", *, lost: bool = False) -> None:
        super().__init__(message)
        self.code = code
        """SQLSTATE; empty where the server said none."""
        self.lost = lost
        """The connection is gone."""


def parameters_of(url: str) -> Parameters:
    """What libpq makes of a URL; a `ValueError` in libpq's words, which may quote any part of it."""
    try:
        return {**DEFAULTS, "client_encoding": "utf8", **conninfo_to_dict(url)}
    except psycopg.Error as error:
        raise ValueError(" ".join(str(error).split())) from None


class _Whole(Loader):
    """Sums of whole numbers, which PostgreSQL gives as NUMERIC."""

    def load(self, data: Buffer) -> int:
        return int(bytes(data))


class Session:
    """A connection; used by one thread at a time."""

    def __init__(self, parameters: Parameters) -> None:
        try:
            # autocommit: transactions are begun and ended here, in words.
            self._connection = psycopg.connect(autocommit=True, prepare_threshold=None, **parameters)
        except psycopg.Error as error:
            raise ServerError(" ".join(str(error).split()), error.sqlstate or "", lost=True) from error
        self._connection.adapters.register_loader("numeric", _Whole)
        self.waiting = Waiting()
        self.limit = timedelta(0)
        """How long one statement may take; 0 is for ever."""
        self.asked_at = time.monotonic()
        """When it was asked last."""
        self._asking = False

    @property
    def version(self) -> int:
        """Of the server, such as 150018."""
        return self._connection.info.server_version

    @property
    def lost(self) -> bool:
        return self._connection.closed

    def begin(self, kind: str, limit: timedelta) -> None:
        """Begin a transaction. No statement of it may take, nor wait for a lock, longer than `limit`; 0 is for ever.

        Where the server hears nothing for half as long, it takes everything back. So a transaction whose connection
        broke unseen is gone before the next one gives up waiting for its locks.
        """
        self.waiting = Waiting()
        self.limit = limit
        milliseconds = limit // timedelta(milliseconds=1)
        self._command(
            f"BEGIN {kind}; SET LOCAL statement_timeout = {milliseconds}; SET LOCAL lock_timeout = {milliseconds};"
            f" SET LOCAL idle_in_transaction_session_timeout = {milliseconds // 2}"
        )

    def commit(self) -> None:
        self._command("COMMIT")

    def roll_back(self) -> None:
        self.waiting = Waiting()
        if not self.lost:
            with suppress(ServerError):
                self._command("ROLLBACK")

    def execute(self, sql: str, parameters: Sequence[Any] | Mapping[str, Any] = (), /) -> Cursor:
        due = self.waiting.seen_by(sql)
        if not due:
            return self._ask(lambda: self._connection.execute(translate(sql), parameters))

        def both() -> Cursor:
            with self._connection.pipeline():
                self._write(due)
                return self._connection.execute(translate(sql), parameters)

        return self._ask(both)

    def executemany(self, sql: str, rows: Iterable[Row], /) -> None:
        """Written before a statement that names their table, or later."""
        self.waiting.add(sql, rows)

    def write(self, due: Writes) -> None:
        """Write rows that waited, on one way to the server and back."""
        if due:
            self._ask(lambda: self._write(due))

    def _write(self, due: Writes) -> None:
        with self._connection.pipeline(), self._connection.cursor() as cursor:
            for sql, rows in due:
                for statement, values in together(sql, rows):
                    cursor.executemany(translate(statement), values)

    def _command(self, words: str) -> None:
        self._ask(lambda: self._connection.execute(words.encode()))

    def _ask(self, step: Callable[[], T]) -> T:
        self.asked_at, self._asking = time.monotonic(), True
        try:
            return step()
        except psycopg.Error as error:
            if _is_of_the_line(error):
                self._connection.close()  # a pipeline that it broke in may not look broken, and is of no more use
            # Not the whole text: its second line quotes the row.
            told = error.diag.message_primary or " ".join(str(error).split())
            raise ServerError(told, error.sqlstate or "", lost=self.lost) from error
        finally:
            self._asking = False

    def cut_when_late(self) -> None:
        """Called from another thread: end a connection whose server keeps silent long after its own time limit."""
        late = self.asked_at + (self.limit + GRACE).total_seconds()
        if not self._asking or not self.limit or time.monotonic() < late:
            return
        with suppress(OSError, psycopg.Error), socket.socket(fileno=os.dup(self._connection.fileno())) as end:
            end.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._connection.close()


def _is_of_the_line(error: psycopg.Error) -> bool:
    """Not the server's word, which has a code, nor what a pipeline says after one."""
    of_server = error.sqlstate is not None or isinstance(error, psycopg.errors.PipelineAborted)
    return isinstance(error, psycopg.OperationalError) and not of_server
