"""The application's life: the engine is opened before the first request and closed after the last."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import MutableMapping
from contextlib import AsyncExitStack
from typing import Any

import anyio

from qualityroute.engine import Engine
from qualityroute.errors import QualityRouteError
from qualityroute.gateway.bodies import Receive
from qualityroute.gateway.flights import Flights
from qualityroute.gateway.quiet import give_back, give_back_after_peaks
from qualityroute.gateway.reply import Send

logger = logging.getLogger("qualityroute.gateway")
FLIGHTS = "flights"
"""Where the server finds the requests under way, in the state of the application."""


class Lifespan:
    """Opens the engine, unless somebody has, and reads its configuration again on SIGHUP."""

    def __init__(self, engine: Engine, flights: Flights) -> None:
        self._engine, self._flights = engine, flights

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        await receive()
        async with AsyncExitStack() as stack:
            try:
                if not self._engine.is_open:
                    await stack.enter_async_context(self._engine)
            except QualityRouteError as error:
                await send({"type": "lifespan.startup.failed", "message": str(error)})
                return
            scope.get("state", {})[FLIGHTS] = self._flights
            async with anyio.create_task_group() as group:
                group.start_soon(self._reload_on_hangup)
                group.start_soon(give_back_after_peaks, self._flights, give_back)
                await send({"type": "lifespan.startup.complete"})
                await receive()
                group.cancel_scope.cancel()
        await send({"type": "lifespan.shutdown.complete"})

    async def _reload_on_hangup(self) -> None:
        hangup = getattr(signal, "SIGHUP", None)
        if hangup is None or threading.current_thread() is not threading.main_thread():
            return  # Windows has no such signal, and other threads receive none
        with anyio.open_signal_receiver(hangup) as signals:
            async for _ in signals:
                if self._engine.reload():
                    logger.warning("configuration read again; it holds for requests from now on")
