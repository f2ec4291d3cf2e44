"""What became of a request, by the error of what carried it; on the wire it is tested by `test_openai_client.py`."""

from __future__ import annotations

from typing import Any

import pytest

from qualityroute.openai_client.transports import Transport, transport_for

aiohttp = pytest.importorskip("aiohttp")
pytestmark = pytest.mark.usefixtures("plain_loopback")

KEY: Any = None
"""Of a connection; no error needs a real one."""


def transport(*, aiohttp: bool) -> Transport:
    import openai

    return transport_for(openai, aiohttp=aiohttp, timeout=5.0, connect=1.0, kept=4)


def as_raised(error: Exception) -> Exception:
    """As the SDK hands it on, in the words of httpx."""
    http = transport(aiohttp=True).http
    wrapped: Exception = http.ConnectTimeout("words of little worth")
    wrapped.__cause__ = error
    outer = RuntimeError("Connection error.")
    outer.__cause__ = wrapped
    return outer


@pytest.mark.parametrize(
    ("error", "late", "sent"),
    [
        (aiohttp.ConnectionTimeoutError("slow to connect"), True, False),
        (aiohttp.SocketTimeoutError("slow to answer"), True, True),
        (aiohttp.ClientConnectorError(KEY, OSError(111, "refused")), False, False),
        (aiohttp.ClientConnectorDNSError(KEY, OSError(-2, "unknown")), False, False),
        (aiohttp.ClientOSError(104, "reset while it was written"), False, True),
        (aiohttp.ServerDisconnectedError(), False, True),
        (aiohttp.ClientPayloadError("cut off"), False, True),
        (aiohttp.ClientConnectionError("Connector is closed"), False, True),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else str(value),
)
def test_aiohttps_own_error_says_what_became_of_the_request(error: Exception, late: bool, sent: bool) -> None:
    failures = transport(aiohttp=True).failures
    assert (failures.is_late(as_raised(error)), failures.was_sent(as_raised(error))) == (late, sent)


@pytest.mark.parametrize(
    ("name", "late", "sent"),
    [
        ("ConnectTimeout", True, False), ("PoolTimeout", True, False), ("ReadTimeout", True, True),
        ("WriteTimeout", True, True), ("ConnectError", False, False), ("ReadError", False, True),
        ("RemoteProtocolError", False, True),
    ],
)  # fmt: skip
def test_so_does_httpxs(name: str, late: bool, sent: bool) -> None:
    given = transport(aiohttp=False)
    error = RuntimeError()
    error.__cause__ = getattr(given.http, name)("words")
    assert (given.failures.is_late(error), given.failures.was_sent(error)) == (late, sent)


def test_what_is_no_error_of_the_transport_may_have_been_sent_and_is_not_late() -> None:
    failures = transport(aiohttp=True).failures
    assert (failures.is_late(OSError()), failures.was_sent(OSError())) == (False, True)


@pytest.mark.parametrize("installed", [True, False])
def test_aiohttp_carries_the_calls_where_it_is_installed(installed: bool) -> None:
    class Sdk:
        """One that has, or has not, the extra."""

        import openai

        __version__ = openai.__version__
        DefaultAsyncHttpxClient = openai.DefaultAsyncHttpxClient

        @staticmethod
        def DefaultAioHttpClient(**settings: Any) -> Any:
            if not installed:
                raise RuntimeError("To use the aiohttp client you must have installed the package with the extra")
            return Sdk.openai.DefaultAioHttpClient(**settings)

    given = transport_for(Sdk, aiohttp=True, timeout=5.0, connect=1.0, kept=4, follow_redirects=False)
    assert (aiohttp.ClientError in given.failures.own) is installed
    assert given.client.follow_redirects is False
    assert (given.client.timeout.read, given.client.timeout.connect) == (5.0, 1.0)
