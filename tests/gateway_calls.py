"""Calls of the gateway as an ASGI application, on either backend, without a server between."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import anyio
from conftest import config_with

from qualityroute import Config, Engine
from qualityroute.gateway import build_app
from qualityroute.testing import ScriptedClient

CHAT = "/v1/chat/completions"
HELLO = [{"role": "user", "content": "hello"}]


@dataclass
class Told:
    """What came back."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    parts: list[bytes] = field(default_factory=list)
    ended: bool = False

    @property
    def body(self) -> bytes:
        return b"".join(self.parts)

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> Any:
        return self.json["error"]

    @property
    def events(self) -> list[Any]:
        """The data of a stream, as JSON but for its last word."""
        lines = [block[6:] for block in self.body.decode().split("\n\n") if block.startswith("data: ")]
        return [line if line == "[DONE]" else json.loads(line) for line in lines]

    @property
    def text(self) -> str:
        """The content that a stream's pieces make up."""
        choices = [event["choices"][0] for event in self.events if isinstance(event, dict) and event.get("choices")]
        return "".join(choice["delta"].get("content") or "" for choice in choices)


async def call(
    app: Any,
    path: str = CHAT,
    body: Any = None,
    *,
    method: str | None = None,
    headers: Mapping[str, str | bytes] | None = None,
    peer: str = "127.0.0.1",
    leaves: anyio.Event | None = None,
    tells_end: bool = True,
    told: Told | None = None,
) -> Told:
    """One request. `body` is bytes, or a value sent as JSON; the client hangs up once `leaves` is set.

    `tells_end`: as servers do, of the reply's end as of a client that left.
    """
    content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    told = told if told is not None else Told()
    pending = [{"type": "http.request", "body": content, "more_body": False}]
    over = leaves if leaves is not None else anyio.Event()

    async def receive() -> dict[str, Any]:
        if pending:
            return pending.pop()
        await over.wait()
        return {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        await anyio.lowlevel.checkpoint()
        if message["type"] == "http.response.start":
            told.status = message["status"]
            told.headers = {name.decode(): value.decode("latin-1") for name, value in message["headers"]}
        else:
            assert not told.ended
            told.parts.append(message["body"])
            told.ended = not message.get("more_body", False)
            if told.ended and tells_end:
                over.set()

    given = {"host": "localhost", **(headers or {})}
    raw = [(name.encode(), value if isinstance(value, bytes) else value.encode()) for name, value in given.items()]
    scope = {
        "type": "http",
        "root_path": "",
        "method": method or ("POST" if body is not None else "GET"),
        "path": path,
        "headers": raw,
        "client": (peer, 50_000),
        "query_string": b"",
    }
    await app(scope, receive, send)
    return told


def asking(model: str = "smart-select", **fields: Any) -> dict[str, Any]:
    return {"model": model, "messages": HELLO, **fields}


@dataclass
class Desk:
    """A gateway with scripted models."""

    app: Any
    engine: Engine
    client: ScriptedClient

    async def ask(self, model: str = "smart-select", *, headers: Any = None, **fields: Any) -> Told:
        return await call(self.app, body=asking(model, **fields), headers=headers)

    async def decision(self, told: Told) -> Any:
        return await self.engine.explain(told.headers["x-qualityroute-decision"])


@asynccontextmanager
async def desk(
    efficiency: Any = "cheap words",
    performance: Any = "strong words",
    judge: Any = "yes",
    *,
    config: Config | None = None,
    store: Any = "sqlite://",
    **options: Any,
) -> AsyncIterator[Desk]:
    client = ScriptedClient({"efficiency": efficiency, "performance": performance, "judge": judge})
    async with Engine(config or config_with(), client=client, store=store) as engine:
        yield Desk(build_app(engine, **options), engine, client)
