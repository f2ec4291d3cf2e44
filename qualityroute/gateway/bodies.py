"""The body of a request: read up to a size and for a time, and as strict JSON. Raises `Refusal`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from datetime import timedelta
from typing import Any, TypeAlias

import anyio

from qualityroute.gateway.errors import Refusal, invalid
from qualityroute.records import Json
from qualityroute.strict_json import JsonLimits, NotJson, read_json

Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
DEPTH = 128
_LINGER = 2.0
"""Seconds."""


class ClientLeft(Exception):
    """Nobody is there any more to be told anything."""


async def read_body(receive: Receive, headers: Mapping[str, str], *, most: int, within: timedelta) -> bytes:
    """The whole body, of no more than `most` bytes. Raises `Refusal`, or `ClientLeft`."""
    said = headers.get("content-length", "")
    if said.isdecimal() and int(said[:20]) > most:
        raise _too_large(most)
    with anyio.move_on_after(within.total_seconds()):
        return await _read(receive, most)
    raise Refusal(408, f"the body did not come within {within.total_seconds():g} s", retry=True, closes=True)


async def _read(receive: Receive, most: int) -> bytes:
    parts, size, more = [], 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientLeft
        part = message.get("body", b"")
        more = message.get("more_body", False)
        size += len(part)
        if size > most:
            raise _too_large(most, closes=more)
        parts.append(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


async def discard(receive: Receive) -> None:
    """Read on for a moment without keeping anything: most clients send all of a request before they look at the
    answer, and one whose connection is closed meanwhile never sees it."""
    with anyio.move_on_after(_LINGER):
        while (message := await receive())["type"] == "http.request" and message.get("more_body", False):
            pass


def parsed(body: bytes) -> Json:
    """The JSON value of a body; the same strictness as for answers of models, and no code fences."""
    try:
        text = body.decode("utf-8")
        found = read_json(text, limits=JsonLimits(depth=DEPTH, size=len(text)))
    except UnicodeDecodeError as error:
        raise invalid(f"the body is not UTF-8 text (byte {error.start})") from None
    except NotJson as error:
        raise invalid(f"the body is not strict JSON: {error}") from None
    if found.repaired:
        raise invalid("the body is not strict JSON: something stands around it")
    return found.value


def _too_large(most: int, *, closes: bool = True) -> Refusal:
    return Refusal(413, f"the body is larger than {most:,} bytes, the most that is read here", closes=closes)
