"""What Prometheus is shown: the ledger's own counts, few labels, one scrape for all workers; never a caller's words."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import anyio
import pytest
from asking import Naps, ask, failure, served, together
from conftest import NOW, config_with
from fault_server import Play, completion, failing
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_families
from telemetry_work import Endpoints, every_kind, samples, total, unwritten, value
from worlds import GOOD, Worlds, client_with

from qualityroute import (
    Attempt,
    Completion,
    ConfigError,
    Decision,
    ModelCall,
    Outcome,
    ProviderError,
    Route,
    Ruling,
    StoreError,
    Tier,
)
from qualityroute.client import BreakerState, EndpointHealth
from qualityroute.openai_client.health import FAILURES, FIRST_REST
from qualityroute.records import Role
from qualityroute.telemetry.bounds import MOST_NAMES, OTHER, Names
from qualityroute.telemetry.metrics import Metrics
from qualityroute.telemetry.parts import part_of
from qualityroute.telemetry.processes import FOLDER, shared_by_workers, shared_folder

pytestmark = pytest.mark.anyio
STATES = ("closed", "open", "half_open")


def told(task: str = "invoice", provider: str = "practice", model: str = "small") -> Decision:
    attempt = Attempt(
        Tier.EFFICIENCY, Ruling.ACCEPTED, None, (ModelCall(Role.ANSWER, Tier.EFFICIENCY, provider, model),)
    )
    return Decision("d1", NOW, "default", None, task, Route.CASCADE, Outcome.ACCEPTED, attempts=(attempt,))


def labels_of(metrics: Metrics) -> set[str]:
    return {label for _, labels in samples(metrics) for _, label in labels}


async def test_the_counts_are_those_of_the_report(world: Worlds) -> None:
    metrics = Metrics()
    w = await every_kind(world, metrics)
    report = (await w.engine.report()).tasks["invoice"]
    found = samples(metrics)
    assert value(found, "attempts_judged_total", task="invoice") == report.attempts + 1  # what could not be written
    assert total(found, "fallbacks_total") == report.fallbacks == 3
    rejected = {reason: count for reason, count in report.by_reason.items() if reason.counts}
    assert {reason: value(found, "fallbacks_total", task="invoice", reason=reason) for reason in rejected} == rejected
    assert total(found, "judge_errors_total") == sum(report.judge.errors.values()) == 1
    assert value(found, "pin_events_total", task="invoice", event="created") == report.pins.created == 2
    assert value(found, "pin_events_total", task="invoice", event="released") == report.pins.released == 1
    assert value(found, "pins_active", task="invoice") == report.pins_active == 1
    assert total(found, "requests_total") == report.requests + 1


async def test_pins_that_are_gone_are_shown_as_none_by_a_worker_that_never_saw_them(world: Worlds) -> None:
    metrics = Metrics()
    w = await world()
    metrics.watch(w.engine)
    await metrics.count_pins()
    found = samples(metrics)
    assert [value(found, "pins_active", task=task) for task in ("invoice", "manual")] == [0, 0]
    await w.engine.pins.add("by-hand")
    await metrics.count_pins()
    assert value(samples(metrics), "pins_active", task="manual") == 1


async def test_money_is_the_ledgers_and_what_is_unknown_is_counted_apart(world: Worlds) -> None:
    metrics = Metrics()
    w = await world(client_with(judge="no"))
    metrics.watch(w.engine)
    await w.run()
    cost = (await w.engine.report()).tasks["invoice"].cost
    parts = {"efficiency": cost.efficiency, "judge": cost.judge, "performance": cost.performance}
    found = samples(metrics)
    for part, spent in parts.items():
        assert spent is not None
        assert value(found, "cost_usd_total", task="invoice", part=part) == pytest.approx(float(spent))
    assert total(found, "calls_of_unknown_cost_total") == 0

    unpriced = Metrics()
    free = await world(config=config_with(prices=()))
    unpriced.watch(free.engine)
    await free.run(None)
    found = samples(unpriced)
    assert not any(name == "qualityroute_cost_usd_total" for name, _ in found)
    for part in ("efficiency", "judge"):
        assert value(found, "calls_of_unknown_cost_total", task="invoice", part=part) == 1


async def test_an_audit_is_on_its_own_bill_and_in_nobodys_latency(world: Worlds) -> None:
    metrics = Metrics()
    w = await world(config=config_with(task={"schema": {"type": "object"}, "accept": {"audit": 1.0}}))
    metrics.watch(w.engine)
    await w.run()
    await w.engine.aclose()  # waits for the audit
    found = samples(metrics)
    assert value(found, "cost_usd_total", task="invoice", part="audit")
    assert value(found, "cost_usd_total", task="invoice", part="performance") is None
    assert value(found, "answers_total", task="invoice", tier="performance") is None
    assert total(found, "request_duration_seconds_count") == 1
    assert total(found, "requests_total", route="audit") == 1


def test_whatever_measuring_costs_is_on_the_audits_bill() -> None:
    judge, answer = ModelCall(Role.JUDGE, None, "a", "b"), ModelCall(Role.ANSWER, Tier.EFFICIENCY, "a", "b")
    compared = replace(told(), route=Route.COMPARE)
    assert [part_of(compared, call) for call in (judge, answer)] == ["audit", "audit"]
    assert [part_of(told(), call) for call in (judge, answer)] == ["judge", "efficiency"]


@pytest.mark.parametrize("policy", ["raise", "warn"])
async def test_a_decision_that_could_not_be_written_is_told_all_the_same(world: Worlds, policy: str) -> None:
    metrics = Metrics()
    w = await world(config=config_with(store={"on_store_error": policy}))
    metrics.watch(w.engine)
    if policy == "raise":
        await unwritten(w)
    else:
        with pytest.raises(pytest.fail.Exception):  # no error comes
            await unwritten(w)
    found = samples(metrics)
    assert value(found, "store_errors_total") == 1
    assert total(found, "tokens_total", role="answer", kind="output") > 0


async def test_a_store_that_cannot_be_read_is_told_as_well(world: Worlds) -> None:
    metrics = Metrics()
    w = await world()
    metrics.watch(w.engine)
    heard: list[Decision] = []
    w.engine.subscribe(heard.append)
    await w.engine._store.aclose()
    with pytest.raises(StoreError) as caught:
        await w.run()
    assert value(samples(metrics), "store_errors_total") == 1
    assert [(decision.outcome, decision.recorded) for decision in heard] == [(Outcome.FAILED, False)]
    assert caught.value.decision == heard[0]
    await metrics.count_pins()  # is no error either


@given(st.lists(st.tuples(st.text(max_size=3), st.text(max_size=3))), st.integers(0, 5))
def test_never_more_names_than_the_bound(names: list[tuple[str, str]], most: int) -> None:
    bounded = Names(most)
    given = [bounded(*name) for name in names]
    assert len(set(given) - {(OTHER, OTHER)}) <= most
    assert given == [bounded(*name) for name in names]  # a name does not change later
    assert all(got in (name, (OTHER, OTHER)) for got, name in zip(given, names, strict=True))


def test_tasks_and_models_beyond_the_bound_are_counted_together() -> None:
    metrics = Metrics()
    for number in range(MOST_NAMES + 5):
        metrics.decision(told(f"task-{number}", "practice", f"model-{number}"))
        metrics.http(f"/{number}", 200, 0.1)
    found = samples(metrics)
    assert total(found, "requests_total", task=OTHER) == 5
    assert total(found, "model_calls_total", provider=OTHER, model=OTHER) == 5
    assert total(found, "http_requests_total", path=OTHER) == 5
    assert total(found, "requests_total") == MOST_NAMES + 5
    assert len([name for name, _ in found if name == "qualityroute_requests_total"]) == MOST_NAMES + 1


async def test_what_callers_and_providers_say_is_in_no_label(world: Worlds) -> None:
    metrics = Metrics()
    loud = Completion(GOOD, finish_reason="EVIL-finish", model="EVIL-model")
    w = await world(client_with(efficiency=[loud, ProviderError("EVIL-words")]))
    metrics.watch(w.engine)
    for _ in range(2):
        await w.run("EVIL-session", tenant="EVIL-tenant", metadata={"EVIL": "EVIL"}, parameters={"model": "EVIL"})
    metrics.http(None, 12345, 0.1)
    assert not [label for label in labels_of(metrics) if "EVIL" in label or "12345" in label]
    assert total(samples(metrics), "http_requests_total", path="unmatched", status="other") == 1


def test_a_count_that_fails_breaks_no_http_request(caplog: pytest.LogCaptureFixture) -> None:
    metrics = Metrics()
    metrics.http("/x", 200, "soon")  # type: ignore[arg-type]
    assert "could not be counted" in caplog.text


@pytest.mark.parametrize(
    "accept", [None, "", "*/*", "text/html", "application/openmetrics-text;version=evil", "\x00,;=;"]
)
def test_an_odd_accept_header_gets_the_text_form_or_at_least_no_error(accept: str | None) -> None:
    metrics = Metrics()
    metrics.decision(told())
    body, content_type = metrics.exposition(accept)
    assert content_type.startswith(("text/plain", "application/openmetrics-text"))
    assert b'qualityroute_requests_total{outcome="accepted",route="cascade",task="invoice"} 1.0' in body


def test_open_metrics_is_given_to_who_asks_for_it() -> None:
    metrics = Metrics()
    metrics.decision(told())
    body, content_type = metrics.exposition("application/openmetrics-text;version=1.0.0,text/plain;q=0.5")
    assert content_type.startswith("application/openmetrics-text; version=1.0.0")
    assert "qualityroute_requests" in {family.name for family in open_families(body.decode())}


async def test_endpoints_are_shown_as_they_are_when_scraped_also_through_a_registry_of_ones_own(world: Worlds) -> None:
    registry = CollectorRegistry()
    metrics = Metrics(registry)
    client = Endpoints(client_with(), EndpointHealth("practice", "small", BreakerState.OPEN, 3, 1))
    w = await world(client)  # type: ignore[arg-type]
    metrics.watch(w.engine)
    shown = 'qualityroute_endpoint_waiting_calls{model="small",provider="practice"}'
    assert f"{shown} 3.0" in generate_latest(registry).decode()
    found = samples(metrics)
    assert [value(found, "endpoint_breaker", provider="practice", model="small", state=s) for s in STATES] == [0, 1, 0]
    client.now = ()  # as after a reload that leaves the model out
    found = samples(metrics)
    assert [value(found, "endpoint_breaker", provider="practice", model="small", state=s) for s in STATES] == [0, 0, 0]
    assert f"{shown} 0.0" in generate_latest(registry).decode()


@pytest.mark.usefixtures("plain_loopback")
async def test_a_client_tells_the_breaker_and_the_queue_of_each_model() -> None:
    naps = Naps()
    script = [*[failing(500)] * FAILURES, Play(completion(), delay=0.4), Play(completion())]
    async with served(*script, retries=0, sleep=naps, max_concurrency=1) as (client, server):
        assert client.health() == ()
        await failure(client)
        assert client.health() == (EndpointHealth("test", "model", BreakerState.CLOSED, 0, 0),)
        for _ in range(FAILURES - 1):
            await failure(client)
        assert client.health()[0].state is BreakerState.OPEN
        await naps(FIRST_REST)
        assert client.health()[0].state is BreakerState.HALF_OPEN
        seen: list[EndpointHealth] = []

        async def look() -> None:
            while len(server.requests) <= FAILURES:
                await anyio.sleep(0.005)
            seen.extend(client.health())

        async with anyio.create_task_group() as group:
            group.start_soon(look)
            group.start_soon(client.complete, ask())
            group.start_soon(client.complete, ask())
    assert seen == [EndpointHealth("test", "model", BreakerState.HALF_OPEN, 1, 1)]
    assert client.health() == (EndpointHealth("test", "model", BreakerState.CLOSED, 0, 0),)


@pytest.mark.usefixtures("plain_loopback")
async def test_who_goes_away_leaves_the_queue(world: Worlds) -> None:
    async with served(Play(completion(), delay=30), max_concurrency=1) as (client, _):
        with anyio.move_on_after(0.2):
            await together(client, 3)
        assert client.health() == (EndpointHealth("test", "model", BreakerState.CLOSED, 0, 0),)


def test_without_prometheus_client_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    with pytest.raises(ConfigError, match=r"pip install 'qualityroute\[server\]'"):
        Metrics()


def test_a_folder_for_workers_is_there_while_they_run_and_one_of_the_users_is_kept(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv(FOLDER, raising=False)
    with shared_by_workers():
        folder = shared_folder()
        assert folder is not None
        assert folder.is_dir()
    assert not folder.exists()
    assert shared_folder() is None
    monkeypatch.setenv(FOLDER, str(tmp_path))
    with shared_by_workers():
        assert shared_folder() == tmp_path
    assert tmp_path.exists()


WORKER = """
import sys
from datetime import UTC, datetime
from qualityroute.client import BreakerState, EndpointHealth
from qualityroute.records import Decision, Outcome, Route
from qualityroute.telemetry.metrics import Metrics

class Engine:
    def subscribe(self, listener): pass
    def health(self): return (EndpointHealth("practice", "small", BreakerState.OPEN, 3, 1),)

metrics = Metrics(clock=iter(range(0, 1000, 10)).__next__)  # each decision comes long after the last
metrics.watch(Engine())
metrics.in_flight.inc()
metrics.decision(Decision("d", datetime.now(UTC), "default", None, "invoice", Route.CASCADE, Outcome.ACCEPTED))
print("ready", flush=True)
for _ in sys.stdin:
    print(metrics.exposition()[0].decode() + "end", flush=True)
"""


class Worker:
    """A process that has counted one decision, has one request in flight, and waits to be scraped."""

    def __init__(self, folder: Path) -> None:
        pipe, environment = subprocess.PIPE, {**os.environ, FOLDER: str(folder)}
        self.process = subprocess.Popen(
            [sys.executable, "-c", WORKER], env=environment, stdin=pipe, stdout=pipe, text=True
        )  # fmt: skip

    def lines(self, last: str) -> list[str]:
        assert self.process.stdout is not None
        return list(iter(self.process.stdout.readline, f"{last}\n"))

    def scrape(self) -> list[str]:
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return self.lines("end")

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


def test_a_scrape_of_one_worker_tells_of_all_and_a_dead_one_has_nothing_in_flight(tmp_path: Path) -> None:
    """Real processes: prometheus_client decides how it counts when it is imported."""
    counted = 'qualityroute_requests_total{outcome="accepted",route="cascade",task="invoice"} 2.0\n'
    open_ = 'qualityroute_endpoint_breaker{model="small",provider="practice",state="open"}'
    first, second = Worker(tmp_path), Worker(tmp_path)
    try:
        assert first.lines("ready") == second.lines("ready") == []
        both = first.scrape()
        second.kill()
        one = first.scrape()
    finally:
        first.kill()
        second.kill()
    assert {counted, "qualityroute_http_requests_in_flight 2.0\n", f"{open_} 2.0\n"} <= set(both)
    assert {counted, "qualityroute_http_requests_in_flight 1.0\n", f"{open_} 1.0\n"} <= set(one)
