"""The gateway as a server: uvicorn with our limits, in one process or several that share a socket and a store."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable
from dataclasses import dataclass

import uvicorn
from uvicorn.supervisors import Multiprocess

from qualityroute.config import Gateway
from qualityroute.errors import ConfigError
from qualityroute.gateway.app import App
from qualityroute.gateway.protocol import GatewayProtocol

_LAST_RESORT = 10
"""Seconds after the grace, for requests that are slow to end even when cancelled."""
UNREAD = 30.0
"""Seconds that a client may leave everything unread before its connection ends; it would keep what waits for it."""


@dataclass(frozen=True, slots=True)
class Address:
    host: str
    port: int
    workers: int = 1


def server_config(make_app: Callable[[], App], address: Address, settings: Gateway) -> uvicorn.Config:
    """How uvicorn is to serve the application; `make_app` is called in each worker, which must be able to import it."""
    return uvicorn.Config(
        make_app,
        factory=True,
        host=address.host,
        port=address.port,
        workers=address.workers,
        http=GatewayProtocol,
        ws="none",
        lifespan="on",
        proxy_headers=False,
        server_header=False,
        access_log=False,
        log_level="warning",
        timeout_keep_alive=75,
        timeout_graceful_shutdown=int(settings.shutdown_grace.total_seconds()) + _LAST_RESORT,
    )


def bound(address: Address) -> socket.socket:
    """A listening socket. Raises `ConfigError`."""
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if hasattr(socket, "TCP_USER_TIMEOUT"):  # connections have it from here; only Linux knows it
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(UNREAD * 1000))
        listener.bind((address.host, address.port))
        listener.listen(2048)  # who comes before the workers are ready waits for them
    except OSError as error:
        listener.close()
        where = f"{address.host}:{address.port}"
        raise ConfigError(f"{where} cannot be used ({error.strerror}); name another by --host and --port") from error
    return listener


def serve(config: uvicorn.Config, listener: socket.socket) -> None:
    """Serve until SIGINT or SIGTERM; SIGHUP reads the configuration again."""
    if config.workers > 1:
        _Workers(config, [listener]).run()
    else:
        uvicorn.Server(config).run([listener])


class _Workers(Multiprocess):
    """Hands SIGHUP on to the workers, which go on with what they are doing, where uvicorn would replace them."""

    def handle_hup(self) -> None:
        for process in self.processes:
            if process.pid is not None:
                os.kill(process.pid, signal.SIGHUP)
