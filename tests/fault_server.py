"""A real HTTP server on loopback that does what it is told, request by request: the worst of providers."""

from __future__ import annotations

import asyncio
import json
import ssl
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Literal, Self


@dataclass(frozen=True, slots=True)
class Play:
    """What to do with one request."""

    body: bytes | str | Mapping[str, Any] | list[Any] = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0.0
    """Seconds before the first byte of the headers."""
    trickle: float = 0.0
    """Seconds before each byte of the body."""
    cut: int | None = None
    """Close the connection after so many bytes of the body; -1 before the headers."""
    claimed_length: int | None = None
    """The Content-Length to lie with."""
    times: int = 1
    """How often the body is sent; more than once without a Content-Length, in chunks."""
    pieces: tuple[bytes, ...] = ()
    """In place of a body: sent in chunks, one after another."""
    then: Literal["end", "cut", "hang"] = "end"
    """After the pieces: the end of the body, of the connection, or nothing until the client leaves."""

    @property
    def content(self) -> bytes:
        if isinstance(self.body, bytes):
            return self.body
        return (self.body if isinstance(self.body, str) else json.dumps(self.body)).encode()


Script = Play | Callable[[Mapping[str, Any]], Play]
"""A play, or a function from the request's JSON to one."""


@dataclass(frozen=True, slots=True)
class SeenRequest:
    method: str
    path: str
    headers: Mapping[str, str]
    """Names in lower case."""
    content: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.content)


def completion(content: Any = "hello", **message: Any) -> dict[str, Any]:
    """A good chat completion; further fields go into its message."""
    return {
        "id": "c-1",
        "object": "chat.completion",
        "model": "served-model",
        "choices": [
            {
                "index": 0,
                "finish_reason": "stop",
                "message": {"role": "assistant", "content": content, **message},
            }
        ],
        "usage": {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18},
    }


def good(content: Any = "hello", **message: Any) -> Play:
    return Play(completion(content, **message))


def failing(status: int, message: str = "no", *, headers: Mapping[str, str] | None = None, **error: Any) -> Play:
    return Play({"error": {"message": message, **error}}, status=status, headers=headers or {})


def event(delta: Mapping[str, Any] | None = None, finish: str | None = None, **fields: Any) -> bytes:
    """One chunk of a streamed answer."""
    choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": finish}]
    value = {"id": "c-1", "object": "chat.completion.chunk", "model": "served-model", "choices": choices, **fields}
    return f"data: {json.dumps(value)}\n\n".encode()


DONE = b"data: [DONE]\n\n"
COUNTED = event(usage={"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18})


def ending(finish: str = "stop") -> tuple[bytes, ...]:
    """The last events of a good stream."""
    return (event({}, finish), COUNTED, DONE)


def streaming(*deltas: str | Mapping[str, Any] | bytes, then: Literal["end", "cut", "hang"] = "end") -> Play:
    """An answer in pieces: texts, deltas, or bytes as they are. Only one that ends is whole."""
    pieces = [
        delta if isinstance(delta, bytes) else event({"content": delta} if isinstance(delta, str) else delta)
        for delta in deltas
    ]
    last = ending() if then == "end" else ()
    return Play(pieces=(*pieces, *last), then=then, headers={"content-type": "text/event-stream"})


class FaultServer:
    """Plays its script in order of arrival; the last play repeats. Use it as a context manager."""

    def __init__(self, *script: Script, tls: ssl.SSLContext | None = None) -> None:
        self.script: list[Script] = list(script) or [good()]
        self.requests: list[SeenRequest] = []
        self.connections = 0
        self.most_at_once = 0
        self.at_once: list[int] = []
        """How many were being answered when each request came, itself among them."""
        self.left = threading.Event()
        """A client went away while pieces were sent, or while it was kept waiting for more."""
        self.pieces_sent = 0
        self._at_once = 0
        self._tls = tls
        self._loop = asyncio.new_event_loop()
        self._open: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(target=self._loop.run_forever, name="fault server", daemon=True)

    @property
    def url(self) -> str:
        return f"http{'s' if self._tls else ''}://127.0.0.1:{self.port}/v1"

    @property
    def bodies(self) -> list[Any]:
        return [request.json for request in self.requests]

    def __enter__(self) -> Self:
        self._thread.start()
        self._server = self._run(asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._tls, backlog=2048))
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._run(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self, coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(10)

    async def _stop(self) -> None:
        self._server.close()
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        # A client that gives up, or the test that ends, is the end of a connection and no error.
        with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while await self._answer(reader, writer):
                pass
        self._open.discard(task)
        writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Answer one request; is the connection still good after it?"""
        request = await _read_request(reader)
        self.requests.append(request)
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        self.at_once.append(self._at_once)
        try:
            script = self.script.pop(0) if len(self.script) > 1 else self.script[0]
            play = script if isinstance(script, Play) else script(request.json)
            await asyncio.sleep(play.delay)
        finally:
            self._at_once -= 1
        return await (self._stream(play, reader, writer) if play.pieces else _perform(play, writer))

    async def _stream(self, play: Play, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        writer.write(_head(play, 0))
        try:
            for piece in play.pieces:
                writer.write(b"%x\r\n%b\r\n" % (len(piece), piece))
                await writer.drain()
                self.pieces_sent += 1
            if play.then == "hang":
                await reader.readexactly(1)
        except (ConnectionError, asyncio.IncompleteReadError):
            self.left.set()
            return False
        if play.then == "end":
            writer.write(b"0\r\n\r\n")
            await writer.drain()
        return play.then == "end"


async def _read_request(reader: asyncio.StreamReader) -> SeenRequest:
    first_byte = await reader.readexactly(1)
    if first_byte == b"\x16":
        raise ConnectionError("TLS is not spoken here")
    head = (first_byte + await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.strip().split("\r\n")
    method, path, _ = first.split(" ", 2)
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return SeenRequest(method, path, headers, await reader.readexactly(int(headers.get("content-length", 0))))


async def _perform(play: Play, writer: asyncio.StreamWriter) -> bool:
    if play.cut == -1:
        return False
    content = play.content
    writer.write(_head(play, len(content)))
    if play.times > 1:
        await _write_chunks(writer, content, play.times)
        return True
    sent = content if play.cut is None else content[: play.cut]
    if play.trickle:
        for position in range(len(sent)):
            await asyncio.sleep(play.trickle)
            writer.write(sent[position : position + 1])
            await writer.drain()
    else:
        writer.write(sent)
    await writer.drain()
    return play.cut is None and play.claimed_length in (None, len(content))


def _head(play: Play, length: int) -> bytes:
    chunked = play.times > 1 or play.pieces
    body = "transfer-encoding: chunked" if chunked else f"content-length: {play.claimed_length or length}"
    headers = {"content-type": "application/json", **play.headers}
    lines = [f"HTTP/1.1 {play.status} Status", body, *(f"{name}: {value}" for name, value in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


async def _write_chunks(writer: asyncio.StreamWriter, content: bytes, times: int) -> None:
    for _ in range(times):
        writer.write(b"%x\r\n%b\r\n" % (len(content), content))
        await writer.drain()
    writer.write(b"0\r\n\r\n")
    await writer.drain()
