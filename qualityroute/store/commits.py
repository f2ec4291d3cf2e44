"""Group commit: requests that finish together share one transaction, and each returns once it is committed.

One thread writes. It takes along whatever was handed in by the time it has begun a transaction, commits, and wakes
all of these callers at once. What was handed in is written to its end even when its caller is cancelled; the caller
hears of the cancellation afterwards.
"""

from __future__ import annotations

import asyncio
import threading
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Any, Protocol, TypeVar

import anyio
from anyio.lowlevel import current_token

from qualityroute.store.statements import Connection

T = TypeVar("T")

CallSoon = Callable[..., object]
"""Has an event loop call a function with arguments, from any thread."""


class Write:
    """One piece of work on its way into a transaction. It may be run twice, so it must not change anything else."""

    call_soon: CallSoon | None = None
    """Of the event loop on which its caller waits for another thread, if one does."""
    result: Any = None
    error: Exception | None = None
    settled = False
    _settling: anyio.Event | None = None

    def __init__(self, work: Callable[[Connection], Any], locks: Sequence[str] | None) -> None:
        self.work = work
        self.locks = locks
        """Names of what it reads and then changes; `None` where it may look at anything.

        A database that does not lock itself as a whole locks these. Of works that have none in common, none sees the
        rows of another that still wait to be written.
        """

    def settle(self) -> None:
        """It is written, or has failed. Called where its caller waits."""
        self.settled = True
        if self._settling is not None:
            self._settling.set()

    async def wait(self) -> None:
        """Until it is settled."""
        if not self.settled:
            self._settling = self._settling or anyio.Event()
            await self._settling.wait()

    async def outcome(self, step: Callable[[], Awaitable[None]]) -> Any:
        """Its work's result; raises what the work or its commit raised. `step` is taken before waiting for it."""
        try:
            await step()
            if not self.settled:
                await self.wait()
        except anyio.get_cancelled_exc_class():
            await to_the_end(self.wait)
            raise
        if self.error is not None:
            raise self.error
        return self.result


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
    """Runs works on one connection, in a thread of its own."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions
        self._handed_in: SimpleQueue[Write | None] = SimpleQueue()
        # A daemon: a program that ends without closing its store must not wait for it.
        self._thread = threading.Thread(target=self._write, name="qualityroute-writer", daemon=True)
        self._thread.start()

    async def run(self, work: Callable[[Connection], T], locks: Sequence[str] | None = None) -> T:
        """The work's result, after the commit; raises what the work or the commit raised."""
        write = Write(work, locks)
        self.hand_in([write])
        result: T = await write.outcome(write.wait)
        return result

    def hand_in(self, writes: Sequence[Write]) -> None:
        """For callers of the event loop that runs here."""
        call_soon = call_soon_here()
        for write in writes:
            write.call_soon = call_soon
            self._handed_in.put(write)

    def close(self) -> None:
        """Write what was handed in, and end; blocks until it is done."""
        self._handed_in.put(None)
        self._thread.join()

    def _write(self) -> None:
        while (first := self._handed_in.get()) is not None:
            writes = [first]
            commit(self._transactions, writes, self._others)
            wake(writes)

    def _others(self, most: int) -> list[Write]:
        """Who has come meanwhile, as far as they are taken along."""
        others: list[Write] = []
        with suppress(Empty):
            while len(others) < most:
                write = self._handed_in.get_nowait()
                if write is None:
                    self._handed_in.put(None)
                    break
                others.append(write)
        return others


def commit(transactions: Transactions, writes: list[Write], others: Callable[[int], list[Write]]) -> None:
    """One transaction of `writes` and of those it takes along from `others`, which joins them to the list."""
    refused = transactions.begin()
    # Taken only now: more have come while this one waited for the lock.
    writes += others(transactions.largest - len(writes))
    if refused is not None:
        fail(writes, refused)
    elif (error := transactions.finish(writes)) is not None:
        separate(transactions, writes, error)


def separate(transactions: Transactions, writes: Sequence[Write], error: Exception) -> None:
    if len(writes) == 1:
        fail(writes, error)
        return
    for position, write in enumerate(writes):
        refused = transactions.begin()
        if refused is not None:  # the next would wait as long for the same lock
            fail(writes[position:], refused)
            return
        write.error = transactions.finish([write])


def fail(writes: Sequence[Write], error: Exception) -> None:
    for write in writes:
        write.error = error


def wake(writes: Sequence[Write]) -> None:
    """Tell the callers, all of one event loop at once: waking a loop costs as much as a row."""
    waiting: defaultdict[CallSoon, list[Write]] = defaultdict(list)
    for write in writes:
        if write.call_soon is not None:
            waiting[write.call_soon].append(write)
    for call_soon, theirs in waiting.items():
        with suppress(RuntimeError):  # the loop has ended, and nobody waits there any more
            call_soon(settle, theirs)


def settle(writes: Sequence[Write]) -> None:
    for write in writes:
        write.settle()


def call_soon_here() -> CallSoon:
    """For the event loop that runs here: asyncio's `call_soon_threadsafe`, trio's `run_sync_soon`."""
    loop = loop_here()
    return getattr(loop, "call_soon_threadsafe", None) or loop.run_sync_soon  # type: ignore[no-any-return]


def loop_here() -> Any:
    """The event loop that runs here, or trio's token for it."""
    try:
        return asyncio.get_running_loop()  # a tenth of the time
    except RuntimeError:
        return current_token().native_token


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
