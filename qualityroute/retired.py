"""Clients that a reload has put out of use, closed once the requests that began with them must be over."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import anyio

from qualityroute.client import Client

LOOK = timedelta(seconds=5)
AFTERWARDS = timedelta(seconds=10)
"""From the longest deadline until a client is closed: a request reads its pin before its time begins to run."""


class RetiredClients:
    """One engine's. Each holds connections, and a megabyte or two of what is made for them."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """`clock`: seconds."""
        self._clock = clock
        self._waiting: list[tuple[float, Client]] = []

    def add(self, client: Client, *deadlines: timedelta) -> None:
        """Close `client` when a request with any of these deadlines that began with it is over. From any thread."""
        longest = max(deadlines, default=timedelta(0))
        self._waiting.append((self._clock() + (longest + AFTERWARDS).total_seconds(), client))

    async def run(self) -> None:
        """Close each when it is time, until cancelled."""
        while True:
            await anyio.sleep(LOOK.total_seconds())
            await self.close_due(self._clock())

    async def aclose(self) -> None:
        """Close all of them."""
        await self.close_due(float("inf"))

    async def close_due(self, now: float) -> None:
        """Close those whose time has come by `now`."""
        for entry in [entry for entry in self._waiting if entry[0] <= now]:
            self._waiting.remove(entry)
            with anyio.CancelScope(shield=True):
                await entry[1].aclose()
