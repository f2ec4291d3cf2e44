"""Every metric with its name, its help and its labels. The one file that imports prometheus_client when loaded."""

from __future__ import annotations

from typing import Generic, Literal, TypeAlias, TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

M = TypeVar("M", Counter, Gauge, Histogram)
Mode: TypeAlias = Literal["livesum", "livemostrecent"]
"""How the values of several workers are told as one: added up, or the newest, where each tells of the same thing."""

# Seconds. Fine where cached and small answers are, wide up to the default deadline of two minutes.
BUCKETS = (0.05, 0.1, 0.25, 0.5, 1, 2, 3, 5, 8, 13, 20, 30, 60, 120)
HTTP_BUCKETS = (0.005, 0.01, 0.025, *BUCKETS)


class Labelled(Generic[M]):
    """A metric's children by their labels, kept, since asking it for one each time takes longer than counting."""

    def __init__(self, metric: M) -> None:
        self._metric: M = metric
        self._children: dict[tuple[str, ...], M] = {}

    def __call__(self, *labels: str) -> M:
        child = self._children.get(labels)
        if child is None:
            child = self._children[labels] = self._metric.labels(*labels)
        return child


class Instruments:
    """The metrics of one registry. Labels are our own words and names of the configuration, nothing else.

    Of several processes counters and histograms are added up, and gauges of those that live are.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        def counter(name: str, words: str, *labels: str) -> Labelled[Counter]:
            return Labelled(Counter(f"qualityroute_{name}", words, labels, registry=registry))

        def histogram(name: str, words: str, *labels: str, buckets: tuple[float, ...] = BUCKETS) -> Labelled[Histogram]:
            return Labelled(Histogram(f"qualityroute_{name}", words, labels, registry=registry, buckets=buckets))

        def gauge(name: str, words: str, *labels: str, of_workers: Mode = "livesum") -> Labelled[Gauge]:
            metric = Gauge(
                f"qualityroute_{name}", words, labels, registry=registry, multiprocess_mode=of_workers
            )  # fmt: skip
            return Labelled(metric)

        self.requests = counter("requests_total", "Decisions, by why and how.", "task", "route", "outcome")
        self.request_seconds = histogram(
            "request_duration_seconds", "From request to recorded decision, where somebody waited.", "task", "outcome"
        )
        self.judged = counter(
            "attempts_judged_total", "Unpinned efficiency attempts that the gate could judge.", "task"
        )
        self.fallbacks = counter("fallbacks_total", "Those of them that were rejected.", "task", "reason")
        self.answers = counter("answers_total", "Attempts that got an answer of a tier's model.", "task", "tier")
        self.judge_errors = counter("judge_errors_total", "Times the judge could not judge.", "task", "cause")
        self.shortages = counter("budget_shortages_total", "Requests with a call that fitted into no budget.", "task")
        self.store_errors = Counter(
            "qualityroute_store_errors_total", "Decisions that could not be written.", registry=registry
        )
        self.pin_events = counter("pin_events_total", "What decisions did to pins.", "task", "event")
        self.pins_active = gauge(
            "pins_active", "Pins that hold now, in every process.", "task", of_workers="livemostrecent"
        )
        self.calls = counter(
            "model_calls_total", "Calls that were made of models.", "provider", "model", "role", "error"
        )
        self.call_seconds = histogram(
            "model_call_duration_seconds", "Of model calls, retries and waits included.", "provider", "model", "role"
        )
        self.tokens = counter(
            "tokens_total", "As the providers counted; cached is a part of input, reasoning of output.", "role", "kind"
        )
        self.cost = counter("cost_usd_total", "What is known to be spent, in USD.", "task", "part")
        self.unpriced = counter("calls_of_unknown_cost_total", "Calls that are in no cost.", "task", "part")
        self.http_requests = counter("http_requests_total", "Answered by the gateway.", "path", "status")
        self.http_seconds = histogram(
            "http_request_duration_seconds", "Until the last byte was sent.", "path", buckets=HTTP_BUCKETS
        )
        self.in_flight = Gauge(
            "qualityroute_http_requests_in_flight", "Under way in the gateway.", registry=registry,
            multiprocess_mode="livesum",
        )  # fmt: skip
        self.breakers = gauge(
            "endpoint_breaker", "1 (in each process) for the state it is in.", "provider", "model", "state"
        )
        self.waiting = gauge("endpoint_waiting_calls", "Calls that wait for their turn.", "provider", "model")
        self.sent = gauge("endpoint_in_flight_calls", "Requests sent and not back.", "provider", "model")
