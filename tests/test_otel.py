"""A request as OpenTelemetry sees it: one span, a child for each model call, verdicts as events, two metrics."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from conftest import config_with
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import SpanKind, StatusCode, get_current_span
from test_public_names import loaded_after
from worlds import BAD, GOOD, TEXT, World, Worlds, client_with

from qualityroute import AnswerRejected, Completion, ModelCall, ProviderError, Usage
from qualityroute.records import Role
from qualityroute.telemetry.otel import Spans, attached
from qualityroute.telemetry.spans import nanoseconds

pytestmark = pytest.mark.anyio
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class Seen:
    """What an application's own providers were told."""

    def __init__(self) -> None:
        self.exporter, self.reader = InMemorySpanExporter(), InMemoryMetricReader()
        self.tracers = TracerProvider(shutdown_on_exit=False)
        self.tracers.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.meters = MeterProvider([self.reader], shutdown_on_exit=False)

    def listen(self, w: World, *, explain: bool = False) -> None:
        w.engine.subscribe(self.spans(explain=explain).decision)

    def spans(self, *, explain: bool = False) -> Spans:
        return Spans(lambda: explain, tracer_provider=self.tracers, meter_provider=self.meters)

    @property
    def request(self) -> ReadableSpan:
        (span,) = [span for span in self.exporter.get_finished_spans() if span.name.startswith("qualityroute")]
        return span

    @property
    def calls(self) -> list[ReadableSpan]:
        return [span for span in self.exporter.get_finished_spans() if span.kind is SpanKind.CLIENT]

    @property
    def verdicts(self) -> list[dict[str, Any]]:
        assert {event.name for event in self.request.events} <= {"gen_ai.evaluation.result"}
        return [dict(event.attributes or {}) for event in self.request.events]

    def points(self, name: str) -> dict[tuple[Any, ...], Any]:
        """Sums of a histogram by the values of its attributes."""
        data = self.reader.get_metrics_data()
        assert data is not None
        metrics = [m for r in data.resource_metrics for s in r.scope_metrics for m in s.metrics if m.name == name]
        return {tuple(sorted(p.attributes.items())): p for m in metrics for p in m.data.data_points}  # type: ignore[union-attr, misc]


@pytest.fixture
def seen() -> Iterator[Seen]:
    seen = Seen()
    yield seen
    seen.tracers.shutdown()
    seen.meters.shutdown()


async def test_a_request_is_a_span_and_each_model_call_a_child_of_it(world: Worlds, seen: Seen) -> None:
    w = await world(client_with(judge="no"))
    seen.listen(w)
    decision = (await w.run()).decision
    request = seen.request
    assert request.name == "qualityroute invoice"
    assert request.attributes == {
        "gen_ai.conversation.id": "user-42",
        "qualityroute.task": "invoice",
        "qualityroute.route": "cascade",
        "qualityroute.outcome": "fallback",
        "qualityroute.reason": "judged",
        "qualityroute.tier": "performance",
        "qualityroute.model": "practice/careful",
        "qualityroute.decision_id": decision.id,
        "qualityroute.cost": float(decision.cost),
        "qualityroute.pin": "created",
    }
    assert request.status.status_code is StatusCode.UNSET
    assert [(span.name, span.attributes["qualityroute.role"]) for span in seen.calls if span.attributes] == [
        ("chat small", "answer"), ("chat checker", "judge"), ("chat careful", "answer"),
    ]  # fmt: skip
    assert request.context is not None
    assert {span.parent.span_id for span in seen.calls if span.parent} == {request.context.span_id}


async def test_a_call_is_told_by_the_conventions_of_generative_ai(world: Worlds, seen: Seen) -> None:
    usage = Usage(100, 40, 20, 5)
    w = await world(client_with(efficiency=Completion(GOOD, usage=usage, model="small-2026-01")))
    seen.listen(w)
    await w.run()
    told = dict(seen.calls[0].attributes or {})
    assert told.pop("qualityroute.cost") > 0
    assert told == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "practice",
        "gen_ai.request.model": "small",
        "gen_ai.response.model": "small-2026-01",
        "gen_ai.response.finish_reasons": ("stop",),
        "gen_ai.usage.input_tokens": 100,
        "gen_ai.usage.output_tokens": 20,
        "gen_ai.usage.cache_read.input_tokens": 40,
        "gen_ai.usage.reasoning.output_tokens": 5,
        "gen_ai.conversation.id": "user-42",
        "qualityroute.task": "invoice",
        "qualityroute.role": "answer",
        "qualityroute.tier": "efficiency",
        "qualityroute.retries": 0,
    }


async def test_spans_lie_where_their_calls_did(world: Worlds, seen: Seen) -> None:
    """Each call begins when it began, by the engine's clock, and lasts as long as it took."""
    w = await world()
    seen.listen(w)

    def slow(_: Any) -> str:
        w.clock.advance(seconds=3)
        return GOOD

    w.client._script["efficiency"] = [slow]
    decision = (await w.run()).decision
    answer, judge = seen.calls
    call = decision.attempts[0].calls[0]
    start = nanoseconds(decision.at)
    assert (seen.request.start_time, answer.start_time, judge.start_time) == (start, start, start + 3_000_000_000)
    assert answer.end_time == start + call.latency // timedelta(microseconds=1) * 1000
    assert seen.request.end_time == start + decision.latency // timedelta(microseconds=1) * 1000


async def test_verdicts_are_evaluations_and_explained_only_where_answers_may_be_kept(world: Worlds, seen: Seen) -> None:
    w = await world(client_with(judge="no"))
    seen.listen(w)
    await w.run()
    parts = ("gen_ai.evaluation.name", "gen_ai.evaluation.score.label", "qualityroute.tier")
    assert [tuple(verdict[part] for part in parts) for verdict in seen.verdicts] == [
        ("form", "accepted", "efficiency"), ("schema", "accepted", "efficiency"), ("judge", "rejected", "efficiency"),
        ("form", "accepted", "performance"), ("schema", "accepted", "performance"),
    ]  # fmt: skip
    judged = seen.verdicts[2]
    assert judged["gen_ai.evaluation.score.value"] == 0.0
    assert judged["qualityroute.reason"] == "judged"
    assert not any("gen_ai.evaluation.explanation" in verdict for verdict in seen.verdicts)

    telling = Seen()
    telling.listen(w, explain=True)
    await w.run("other")
    assert telling.verdicts[2]["gen_ai.evaluation.explanation"]


async def test_a_judge_in_trouble_is_an_evaluation_with_an_error_and_no_score(world: Worlds, seen: Seen) -> None:
    w = await world(client_with(judge="nonsense"))
    seen.listen(w)
    await w.run()
    judged = seen.verdicts[2]
    assert (judged["gen_ai.evaluation.score.label"], judged["error.type"]) == ("undecided", "judge_error")
    assert "gen_ai.evaluation.score.value" not in judged


async def test_a_request_that_fails_says_why_in_its_span(world: Worlds, seen: Seen) -> None:
    down = ProviderError("SECRET-WORDS of the provider")
    w = await world(client_with(efficiency=down, performance=down))
    seen.listen(w)
    with pytest.raises(ProviderError):
        await w.run()
    assert (seen.request.status.status_code, (seen.request.attributes or {})["error.type"]) == (
        StatusCode.ERROR, "provider_error",
    )  # fmt: skip
    assert [(c.status.status_code, (c.attributes or {})["error.type"]) for c in seen.calls] == [
        (StatusCode.ERROR, "provider_error")
    ] * 2
    assert "SECRET" not in "".join(span.to_json() for span in seen.exporter.get_finished_spans())


async def test_neither_prompts_nor_answers_leave(world: Worlds, seen: Seen) -> None:
    secret = "ZEBRA-7731"
    w = await world(client_with(efficiency=BAD, performance=json.dumps({"number": secret})))
    seen.listen(w)
    with pytest.raises(AnswerRejected):
        await w.engine.run("invoice", f"{TEXT} {secret}", session="s")
    assert secret not in "".join(span.to_json() for span in seen.exporter.get_finished_spans())


async def test_what_is_unknown_is_left_out_and_never_zero(world: Worlds, seen: Seen) -> None:
    w = await world(client_with(efficiency=Completion(GOOD)), config_with(prices=()))
    seen.listen(w)
    await w.run(None)
    for span in (seen.request, seen.calls[0]):
        told = span.attributes or {}
        assert not {"qualityroute.cost", "gen_ai.usage.input_tokens", "gen_ai.conversation.id"} & told.keys()
    assert not any(("gen_ai.request.model", "small") in point for point in seen.points("gen_ai.client.token.usage"))


async def test_tokens_and_durations_are_measured_by_model_and_never_by_what_the_provider_says(
    world: Worlds, seen: Seen
) -> None:
    answers = [Completion(GOOD, usage=Usage(100, 0, 20), model=f"any-{number}") for number in range(3)]
    w = await world(client_with(efficiency=[*answers, ProviderError("down")]))
    seen.listen(w)
    for _ in range(4):
        await w.run(None)
    small = (("gen_ai.operation.name", "chat"), ("gen_ai.provider.name", "practice"), ("gen_ai.request.model", "small"))
    tokens = seen.points("gen_ai.client.token.usage")
    assert {kind: tokens[(*small, ("gen_ai.token.type", kind))].sum for kind in ("input", "output")} == {
        "input": 300, "output": 60,
    }  # fmt: skip
    durations = seen.points("gen_ai.client.operation.duration")
    assert durations[small].count == 3
    assert durations[(("error.type", "provider_error"), *small)].count == 1
    assert durations[small].explicit_bounds[:3] == (0.01, 0.02, 0.04)


async def test_the_callers_span_is_the_parent_also_of_what_runs_in_the_background(world: Worlds, seen: Seen) -> None:
    task = {"schema": {"type": "object"}, "accept": {"audit": 1.0}}
    w = await world(config=config_with(task=task))
    seen.listen(w)
    with seen.tracers.get_tracer("app").start_as_current_span("app") as app:
        await w.run()
    await w.engine.aclose()  # waits for the audit
    requests = [s for s in seen.exporter.get_finished_spans() if s.name == "qualityroute invoice"]
    assert [(s.attributes or {})["qualityroute.route"] for s in requests] == ["cascade", "audit"]
    assert {s.parent.span_id for s in requests if s.parent} == {app.get_span_context().span_id}


async def test_an_incoming_traceparent_is_the_parent(world: Worlds, seen: Seen) -> None:
    w = await world()
    seen.listen(w)
    with attached({"traceparent": TRACEPARENT}):
        await w.run()
    assert not get_current_span().get_span_context().is_valid
    assert seen.request.parent is not None
    assert f"{seen.request.parent.trace_id:032x}-{seen.request.parent.span_id:016x}" in TRACEPARENT


async def test_a_span_that_stands_around_the_request_goes_before_its_headers(world: Worlds, seen: Seen) -> None:
    w = await world()
    seen.listen(w)
    with seen.tracers.get_tracer("app").start_as_current_span("app") as app, attached({"traceparent": TRACEPARENT}):
        await w.run()
    assert seen.request.parent == app.get_span_context()


@pytest.mark.parametrize(
    "header", ["", "nonsense", "00-0-0-00", "00-" + "g" * 32 + "-" + "h" * 16 + "-01", "\x00" * 999]
)
def test_a_traceparent_that_says_nothing_sensible_is_no_error(header: str) -> None:
    with attached({"traceparent": header}):
        assert not get_current_span().get_span_context().is_valid


async def test_without_sampling_only_metrics_are_told(world: Worlds, seen: Seen) -> None:
    seen.tracers.sampler = ALWAYS_OFF
    w = await world()
    seen.listen(w)
    await w.run()
    assert seen.exporter.get_finished_spans() == ()
    assert len(seen.points("gen_ai.client.operation.duration")) == 2


async def test_an_exporter_that_breaks_breaks_no_request(
    world: Worlds, seen: Seen, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> None:
        raise RuntimeError("no room")

    monkeypatch.setattr(seen.tracers.get_tracer("x").__class__, "start_span", broken)
    w = await world()
    seen.listen(w)
    assert (await w.run()).output == {"number": "A-1", "total": 12.5}


def test_a_call_read_from_the_ledger_has_no_beginning_and_a_made_one_is_equal_to_it() -> None:
    from conftest import NOW

    made = ModelCall(Role.ANSWER, None, "a", "b", at=NOW)
    assert made == ModelCall(Role.ANSWER, None, "a", "b")


def test_neither_opentelemetry_nor_prometheus_is_imported_by_an_engine_that_answers() -> None:
    loaded = loaded_after(
        "import asyncio, os, sys\n"
        f"sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "from conftest import config_with\n"
        "from worlds import client_with, TEXT\n"
        "from qualityroute import Engine\n"
        "from qualityroute.telemetry import metrics\n"
        "from qualityroute.telemetry.otel import attached\n"
        "with attached({}), Engine(config_with(), client=client_with(), store='sqlite://') as engine:\n"
        "    engine.run_sync('invoice', TEXT)\n"
    )
    assert "qualityroute.telemetry.otel" in loaded
    assert not {name for name in loaded if name.partition(".")[0] in ("opentelemetry", "prometheus_client")}
