"""One provider: how many calls at once, when each model may be asked, and what is learned of it."""

from __future__ import annotations

import anyio
import anyio.to_thread

from qualityroute.client import CompletionRequest
from qualityroute.config import Provider
from qualityroute.openai_client.call import Call, Line, patience, reserved
from qualityroute.openai_client.complaints import Speaker
from qualityroute.openai_client.connection import Connection
from qualityroute.openai_client.learned import Learned
from qualityroute.openai_client.surroundings import Surroundings
from qualityroute.openai_client.turnstile import Turnstile
from qualityroute.records import Completion, Role


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
        self._turnstiles: dict[str, Turnstile] = {}

    async def complete(self, request: CompletionRequest) -> Completion:
        """Waiting for a free place is our doing, not the provider's: the call's own time starts after it."""
        request.progress.sent = 0
        connection = await self._open()
        line = self._line(connection, request)
        dialect = await self._learned.dialect(request.model)
        while True:
            # Not while holding a place, which another model of this provider could use.
            await self._wait_until_worth_it(line, request)
            async with self._limiter:
                right = line.turnstile.take(reserved(request))
                if right is not None:
                    return await self._within_time(Call(line, request, dialect, right))

    async def aclose(self) -> None:
        if self._connection is not None:
            await self._connection.aclose()

    async def _open(self) -> Connection:
        if self._connection is None:
            async with self._opening:
                if self._connection is None:
                    # In a thread, so that other requests go on; abandoned when the caller has no more time.
                    self._connection = await anyio.to_thread.run_sync(
                        Connection, self._provider, self._key, abandon_on_cancel=True
                    )
        return self._connection

    def _line(self, connection: Connection, request: CompletionRequest) -> Line:
        clock, sleep = self._surroundings.clock, self._surroundings.sleep
        if request.model not in self._turnstiles:
            self._turnstiles[request.model] = Turnstile(request.name, self._provider, clock, sleep)
        turnstile = self._turnstiles[request.model]
        return Line(connection, turnstile, self._speaker(request), self._surroundings, self._provider.retries)

    async def _wait_until_worth_it(self, line: Line, request: CompletionRequest) -> None:
        waiting = patience(request) if request.waits else 0.0
        # Without a judge or a peer a request goes on; to wait for one that fails anyway would cost it its time.
        through_rests = request.role not in (Role.JUDGE, Role.PEER)
        trouble = await line.turnstile.wait(reserved(request), waiting, through_rests=through_rests)
        if trouble is not None:
            raise trouble.error()

    async def _within_time(self, call: Call) -> Completion:
        allowed = min(call.request.timeout or self._provider.timeout, self._provider.timeout).total_seconds()
        completion: Completion | None = None
        try:
            with anyio.move_on_after(allowed):
                completion = await call.answer()
            if completion is None:
                raise call.timed_out(allowed)
        finally:
            call.broken_off()
        await self._learn(call)
        return completion

    async def _learn(self, call: Call) -> None:
        await self._learned.keep(call.request.model, call.lasting)
        for rung, kept in call.seen:
            await self._learned.watch(call.request.model, rung, kept)

    def _speaker(self, request: CompletionRequest) -> Speaker:
        variable = self._provider.api_key_env
        key_from = f"the environment variable '{variable}'" if variable else f"providers.{self._name}.api_key_env"
        return Speaker(request.name, self._name, key_from, self._key)
