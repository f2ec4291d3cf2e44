"""A gateway behind its real server, on loopback, in a thread of its own."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import uvicorn
from conftest import config_with

from qualityroute import Config, Decision, Engine
from qualityroute.gateway import build_app
from qualityroute.gateway.serving import Address, bound, server_config
from qualityroute.testing import ScriptedClient


@dataclass
class Running:
    port: int
    server: uvicorn.Server
    decisions: list[Decision]
    """In the order recorded."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def connect(self) -> socket.socket:
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=30)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def tell(self, *parts: bytes) -> bytes:
        """What comes back for these bytes until the server closes the connection."""
        with self.connect() as connection:
            try:
                for part in parts:
                    connection.sendall(part)
            except ConnectionError:
                pass  # the server had enough
            return read_all(connection)


@dataclass
class Served(Running):
    client: ScriptedClient


def read_all(connection: socket.socket) -> bytes:
    parts = []
    try:
        while part := connection.recv(65_536):
            parts.append(part)
    except ConnectionError:
        pass
    return b"".join(parts)


@contextmanager
def running(engine: Engine, **options: Any) -> Iterator[Running]:
    """The gateway of an engine that is not open yet."""
    decisions: list[Decision] = []
    engine.subscribe(decisions.append)
    app, address = build_app(engine, **options), Address("127.0.0.1", 0)
    listener = bound(address)
    server = uvicorn.Server(server_config(lambda: app, address, engine.config.gateway))
    thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    try:
        yield Running(listener.getsockname()[1], server, decisions)
    finally:
        server.should_exit = True
        thread.join(60)
        listener.close()
    assert not thread.is_alive()


@contextmanager
def served(
    efficiency: Any = "cheap words",
    performance: Any = "strong words",
    judge: Any = "yes",
    *,
    config: Config | None = None,
    **options: Any,
) -> Iterator[Served]:
    """A gateway of scripted models."""
    client = ScriptedClient({"efficiency": efficiency, "performance": performance, "judge": judge})
    with running(Engine(config or config_with(), client=client, store="sqlite://"), **options) as gateway:
        yield Served(gateway.port, gateway.server, gateway.decisions, client)
