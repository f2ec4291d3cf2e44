"""A line to a server that breaks, or falls silent, when told to."""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress
from types import TracebackType
from typing import Any, Self


class Proxy:
    """Use it as a context manager; it listens at `port` of `host` and speaks with `target`."""

    def __init__(self, target: tuple[str, int], host: str = "127.0.0.1") -> None:
        self.open = True
        """Whether new lines are let through; others are ended at once."""
        self.silent = False
        """Bytes are taken and kept for ever."""
        self._target, self._host = target, host
        self._loop = asyncio.new_event_loop()
        self._lines: set[asyncio.Task[Any]] = set()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._server = self._run(asyncio.start_server(self._serve, self._host, 0))
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        self.cut()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def cut(self) -> None:
        """Break every line there is, wherever it is in its bytes."""
        self._run(self._cut())

    def _run(self, coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(10)

    async def _cut(self) -> None:
        lines = list(self._lines)
        for line in lines:
            line.cancel()
        await asyncio.gather(*lines, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._lines.add(task)
        ends = [writer]
        with suppress(ConnectionError, asyncio.CancelledError):
            if self.open:
                far_reader, far = await asyncio.open_connection(*self._target)
                ends.append(far)
                await asyncio.wait(
                    [
                        asyncio.ensure_future(self._carry(reader, far)),
                        asyncio.ensure_future(self._carry(far_reader, writer)),
                    ],
                    return_when=asyncio.FIRST_COMPLETED,
                )
        for end in ends:
            end.transport.abort()
        self._lines.discard(task)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while read := await reader.read(1 << 16):
                while self.silent:
                    await asyncio.sleep(0.01)
                writer.write(read)
                await writer.drain()
