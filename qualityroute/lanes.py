"""Many pieces of work, a few at once; those of one session one after another, in their order."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

import anyio

T = TypeVar("T")


class Lanes:
    """One lane for each session; work without a session waits for nobody."""

    def __init__(self) -> None:
        self._locks: dict[str, anyio.Lock] = {}

    @asynccontextmanager
    async def lane(self, session: str | None) -> AsyncIterator[None]:
        if session is None:
            yield
            return
        lock = self._locks.setdefault(session, anyio.Lock())
        async with lock:
            try:
                yield
            finally:
                if not lock.statistics().tasks_waiting:  # sessions may be many, and each comes and goes
                    del self._locks[session]


async def work_through(
    draw: Callable[[], Awaitable[T | None]],
    work: Callable[[T], Awaitable[None]],
    *,
    session_of: Callable[[T], str | None],
    concurrency: int,
) -> None:
    """Do `work` on every item until `draw` gives `None`; items are drawn only as fast as they are done."""
    lanes, drawing = Lanes(), anyio.Lock()

    async def next_item() -> T | None:
        async with drawing:
            return await draw()

    async def worker() -> None:
        while (item := await next_item()) is not None:
            async with lanes.lane(session_of(item)):
                await work(item)

    async with anyio.create_task_group() as workers:
        for _ in range(concurrency):
            workers.start_soon(worker)
