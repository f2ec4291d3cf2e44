"""OpenTelemetry: a span for each request, with one for each model call in it, and two metrics; extra `otel`.

Nothing has to be turned on. An application that wants spans imports OpenTelemetry and sets a provider; where nobody
has imported it, nothing is done, and it is not imported here either. Spans are made when a request is over, from its
decision, with the times at which things happened, as children of the span in which `run` was called.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from qualityroute.records import Attempt, Decision, ModelCall
from qualityroute.telemetry import spans

if TYPE_CHECKING:
    from opentelemetry.metrics import Histogram, MeterProvider
    from opentelemetry.trace import Span, Tracer, TracerProvider

logger = logging.getLogger("qualityroute")
SCOPE = "qualityroute"


class Spans:
    """Tells decisions to OpenTelemetry; a listener for `engine.subscribe`, and every engine has one.

    Args:
        explain: may the words of checks go out, which can quote an answer?
        tracer_provider, meter_provider: in place of the application's global ones.
    """

    def __init__(
        self,
        explain: Callable[[], bool] = lambda: False,
        *,
        tracer_provider: TracerProvider | None = None,
        meter_provider: MeterProvider | None = None,
    ) -> None:
        self._explain = explain
        self._tracer_provider, self._meter_provider = tracer_provider, meter_provider

    def decision(self, decision: Decision) -> None:
        """Make the spans of a request that is over, and count its calls."""
        if not _is_imported():
            return
        self._trace(decision)
        for attempt in decision.all_attempts:
            for call in attempt.all_calls:
                self._measure(call)

    def _trace(self, decision: Decision) -> None:
        from opentelemetry.trace import Status, StatusCode, set_span_in_context  # noqa: PLC0415  (an extra)

        began, over = decision.at, decision.at + decision.latency
        name, attributes = f"qualityroute {decision.task}", spans.of_request(decision)
        request = self._tracer.start_span(name, start_time=spans.nanoseconds(began), attributes=attributes)
        if request.is_recording():
            inside = set_span_in_context(request)
            for attempt in decision.all_attempts:
                for call in attempt.all_calls:
                    self._trace_call(decision, attempt, call, inside)
                self._tell_verdicts(attempt, request, over)
            if decision.outcome in spans.FAILURES:
                request.set_status(Status(StatusCode.ERROR))
        request.end(spans.nanoseconds(over))

    def _trace_call(self, decision: Decision, attempt: Attempt, call: ModelCall, inside: Any) -> None:
        from opentelemetry.trace import SpanKind, Status, StatusCode  # noqa: PLC0415  (an extra)

        at = call.at if call.at is not None else decision.at
        span = self._tracer.start_span(
            f"{spans.operation_name(call)} {call.model}",
            inside,
            SpanKind.CLIENT,
            spans.of_call(call, decision, spans.finish_reason_of(attempt, call)),
            start_time=spans.nanoseconds(at),
        )
        if call.error is not None:
            span.set_status(Status(StatusCode.ERROR))
        span.end(spans.nanoseconds(at + call.latency))

    def _tell_verdicts(self, attempt: Attempt, request: Span, over: datetime) -> None:
        explained = self._explain()
        for verdict in attempt.verdicts:
            at = spans.judged_at(verdict, attempt) or over
            attributes = spans.of_verdict(verdict, attempt, explained=explained)
            request.add_event(spans.EVALUATION, attributes, spans.nanoseconds(at))

    def _measure(self, call: ModelCall) -> None:
        named = spans.operation(call)
        failed = {} if call.error is None else {"error.type": call.error.value}
        self._durations.record(call.latency.total_seconds(), {**named, **failed})
        for kind, count in spans.token_counts(call.usage).items():
            self._tokens.record(count, {**named, "gen_ai.token.type": kind})

    @cached_property
    def _tracer(self) -> Tracer:
        from opentelemetry import trace  # noqa: PLC0415  (an extra)

        return trace.get_tracer(SCOPE, tracer_provider=self._tracer_provider)

    @cached_property
    def _tokens(self) -> Histogram:
        return self._histogram(spans.TOKEN_USAGE, "{token}", "Tokens of model calls.", spans.TOKEN_BUCKETS)

    @cached_property
    def _durations(self) -> Histogram:
        return self._histogram(spans.DURATION, "s", "Duration of model calls.", spans.DURATION_BUCKETS)

    def _histogram(self, name: str, unit: str, words: str, buckets: tuple[float, ...]) -> Histogram:
        from opentelemetry import metrics  # noqa: PLC0415  (an extra)

        meter = metrics.get_meter(SCOPE, meter_provider=self._meter_provider)
        return meter.create_histogram(name, unit, words, explicit_bucket_boundaries_advisory=list(buckets))


@contextmanager
def attached(headers: Mapping[str, str]) -> Iterator[None]:
    """Around the handling of an incoming request: what is done inside belongs to the trace its `traceparent` names.

    Nothing is done where OpenTelemetry is not in use, nor where something outside, such as its middleware, has begun
    a span already. Headers that say nothing sensible are no error.
    """
    token = _attach(headers)
    try:
        yield
    finally:
        if token is not None:
            from opentelemetry import context  # noqa: PLC0415  (an extra, imported by now)

            context.detach(token)


def _attach(headers: Mapping[str, str]) -> Any:
    if not _is_imported():
        return None
    from opentelemetry import context, propagate, trace  # noqa: PLC0415  (an extra)

    if trace.get_current_span().get_span_context().is_valid:
        return None
    try:
        return context.attach(propagate.extract(headers))
    except Exception:  # a propagator of the application's; the request goes on
        logger.exception("the trace of a request could not be read")
        return None


def _is_imported() -> bool:
    """Without it nobody has set a provider, and all would be for nothing."""
    return "opentelemetry.trace" in sys.modules
