"""Group commit: requests that finish together share one transaction, and each returns once it is committed.

The first to come leads: it goes to a worker thread, begins a transaction, takes along whatever has come by
then, commits, and wakes the others. Then the next one waiting leads. What was handed in is written to its
end even when its caller is cancelled; the caller hears of the cancellation afterwards.
"""

from __future__ import annotations

import sqlite3
import threading
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any, TypeVar

import anyio
import anyio.to_thread

T = TypeVar("T")

LARGEST_BATCH = 500
"""So that a crowd in one process does not keep the other processes waiting."""


class Write:
    """One piece of work on its way into a transaction. It may be run twice, so it must not change anything else."""

    def __init__(self, work: Callable[[sqlite3.Connection], Any]) -> None:
        self.work = work
        self.result: Any = None
        self.error: Exception | None = None
        self.settled = False
        self.leads = False
        self.awaited = True
        self.woken = anyio.Event()


class GroupCommit:
    """Runs works on one connection; belongs to one event loop."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._waiting: deque[Write] = deque()
        self._batch: Batch | None = None
        self._led = False
        self._limiter = anyio.CapacityLimiter(1)

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """The work's result, after the commit; raises what the work or the commit raised."""
        write = Write(work)
        self._waiting.append(write)
        if not self._led:
            self._led = write.leads = True
        try:
            await to_the_end(lambda: self._settle(write))
        finally:
            write.awaited = False
        if write.error is not None:
            raise write.error
        result: T = write.result
        return result

    async def flush(self) -> None:
        """Wait for everything that was handed in. Whether it went well, its own callers are told."""
        if self._led or self._waiting:
            with suppress(sqlite3.Error):
                await self.run(lambda connection: None)

    async def _settle(self, write: Write) -> None:
        while not write.settled:
            if write.leads:
                await self._lead()
            else:
                await write.woken.wait()

    async def _lead(self) -> None:
        batch = self._batch = self._batch or Batch(self._connection, self._waiting)
        await anyio.to_thread.run_sync(batch.run, limiter=self._limiter)
        self._batch = None
        for write in batch.writes:
            write.settled = True
            write.woken.set()
        self._hand_on()

    def _hand_on(self) -> None:
        heir = next((write for write in self._waiting if write.awaited), None)
        self._led = heir is not None
        if heir is not None:
            heir.leads = True
            heir.woken.set()


class Batch:
    """One transaction. Whoever runs it a second time only waits for the first run's end."""

    def __init__(self, connection: sqlite3.Connection, waiting: deque[Write]) -> None:
        self.writes: list[Write] = []
        self._connection = connection
        self._waiting = waiting
        self._lock = threading.Lock()
        self._done = False

    def run(self) -> None:
        with self._lock:
            if not self._done:
                self._commit()
                self._done = True

    def _commit(self) -> None:
        refused = begin(self._connection)
        # Taken only now: more have come while this one waited for a thread and for the lock.
        while self._waiting and len(self.writes) < LARGEST_BATCH:
            self.writes.append(self._waiting.popleft())
        if refused is not None:
            fail(self.writes, refused)
        elif (error := finish(self._connection, self.writes)) is not None:
            self._separate(error)

    def _separate(self, error: Exception) -> None:
        if len(self.writes) == 1:
            fail(self.writes, error)
            return
        for position, write in enumerate(self.writes):
            refused = begin(self._connection)
            if refused is not None:  # the next would wait as long for the same lock
                fail(self.writes[position:], refused)
                return
            write.error = finish(self._connection, [write])


def fail(writes: Sequence[Write], error: Exception) -> None:
    for write in writes:
        write.error = error


def begin(connection: sqlite3.Connection) -> Exception | None:
    # IMMEDIATE: a transaction that reads first and then wants to write is refused at once, whatever the busy time.
    try:
        connection.execute("BEGIN IMMEDIATE")
    except sqlite3.Error as error:
        return error
    return None


def finish(connection: sqlite3.Connection, writes: Sequence[Write]) -> Exception | None:
    """Do the works and commit; what went wrong, after everything was taken back."""
    try:
        results = [write.work(connection) for write in writes]
        connection.execute("COMMIT")
    except Exception as error:  # whatever a work raises belongs to its caller, and must not leave the others waiting
        roll_back(connection)
        return error
    for write, result in zip(writes, results, strict=True):
        write.result = result
    return None


def roll_back(connection: sqlite3.Connection) -> None:
    if connection.in_transaction:
        with suppress(sqlite3.Error):  # a full disk can have ended the transaction already
            connection.execute("ROLLBACK")


async def to_the_end(step: Callable[[], Awaitable[None]]) -> None:
    """Take a step that may be taken again, and raise a cancellation only after it.

    A shield keeps anyio's cancellations off, but not asyncio's own `Task.cancel`, which is what
    `asyncio.wait_for` and Ctrl-C use.
    """
    interruption: BaseException | None = None
    while True:
        try:
            with anyio.CancelScope(shield=True):
                await step()
            break
        except anyio.get_cancelled_exc_class() as error:
            interruption = error
    if interruption is not None:
        raise interruption
