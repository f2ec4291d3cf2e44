"""The server's side of a connection: uvicorn's, with limits on the head of a request, in size and in time.

The only file that knows uvicorn's protocol from inside.
"""

from __future__ import annotations

import asyncio
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from qualityroute.gateway.flights import Flights
from qualityroute.gateway.lifespan import FLIGHTS

MOST_HEADERS = 128
LARGEST_HEAD = 64 * 1024
"""Bytes of request line and headers together."""


class GatewayProtocol(HttpToolsProtocol):
    """Closes connections that send a head too slowly or too large, and tells the application when the server ends.

    A wish for another protocol (`Upgrade`) is passed over, as HTTP allows: Java's client and `curl --http2` ask for
    HTTP/2 with each request, and mean to be answered without it.
    """

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._head_size: int | None = 0
        """Bytes of a head that is not complete; `None` when none is awaited."""
        self._plain_head: bytes | None = None
        """What a head comes to without its wish for another protocol, for the parser to read in its place."""
        self._head_timer: asyncio.TimerHandle | None = None
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._head_size is not None:
            self._head_size += len(data)
        self._parse(data)
        # What follows a head in the same bytes has set this to `None`, so that only heads are measured here.
        if self._head_size is not None and self._head_size > LARGEST_HEAD and not self.transport.is_closing():
            self.send_400_response("The head of this request is too large.")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._head_seen = 0
        if self._head_timer is None:
            self._await_head()

    def on_header(self, name: bytes, value: bytes) -> None:
        self._head_seen += len(name) + len(value) + 4
        if len(self.headers) >= MOST_HEADERS or self._head_seen > LARGEST_HEAD:
            raise httptools.HttpParserError("the head of this request is too large")
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        if self.parser.should_upgrade() and self.parser.get_method() != b"CONNECT":
            self._plain_head = self._without_upgrade()
            return
        self._head_size = None
        self._stop_timer()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        if self._plain_head is None:
            super().on_message_complete()

    def on_response_complete(self) -> None:
        self._head_size = 0
        super().on_response_complete()

    def shutdown(self) -> None:
        flights: Flights = self.app_state[FLIGHTS]
        if not flights.closing:
            flights.closing = True
            self.loop.call_later(flights.grace.total_seconds(), flights.cut_off)
        super().shutdown()

    def _parse(self, data: bytes) -> None:
        """What uvicorn does with data, but that the parser takes whatever follows an `Upgrade` for no body."""
        self._unset_keepalive_if_required()
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserError:
            self.logger.warning("Invalid HTTP request received.")
            self.send_400_response("Invalid HTTP request received.")
        except httptools.HttpParserUpgrade as upgrade:
            head, self._plain_head = self._plain_head, None
            if head is not None:
                self.parser = httptools.HttpRequestParser(self)  # the old one may wait for the connection's end
                self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn's
                self._parse(head + data[upgrade.args[0] :])

    def _without_upgrade(self) -> bytes:
        version = self.parser.get_http_version().encode("ascii")
        lines = [b"%b %b HTTP/%b" % (self.parser.get_method(), self.url, version)]
        lines += [b"%b: %b" % header for header in self.headers if header[0] != b"upgrade"]
        return b"\r\n".join([*lines, b"", b""])

    def _await_head(self) -> None:
        flights: Flights = self.app_state[FLIGHTS]
        self._head_timer = self.loop.call_later(flights.header_timeout.total_seconds(), self._head_is_late)

    def _head_is_late(self) -> None:
        self._head_timer = None
        if not self.transport.is_closing():
            self.transport.close()

    def _stop_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None
