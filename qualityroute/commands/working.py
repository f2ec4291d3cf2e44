"""Inputs on their way through the engine, until they end, a signal stops them, or something fails."""

from __future__ import annotations

import signal
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Thread
from typing import TypeVar

import anyio
from anyio import from_thread
from anyio.lowlevel import current_token

from qualityroute.commands.exits import Exit, tell_error
from qualityroute.errors import QualityRouteError
from qualityroute.lanes import work_through

T = TypeVar("T")


@dataclass(slots=True)
class Work:
    """Stopping early leaves whole rows, and the decisions of what was cut short."""

    stopped_by: signal.Signals | None = None
    failure: QualityRouteError | OSError | None = None
    """Why no further input was asked."""
    _scope: anyio.CancelScope = field(init=False)

    async def through(
        self,
        draw: Callable[[], Awaitable[T | None]],
        one: Callable[[T], Awaitable[None]],
        *,
        session_of: Callable[[T], str | None],
        concurrency: int,
    ) -> None:
        """Do `one` with all that `draw` gives, unless SIGINT, SIGTERM or `end` comes first."""
        self._scope = anyio.CancelScope()
        async with anyio.create_task_group() as watch:
            watch.start_soon(self._stop_on_signals)
            with self._scope:
                await work_through(draw, one, session_of=session_of, concurrency=concurrency)
            watch.cancel_scope.cancel()

    def end(self, failure: QualityRouteError | OSError) -> None:
        """Go no further; the first failure is the one that is told."""
        self.failure = self.failure or failure
        self._scope.cancel()

    def early_exit(self, how: str) -> int | None:
        """The exit code of work that was stopped, once that is said; `how` tells what does the rest."""
        if self.stopped_by is not None:
            tell_error(f"interrupted; {how}")
            return 128 + self.stopped_by
        if isinstance(self.failure, BrokenPipeError):
            raise self.failure
        if self.failure is not None:
            tell_error(f"stopped: {self.failure}; {how}")
            return Exit.DOWN
        return None

    async def _stop_on_signals(self) -> None:
        with anyio.open_signal_receiver(*_stopping_signals()) as signals:
            async for number in signals:
                self.stopped_by = number
                self._scope.cancel()
                return  # leaving gives the signals back: a second Ctrl-C ends at once


def _stopping_signals() -> Iterator[signal.Signals]:
    """Those that a parent has not told us to ignore."""
    return (number for number in (signal.SIGINT, signal.SIGTERM) if signal.getsignal(number) is not signal.SIG_IGN)


async def drawn(inputs: Iterator[T]) -> T | None:
    """The next input, read in a thread: standard input may block as long as it likes, and requests go on meanwhile.

    The thread is a daemon, since a read that blocks must not keep the process from ending on Ctrl-C.
    """
    read: Future[T | None] = Future()
    arrived, loop = anyio.Event(), current_token()

    def work() -> None:
        try:
            read.set_result(next(inputs, None))
        except BaseException as error:
            read.set_exception(error)
        with suppress(RuntimeError):  # the loop has ended meanwhile
            from_thread.run_sync(arrived.set, token=loop)

    Thread(target=work, daemon=True).start()
    await arrived.wait()
    return read.result()
