"""`POST /v1/chat/completions`: read, asked of the engine, answered whole or as a stream."""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from typing import Any, TypeAlias

import anyio

from qualityroute.config import Gateway
from qualityroute.doors import new_decision_id
from qualityroute.engine import Engine
from qualityroute.errors import AnswerRejected, ConfigError, QualityRouteError
from qualityroute.gateway.answers import answer_that_says_so, completion_object, decision_headers
from qualityroute.gateway.asking import Asked, read_request
from qualityroute.gateway.bodies import ClientLeft, parsed, read_body
from qualityroute.gateway.calls import Call
from qualityroute.gateway.chunks import encoded
from qualityroute.gateway.errors import refusal_of, unforeseen
from qualityroute.gateway.flights import Flights
from qualityroute.gateway.keyring import Keyring
from qualityroute.gateway.streaming import Stream
from qualityroute.gateway.visitors import Visitor, admit
from qualityroute.records import Answer, Message

logger = logging.getLogger("qualityroute.gateway")
Work: TypeAlias = Callable[[], Coroutine[Any, Any, None]]
Run: TypeAlias = Callable[[], Coroutine[Any, Any, Answer]]

PATIENCE = 1.0
"""Seconds that a server may take to tell that a reply has ended."""


class Completions:
    """Raises `Refusal`, or `ClientLeft` when nobody waits for the answer any more."""

    def __init__(self, engine: Engine, keyring: Keyring | None, flights: Flights) -> None:
        self._engine, self._keyring, self._flights = engine, keyring, flights

    async def __call__(self, call: Call) -> None:
        admit(call.visitor, self._keyring)
        settings = self._engine.config.gateway
        with self._flights.one():
            body = await read_body(
                call.receive, call.headers, most=settings.max_body, within=settings.body_timeout
            )  # fmt: skip
            asked = read_request(parsed(body), call.headers, self._engine.config, self._classify)
            await (self._stream if asked.stream else self._whole)(call, asked, settings)

    def _classify(self, messages: Sequence[Message], schema: Mapping[str, Any] | None) -> str | None:
        """By the user's own rules, where there are any."""
        if all(task.match is None for task in self._engine.config.tasks.values()):
            return None
        with suppress(ConfigError):  # messages that cannot be used: refused when they are asked
            return self._engine.classify(messages, schema=schema)
        return None

    async def _whole(self, call: Call, asked: Asked, settings: Gateway) -> None:
        options = options_of(asked, call.visitor)

        async def run() -> Answer:
            answer = await self._run(asked, options)
            await call.reply.whole(encoded(completion_object(answer)), headers=decision_headers(answer.decision))
            return answer

        await self._answer(call, run)

    async def _stream(self, call: Call, asked: Asked, settings: Gateway) -> None:
        options = options_of(asked, call.visitor)
        model = self._engine.config.tiers.performance.models[0]
        stream = Stream(call.reply, options["decision_id"], model, asked.include_usage, settings)
        options["hear"] = stream.hear
        answer = await self._answer(call, lambda: self._run(asked, options), stream.keep_alive)
        await stream.finish(answer)

    async def _run(self, asked: Asked, options: dict[str, Any]) -> Answer:
        try:
            return await self._engine.run(asked.task, asked.messages, **options)
        except AnswerRejected as error:
            answer = answer_that_says_so(error)
            if answer is None:
                raise
            return answer

    async def _answer(self, call: Call, run: Run, beside: Work | None = None) -> Answer:
        """What `run` gives, unless the client leaves first; `beside` goes on meanwhile."""
        result = await _while_connected(call, run, beside)
        match result:
            case Answer():
                return result
            case None:
                raise ClientLeft
            case QualityRouteError() if type(result) is not QualityRouteError:
                raise refusal_of(result, self._engine.config.store.payloads) from result
            case _:
                logger.error("a request broke: %s", result, exc_info=result)
                raise unforeseen() from result


def options_of(asked: Asked, visitor: Visitor) -> dict[str, Any]:
    """What `Engine.run` is given besides task and messages."""
    return {
        "session": asked.session,
        "tenant": visitor.tenant,
        "tier": asked.tier,
        "metadata": asked.metadata,
        "tools": asked.tools,
        "parameters": asked.parameters,
        "schema": asked.schema,
        "decision_id": new_decision_id(),
        "allowance": visitor.key.allowance if visitor.key is not None else None,
    }


async def _while_connected(call: Call, run: Run, beside: Work | None) -> Answer | Exception | None:
    """What `run` gives or raises; `None` when the client left first, and so ended it."""
    result: Answer | Exception | None = None
    async with anyio.create_task_group() as group:

        async def watch() -> None:
            while (await call.receive())["type"] != "http.disconnect":
                pass
            if not call.reply.ended:
                group.cancel_scope.cancel()

        group.start_soon(watch)
        if beside is not None:
            group.start_soon(beside)
        try:
            result = await run()
        except Exception as error:  # told by who is in no task group, which would wrap it
            result = error
        if call.reply.ended and beside is None:
            # Servers tell the watch of that as of a client that left, and it ends by itself, in a fifth of the CPU
            # time that it takes to cancel it.
            group.cancel_scope.deadline = anyio.current_time() + PATIENCE
        else:
            group.cancel_scope.cancel()
    try:
        return result
    finally:
        del result  # or an error would keep itself, by its traceback, and all of its request
