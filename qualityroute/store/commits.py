"""Group commit: requests that finish together share one transaction, and each returns once it is committed.

The first to come leads: it goes to a worker thread, begins a transaction, takes along whatever has come by
then, commits, and wakes the others. Then the next one waiting leads. What was handed in is written to its
end even when its caller is cancelled; the caller hears of the cancellation afterwards.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any, Protocol, TypeVar

import anyio
import anyio.to_thread

from qualityroute.store.statements import Connection

T = TypeVar("T")


class Write:
    """One piece of work on its way into a transaction. It may be run twice, so it must not change anything else."""

    def __init__(self, work: Callable[[Connection], Any], locks: Sequence[str] | None = None) -> None:
        self.work = work
        self.locks = locks
        """Names of what it reads and then changes; `None` where it may look at anything.

        A database that does not lock itself as a whole locks these. Of works that have none in common, none sees the
        rows of another that still wait to be written.
        """
        self.result: Any = None
        self.error: Exception | None = None
        self.settled = False
        self.leads = False
        self.awaited = True
        self.woken = anyio.Event()


class Transactions(Protocol):
    """How one connection runs works in transactions; called by one thread at a time."""

    @property
    def largest(self) -> int:
        """Works in one transaction, so that a crowd in one process does not keep the other processes waiting."""

    def begin(self) -> Exception | None:
        """Begin one; what went wrong."""

    def finish(self, writes: Sequence[Write]) -> Exception | None:
        """Do the works and commit, or take everything back; what went wrong."""


class GroupCommit:
    """Runs works on one connection; belongs to one event loop."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions
        self._waiting: deque[Write] = deque()
        self._batch: Batch | None = None
        self._led = False
        self._limiter = anyio.CapacityLimiter(1)

    async def run(self, work: Callable[[Connection], T], locks: Sequence[str] | None = None) -> T:
        """The work's result, after the commit; raises what the work or the commit raised."""
        write = Write(work, locks)
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
            with suppress(Exception):
                await self.run(lambda connection: None)

    async def _settle(self, write: Write) -> None:
        while not write.settled:
            if write.leads:
                await self._lead()
            else:
                await write.woken.wait()

    async def _lead(self) -> None:
        batch = self._batch = self._batch or Batch(self._transactions, self._waiting)
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

    def __init__(self, transactions: Transactions, waiting: deque[Write]) -> None:
        self.writes: list[Write] = []
        self._transactions = transactions
        self._waiting = waiting
        self._lock = threading.Lock()
        self._done = False

    def run(self) -> None:
        with self._lock:
            if not self._done:
                self._commit()
                self._done = True

    def _commit(self) -> None:
        refused = self._transactions.begin()
        # Taken only now: more have come while this one waited for a thread and for the lock.
        while self._waiting and len(self.writes) < self._transactions.largest:
            self.writes.append(self._waiting.popleft())
        if refused is not None:
            fail(self.writes, refused)
        elif (error := self._transactions.finish(self.writes)) is not None:
            self._separate(error)

    def _separate(self, error: Exception) -> None:
        if len(self.writes) == 1:
            fail(self.writes, error)
            return
        for position, write in enumerate(self.writes):
            refused = self._transactions.begin()
            if refused is not None:  # the next would wait as long for the same lock
                fail(self.writes[position:], refused)
                return
            write.error = self._transactions.finish([write])


def fail(writes: Sequence[Write], error: Exception) -> None:
    for write in writes:
        write.error = error


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
