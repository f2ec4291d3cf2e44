"""Many inputs, a few at a time, each answer as soon as it is there."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable, Iterable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Self

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream

from qualityroute.background import Background
from qualityroute.errors import ConfigError
from qualityroute.lanes import work_through
from qualityroute.records import Answer


@dataclass(frozen=True, slots=True)
class Mapped:
    """The answer of one input, or why there is none."""

    index: int
    """The input's position."""
    answer: Answer | None = None
    error: Exception | None = None


class MapResults:
    """An async iterator of `Mapped`; inputs are drawn only as fast as answers are taken.

    Leaving the loop early and calling `aclose` (or closing the engine) cancels what is under way.
    """

    def __init__(
        self,
        one: Callable[[Any], Awaitable[Answer]],
        inputs: Iterable[Any] | AsyncIterable[Any],
        concurrency: int,
        background: Background,
        lane: Callable[[Any], str | None],
    ) -> None:
        self._one, self._inputs, self._concurrency, self._background = one, _numbered(inputs), concurrency, background
        self._lane = lane
        self._results: MemoryObjectReceiveStream[Mapped] | None = None
        self._scope = anyio.CancelScope()
        self._failure: Exception | None = None

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Mapped:
        if self._results is None:
            self._results = self._start()
        try:
            return await self._results.receive()
        except anyio.ClosedResourceError:
            raise StopAsyncIteration from None
        except anyio.EndOfStream:
            self._results.close()
            if self._failure is not None:
                raise self._failure from None
            raise StopAsyncIteration from None

    async def aclose(self) -> None:
        """End early: what is under way is cancelled, and written down as such."""
        self._scope.cancel()
        if self._results is not None:
            self._results.close()

    def _start(self) -> MemoryObjectReceiveStream[Mapped]:
        send, receive = anyio.create_memory_object_stream[Mapped]()

        async def work(item: tuple[int, Any]) -> None:
            await send.send(await self._answer(*item))

        async def crew() -> None:
            async with aclosing(self._inputs):
                with self._scope, send:
                    await work_through(
                        self._draw, work, session_of=lambda item: self._lane(item[1]), concurrency=self._concurrency
                    )

        self._background.start_soon(crew)
        return receive

    async def _draw(self) -> tuple[int, Any] | None:
        try:
            return await anext(self._inputs, None)
        except Exception as error:  # the caller's own iterable failed; they hear of it where they iterate
            self._failure = error
            return None

    async def _answer(self, index: int, value: Any) -> Mapped:
        try:
            return Mapped(index, answer=await self._one(value))
        except Exception as error:  # one failed input does not end the others
            return Mapped(index, error=error)


_OPTIONS = ("session", "tenant", "tier", "metadata", "tools", "parameters")


def options_of(value: Mapping[str, Any]) -> dict[str, Any]:
    """What a mapping asks for besides its input. Raises `ConfigError` for a key that means nothing."""
    unknown = sorted(str(key) for key in value if key not in (*_OPTIONS, "input", "id"))
    if unknown:
        raise ConfigError(f"an input has the key '{unknown[0][:40]}'; there are: input, id, {', '.join(_OPTIONS)}")
    return {name: value[name] for name in _OPTIONS if value.get(name) is not None}


async def _numbered(inputs: Iterable[Any] | AsyncIterable[Any]) -> AsyncGenerator[tuple[int, Any], None]:
    index = 0
    if isinstance(inputs, AsyncIterable):
        async for value in inputs:
            yield index, value
            index += 1
        return
    for value in inputs:
        yield index, value
        index += 1
