"""What tests of the OpenAI-compatible client share: a request, a client that naps, and the server it talks to."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from fault_server import FaultServer, Play, Script, failing, good

from qualityroute.client import CompletionRequest
from qualityroute.config import Provider
from qualityroute.errors import ProviderError
from qualityroute.openai_client import OpenAIClient
from qualityroute.records import Completion, Role, Tier

KEY = "sk-secret-0123456789"
NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
SCHEMA = {"type": "object", "properties": {"total": {"type": "number"}}}

_transport = "auto"


@pytest.fixture(params=["asyncio", "asyncio on httpx", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> Iterator[str]:
    """To be imported where it matters what carries the bytes: alone, asyncio has aiohttp, and trio httpx."""
    global _transport
    backend, _, transport = str(request.param).partition(" on ")
    _transport = transport or "auto"
    yield backend
    _transport = "auto"


def provider(url: str, **settings: Any) -> Provider:
    """On the transport of this test."""
    return Provider(base_url=url, transport=_transport, **settings)


def ask(**fields: Any) -> CompletionRequest:
    standard: dict[str, Any] = {
        "role": Role.ANSWER,
        "tier": Tier.EFFICIENCY,
        "provider": "test",
        "model": "model",
        "messages": ({"role": "user", "content": "hi"},),
    }
    return CompletionRequest(**standard | fields)


class Ear:
    """Hears an answer while it comes in, and remembers."""

    def __init__(self) -> None:
        self.heard: list[Mapping[str, Any]] = []
        self.begun = anyio.Event()

    async def __call__(self, delta: Mapping[str, Any]) -> None:
        self.heard.append(delta)
        self.begun.set()

    @property
    def text(self) -> str:
        return "".join(delta.get("content", "") for delta in self.heard)


class Naps:
    """Sleeps without sleeping, and tells how long."""

    def __init__(self) -> None:
        self.taken: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.taken.append(seconds)
        await anyio.lowlevel.checkpoint()

    def clock(self) -> float:
        """As if the naps had been slept."""
        return time.monotonic() + sum(self.taken)


@asynccontextmanager
async def served(
    *script: Script, name: str = "test", **settings: Any
) -> AsyncIterator[tuple[OpenAIClient, FaultServer]]:
    """A client that naps instead of sleeping, and the server it talks to."""
    with FaultServer(*script) as server:
        async with made(server.url, name=name, **settings) as client:
            yield client, server


@asynccontextmanager
async def made(url: str, *, name: str = "test", **settings: Any) -> AsyncIterator[OpenAIClient]:
    sleep = settings.pop("sleep", Naps())
    memory = settings.pop("memory", None)
    client = OpenAIClient(
        {name: provider(url, **settings)},
        keys={name: KEY},
        memory=memory,
        sleep=sleep,
        clock=sleep.clock,
        now=lambda: NOW,
        random=lambda: 0.0,
    )
    try:
        yield client
    finally:
        await client.aclose()


async def failure(client: OpenAIClient, request: CompletionRequest | None = None) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        await client.complete(request or ask())
    return caught.value


def refusing(field: str, message: str, *, status: int = 400, **error: Any) -> Callable[[Mapping[str, Any]], Play]:
    """A server that answers only when `field` is not in the body."""
    return lambda body: failing(status, message, **error) if field in body else good()


async def timed_failure(client: OpenAIClient, request: CompletionRequest | None = None) -> tuple[ProviderError, float]:
    begun = time.monotonic()
    error = await failure(client, request)
    return error, time.monotonic() - begun


async def together(client: OpenAIClient, calls: int) -> list[Completion]:
    answers: list[Completion] = []

    async def one() -> None:
        answers.append(await client.complete(ask()))

    async with anyio.create_task_group() as group:
        for _ in range(calls):
            group.start_soon(one)
    return answers
