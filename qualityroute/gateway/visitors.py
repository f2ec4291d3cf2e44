"""Who may ask: those with a key once there is one, otherwise only programs on this machine. Raises `Refusal`."""

from __future__ import annotations

import ipaddress
import math
import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from qualityroute.gateway.errors import INVALID, Refusal
from qualityroute.gateway.keyring import Keyring
from qualityroute.keys import Key

LONGEST_REQUEST_ID = 128
_REQUEST_ID = re.compile(rf"[A-Za-z0-9._:/+=@-]{{1,{LONGEST_REQUEST_ID}}}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who asks."""

    tenant: str = "default"
    key: Key | None = None
    """The key that was shown, if one is needed."""


async def visitor_of(scope: Mapping[str, Any], headers: Mapping[str, str], keyring: Keyring | None) -> Visitor:
    """Whoever sent this request. Raises `Refusal`."""
    if keyring is None or not await keyring.any_exist():
        _check_is_local(scope, headers)
        return Visitor()
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise _unknown("a key is needed: send it as 'Authorization: Bearer KEY'")
    key = await keyring.verify(token.strip())
    if key is None:
        raise _unknown("this key is not known, or is revoked")
    return Visitor(key.tenant, key)


def admit(visitor: Visitor, keyring: Keyring | None) -> None:
    """Keep to the key's limit of requests. Raises `Refusal`."""
    wait = keyring.admit(visitor.key) if keyring is not None and visitor.key is not None else None
    if wait is not None:
        seconds = max(1, math.ceil(wait.total_seconds()))
        message = f"this key's limit of requests is reached; try again in {seconds} s"
        raise Refusal(
            429, message, "rate_limit_error", code="rate_limit_exceeded", retry=True, retry_after=seconds
        )  # fmt: skip


def headers_of(raw: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """The request's headers by name. Raises `Refusal` for a value that is not UTF-8."""
    try:
        return {name.decode("ascii"): value.decode() for name, value in raw}
    except UnicodeDecodeError:
        raise Refusal(400, "a header is not UTF-8 text") from None


def request_id_of(raw: Iterable[tuple[bytes, bytes]]) -> bytes:
    """The caller's own id of this request, where it is fit to be sent back and logged; otherwise a new one."""
    for name, value in raw:
        if name == b"x-request-id" and _REQUEST_ID.fullmatch(value.decode("latin-1")):
            return value
    return b"req_" + secrets.token_hex(12).encode()


@lru_cache(maxsize=256)
def is_loopback(host: str) -> bool:
    """Is it a name or address of this machine alone?"""
    if host.lower().rstrip(".") == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _check_is_local(scope: Mapping[str, Any], headers: Mapping[str, str]) -> None:
    client = scope.get("client")
    if client is not None and not is_loopback(client[0]):
        raise _unknown("there are no keys yet, so that only this machine may ask; `qualityroute keys add` makes one")
    # A web page of a stranger, open in a browser on this machine, asks from loopback as well. The browser says so:
    # by the page's origin, or by the name under which the page had this address looked up.
    host, origin = headers.get("host"), headers.get("origin")
    if host is not None and not is_loopback(_hostname(f"//{host}")):
        raise _forbidden("Host", host)
    if origin is not None and not is_loopback(_hostname(origin)):
        raise _forbidden("Origin", origin)


def _hostname(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _unknown(message: str) -> Refusal:
    return Refusal(401, message, INVALID, code="invalid_api_key")


def _forbidden(header: str, value: str) -> Refusal:
    message = f"{header} {value[:100]!r} is not this machine; without keys only programs on it may ask"
    return Refusal(403, message, INVALID, code="not_local")
