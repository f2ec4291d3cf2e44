"""One HTTP request on its way through the gateway, as every endpoint is handed it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from qualityroute.gateway.bodies import Receive
from qualityroute.gateway.reply import Reply
from qualityroute.gateway.visitors import Visitor


@dataclass(frozen=True, slots=True)
class Call:
    path: str
    headers: Mapping[str, str]
    """Names in lower case."""
    visitor: Visitor
    receive: Receive
    reply: Reply


Endpoint: TypeAlias = Callable[[Call], Awaitable[None]]
