"""Requests of every kind through a real engine, and the metrics that came of them."""

from __future__ import annotations

import sqlite3
from contextlib import closing, suppress
from typing import Any

import pytest
from conftest import config_with
from prometheus_client.parser import text_string_to_metric_families
from worlds import BAD, GOOD, World, Worlds, client_with

from qualityroute import Completion, ProviderError, QualityRouteError, StoreError, Usage
from qualityroute.client import BreakerState, EndpointHealth
from qualityroute.telemetry.metrics import Metrics
from qualityroute.testing import ScriptedClient

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def samples(metrics: Metrics) -> Samples:
    """Everything in the exposition, as Prometheus reads it."""
    body, _ = metrics.exposition()
    families = text_string_to_metric_families(body.decode())
    return {(s.name, tuple(sorted(s.labels.items()))): s.value for family in families for s in family.samples}


def value(found: Samples, name: str, **labels: str) -> float | None:
    return found.get((f"qualityroute_{name}", tuple(sorted(labels.items()))))


def total(found: Samples, name: str, **labels: str) -> float:
    """The sum over all labels that are not named."""
    wanted = labels.items()
    return sum(v for (n, has), v in found.items() if n == f"qualityroute_{name}" and wanted <= dict(has).items())


class Endpoints:
    """A scripted client whose endpoints fare as a test says."""

    def __init__(self, client: ScriptedClient, *now: EndpointHealth) -> None:
        self.complete, self.aclose, self.now = client.complete, client.aclose, now

    def health(self) -> tuple[EndpointHealth, ...]:
        return self.now


COUNTED = Completion(GOOD, usage=Usage(100, 40, 20, 5), model="small-2026")
DOWN = ProviderError("down")
KINDS: list[tuple[dict[str, Any], dict[str, Any], list[str | None]]] = [
    ({}, {}, [None, None]),
    ({"efficiency": COUNTED}, {}, [None]),
    ({"efficiency": [BAD, GOOD]}, {}, ["held"] * 6),  # a pin, two requests held, two probes, and free again
    ({"judge": "no"}, {}, ["kept"]),
    ({"judge": "nonsense"}, {}, [None]),
    ({"efficiency": DOWN}, {}, [None]),
    ({"efficiency": DOWN, "performance": TimeoutError("slow")}, {}, [None]),
    ({"efficiency": BAD, "performance": BAD}, {}, [None]),
    ({}, {"budget": {"per_request": 0.000001}}, [None]),
    ({}, {"prices": ()}, [None]),
]
"""What is scripted, what is configured, and whose requests are made."""


async def every_kind(worlds: Worlds, metrics: Metrics) -> World:
    """Requests that end in every way there is, in one ledger; then one that cannot be written, and HTTP."""
    for script, config, sessions in KINDS:
        w = await worlds(client_with(**script), config_with(**config))
        metrics.watch(w.engine)
        for session in sessions:
            with suppress(QualityRouteError):
                await w.run(session)
    at_rest = EndpointHealth("practice", "small", BreakerState.OPEN, waiting=3, in_flight=1)
    w = await worlds(Endpoints(client_with(), at_rest), config_with())  # type: ignore[arg-type]
    metrics.watch(w.engine)
    await unwritten(w)
    for path, status in (("/v1/chat/completions", 200), ("/v1/chat/completions", 502), (None, 404)):
        metrics.in_flight.inc()
        metrics.http(path, status, 0.02)
        metrics.in_flight.dec()
    await metrics.count_pins()
    return w


async def unwritten(w: World) -> None:
    """A request whose decision the store cannot write."""
    rename(w, "decisions", "elsewhere")
    with pytest.raises(StoreError):
        await w.run(None)
    rename(w, "elsewhere", "decisions")


def rename(w: World, table: str, name: str) -> None:
    with closing(sqlite3.connect(w.path)) as connection:
        connection.execute(f"ALTER TABLE {table} RENAME TO {name}")
