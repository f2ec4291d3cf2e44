"""The one file that imports openai: bytes to one endpoint and bytes back, whole or as they come; its types and errors
stop here.

The SDK says how a request looks (its address, headers and key), and its HTTP client carries it, or aiohttp. What lies
between is left out: `chat.completions.create` takes many times the CPU time, and `post` still more than twice; the
SDK's parsing would not survive what some endpoints send, and openai 2 has no method for decisions. A reply is read
piece by piece, so that a huge one is given up on before it fills the memory.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterable, Callable, Mapping
from contextlib import suppress
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

import anyio

from qualityroute.config import Provider
from qualityroute.openai_client.transports import Arriving, HttpxCarrier, Limits, carrier_for, causes
from qualityroute.openai_client.trouble import Reply, Trouble
from qualityroute.records import Reason

MAX_BYTES = 32 * 1024 * 1024
MAX_ERROR_BYTES = 64 * 1024
CONNECT_SECONDS = 10.0
NO_KEY = "none"
"""Sent to servers without keys, since the SDK wants one."""
_OPENAI_HOST = "api.openai.com"
_BARE_ERRORS = (OSError, anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError)
"""What a broken connection raises where the transport does not wrap it."""


class Connection:
    """One provider's pool of connections, for one event loop."""

    def __init__(self, provider: Provider, key: str | None, *, aiohttp: bool) -> None:
        """Blocking: imports openai (more than a second) and reads the system's certificates.

        `aiohttp`: it may carry the bytes, if it is installed.
        """
        import openai  # noqa: PLC0415  (slow; not needed before the first request)

        seconds = provider.timeout.total_seconds()
        limits = Limits(seconds, min(seconds, CONNECT_SECONDS), provider.max_concurrency)
        client = HttpxCarrier(openai, limits)
        self._carrier = carrier_for(client, openai, limits, provider.base_url, aiohttp=aiohttp)
        self._failures = self._carrier.failures
        self._broken: tuple[type[Exception], ...] = (*self._failures.own, *_BARE_ERRORS)
        self._sdk = openai.AsyncOpenAI(
            api_key=key or NO_KEY, base_url=provider.base_url, max_retries=0, http_client=client.client
        )  # fmt: skip
        if urlsplit(provider.base_url).hostname != _OPENAI_HOST:
            # The SDK takes them from the environment; they are no business of other providers.
            self._sdk.organization = None
            self._sdk.project = None
        self._sdk.default_headers  # noqa: B018  (looks at the platform, which blocks, and keeps what it found)

    async def post(self, path: str, body: bytes) -> Reply | Trouble:
        """Send one request, once, and read the whole reply."""
        if self._sdk.is_closed():
            return _closed()
        try:
            return await _read(await self._send(path, body))
        except self._broken as error:
            return self._explained(error)

    async def open(self, path: str, body: bytes) -> Incoming | Reply | Trouble:
        """Send one request, once. A good reply is left to be read, and must be closed."""
        if self._sdk.is_closed():
            return _closed()
        try:
            response = await self._send(path, body)
            return Incoming(response, self._broken, self._explained) if response.is_success else await _read(response)
        except self._broken as error:
            return self._explained(error)

    async def aclose(self) -> None:
        await self._sdk.close()
        await self._carrier.aclose()

    async def _send(self, path: str, body: bytes) -> Arriving:
        return await self._carrier.send(self._address + path, self._headers, body)

    @cached_property
    def _address(self) -> str:
        return str(self._sdk.base_url).rstrip("/")

    @cached_property
    def _headers(self) -> dict[str, str]:
        """Those that the SDK's client sends, but for what it says of its own retries."""
        named = {**self._sdk.default_headers, **self._sdk.auth_headers}
        return {name: value for name, value in named.items() if isinstance(value, str)}

    def _explained(self, error: Exception) -> Trouble:
        sent = self._failures.was_sent(error)
        if self._failures.is_late(error):
            return Trouble("the endpoint did not answer in time", Reason.TIMEOUT, sent=sent)
        why = "the reply is not HTTP" if self._failures.is_garbled(error) else _root(error)
        return Trouble(f"the connection failed: {why}", retryable=not _is_untrusted(error), sent=sent)


class Incoming:
    """A good reply that still comes in. Nothing is read before it is asked for."""

    def __init__(
        self, response: Arriving, known: tuple[type[Exception], ...], explained: Callable[[Exception], Trouble]
    ) -> None:
        self._response, self._known, self._explained = response, known, explained
        self._pieces = response.aiter_bytes()
        self._size = 0

    async def next(self) -> bytes | Trouble | None:
        """The next piece; `None` at the end. After anything but a piece there are no more."""
        try:
            piece: bytes | None = await anext(self._pieces, None)
        except self._known as error:
            return self._explained(error)
        self._size += len(piece or b"")
        return _too_large(self._response) if self._size > MAX_BYTES else piece

    async def aclose(self) -> None:
        """Let go of the connection; one that is read to its end is used again."""
        try:
            # As in `_read_up_to`: the transport's generators are unwound by cancelling.
            with suppress(*self._known), anyio.CancelScope() as scope:
                scope.cancel()
                async for _ in self._pieces:
                    pass
        finally:
            await _close(self._response)


async def _read(response: Arriving) -> Reply | Trouble:
    """The whole reply; of an error only its beginning, however long it is."""
    if _is_small(response.headers):
        try:
            return _reply(response, await response.aread())
        except BaseException:
            await _close(response)
            raise
    most = MAX_BYTES if response.is_success else MAX_ERROR_BYTES
    try:
        content = await _read_up_to(most, response.aiter_bytes())
    finally:
        await _close(response)
    return _too_large(response) if len(content) > most == MAX_BYTES else _reply(response, content)


def _is_small(headers: Mapping[str, str]) -> bool:
    """Does the reply say that it is, and is that all that comes of it?"""
    size = headers.get("content-length", "")
    return len(size) < 9 and size.isdecimal() and int(size) <= MAX_ERROR_BYTES and "content-encoding" not in headers


def _too_large(response: Arriving) -> Trouble:
    too_large = f"the reply is larger than {MAX_BYTES // 2**20} MiB"
    return Trouble(too_large, status=response.status_code, retryable=False)


def _closed() -> Trouble:
    return Trouble("the client was closed while the call was waiting", retryable=False)


async def _read_up_to(limit: int, chunks: AsyncIterable[bytes]) -> bytes:
    """All of it, or somewhat more than `limit` bytes."""
    content = bytearray()
    # Cancelled rather than left: that unwinds the transport's nested generators, which trio would complain of.
    with anyio.CancelScope() as scope:
        async for chunk in chunks:
            content += chunk
            if len(content) > limit:
                scope.cancel()
    return bytes(content)


async def _close(closable: Any) -> None:
    # Shielded, or a cancelled call would leave its connection in the pool, half read.
    with anyio.move_on_after(1, shield=True):
        await closable.aclose()


def _reply(response: Arriving, content: bytes) -> Reply:
    headers = response.headers
    return Reply(response.status_code, content, headers.get("retry-after"), headers.get("location"))


def _root(error: BaseException) -> str:
    """The deepest cause that has words, such as "Connection refused"."""
    root = next((cause for cause in reversed([*causes(error)]) if str(cause)), error)
    return root.strerror or str(root) if isinstance(root, OSError) else str(root) or type(root).__name__


def _is_untrusted(error: BaseException) -> bool:
    return any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes(error))
