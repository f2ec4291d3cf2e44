"""One provider: how many calls at once, how long each may take, and what is done when one fails."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import anyio
import anyio.to_thread

from qualityroute.client import CompletionRequest
from qualityroute.config import Provider
from qualityroute.errors import ProviderError
from qualityroute.openai_client.bodies import Body, encode, path_for, request_body
from qualityroute.openai_client.complaints import Speaker, clean
from qualityroute.openai_client.connection import Connection
from qualityroute.openai_client.dialects import MAX_STEPS, Dialect, Dialects, next_step, spoken
from qualityroute.openai_client.replies import understand, understand_decisions
from qualityroute.openai_client.trouble import Trouble
from qualityroute.openai_client.waiting import wait_before_repeat
from qualityroute.records import Completion, Reason


@dataclass(frozen=True, slots=True)
class TimeAndChance:
    sleep: Callable[[float], Awaitable[None]]
    now: Callable[[], datetime]
    random: Callable[[], float]


@dataclass(slots=True)
class Tries:
    """What one call has done so far; kept outside it, so that a call cut short still has its count."""

    sent: int = 0
    steps: int = 0
    """Of them, refused for their wording and said differently."""
    repeats: int = 0
    """Of them, failed and asked again."""

    @property
    def retries(self) -> int:
        return max(0, self.sent - 1)


class Endpoint:
    def __init__(
        self, name: str, provider: Provider, key: str | None, dialects: Dialects, surroundings: TimeAndChance
    ) -> None:
        self._name = name
        self._provider = provider
        self._key = key
        self._dialects = dialects
        self._surroundings = surroundings
        self._connection: Connection | None = None
        self._opening = anyio.Lock()
        self._limiter = anyio.CapacityLimiter(provider.max_concurrency)

    async def complete(self, request: CompletionRequest) -> Completion:
        """Waiting for a free place is our doing, not the provider's: the call's own time starts after it."""
        connection = await self._open()
        async with self._limiter:
            return await self._within_time(connection, request)

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

    async def _within_time(self, connection: Connection, request: CompletionRequest) -> Completion:
        allowed = min(request.timeout or self._provider.timeout, self._provider.timeout)
        tries = Tries()
        with anyio.move_on_after(allowed.total_seconds()) as scope:
            return await self._ask(connection, request, tries, scope)
        raise _out_of_time(request, allowed, tries)

    async def _ask(
        self, connection: Connection, request: CompletionRequest, tries: Tries, scope: anyio.CancelScope
    ) -> Completion:
        standard = request_body(request)
        dialect = self._dialects.of(request.name)
        while True:
            body = spoken(standard, dialect)
            outcome = await self._post(connection, request, body, tries)
            if isinstance(outcome, Completion):
                self._dialects.learn(request.name, dialect)
                return replace(outcome, retries=tries.retries)
            more = _say_differently(outcome, body, dialect, tries)
            if more is None:
                await self._wait(outcome, tries, scope.deadline - anyio.current_time())
            else:
                dialect = more

    async def _post(
        self, connection: Connection, request: CompletionRequest, body: Body, tries: Tries
    ) -> Completion | Trouble:
        content = encode(body, request.name)
        tries.sent += 1
        reply = await connection.post(path_for(request), content)
        if isinstance(reply, Trouble):
            return replace(reply, message=f"'{request.name}': {clean(reply.message, self._key)[:400]}")
        read = understand_decisions if request.questions else understand
        return read(reply, self._speaker(request), self._surroundings.now())

    async def _wait(self, trouble: Trouble, tries: Tries, remaining: float) -> None:
        """Wait for the next try. Raises the trouble when there will be none."""
        wait = wait_before_repeat(
            trouble,
            repeats=tries.repeats,
            allowed=self._provider.retries,
            remaining=remaining,
            chance=self._surroundings.random(),
        )
        if wait is None:
            raise trouble.error(retries=tries.retries)
        tries.repeats += 1
        await self._surroundings.sleep(wait)

    def _speaker(self, request: CompletionRequest) -> Speaker:
        variable = self._provider.api_key_env
        key_from = f"the environment variable '{variable}'" if variable else f"providers.{self._name}.api_key_env"
        return Speaker(request.name, self._name, key_from, self._key)


def _say_differently(trouble: Trouble, body: Body, dialect: Dialect, tries: Tries) -> Dialect | None:
    step = next_step(trouble, body, dialect) if tries.steps < MAX_STEPS else None
    if step is None:
        return None
    tries.steps += 1
    return (*dialect, step)


def _out_of_time(request: CompletionRequest, allowed: timedelta, tries: Tries) -> ProviderError:
    return ProviderError(
        f"no answer from '{request.name}' within {allowed.total_seconds():g} s",
        reason=Reason.TIMEOUT,
        retries=tries.retries,
    )
