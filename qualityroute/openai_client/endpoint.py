"""One provider: how many calls at once, when each model may be asked, and what is learned of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial

import anyio
import anyio.to_thread

from qualityroute.client import CompletionRequest, EndpointHealth
from qualityroute.config import Provider
from qualityroute.openai_client.bodies import CHAT, Body, encode
from qualityroute.openai_client.call import Call, Line, patience, reserved
from qualityroute.openai_client.complaints import Speaker, clean
from qualityroute.openai_client.connection import Connection
from qualityroute.openai_client.findings import Finding, lessons
from qualityroute.openai_client.judgements import Heard
from qualityroute.openai_client.learned import Learned
from qualityroute.openai_client.probing import probed
from qualityroute.openai_client.replies import understand
from qualityroute.openai_client.surroundings import Surroundings
from qualityroute.openai_client.transports import runs_asyncio
from qualityroute.openai_client.trouble import Reply, Trouble
from qualityroute.openai_client.turnstile import Turnstile
from qualityroute.records import Completion, Reason, Role

PROBE_TIME = timedelta(seconds=30)
"""For one call of a probe, where the provider's own timeout is not shorter."""


class Endpoint:
    def __init__(
        self, name: str, provider: Provider, key: str | None, learned: Learned, surroundings: Surroundings
    ) -> None:
        self._name = name
        self._provider = provider
        self._key = key
        self._learned = learned
        self._surroundings = surroundings
        self._connection: Connection | None = None
        self._opening = anyio.Lock()
        self._limiter = anyio.CapacityLimiter(provider.max_concurrency)
        self._lines: dict[str, Line] = {}

    async def complete(self, request: CompletionRequest) -> Completion:
        """Waiting for a free place is our doing, not the provider's: the call's own time starts after it."""
        request.progress.sent = 0
        connection = await self._open()
        line = self._line(connection, request)
        dialect = await self._learned.dialect(request.model)
        while True:
            with line.turnstile.queue():
                # Not while holding a place, which another model of this provider could use.
                await self._wait_until_worth_it(line, request)
                await self._take_a_place()
            try:
                right = line.turnstile.take(reserved(request))
                if right is not None:
                    return await self._within_time(Call(line, request, dialect, right))
            finally:
                self._limiter.release()

    async def probe(self, model: str, advance: Callable[[], None]) -> tuple[Finding, ...]:
        """Find out what the model honours, and learn it. The calls go out as they are, whatever is known already."""
        connection = await self._open()

        async def hear(body: Body) -> Heard:
            async with self._limiter:
                return await self._hear(connection, body)

        found = await probed(self._name, model, hear, advance)
        await self._learned.study(model, lessons(self._name, found), found)
        return found

    async def _hear(self, connection: Connection, body: Body) -> Heard:
        allowed = min(PROBE_TIME, self._provider.timeout).total_seconds()
        speaker = self._speaker(f"{self._name}/{body['model']}")
        reply: Reply | Trouble = Trouble(f"no answer within {allowed:g} s", Reason.TIMEOUT)
        with anyio.move_on_after(allowed):
            reply = await connection.post(CHAT, encode(body, speaker.model))
        if isinstance(reply, Trouble):
            return Heard(replace(reply, message=clean(reply.message, speaker.secret)))
        return Heard(understand(reply, speaker, self._surroundings.now()), reply.content)

    def health(self) -> tuple[EndpointHealth, ...]:
        """Of each model that was asked."""
        return tuple(line.turnstile.view() for line in tuple(self._lines.values()))

    async def aclose(self) -> None:
        if self._connection is not None:
            await self._connection.aclose()

    async def _open(self) -> Connection:
        if self._connection is None:
            async with self._opening:
                if self._connection is None:
                    aiohttp = self._provider.transport == "auto" and runs_asyncio()
                    # In a thread, so that other requests go on; abandoned when the caller has no more time.
                    self._connection = await anyio.to_thread.run_sync(
                        partial(Connection, self._provider, self._key, aiohttp=aiohttp), abandon_on_cancel=True
                    )
        return self._connection

    def _line(self, connection: Connection, request: CompletionRequest) -> Line:
        line = self._lines.get(request.model)
        if line is None:
            surroundings, provider = self._surroundings, self._provider
            turnstile = Turnstile(request.name, provider, surroundings.clock, surroundings.sleep)
            line = Line(connection, turnstile, self._speaker(request.name), surroundings, provider.retries)
            self._lines[request.model] = line
        return line

    async def _take_a_place(self) -> None:
        try:  # to wait for a free one as well would cost a turn of the event loop
            self._limiter.acquire_nowait()
        except anyio.WouldBlock:
            await self._limiter.acquire()

    async def _wait_until_worth_it(self, line: Line, request: CompletionRequest) -> None:
        tokens = reserved(request)
        if line.turnstile.is_free(tokens):
            return
        waiting = patience(request) if request.waits else 0.0
        # Without these a request goes on; to wait for one that fails anyway would cost it its time.
        through_rests = request.role not in (Role.JUDGE, Role.PEER, Role.EMBEDDING)
        trouble = await line.turnstile.wait(tokens, waiting, through_rests=through_rests)
        if trouble is not None:
            raise trouble.error()

    async def _within_time(self, call: Call) -> Completion:
        allowed = min(call.request.timeout or self._provider.timeout, self._provider.timeout).total_seconds()
        completion: Completion | None = None
        try:
            with anyio.move_on_after(allowed) as call.time:
                completion = await call.answer()
            if completion is None:
                raise call.timed_out(allowed)
        finally:
            call.broken_off()
        await self._learn(call)
        return completion

    async def _learn(self, call: Call) -> None:
        if call.taught:
            await self._learned.keep(call.request.model, call.lasting)
        for rung, kept in call.seen:
            await self._learned.watch(call.request.model, rung, kept)

    def _speaker(self, model: str) -> Speaker:
        variable = self._provider.api_key_env
        key_from = f"the environment variable '{variable}'" if variable else f"providers.{self._name}.api_key_env"
        return Speaker(model, self._name, key_from, self._key)
