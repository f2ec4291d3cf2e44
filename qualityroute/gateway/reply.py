"""What is sent back: a whole answer, or one piece after another, or why there is none."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias

import anyio

from qualityroute.gateway.answers import RawHeaders
from qualityroute.gateway.chunks import error_event
from qualityroute.gateway.errors import Refusal

Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]

JSON = b"application/json"
_STREAM_HEADERS: RawHeaders = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),  # some proxies keep a stream to themselves until it ends, unless told not to
]
_PATIENCE = 30.0
"""Seconds that the end of a stream waits for a client that does not read."""


class Reply:
    """The response to one request."""

    def __init__(self, send: Send, request_id: bytes) -> None:
        self._send, self.request_id = send, request_id
        self.started = self.ended = False
        self.status: int | None = None
        """As it was sent; `None` until then."""

    async def whole(
        self,
        body: bytes,
        *,
        status: int = 200,
        headers: RawHeaders | None = None,
        kind: bytes = JSON,
        last: bool = True,
    ) -> None:
        """Everything at once; if that is not the `last` of it, `end` must follow."""
        about = [(b"content-type", kind), (b"content-length", b"%d" % len(body))]
        await self._start(status, [*about, *(headers or [])])
        await self._body(body, more=not last)

    async def begin(self, headers: RawHeaders | None = None) -> None:
        """The head of a stream."""
        await self._start(200, [*_STREAM_HEADERS, *(headers or [])])

    async def piece(self, data: bytes) -> None:
        await self._body(data, more=True)

    async def end(self, data: bytes) -> None:
        """The last piece; a client that does not read it in time gets no end."""
        with anyio.move_on_after(_PATIENCE):
            await self._body(data)

    async def refuse(self, refusal: Refusal) -> None:
        """Say why there is no answer: as a status, or as the last event of a stream that has begun."""
        if self.ended:
            return
        if self.started:
            await self.end(error_event(refusal.body))
        else:
            await self.whole(refusal.body, status=refusal.status, headers=refusal.headers, last=not refusal.closes)

    async def _start(self, status: int, headers: RawHeaders) -> None:
        named = [*headers, (b"x-request-id", self.request_id)]
        await self._send({"type": "http.response.start", "status": status, "headers": named})
        self.started, self.status = True, status

    async def _body(self, data: bytes, *, more: bool = False) -> None:
        self.ended = not more
        await self._send({"type": "http.response.body", "body": data, "more_body": more})
