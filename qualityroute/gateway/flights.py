"""The requests that are being answered: how many there may be, and how they end when the server does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import anyio

from qualityroute.config import Gateway
from qualityroute.gateway.errors import SERVER, Refusal


class Flights:
    """No more than `max_concurrent` at once; those that an ending server cannot wait for are cancelled."""

    def __init__(self, settings: Gateway) -> None:
        self._most = settings.max_concurrent
        self.header_timeout, self.grace = settings.header_timeout, settings.shutdown_grace
        self._scopes: set[anyio.CancelScope] = set()
        self._most_lately = 0
        self.closing = False
        """Is the server about to end?"""

    def __len__(self) -> int:
        return len(self._scopes)

    def most_lately(self) -> int:
        """How many there were at once since this was last asked."""
        most, self._most_lately = self._most_lately, len(self._scopes)
        return most

    @contextmanager
    def one(self) -> Iterator[anyio.CancelScope]:
        """The scope of one request. Raises `Refusal` when there are too many, or when it was cut off."""
        if len(self._scopes) >= self._most:
            message = f"{self._most} requests are being answered, as many as may be at once; try again soon"
            raise Refusal(503, message, SERVER, code="overloaded", retry=True, retry_after=1)
        scope = anyio.CancelScope()
        self._scopes.add(scope)
        self._most_lately = max(self._most_lately, len(self._scopes))
        try:
            with scope:
                yield scope
        finally:
            self._scopes.discard(scope)
        if scope.cancelled_caught and self.closing:
            raise Refusal(503, "the server is shutting down", SERVER, code="shutting_down", retry=True, retry_after=1)

    def cut_off(self) -> None:
        """End what is still under way, in good order."""
        self.closing = True
        for scope in self._scopes:
            scope.cancel()
