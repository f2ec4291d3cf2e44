"""What carries the bytes: aiohttp where it is installed (extra `fast`), asyncio runs and no proxy is in the way; else
the SDK's own client, httpx.

aiohttp is spoken to directly, which takes a fifth of the CPU time that it takes by the SDK's door to it, and keeps its
errors: there a server that hangs up becomes a connection that was never made.
"""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import AsyncGenerator, Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, Protocol, TypeAlias
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

Errors: TypeAlias = tuple[type[Exception], ...]


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


class Arriving(Protocol):
    """A reply whose head has come, in httpx's words."""

    @property
    def status_code(self) -> int: ...

    @property
    def is_success(self) -> bool: ...

    @property
    def headers(self) -> Mapping[str, str]:
        """In any case."""

    async def aread(self) -> bytes:
        """All of it."""

    def aiter_bytes(self) -> AsyncGenerator[bytes, None]:
        """Piece by piece, as they come."""

    async def aclose(self) -> None:
        """Let go of the connection; one that is read to its end is used again."""


class Carrier(Protocol):
    """Sends requests on connections that are kept open."""

    @property
    def failures(self) -> Failures: ...

    async def send(self, address: str, headers: Mapping[str, str], body: bytes) -> Arriving:
        """Post once. The headers are the same for an address each time."""

    async def aclose(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Limits:
    """In seconds, but for `kept`."""

    timeout: float
    """For each read and write."""
    connect: float
    kept: int
    """Idle connections at most, of httpx; aiohttp keeps all of them, five seconds long."""


def http_of(openai: Any) -> Any:
    """The library that this SDK is built on: httpx2 from version 3, before that httpx; the two have the same names."""
    return importlib.import_module("httpx2" if int(openai.__version__.split(".")[0]) >= 3 else "httpx")


class HttpxCarrier:
    """The SDK's own client."""

    def __init__(self, openai: Any, limits: Limits) -> None:
        self._http = http = http_of(openai)
        self.failures = _httpx_failures(http)
        self.client = openai.DefaultAsyncHttpxClient(
            timeout=http.Timeout(limits.timeout, connect=limits.connect),
            limits=http.Limits(max_connections=None, max_keepalive_connections=limits.kept),
            follow_redirects=False,  # documents go to the configured host and to no other
        )
        self._forms: dict[str, Any] = {}
        """By address, a request without its body."""

    async def send(self, address: str, headers: Mapping[str, str], body: bytes) -> Any:
        form = self._forms.get(address)
        if form is None:
            form = self._forms[address] = self.client.build_request("POST", address, headers=headers)
            del form.headers["content-length"]
        request = self._http.Request("POST", form.url, headers=form.headers, content=body)
        return await self.client.send(request, stream=True)

    async def aclose(self) -> None:
        await self.client.aclose()


def carrier_for(client: HttpxCarrier, openai: Any, limits: Limits, base_url: str, *, aiohttp: bool) -> Carrier:
    """The client itself, or aiohttp in its place, with the same certificates. `aiohttp`: it may be used."""
    if aiohttp and find_spec("aiohttp") is not None and not _is_behind_proxy(base_url):
        from qualityroute.openai_client.aiohttp_carrier import AiohttpCarrier  # noqa: PLC0415  (an extra)

        return AiohttpCarrier(http_of(openai).create_ssl_context(), limits)
    return client


def _is_behind_proxy(base_url: str) -> bool:
    """By the environment, as httpx and aiohttp read it."""
    address, proxies = urlsplit(base_url), getproxies()
    return bool(proxies.keys() & {address.scheme, "all"}) and not proxy_bypass(address.hostname or "")


def _httpx_failures(http: Any) -> Failures:
    never = (http.ConnectError, http.ConnectTimeout, http.PoolTimeout)
    return Failures(own=(http.HTTPError,), late=(http.TimeoutException,), unsent=never, garbled=())


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
