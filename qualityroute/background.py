"""A task group that lives as long as the engine, and not inside whoever happened to open it.

A group entered in one task must be left in that task, in order; engines are opened in fixtures and closed
elsewhere, several at once. So the group has a task of its own, which ends when the engine closes.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import anyio
from anyio.abc import TaskGroup

from qualityroute.errors import QualityRouteError

logger = logging.getLogger("qualityroute")


class Background:
    """Runs functions until it is closed; then cancels what is left and waits for it."""

    def __init__(self) -> None:
        self._group: TaskGroup | None = None
        self._started, self._stop, self._ended = anyio.Event(), anyio.Event(), anyio.Event()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._task = _spawn(self._run)
        await self._started.wait()

    def start_soon(self, function: Callable[..., Coroutine[Any, Any, Any]], *arguments: Any) -> None:
        """Raises `QualityRouteError` once closed."""
        if self._group is None or self._stop.is_set():
            raise QualityRouteError("the engine is closed")
        self._group.start_soon(_guarded, function, *arguments)

    async def aclose(self) -> None:
        self._stop.set()
        await self._ended.wait()

    async def _run(self) -> None:
        try:
            async with anyio.create_task_group() as self._group:
                self._started.set()
                await self._stop.wait()
                self._group.cancel_scope.cancel()
        finally:
            self._ended.set()


async def _guarded(function: Callable[..., Coroutine[Any, Any, Any]], *arguments: Any) -> None:
    """One failure must not end the group, and with it everybody else's work."""
    try:
        await function(*arguments)
    except Exception:
        logger.exception("background work failed")


def _spawn(function: Callable[[], Awaitable[None]]) -> asyncio.Task[None] | None:
    """Start a task beside all others; the caller keeps the task, since asyncio does not."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        import trio  # noqa: PLC0415  (only there where it is what runs)

        trio.lowlevel.spawn_system_task(function)
        return None

    async def run() -> None:
        await function()

    return asyncio.create_task(run())
