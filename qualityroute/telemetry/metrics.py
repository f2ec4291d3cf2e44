"""Prometheus metrics of an engine and of the gateway before it; extra `server`."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from qualityroute.client import BreakerState, EndpointHealth
from qualityroute.errors import ConfigError, StoreError
from qualityroute.records import Decision, ModelCall, Reason
from qualityroute.telemetry.bounds import OTHER, Names
from qualityroute.telemetry.parts import (
    NO_ERROR,
    answered_tiers,
    calls_of,
    counted_tokens,
    judge_troubles,
    part_of,
)
from qualityroute.telemetry.processes import forget_the_dead, shared_folder

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

    from qualityroute.telemetry.instruments import Instruments

logger = logging.getLogger("qualityroute")
UNMATCHED = "unmatched"
"""The path of HTTP requests that no route is for."""
MANUAL = "manual"
"""The task of pins that were made by hand."""
LONGEST_UNSEEN = 1.0
"""Seconds for which other workers' scrapes may miss a change of this worker's endpoints."""


class Pins(Protocol):
    async def active(self) -> Mapping[str, int]: ...


class Tasks(Protocol):
    @property
    def tasks(self) -> Mapping[str, Any]: ...


class Watched(Protocol):
    """What is asked of an engine."""

    @property
    def config(self) -> Tasks: ...

    @property
    def pins(self) -> Pins: ...

    def subscribe(self, listener: Callable[[Decision], None]) -> None: ...

    def health(self) -> Iterable[EndpointHealth]: ...


class Metrics:
    """Counts what decisions tell, and shows it to Prometheus.

        metrics = Metrics()
        metrics.watch(engine)
        body, content_type = metrics.exposition(request.headers.get("accept"))

    Labels are words of ours and names of the configuration, at most `bounds.MOST_NAMES` of each kind; what a caller
    or a provider says never becomes one.

    Args:
        registry: of prometheus_client; default: one of its own.

    Raises:
        ConfigError: prometheus_client is not installed.
    """

    def __init__(self, registry: CollectorRegistry | None = None, *, clock: Callable[[], float] = time.monotonic):
        self._instruments, self._registry = _made(registry, self._refreshed)
        self._tasks, self._endpoints, self._paths = Names(), Names(), Names()
        self._shown: set[tuple[str, ...]] = set()
        """Endpoints that have gauges."""
        self._pinned = {MANUAL}
        """Tasks that had pins."""
        self._engine: Watched | None = None
        self._folder = shared_folder()
        self._clock, self._refreshed_at = clock, clock()
        self.in_flight = self._instruments.in_flight
        """HTTP requests under way: the gateway calls `inc()` and `dec()`."""

    def watch(self, engine: Watched) -> None:
        """Listen to an engine's decisions, and show its endpoints and pins as well."""
        self._engine = engine
        engine.subscribe(self.decision)

    def decision(self, decision: Decision) -> None:
        """Count one decision: a listener for `engine.subscribe`."""
        (task,) = self._tasks(decision.task)
        self._count_request(task, decision)
        self._count_gate(task, decision)
        for call in calls_of(decision):
            self._count_call(task, part_of(decision, call), call)
        # Others who are scraped in place of this worker see what it last wrote.
        if self._folder is not None and self._clock() - self._refreshed_at > LONGEST_UNSEEN:
            self._refreshed()

    def http(self, path: str | None, status: int, seconds: float) -> None:
        """Count an answered HTTP request. Never raises.

        Args:
            path: the template of its route, such as `/v1/models/{model}`; `None` where no route matched. Never the
                path itself, which is the caller's to choose.
        """
        try:
            (label,) = self._paths(path if path is not None else UNMATCHED)
            code = str(status) if 100 <= status <= 599 else OTHER
            self._instruments.http_requests(label, code).inc()
            self._instruments.http_seconds(label).observe(seconds)
        except Exception:  # the request was answered, whatever becomes of its count
            logger.exception("an HTTP request could not be counted")

    async def count_pins(self) -> None:
        """Look up how many pins hold now; to be awaited before `exposition`. Never raises for a store in trouble."""
        if self._engine is None:
            return
        try:
            active = await self._engine.pins.active()
        except StoreError as error:
            logger.warning("pins not counted: %s", error)
            return
        # Zeros for all: what another worker last said of a task must not stand when its pins are gone.
        counts = dict.fromkeys(self._pinned | {self._tasks(name)[0] for name in self._engine.config.tasks}, 0)
        for name, count in active.items():
            (task,) = self._tasks(name or MANUAL)
            counts[task] = counts.get(task, 0) + count
        for task, count in counts.items():
            self._instruments.pins_active(task).set(count)
        self._pinned |= counts.keys()

    def exposition(self, accept: str | None = None) -> tuple[bytes, str]:
        """Everything counted, by every worker, and its content type: OpenMetrics or text, as `Accept` prefers."""
        from prometheus_client import CollectorRegistry, exposition  # noqa: PLC0415  (an extra, there by now)
        from prometheus_client.multiprocess import MultiProcessCollector  # noqa: PLC0415  (likewise)

        try:
            encode, content_type = exposition.choose_encoder(accept or "")
        except (TypeError, ValueError):  # a version that is none
            encode, content_type = exposition.choose_encoder("")
        if self._folder is None:
            return encode(self._registry), content_type
        self._refreshed()
        forget_the_dead(self._folder)
        together = CollectorRegistry()
        MultiProcessCollector(together, str(self._folder))  # type: ignore[no-untyped-call]
        return encode(together), content_type

    def _count_request(self, task: str, decision: Decision) -> None:
        instruments, outcome = self._instruments, decision.outcome.value
        instruments.requests(task, decision.route.value, outcome).inc()
        if decision.route.served:
            instruments.request_seconds(task, outcome).observe(decision.latency.total_seconds())
        # Zeros too: Prometheus takes a counter's first value for no increase.
        instruments.shortages(task).inc(decision.reason is Reason.BUDGET)
        if decision.pin is not None:
            instruments.pin_events(task, decision.pin.value).inc()
        if not decision.recorded:
            instruments.store_errors.inc()

    def _count_gate(self, task: str, decision: Decision) -> None:
        if decision.failed is not None:
            self._instruments.judged(task).inc()
        if decision.failed:
            self._instruments.fallbacks(task, str(decision.attempts[0].reason)).inc()
        for tier in answered_tiers(decision):
            self._instruments.answers(task, tier).inc()
        for cause in judge_troubles(decision):
            self._instruments.judge_errors(task, cause).inc()

    def _count_call(self, task: str, part: str, call: ModelCall) -> None:
        instruments, role = self._instruments, call.role.value
        endpoint = self._endpoints(call.provider, call.model)
        error = call.error.value if call.error is not None else NO_ERROR
        instruments.calls(*endpoint, role, error).inc()
        instruments.call_seconds(*endpoint, role).observe(call.latency.total_seconds())
        for kind, count in counted_tokens(call.usage):
            instruments.tokens(role, kind).inc(count)
        instruments.unpriced(task, part).inc(call.cost is None)
        if call.cost is not None:
            instruments.cost(task, part).inc(float(call.cost))

    def _refreshed(self) -> None:
        """Show each endpoint as it is now; one that is gone, after a reload, as at rest."""
        if self._engine is None:
            return
        self._refreshed_at = self._clock()
        seen = {self._endpoints(health.provider, health.model): health for health in self._engine.health()}
        for endpoint in seen.keys() | self._shown:
            health = seen.get(endpoint)
            for state in BreakerState:
                standing = health is not None and health.state is state
                self._instruments.breakers(*endpoint, state.value).set(int(standing))
            self._instruments.waiting(*endpoint).set(health.waiting if health is not None else 0)
            self._instruments.sent(*endpoint).set(health.in_flight if health is not None else 0)
        self._shown |= seen.keys()


class Refresh:
    """A collector without metrics of its own: a scrape, whoever makes it, begins with a look at the endpoints."""

    def __init__(self, look: Callable[[], None]) -> None:
        self._look = look

    def describe(self) -> list[Any]:
        return []

    def collect(self) -> list[Any]:
        self._look()
        return []


def _made(registry: CollectorRegistry | None, look: Callable[[], None]) -> tuple[Instruments, CollectorRegistry]:
    try:
        import prometheus_client  # noqa: PLC0415  (an extra)

        from qualityroute.telemetry.instruments import Instruments  # noqa: PLC0415  (imports it)
    except ModuleNotFoundError as error:
        if error.name != "prometheus_client":
            raise
        raise ConfigError(
            "metrics need prometheus-client; install it with: pip install 'qualityroute[server]'"
        ) from None
    registry = prometheus_client.CollectorRegistry() if registry is None else registry
    registry.register(Refresh(look))
    return Instruments(registry), registry
