"""Every fault of an endpoint, met by a whole engine: no request outlives its deadline, none is lost from the ledger,
and no fault is called a fallback or pins a session."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import anyio
import pytest
from asking import anyio_backend as anyio_backend
from asking import provider
from conftest import blank_store
from fault_server import FaultServer, Play, Script, completion, failing, good

from qualityroute import Config, DeadlineExceeded, Engine, Outcome, ProviderError, QualityRouteError
from qualityroute.records import ReasonKind

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("plain_loopback")]

DEADLINE = 0.6
SLACK = 3.0
"""Seconds past the deadline that a loaded machine is forgiven; alone it takes some 10 ms, and the faults take 20 s."""
SCHEMA = {"type": "object", "properties": {"total": {"type": "number"}}, "required": ["total"]}
ANSWER = json.dumps({"total": 1})

FAULTS: dict[str, Play] = {
    "hang before headers": Play(delay=30),
    "trickle": Play(completion(ANSWER), trickle=0.4),
    "trickled error": Play("x" * 100, status=500, trickle=0.4),
    "closed before headers": Play(cut=-1),
    "closed mid-body": Play(completion(ANSWER), cut=40),
    "truncated JSON": Play(json.dumps(completion(ANSWER))[:-30]),
    "content-length too long": Play(completion(ANSWER), claimed_length=9_999, cut=10_000),
    "content-length too short": Play(completion(ANSWER), claimed_length=30),
    "429": failing(429, "slow down"),
    "429 with Retry-After": failing(429, "slow down", headers={"retry-after": "30"}),
    "500": failing(500, "oops"),
    "503 with Retry-After as a date": failing(503, headers={"retry-after": "Fri, 01 Jan 2100 00:00:00 GMT"}),
    "200 with an error": Play({"error": {"message": "upstream", "code": 502}, "choices": None}),
    "200 without choices": Play({"choices": []}),
    "200 as HTML": Play("<html>Welcome", headers={"content-type": "text/html"}),
    "huge body": Play(b" " * 2**20, times=64),
    "invalid UTF-8": Play(b'{"choices": "\xc3\x28"}'),
    "redirect loop": Play(status=302, headers={"location": "/v1/chat/completions"}),
    "401": failing(401, "wrong key"),
    "context overflow": failing(413, "too large"),
}


def two_tiers(bad: str, fine: str, **sections: Any) -> Config:
    return Config.model_validate(
        {
            "providers": {"bad": provider(bad, timeout="20s", retries=1), "fine": provider(fine)},
            "tiers": {"efficiency": {"models": ["bad/small"]}, "performance": {"models": ["fine/large"]}},
            "tasks": {"read": {"schema": SCHEMA}},
            "prices": [
                {"model": model, "input": 1, "output": 1, "effective_from": "2026-01-01"}
                for model in ("bad/small", "fine/large")
            ],
            **sections,
        }
    )


def ledger(path: Path, query: str) -> list[Any]:
    with closing(sqlite3.connect(path)) as file:
        return file.execute(query).fetchall()


@pytest.mark.parametrize("name", [name for name in FAULTS if "hang" not in name and "trickle" not in name])
async def test_a_fault_of_the_cheap_endpoint_is_a_failover_and_never_a_fallback_or_a_pin(
    name: str, tmp_path: Path
) -> None:
    path = blank_store(tmp_path / "q.db")
    with FaultServer(FAULTS[name]) as bad, FaultServer(good(ANSWER)) as fine:
        async with Engine(two_tiers(bad.url, fine.url), store=f"sqlite:///{path}") as engine:
            answer = await engine.run("read", "total: 1", session="anna")
            report = (await engine.report()).tasks["read"]
            assert await engine.pins.list() == []
    assert answer.output == {"total": 1}
    assert answer.decision.outcome is Outcome.FAILOVER
    assert answer.decision.attempts[0].reason is not None
    assert answer.decision.attempts[0].reason.kind is ReasonKind.AVAILABILITY
    assert report.fallbacks == 0
    assert ledger(path, "SELECT SUM(1 + retries) FROM calls") == [(len(bad.requests) + len(fine.requests),)]


@pytest.mark.parametrize("name", FAULTS)
async def test_no_request_outlives_its_deadline_and_its_calls_are_in_the_ledger(name: str, tmp_path: Path) -> None:
    path = blank_store(tmp_path / "q.db")
    with FaultServer(FAULTS[name]) as server:
        config = two_tiers(server.url, server.url, deadline=f"{DEADLINE * 1000:g}ms")
        async with Engine(config, store=f"sqlite:///{path}") as engine:
            started = time.monotonic()
            with pytest.raises((ProviderError, DeadlineExceeded)) as caught:
                await engine.run("read", "total: 1", session="anna")
            overrun = time.monotonic() - started - DEADLINE
    assert overrun < SLACK
    assert caught.value.decision is not None
    assert ledger(path, "SELECT outcome, pin, failed FROM decisions") == [("failed", None, None)]
    # None, where the deadline came before the first one left: the machine may stand still as long.
    [(asked, cut)] = ledger(path, "SELECT TOTAL(1 + retries), TOTAL(error = 'cancelled') FROM calls")
    # A request that the deadline met on its way out may never have come in.
    assert asked - cut <= len(server.requests) <= asked


async def test_a_call_that_never_left_for_the_provider_is_not_in_the_books(tmp_path: Path) -> None:
    """The second request waits for the first one's place until its time is up."""
    path = blank_store(tmp_path / "q.db")
    with FaultServer(Play(delay=60)) as server:
        provider = {"base_url": server.url, "max_concurrency": 1, "retries": 0, "timeout": "50s"}
        tasks = {"first": {"schema": SCHEMA}, "second": {"schema": SCHEMA, "deadline": "200ms"}}
        config = two_tiers("http://x", "http://x", providers={"bad": provider, "fine": provider}, tasks=tasks)
        async with Engine(config, store=f"sqlite:///{path}") as engine, anyio.create_task_group() as group:
            group.start_soon(engine.run, "first", "a")
            while not server.requests:
                await anyio.sleep(0.01)
            with pytest.raises(DeadlineExceeded):
                await engine.run("second", "b")
            group.cancel_scope.cancel()
    assert ledger(path, "SELECT task FROM decisions ORDER BY task") == [("first",), ("second",)]
    assert ledger(path, "SELECT task FROM calls JOIN decisions ON id = decision_id") == [("first",)]
    assert len(server.requests) == 1


async def test_a_server_without_tls_is_no_fallback(tmp_path: Path) -> None:
    with FaultServer() as bad, FaultServer(good(ANSWER)) as fine:
        config = two_tiers(bad.url.replace("http:", "https:"), fine.url)
        async with Engine(config, store=f"sqlite:///{tmp_path}/q.db") as engine:
            assert (await engine.run("read", "x", session="anna")).decision.outcome is Outcome.FAILOVER
    assert bad.requests == []


async def test_a_cooling_model_is_passed_over_and_its_attempt_says_so(tmp_path: Path) -> None:
    """Two models in a tier: while the first cools, the second is asked, and no call of the first is in the books."""

    def by_model(body: Mapping[str, Any]) -> Play:
        return failing(429, "slow", headers={"retry-after": "30"}) if body["model"] == "first" else good(ANSWER)

    path = blank_store(tmp_path / "q.db")
    with FaultServer(by_model) as server:
        models = {"models": ["bad/first", "bad/second"]}
        config = two_tiers(server.url, server.url, tiers={"efficiency": models, "performance": models})
        async with Engine(config, store=f"sqlite:///{path}") as engine:
            for _ in range(3):
                assert (await engine.run("read", "x")).decision.outcome is Outcome.ACCEPTED
    assert [body["model"] for body in server.bodies] == ["first", "second", "second", "second"]
    assert ledger(path, _CALLS) == [
        ("first", "rate_limited"),
        ("second", None),
        ("second", None),
        ("second", None),
    ]


_CALLS = "SELECT calls.model, error FROM calls JOIN decisions ON id = decision_id ORDER BY at, attempt, position"


async def test_when_every_model_cools_beyond_the_deadline_the_error_says_until_when(tmp_path: Path) -> None:
    path = blank_store(tmp_path / "q.db")
    with FaultServer(failing(429, "slow", headers={"retry-after": "200"})) as server:
        config = two_tiers(server.url, server.url, deadline="20s")
        async with Engine(config, store=f"sqlite:///{path}") as engine:
            with pytest.raises(ProviderError):
                await engine.run("read", "x")
            asked = len(server.requests)
            started = time.monotonic()
            with pytest.raises(ProviderError, match=r"is not asked for another \d+\.?\d* s") as caught:
                await engine.run("read", "x")
    assert time.monotonic() - started < 5
    assert len(server.requests) == asked
    assert caught.value.retry_after is not None
    assert 150 < caught.value.retry_after.total_seconds() <= 200
    assert ledger(path, "SELECT COUNT(*) FROM calls") == [(asked,)]


async def test_when_every_model_cools_and_it_fits_the_first_to_be_free_is_waited_for(tmp_path: Path) -> None:
    def by_model(body: Mapping[str, Any]) -> Play:
        wait = "0.3" if body["model"] == "soon" else "100"
        return failing(429, headers={"retry-after": wait})

    script: list[Script] = [by_model, by_model, good(ANSWER)]
    with FaultServer(*script) as server:
        providers = {"bad": {"base_url": server.url, "retries": 0}}
        models = {"models": ["bad/late", "bad/soon"]}
        tiers = {"efficiency": models, "performance": models}
        config = two_tiers("http://x", "http://x", providers=providers, tiers=tiers)
        async with Engine(config, store=f"sqlite:///{tmp_path}/q.db") as engine:
            with pytest.raises(ProviderError):
                await engine.run("read", "x", tier="efficiency")
            answer = await engine.run("read", "x", tier="efficiency")
    assert answer.output == {"total": 1}
    assert [body["model"] for body in server.bodies] == ["late", "soon", "soon"]


async def test_tokens_of_an_error_inside_a_200_are_on_the_bill(tmp_path: Path) -> None:
    path = blank_store(tmp_path / "q.db")
    error = Play({"error": {"message": "died at the end"}, "usage": {"prompt_tokens": 5, "completion_tokens": 3}})
    with FaultServer(error) as server:
        async with Engine(two_tiers(server.url, server.url), store=f"sqlite:///{path}") as engine:
            with pytest.raises(QualityRouteError):
                await engine.run("read", "x", tier="efficiency")
    assert ledger(path, "SELECT input_tokens, output_tokens, cost FROM calls") == [(5, 3, 8e-06)]


async def test_usage_that_is_missing_is_estimated_and_marked(tmp_path: Path) -> None:
    path = blank_store(tmp_path / "q.db")
    body = completion(ANSWER, reasoning_content="x" * 400)
    del body["usage"]
    with FaultServer(Play(body)) as server:
        async with Engine(two_tiers(server.url, server.url), store=f"sqlite:///{path}") as engine:
            answer = await engine.run("read", "y" * 4000)
        sent = len(server.requests[0].content)
    [(read, written, estimated, cost)] = ledger(
        path, "SELECT input_tokens, output_tokens, estimated, cost FROM calls"
    )  # fmt: skip
    assert (read, estimated) == (-(-sent // 4), 1)
    assert 100 <= written <= 115
    assert cost is not None
    assert answer.decision.attempts[0].usage.estimated
