"""The gateway as one ASGI application: who may come in, where a request goes, and how it ends when it fails."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeAlias

from starlette.routing import BaseRoute, Router

from qualityroute.engine import Engine
from qualityroute.errors import StoreError
from qualityroute.gateway import routes
from qualityroute.gateway.bodies import ClientLeft, Receive, discard
from qualityroute.gateway.calls import Call, Endpoint
from qualityroute.gateway.completions import Completions
from qualityroute.gateway.errors import Refusal, refusal_of, unforeseen
from qualityroute.gateway.flights import Flights
from qualityroute.gateway.keyring import Keyring
from qualityroute.gateway.lifespan import Lifespan
from qualityroute.gateway.models import with_chat
from qualityroute.gateway.reply import Reply, Send
from qualityroute.gateway.visitors import Visitor, headers_of, request_id_of, visitor_of
from qualityroute.telemetry.metrics import Metrics
from qualityroute.telemetry.otel import attached

logger = logging.getLogger("qualityroute.gateway")
Scope: TypeAlias = MutableMapping[str, Any]

_CLIENT_LEFT = 499
_OPEN = frozenset({"/healthz", "/readyz", "/openapi.json"})
"""Asked by who has no key: they say nothing of anybody's requests."""


def build_app(
    engine: Engine,
    *,
    keyring: Keyring | None = None,
    metrics: Metrics | None = None,
    pages: Sequence[BaseRoute] = (),
) -> App:
    """The gateway of an engine, which is opened and closed with the application unless it is open already.

    Args:
        keyring: once it has a key, every request needs one; without, only this machine may ask.
        metrics: what `/metrics` shows; told of each decision of the engine, and of each request.
        pages: further routes, which look after their visitors themselves.
    """
    engine.amend(with_chat)
    if metrics is not None:
        metrics.watch(engine)
    flights = Flights(engine.config.gateway)
    completions = Completions(engine, keyring, flights)
    models = routes.models(engine)
    table: dict[str, tuple[str, Endpoint]] = {
        "/v1/chat/completions": ("POST", completions),
        "/v1/models": ("GET", models),
        routes.ONE_MODEL: ("GET", models),
        "/healthz": ("GET", routes.healthz),
        "/readyz": ("GET", routes.readyz(engine)),
        "/metrics": ("GET", routes.metrics(metrics)),
        "/openapi.json": ("GET", routes.openapi(engine)),
    }
    return App(table, keyring, Router(pages) if pages else None, Lifespan(engine, flights), metrics)


class App:
    """An ASGI application."""

    def __init__(
        self,
        table: Mapping[str, tuple[str, Endpoint]],
        keyring: Keyring | None,
        pages: Router | None,
        lifespan: Lifespan,
        metrics: Metrics | None,
    ) -> None:
        self._table, self._keyring, self._pages, self._lifespan = table, keyring, pages, lifespan
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        match scope["type"]:
            case "http":
                await self._http(scope, receive, send)
            case "lifespan":
                await self._lifespan(scope, receive, send)
            case _:  # a web socket, of which there are none here
                await send({"type": "websocket.close", "code": 1000})

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope["path"]
        template = routes.ONE_MODEL if path.startswith(routes.MODELS) else path
        endpoint = self._table.get(template)
        if endpoint is None and self._pages is not None and not path.startswith("/v1/"):
            await self._pages(scope, receive, send)
            return
        reply = Reply(send, request_id_of(scope["headers"]))
        with self._counted(reply, None if endpoint is None else template):
            await self._answer(endpoint, scope, receive, reply)

    @contextmanager
    def _counted(self, reply: Reply, template: str | None) -> Iterator[None]:
        """Of a client that left before there was a status, the metrics say 499, as nginx does."""
        metrics, began = self._metrics, time.monotonic()
        if metrics is None:
            yield
            return
        metrics.in_flight.inc()
        try:
            yield
        finally:
            metrics.in_flight.dec()
            metrics.http(template, reply.status or _CLIENT_LEFT, time.monotonic() - began)

    async def _answer(
        self, endpoint: tuple[str, Endpoint] | None, scope: Scope, receive: Receive, reply: Reply
    ) -> None:
        path = scope["path"]
        try:
            if endpoint is None:
                raise Refusal(404, f"nothing is at {path[:100]!r}", code="not_found")
            await self._serve(endpoint, scope, receive, reply)
        except Refusal as refusal:
            await reply.refuse(refusal)
            if not reply.ended:
                await discard(receive)
                await reply.end(b"")
        except StoreError as error:  # of the keys, which are looked at before anything else
            await reply.refuse(refusal_of(error, "none"))
        except ClientLeft:
            pass
        except Exception:  # whatever it is, the server goes on, and the caller is told no details
            logger.exception("request %s broke", reply.request_id.decode("ascii"))
            await reply.refuse(unforeseen())

    async def _serve(self, endpoint: tuple[str, Endpoint], scope: Scope, receive: Receive, reply: Reply) -> None:
        method, serve = endpoint
        path = scope["path"]
        headers = headers_of(scope["headers"])
        visitor = Visitor() if path in _OPEN else await visitor_of(scope, headers, self._keyring)
        if scope["method"] != method and not (method == "GET" and scope["method"] == "HEAD"):
            raise Refusal(405, f"{path[:100]!r} takes {method}", code="method_not_allowed", allow=method)
        with attached(headers):
            await serve(Call(path, headers, visitor, receive, reply))
