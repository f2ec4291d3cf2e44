"""The one file that imports aiohttp."""

from __future__ import annotations

import ssl
from collections.abc import AsyncGenerator, Mapping

import aiohttp
from yarl import URL

from qualityroute.openai_client.transports import Failures, Limits


class AiohttpCarrier:
    """Connections of aiohttp, for the event loop that runs at the first request."""

    failures = Failures(
        own=(aiohttp.ClientError,),
        late=(aiohttp.ServerTimeoutError,),
        unsent=(aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError),
        garbled=(aiohttp.ClientResponseError,),
    )

    def __init__(self, certificates: ssl.SSLContext, limits: Limits) -> None:
        self._certificates = certificates
        self._timeout = aiohttp.ClientTimeout(sock_connect=limits.connect, sock_read=limits.timeout)
        self._session: aiohttp.ClientSession | None = None
        self._addresses: dict[str, URL] = {}

    async def send(self, address: str, headers: Mapping[str, str], body: bytes) -> Arrived:
        session = self._session
        if session is None:
            session = self._session = self._opened()
        url = self._addresses.get(address)
        if url is None:
            url = self._addresses[address] = URL(address)
        # Documents go to the configured host and to no other.
        reply = await session.post(url, data=body, headers=headers, timeout=self._timeout, allow_redirects=False)
        return Arrived(reply)

    async def aclose(self) -> None:
        if self._session is not None:
            await self._session.close()

    def _opened(self) -> aiohttp.ClientSession:
        # 0: no limit of its own, which would be 100; how many calls there are at once is decided before.
        connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=5, ssl=self._certificates)
        return aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())


class Arrived:
    """A reply in httpx's words."""

    __slots__ = ("_reply",)

    def __init__(self, reply: aiohttp.ClientResponse) -> None:
        self._reply = reply

    @property
    def status_code(self) -> int:
        return self._reply.status

    @property
    def is_success(self) -> bool:
        return 200 <= self._reply.status < 300

    @property
    def headers(self) -> Mapping[str, str]:
        return self._reply.headers

    async def aread(self) -> bytes:
        return await self._reply.read()

    async def aiter_bytes(self) -> AsyncGenerator[bytes, None]:
        async for piece in self._reply.content.iter_any():
            yield piece

    async def aclose(self) -> None:
        # What is not read to its end is of no use to another request; what is, has left this reply already.
        self._reply.close()
