"""The small endpoints: which models there are, whether the gateway lives and is ready, its metrics and its document."""

from __future__ import annotations

from qualityroute.engine import Engine
from qualityroute.errors import QualityRouteError
from qualityroute.gateway.calls import Call, Endpoint
from qualityroute.gateway.chunks import encoded
from qualityroute.gateway.errors import SERVER, Refusal
from qualityroute.gateway.models import model_list, model_object
from qualityroute.gateway.openapi import document
from qualityroute.telemetry.metrics import Metrics

MODELS = "/v1/models/"
ONE_MODEL = "/v1/models/{model}"
"""Its template, by which it is known to the table and to metrics."""


def models(engine: Engine) -> Endpoint:
    """`GET /v1/models`, and one of them by its name, slashes included."""

    async def endpoint(call: Call) -> None:
        tasks = engine.config.tasks
        name = call.path.removeprefix(MODELS) if call.path.startswith(MODELS) else ""
        await call.reply.whole(encoded(model_object(name, tasks) if name else model_list(tasks)))

    return endpoint


async def healthz(call: Call) -> None:
    """`GET /healthz`: the process lives and its event loop turns."""
    await call.reply.whole(b'{"status":"ok"}')


def readyz(engine: Engine) -> Endpoint:
    """`GET /readyz`: the configuration is loaded and the store can be read."""

    async def endpoint(call: Call) -> None:
        try:
            await engine.pins.get("readyz")
        except QualityRouteError:
            message = "the session store cannot be read"
            raise Refusal(503, message, SERVER, code="not_ready", retry=True, retry_after=1) from None
        await call.reply.whole(b'{"status":"ready"}')

    return endpoint


def metrics(kept: Metrics | None) -> Endpoint:
    """`GET /metrics`, for Prometheus."""

    async def endpoint(call: Call) -> None:
        if kept is None:
            raise Refusal(404, "no metrics are kept here", code="not_found")
        await kept.count_pins()
        text, kind = kept.exposition(call.headers.get("accept"))
        await call.reply.whole(text, kind=kind.encode("ascii"))

    return endpoint


def openapi(engine: Engine) -> Endpoint:
    """`GET /openapi.json`."""

    async def endpoint(call: Call) -> None:
        await call.reply.whole(encoded(document(tuple(engine.config.tasks))))

    return endpoint
