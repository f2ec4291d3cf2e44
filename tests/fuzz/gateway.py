"""Readers of what the gateway's callers send: the head of a request, its headers, its body."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, MutableMapping
from datetime import timedelta
from typing import Any

import anyio
import uvicorn
from uvicorn.server import ServerState

from qualityroute.config import Config, Gateway
from qualityroute.errors import ConfigError
from qualityroute.gateway import bodies
from qualityroute.gateway.asking import read_request
from qualityroute.gateway.completions import options_of
from qualityroute.gateway.errors import Refusal
from qualityroute.gateway.flights import Flights
from qualityroute.gateway.lifespan import FLIGHTS
from qualityroute.gateway.models import with_chat
from qualityroute.gateway.protocol import LARGEST_HEAD, MOST_HEADERS, GatewayProtocol
from qualityroute.gateway.visitors import LONGEST_REQUEST_ID, headers_of, request_id_of, visitor_of
from qualityroute.inputs import as_messages, checked_metadata, checked_name

CONFIG = with_chat(
    Config.model_validate(
        {
            "providers": {"p": {"base_url": "http://127.0.0.1:1/v1"}},
            "tiers": {"efficiency": {"models": ["p/a"]}, "performance": {"models": ["p/b"]}},
            "tasks": {"invoice": {"schema": {"type": "object"}}},
        }
    )
)
LONGEST_MESSAGE = 1_000

BODY_WORDS = (
    '"model"', '"smart-select"', '"smart-select/invoice"', '"performance-model"', '"messages"', '"role"', '"user"',
    '"tool"', '"content"', '"type"', '"text"', '"image_url"', '"tools"', '"function"', '"name"', '"parameters"',
    '"tool_choice"', '"response_format"', '"json_schema"', '"schema"', '"json_object"', '"stream"',
    '"stream_options"', '"include_usage"', '"metadata"', '"session_id"', '"n"', '"pattern"', '"$ref"', '"$defs"',
    '"properties"', '"items"', '"anyOf"', '"#/$defs/a"',
)  # fmt: skip
_MESSAGES = b'"model": "smart-select", "messages": [{"role": "user", "content": "hello"}]'
BODY_SEEDS = (
    b"{" + _MESSAGES + b"}",
    b"{" + _MESSAGES + b', "stream": true, "stream_options": {"include_usage": true}, "n": 1, "user": "u"}',
    b"{" + _MESSAGES + b', "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object", '
    b'"properties": {"a": {"type": "string", "pattern": "^(a+)+$"}}}}}], "tool_choice": "required"}',
    b'{"model": "smart-select/invoice", "messages": [{"role": "user", "content": [{"type": "text", "text": "x"}, '
    b'{"type": "image_url", "image_url": {"url": "data:,"}}]}], "metadata": {"session_id": "s"}, "response_format": '
    b'{"type": "json_schema", "json_schema": {"name": "n", "schema": {"$ref": "#/$defs/a", "$defs": {"a": {"anyOf": '
    b'[{"$ref": "#/$defs/a"}, {"type": "null"}]}}}}}}',
)  # fmt: skip


def read_body(data: bytes) -> None:
    """A request that the engine can be asked, or a refusal that can be sent back."""
    try:
        asked = read_request(bodies.parsed(data), {}, CONFIG)
    except Refusal as refusal:
        _check(refusal)
        return
    assert asked.choice.task in CONFIG.tasks
    json.dumps(dict(asked.parameters))
    try:
        checked_metadata(asked.metadata)
        messages = as_messages(asked.messages, 1_000_000)
    except ConfigError as error:
        str(error).encode("utf-8")
        return
    json.dumps(messages).encode("utf-8")


HEADER_WORDS = (
    "authorization", "Bearer ", "x-session-id", "x-qualityroute-task", "x-request-id", "content-length", "host",
    "origin", "localhost", "127.0.0.1:80", "[::1]:80", "http://", "invoice",
)  # fmt: skip
HEADER_SEEDS = (
    b"host\x00localhost:8080\x01authorization\x00Bearer qr-abc\x01x-session-id\x00user-42\x01x-request-id\x00r-1",
    b"host\x00[::1]:8080\x01origin\x00http://127.0.0.1:3000\x01content-length\x0012\x01x-qualityroute-task\x00invoice",
    b"host\x00evil.example\x01origin\x00http://[::1\x01content-length\x00\xd9\xa3",
)


def read_headers(data: bytes) -> None:
    """A visitor and a session, or a refusal; an id that is sent back is one that can be."""
    # The server hands on names in lower case and of ASCII, and values without a line's end.
    pairs = [pair.partition(b"\x00") for pair in data.replace(b"\r", b"").replace(b"\n", b"").split(b"\x01")]
    raw = [(bytes(byte & 127 for byte in name).lower(), value) for name, _, value in pairs]
    identity = request_id_of(raw)
    assert 0 < len(identity) <= LONGEST_REQUEST_ID
    assert identity.decode("ascii").isprintable()
    try:
        headers = headers_of(raw)
        visitor = anyio.run(visitor_of, {"client": ("127.0.0.1", 1)}, headers, None)
        asked = read_request({"model": "smart-select", "messages": [{}]}, headers, CONFIG)
        anyio.run(_body_of, headers, data)
    except Refusal as refusal:
        _check(refusal)
        return
    assert options_of(asked, visitor)["tenant"] == "default"
    assert checked_name(asked.session, "session") == asked.session


async def _body_of(headers: dict[str, str], data: bytes) -> None:
    parts = [{"type": "http.request", "body": part, "more_body": True} for part in (data[:7], data[7:])]
    parts.append({"type": "http.request"})

    async def receive() -> MutableMapping[str, Any]:
        return parts.pop(0)

    read = await bodies.read_body(receive, headers, most=1_000, within=timedelta(seconds=60))
    assert read == data


def _check(refusal: Refusal) -> None:
    assert 400 <= refusal.status < 600
    assert 0 < len(str(refusal)) < LONGEST_MESSAGE
    str(refusal).encode("utf-8")


HEAD_WORDS = (
    "GET ", "POST ", "CONNECT ", "PRI * ", " HTTP/1.1\r\n", " HTTP/1.0\r\n", "\r\n\r\n", "Host: a\r\n",
    "Content-Length: ", "Transfer-Encoding: chunked\r\n", "Connection: Upgrade, HTTP2-Settings\r\n",
    "Connection: close\r\n", "Upgrade: h2c\r\n", "Expect: 100-continue\r\n", "0\r\n\r\n", "HTTP2-Settings: AAMA\r\n",
)  # fmt: skip
HEAD_SEEDS = (
    b"\x08POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}"
    b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    b"\x20POST / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
    b"Content-Length: 3\r\n\r\nabc",
    b"\x01POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    b"\x30GET / HTTP/1.0\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nGET /b HTTP/1.1\r\n\r\n",
)  # fmt: skip
Seen = list[tuple[str, str, int, bytes]]
"""Each request that the application got: method, path, number of headers, body."""


def read_head(data: bytes) -> None:
    """The same requests however the bytes are cut, within our limits, and no exception out of the protocol.

    Bytes that are no request end the connection at once, and with it those that came before in the same piece.
    """
    size, content = max(1, data[0] if data else 1), data[1:]
    cut, cut_was_refused = asyncio.run(_requests([content[at : at + size] for at in range(0, len(content), size)]))
    whole, was_refused = asyncio.run(_requests([content]))
    # What follows a CONNECT is for nobody, since there is no tunnel: it is dropped, or refused if it comes later.
    assert cut_was_refused == was_refused or b"CONNECT" in content
    assert cut[: len(whole)] == whole
    assert was_refused or cut == whole
    assert all(count <= MOST_HEADERS and len(path) <= LARGEST_HEAD for _, path, count, _ in whole)


async def _requests(pieces: list[bytes]) -> tuple[Seen, bool]:
    """What the application got, and whether the connection was refused as none of HTTP."""
    seen: Seen = []

    async def app(
        scope: Any, receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]
    ) -> None:  # fmt: skip
        body, more = b"", True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body += message.get("body", b"")
            more = message.get("more_body", False)
        seen.append((scope["method"], scope["path"], len(scope["headers"]), body))
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body"})

    config = uvicorn.Config(app, http=GatewayProtocol, ws="none", lifespan="off", log_config=None, access_log=False)
    config.load()
    protocol = GatewayProtocol(config, ServerState(), {FLIGHTS: Flights(Gateway())}, asyncio.get_running_loop())
    transport = Transport()
    protocol.connection_made(transport)
    for piece in pieces:
        if transport.closed:
            break
        protocol.data_received(piece)
        await _settled(protocol)
    protocol.connection_lost(None)
    await _settled(protocol)
    return seen, transport.refused


async def _settled(protocol: GatewayProtocol) -> None:
    for _ in range(50):
        await asyncio.sleep(0)
        if not protocol.pipeline and (protocol.cycle is None or protocol.cycle.response_complete):
            return


class Transport(asyncio.Transport):
    """The connection's other side, which takes whatever it gets."""

    def __init__(self) -> None:
        super().__init__({"peername": ("127.0.0.1", 1), "sockname": ("127.0.0.1", 2)})
        self.closed = False
        self.refused = False

    def write(self, data: Any) -> None:
        self.refused = self.refused or bytes(data).startswith(b"HTTP/1.1 400")

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass

    def set_protocol(self, protocol: Any) -> None:
        pass
