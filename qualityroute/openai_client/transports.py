"""What carries the bytes: aiohttp where it is installed (extra `fast`) and asyncio runs, else httpx.

With aiohttp a call takes a sixth less CPU time, and a third less among many. The SDK has it speak httpx, but renames
its errors badly: a server that hangs up becomes a connection that was never made. So what became of a request is read
from aiohttp's own error.
"""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

Errors: TypeAlias = tuple[type[BaseException], ...]


@dataclass(frozen=True, slots=True)
class Failures:
    """How a transport's own errors are read."""

    own: Errors
    late: Errors
    """Of them, those that say that time was up."""
    unsent: Errors
    """Of them, those of requests that never left."""
    garbled: Errors
    """Of them, those of replies that are no HTTP; their words quote the reply."""

    def is_late(self, error: BaseException) -> bool:
        return isinstance(self._cause(error), self.late)

    def was_sent(self, error: BaseException) -> bool:
        return not isinstance(self._cause(error), self.unsent)

    def is_garbled(self, error: BaseException) -> bool:
        return isinstance(self._cause(error), self.garbled)

    def _cause(self, error: BaseException) -> BaseException | None:
        return next((cause for cause in causes(error) if isinstance(cause, self.own)), None)


@dataclass(frozen=True, slots=True)
class Transport:
    client: Any
    """For the SDK."""
    http: Any
    """The library whose words the client speaks."""
    failures: Failures


def transport_for(
    openai: Any, *, aiohttp: bool, timeout: float, connect: float, kept: int, **settings: Any
) -> Transport:
    """For the SDK `openai`.

    Args:
        aiohttp: it may be used, if it is installed.
        timeout: seconds for each read and write.
        connect: seconds to connect.
        kept: idle connections at most; aiohttp keeps all of them, five seconds long.
        settings: further ones of httpx's `AsyncClient`.
    """
    # openai 3 is built on httpx2, before that it was httpx; the two have the same names.
    http = importlib.import_module("httpx2" if int(openai.__version__.split(".")[0]) >= 3 else "httpx")
    settings["timeout"] = http.Timeout(timeout, connect=connect)
    if aiohttp:
        try:
            # 0: no limit of its own, which would be 100; how many calls there are at once is decided before.
            client = openai.DefaultAioHttpClient(limits=http.Limits(max_connections=0), **settings)
        except RuntimeError:  # the SDK's word for an extra that is not installed
            pass
        else:
            return Transport(client, http, _aiohttp_failures())
    limits = http.Limits(max_connections=None, max_keepalive_connections=kept)
    return Transport(openai.DefaultAsyncHttpxClient(limits=limits, **settings), http, _httpx_failures(http))


def _httpx_failures(http: Any) -> Failures:
    never = (http.ConnectError, http.ConnectTimeout, http.PoolTimeout)
    return Failures(own=(http.HTTPError,), late=(http.TimeoutException,), unsent=never, garbled=())


def _aiohttp_failures() -> Failures:
    import aiohttp  # noqa: PLC0415  (an extra)

    never = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)
    return Failures(
        own=(aiohttp.ClientError,),
        late=(aiohttp.ServerTimeoutError,),
        unsent=never,
        garbled=(aiohttp.ClientResponseError,),
    )


def causes(error: BaseException) -> Iterator[BaseException]:
    """The error, and what it came from, and so on."""
    current: BaseException | None = error
    for _ in range(20):
        if current is None:
            return
        yield current
        current = current.__cause__ or current.__context__


def runs_asyncio() -> bool:
    """Does this code run in an event loop of asyncio, which is the only one that aiohttp knows?"""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
