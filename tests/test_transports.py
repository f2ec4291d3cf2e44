"""What became of a request, by the error of what carried it; on the wire it is tested by `test_openai_client.py`."""

from __future__ import annotations

from typing import Any

import pytest

from qualityroute.openai_client import transports
from qualityroute.openai_client.transports import Carrier, Failures, HttpxCarrier, Limits, carrier_for, http_of

aiohttp = pytest.importorskip("aiohttp")
pytestmark = pytest.mark.usefixtures("plain_loopback")

KEY: Any = None
"""Of a connection; no error needs a real one."""


def failures(*, aiohttp: bool) -> Failures:
    return carrier(aiohttp=aiohttp).failures


def carrier(*, aiohttp: bool, address: str = "https://models.example/v1") -> Carrier:
    import openai

    limits = Limits(timeout=5.0, connect=1.0, kept=4)
    return carrier_for(HttpxCarrier(openai, limits), openai, limits, address, aiohttp=aiohttp)


def as_raised(error: Exception) -> Exception:
    """As something between may hand it on."""
    outer = RuntimeError("Connection error.")
    outer.__cause__ = error
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
    read = failures(aiohttp=True)
    assert (read.is_late(as_raised(error)), read.was_sent(as_raised(error))) == (late, sent)


@pytest.mark.parametrize(
    ("name", "late", "sent"),
    [
        ("ConnectTimeout", True, False), ("PoolTimeout", True, False), ("ReadTimeout", True, True),
        ("WriteTimeout", True, True), ("ConnectError", False, False), ("ReadError", False, True),
        ("RemoteProtocolError", False, True),
    ],
)  # fmt: skip
def test_so_does_httpxs(name: str, late: bool, sent: bool) -> None:
    import openai

    read = failures(aiohttp=False)
    error = as_raised(getattr(http_of(openai), name)("words"))
    assert (read.is_late(error), read.was_sent(error)) == (late, sent)


def test_what_is_no_error_of_the_transport_may_have_been_sent_and_is_not_late() -> None:
    read = failures(aiohttp=True)
    assert (read.is_late(OSError()), read.was_sent(OSError())) == (False, True)


@pytest.mark.parametrize("installed", [True, False])
def test_aiohttp_carries_the_calls_where_it_is_installed(installed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not installed:
        monkeypatch.setattr(transports, "find_spec", lambda name: None)
    assert isinstance(carrier(aiohttp=True), HttpxCarrier) is not installed


@pytest.mark.parametrize(
    ("variable", "value", "address", "direct"),
    [
        ("https_proxy", "http://proxy.example:3128", "https://models.example/v1", False),
        ("all_proxy", "http://proxy.example:3128", "http://models.example/v1", False),
        ("https_proxy", "http://proxy.example:3128", "http://127.0.0.1:8000/v1", True),
        ("no_proxy", "models.example", "https://models.example/v1", True),
    ],
)
def test_httpx_carries_the_calls_where_a_proxy_is_in_the_way(
    variable: str, value: str, address: str, direct: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if variable == "no_proxy":
        monkeypatch.setenv("https_proxy", "http://proxy.example:3128")
    monkeypatch.setenv(variable, value)
    assert isinstance(carrier(aiohttp=True, address=address), HttpxCarrier) is not direct
