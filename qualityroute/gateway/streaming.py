"""An answer as a stream of server-sent events: comments while it is proved, pieces as they are heard, one ending."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from time import time
from typing import Any

import anyio

from qualityroute.config import Gateway
from qualityroute.gateway.answers import decision_headers
from qualityroute.gateway.chunks import KEEP_ALIVE, ChunkWriter
from qualityroute.gateway.reply import Reply
from qualityroute.records import Answer


class Stream:
    """One stream. Its head is sent with its first bytes, so that what fails before them gets a proper status.

    Args:
        model: who is most likely to answer. A chunk that is heard is passed on at once, and says who it is from
            before the engine does; the last one has it from the decision.
    """

    def __init__(self, reply: Reply, decision_id: str, model: str, include_usage: bool, settings: Gateway) -> None:
        self._reply, self._settings = reply, settings
        self._writer = ChunkWriter(f"chatcmpl-{decision_id}", int(time()), model, include_usage)
        self._lock = anyio.Lock()
        self._heard = False

    async def hear(self, delta: Mapping[str, Any]) -> None:
        """Pass on a piece of an answer that is still being written."""
        first = b"" if self._heard else self._writer.delta({"role": "assistant", "content": ""})
        self._heard = True
        await self._write(first + self._writer.delta(delta))

    async def keep_alive(self) -> None:
        """Show that somebody is at work, until cancelled."""
        await anyio.sleep(self._settings.first_keep_alive.total_seconds())
        while True:
            await self._write(KEEP_ALIVE)
            await anyio.sleep(self._settings.keep_alive.total_seconds())

    async def finish(self, answer: Answer) -> None:
        """The end, of what was heard; or the whole answer, when nothing was."""
        writer = replace(self._writer, model=answer.decision.model or self._writer.model)
        if not self._reply.started:
            await self._reply.begin(decision_headers(answer.decision))
        await self._reply.end(writer.ending(answer) if self._heard else writer.replay(answer))

    async def _write(self, data: bytes) -> None:
        async with self._lock:  # of hearing and keeping alive, one sends the head
            if not self._reply.started:
                await self._reply.begin()
            await self._reply.piece(data)
