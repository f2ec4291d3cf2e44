"""One PostgreSQL server, and the connections to it: made when needed, kept for the next, made again when lost."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import TypeVar

from qualityroute.store.postgres.driver import Parameters, ServerError, Session

T = TypeVar("T")

PATIENCE = timedelta(seconds=8)
"""After what was asked last on a lost connection its server is waited for so long; then all are told at once."""
AGAIN = timedelta(milliseconds=100)
WATCH = timedelta(seconds=0.5)


class Server:
    """Used by several threads at once."""

    def __init__(self, parameters: Parameters) -> None:
        self._parameters = parameters
        self._idle: list[Session] = []
        self._open: list[Session] = []
        self._opening = threading.Lock()
        self._lost_at: float | None = None
        self._closed = threading.Event()
        threading.Thread(target=self._watch, name="qualityroute-postgres", daemon=True).start()

    def connect(self) -> Session:
        """A new connection. Raises `ServerError`; when an old one was lost just now, not before it was patient."""
        while True:
            try:
                session = Session(self._parameters)
            except ServerError:
                if self._lost_at is None or self._closed.is_set():
                    raise
                if time.monotonic() > self._lost_at + PATIENCE.total_seconds():
                    raise
                time.sleep(AGAIN.total_seconds())
            else:
                self._lost_at = None
                with self._opening:
                    self._open = [one for one in self._open if not one.lost] + [session]
                return session

    def lose(self, session: Session) -> None:
        """Note that a connection was lost: those that lie idle will have been, too."""
        if self._lost_at is None:
            self._lost_at = session.asked_at
        while self._idle:
            self._idle.pop().close()

    def ask(self, query: Callable[[Session], T]) -> T:
        """What a query gives that changes nothing; where its connection is lost, once more on a new one."""
        session = self._idle_or_new()
        try:
            return self._use(session, query)
        except ServerError as error:
            if not error.lost:
                raise
        self.lose(session)
        return self._use(self._idle_or_new(), query)

    def _idle_or_new(self) -> Session:
        with suppress(IndexError):
            return self._idle.pop()
        return self.connect()

    def _use(self, session: Session, query: Callable[[Session], T]) -> T:
        try:
            return query(session)
        finally:
            if session.lost or self._closed.is_set():
                session.close()
            else:
                self._idle.append(session)

    def close(self) -> None:
        self._closed.set()
        while self._idle:
            self._idle.pop().close()

    def _watch(self) -> None:
        while not self._closed.wait(WATCH.total_seconds()):
            for session in self._open:
                session.cut_when_late()
