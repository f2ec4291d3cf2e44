"""Short works on the event loop's own thread, where nobody else has the file.

Those handed in during one turn of the event loop share a transaction.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import TypeVar

import anyio
from anyio.lowlevel import checkpoint

from qualityroute.store.commits import GroupCommit, Transactions, Write, loop_here, separate, settle
from qualityroute.store.statements import Connection

T = TypeVar("T")


class _Turn:
    """What is handed in during one turn of an event loop."""

    def __init__(self, first: Write) -> None:
        self.writes = [first]
        self.over: anyio.Event | None = None
        """Made for the second who comes: most are alone."""


class AtOnce:
    """Runs works by `transactions`, which must not wait for locks; what would have to goes to `commits`.

    Handing a work to a thread and hearing back costs more than its few rows do, and while there are other threads
    each statement may wait for the interpreter's lock. The file is written by one at a time, so that a transaction
    here keeps out those of other processes for as long as any does.
    """

    def __init__(self, transactions: Transactions, commits: GroupCommit) -> None:
        self._transactions = transactions
        self._commits = commits
        self._turns: dict[object, _Turn] = {}
        """By event loop."""

    async def run(self, work: Callable[[Connection], T], locks: Sequence[str] | None = None) -> T:
        """The work's result, after the commit; raises what the work or the commit raised."""
        write, loop = Write(work, locks), loop_here()
        turn = self._turns.get(loop)
        step: Callable[[], Awaitable[None]]
        if turn is None:
            turn = self._turns[loop] = _Turn(write)
            step = partial(self._end, loop)
        else:
            turn.writes.append(write)
            turn.over = turn.over or anyio.Event()
            step = turn.over.wait
        result: T = await write.outcome(step)
        return result

    async def _end(self, loop: object) -> None:
        """Who is first in a turn does it for all, once the others have had their chance to come."""
        try:
            await checkpoint()
        finally:
            turn = self._turns.pop(loop)
            self._commit(turn.writes)
            if turn.over is not None:
                turn.over.set()

    def _commit(self, writes: list[Write]) -> None:
        if self._transactions.begin() is not None:
            self._commits.hand_in(writes)
            return
        error = self._transactions.finish(writes)
        if error is not None:
            separate(self._transactions, writes, error)
        settle(writes)
