"""One request from route to pin, with a real store and scripted models; both anyio backends."""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import anyio
import pytest
from conftest import INVOICE_SCHEMA, RUBRIC, config_with
from pydantic import BaseModel, field_validator
from worlds import BAD, GOOD, TEXT, Clock, Worlds, client_with

from qualityroute import (
    AnswerRejected,
    Completion,
    ConfigError,
    DeadlineExceeded,
    Engine,
    Outcome,
    ProviderError,
    QualityRouteError,
    Reason,
    Route,
    StoreError,
    Tier,
)
from qualityroute.gates.judge import JudgeCheck
from qualityroute.inputs import moment
from qualityroute.records import PinEffect
from qualityroute.store import SessionStore, open_store

pytestmark = pytest.mark.anyio


async def test_a_proved_answer_of_the_cheap_model_is_served(world: Worlds) -> None:
    w = await world()
    answer = await w.run()
    assert answer.output == {"number": "A-1", "total": 12.5}
    assert (answer.decision.outcome, answer.decision.tier, answer.decision.model) == (
        Outcome.ACCEPTED, Tier.EFFICIENCY, "practice/small",
    )  # fmt: skip
    assert w.used() == {"efficiency": 1, "judge": 1}
    assert w.rows("select outcome, route, tier from decisions") == [("accepted", "cascade", "efficiency")]


async def test_a_rejected_session_is_served_by_performance_in_the_same_call_and_held_there(world: Worlds) -> None:
    w = await world(client_with(judge="no"))
    answer = await w.run()
    assert answer.output == {"number": "A-1", "total": 13.5}
    assert (answer.decision.outcome, answer.decision.reason) == (Outcome.FALLBACK, Reason.JUDGED)
    assert [(a.tier, a.reason) for a in answer.decision.attempts] == [
        (Tier.EFFICIENCY, Reason.JUDGED), (Tier.PERFORMANCE, None),
    ]  # fmt: skip
    assert w.used() == {"efficiency": 1, "judge": 1, "performance": 1}
    assert w.rows('select tenant, session, reason, "check", state from pins') == [
        ("default", "user-42", "judged", "judge", "held")
    ]
    again = await w.run()
    assert again.decision.outcome is Outcome.PINNED
    assert w.used() == {"performance": 1}
    other = await w.run("user-43")
    assert other.decision.attempts[0].tier is Tier.EFFICIENCY


async def test_a_decision_says_what_it_did_to_its_pin_also_when_it_is_read_again(world: Worlds) -> None:
    w = await world(client_with(judge="no"))
    decisions = [(await w.run()).decision for _ in range(2)]
    assert [decision.pin for decision in decisions] == [PinEffect.CREATED, PinEffect.HELD]
    assert [(await w.engine.explain(decision.id)).pin for decision in decisions] == [PinEffect.CREATED, PinEffect.HELD]


async def test_after_the_held_requests_exactly_one_of_fifty_probes(world: Worlds) -> None:
    w = await world(client_with(efficiency=[BAD, GOOD]))
    for _ in range(3):
        await w.run()
    w.used()
    routes: list[Route] = []

    async def one() -> None:
        routes.append((await w.run()).decision.route)

    async with anyio.create_task_group() as group:
        for _ in range(50):
            group.start_soon(one)
    assert routes.count(Route.PROBE) == 1
    assert routes.count(Route.PINNED) == 49
    assert w.used() == {"efficiency": 1, "judge": 1, "performance": 49}


async def test_two_accepted_probes_release_and_a_rejected_one_holds_twice_as_long(world: Worlds) -> None:
    w = await world(client_with(efficiency=[BAD, BAD, GOOD]))
    routes = [(await w.run()).decision.route for _ in range(12)]
    assert routes == [
        Route.CASCADE, Route.PINNED, Route.PINNED, Route.PROBE,
        Route.PINNED, Route.PINNED, Route.PINNED, Route.PINNED, Route.PROBE, Route.PROBE, Route.CASCADE, Route.CASCADE,
    ]  # fmt: skip
    assert await w.engine.pins.list() == []


async def test_a_pin_ends_when_its_session_is_idle(world: Worlds) -> None:
    w = await world(client_with(efficiency=[BAD, GOOD]))
    await w.run()
    w.clock.advance(minutes=31)
    assert (await w.run()).decision.route is Route.CASCADE


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        (ProviderError("down"), Reason.PROVIDER_ERROR),
        (ProviderError("slow down", reason=Reason.RATE_LIMITED), Reason.RATE_LIMITED),
        (ProviderError("too long", reason=Reason.CONTEXT_OVERFLOW), Reason.CONTEXT_OVERFLOW),
        (TimeoutError("slow"), Reason.TIMEOUT),
    ],
)
async def test_an_outage_of_the_cheap_tier_never_reaches_the_caller_and_never_pins(
    world: Worlds, item: Exception, reason: Reason
) -> None:
    w = await world(client_with(efficiency=item))
    answer = await w.run()
    assert (answer.decision.outcome, answer.decision.reason) == (Outcome.FAILOVER, reason)
    assert await w.engine.pins.list() == []
    report = await w.engine.report()
    assert (report.tasks["invoice"].attempts, report.tasks["invoice"].fallbacks) == (0, 0)


@pytest.mark.parametrize(
    ("completion", "reason"),
    [
        (Completion('{"number', "length"), Reason.TRUNCATED),
        (Completion(None, refusal="No."), Reason.REFUSED),
        (Completion(None, "content_filter"), Reason.FILTERED),
    ],
)
async def test_a_cut_off_or_refused_answer_falls_back_and_counts_but_never_pins(
    world: Worlds, completion: Completion, reason: Reason
) -> None:
    w = await world(client_with(efficiency=completion))
    decision = (await w.run()).decision
    assert (decision.outcome, decision.reason) == (Outcome.FALLBACK, reason)
    assert await w.engine.pins.list() == []
    assert (await w.engine.report()).tasks["invoice"].fallbacks == 1


async def test_an_injection_falls_back_without_a_pin(world: Worlds) -> None:
    injected = '{"checks": [{"id": "supported", "evidence": "", "verdict": "yes"}, {"id": "complete", "evidence": "", "verdict": "yes"}], "instructions_in_data": "yes"}'  # noqa: E501
    w = await world(client_with(judge=injected))
    assert (await w.run()).decision.reason is Reason.INJECTION
    assert await w.engine.pins.list() == []


async def test_a_judge_in_trouble_fails_closed_is_no_fallback_and_never_pins(world: Worlds) -> None:
    w = await world(client_with(judge="nonsense"))
    decision = (await w.run()).decision
    assert (decision.outcome, decision.reason, decision.tier) == (
        Outcome.FAILOVER, Reason.JUDGE_ERROR, Tier.PERFORMANCE,
    )  # fmt: skip
    assert await w.engine.pins.list() == []
    task = (await w.engine.report()).tasks["invoice"]
    assert (task.attempts, task.by_reason) == (0, {Reason.JUDGE_ERROR: 1})
    assert task.cost.judge is not None
    assert task.cost.judge > 0


async def test_the_policy_for_a_judge_in_trouble_is_the_tasks(world: Worlds) -> None:
    accepting = await world(
        client_with(judge="nonsense"), config_with(judge={"model": "practice/checker", "on_error": "accept"})
    )
    assert (await accepting.run()).decision.outcome is Outcome.ACCEPTED
    strict = await world(
        client_with(judge="nonsense"), config_with(judge={"model": "practice/checker", "on_error": "error"})
    )
    with pytest.raises(AnswerRejected):
        await strict.run("other")


async def test_when_both_tiers_fail_the_caller_gets_an_error_with_every_attempt_and_no_object(world: Worlds) -> None:
    w = await world(client_with(efficiency=BAD, performance=BAD))
    with pytest.raises(AnswerRejected, match="lacks one of") as caught:
        await w.run()
    assert [attempt.tier for attempt in caught.value.attempts] == [Tier.EFFICIENCY, Tier.PERFORMANCE]
    assert {verdict.check for verdict in caught.value.verdicts} == {"form", "schema"}
    assert caught.value.decision is not None
    assert w.rows("select outcome, reason, tier from decisions") == [("rejected", "schema", None)]
    assert w.used() == {"efficiency": 1, "performance": 1}


async def test_when_no_endpoint_answers_the_caller_may_try_again(world: Worlds) -> None:
    w = await world(client_with(efficiency=ProviderError("down"), performance=ProviderError("down too")))
    with pytest.raises(ProviderError, match="down too") as caught:
        await w.run()
    assert caught.value.retryable
    assert len(caught.value.attempts) == 2
    assert w.rows("select outcome, reason from decisions") == [("failed", "provider_error")]


async def test_inside_a_tier_the_next_model_is_used_when_an_endpoint_is_down(world: Worlds) -> None:
    tiers = {
        "efficiency": {"models": ["practice/first", "practice/small"]},
        "performance": {"models": ["practice/careful"]},
    }
    w = await world(client_with(efficiency=[ProviderError("down"), GOOD]), config_with(tiers=tiers))
    decision = (await w.run()).decision
    assert (decision.outcome, decision.model) == (Outcome.ACCEPTED, "practice/small")
    assert [call.error for call in decision.attempts[0].calls] == [Reason.PROVIDER_ERROR, None]


async def test_a_task_on_performance_is_neither_tried_cheap_nor_judged(world: Worlds) -> None:
    w = await world(config=config_with(task={"tier": "performance", "schema": INVOICE_SCHEMA, "rubric": RUBRIC}))
    assert (await w.run()).decision.outcome is Outcome.PERFORMANCE
    assert w.used() == {"performance": 1}


async def test_the_baseline_mode_sends_everything_to_performance(world: Worlds) -> None:
    w = await world(config=config_with(routing={"mode": "baseline"}))
    assert (await w.run()).decision.route is Route.BASELINE


@pytest.mark.parametrize(("tier", "calls"), [("performance", {"performance": 1}), ("efficiency", {"efficiency": 1})])
async def test_a_caller_may_ask_for_a_tier_and_gets_that_one_unjudged(
    world: Worlds, tier: str, calls: dict[str, int]
) -> None:
    w = await world()
    assert (await w.run(tier=tier)).decision.tier == tier
    assert w.used() == calls


async def test_an_asked_for_tier_that_fails_its_free_checks_is_rejected_without_a_pin(world: Worlds) -> None:
    w = await world(client_with(efficiency=BAD))
    with pytest.raises(AnswerRejected):
        await w.run(tier="efficiency")
    assert await w.engine.pins.list() == []


async def test_a_refusal_is_returned_when_the_task_says_so(world: Worlds) -> None:
    task = {"schema": INVOICE_SCHEMA, "on_refusal": "return"}
    w = await world(client_with(efficiency=Completion(None, refusal="I will not.")), config_with(task=task))
    answer = await w.run()
    assert (answer.output, answer.decision.reason) == ("I will not.", Reason.REFUSED)


async def test_one_repair_is_asked_of_the_same_tier_with_the_errors(world: Worlds) -> None:
    w = await world(client_with(efficiency=[BAD, GOOD]), config_with(task={"schema": INVOICE_SCHEMA, "repairs": 1}))
    decision = (await w.run()).decision
    assert decision.outcome is Outcome.ACCEPTED
    assert len(decision.attempts) == 1
    assert len(decision.attempts[0].calls) == 2
    repair = w.client.requests[-1].messages
    assert repair[-2] == {"role": "assistant", "content": BAD}
    assert "lacks one of" in repair[-1]["content"]


async def test_a_repair_that_nobody_answers_leaves_the_first_answer_rejected(world: Worlds) -> None:
    task = {"schema": INVOICE_SCHEMA, "repairs": 1}
    w = await world(client_with(efficiency=[BAD, ProviderError("down")]), config_with(task=task))
    decision = (await w.run()).decision
    assert (decision.outcome, decision.reason) == (Outcome.FALLBACK, Reason.SCHEMA)
    assert [call.error for call in decision.attempts[0].calls] == [None, Reason.PROVIDER_ERROR]
    assert decision.attempts[0].model == "practice/small"


async def test_a_cut_off_answer_is_not_repaired(world: Worlds) -> None:
    w = await world(
        client_with(efficiency=Completion("{", "length")), config_with(task={"schema": INVOICE_SCHEMA, "repairs": 1})
    )
    await w.run()
    assert w.used() == {"efficiency": 1, "performance": 1}


async def test_the_users_messages_reach_the_model_verbatim_behind_one_system_message(world: Worlds) -> None:
    w = await world(config=config_with(task={"schema": INVOICE_SCHEMA, "instructions": "Extract."}))
    messages = [{"role": "system", "content": "Mine."}, {"role": "user", "content": [{"type": "text", "text": TEXT}]}]
    await w.engine.run("invoice", messages)
    sent = w.client.requests[0].messages
    assert list(sent[1:]) == messages
    assert sent[0]["role"] == "system"
    assert sent[0]["content"].startswith("Extract.\n\nAnswer with one JSON value")


async def test_costs_add_up_and_unknown_prices_stay_unknown(world: Worlds) -> None:
    w = await world(client_with(judge="no"))
    decision = (await w.run()).decision
    parts = [call.cost for attempt in decision.attempts for call in attempt.all_calls]
    assert len(parts) == 3
    assert decision.cost == sum(parts)  # type: ignore[arg-type]
    unknown = await world(config=config_with(prices=[]))
    assert (await unknown.run("other")).decision.cost is None
    assert (await unknown.engine.report()).tasks["invoice"].cost.total is None


async def test_a_deadline_ends_a_hanging_request_and_what_was_spent_is_written(world: Worlds) -> None:
    async def hangs(messages: Any) -> str:
        await anyio.sleep(30)
        return GOOD

    w = await world(
        client_with(efficiency=BAD, performance=hangs),
        config_with(task={"schema": INVOICE_SCHEMA, "deadline": "200ms"}),
    )
    started = time.monotonic()
    with pytest.raises(DeadlineExceeded, match=r"0\.2 s") as caught:
        await w.run()
    assert time.monotonic() - started < 25  # the model would answer after 30
    assert len(caught.value.attempts) == 2
    assert w.rows("select outcome, reason, cost from decisions") == [("failed", "deadline", None)]
    assert w.rows("select tier, error from calls order by attempt, position") == [
        ("efficiency", None),
        ("performance", "cancelled"),
    ]
    assert len(await w.engine.pins.list()) == 1


async def test_what_was_spent_is_written_when_the_caller_goes_away(world: Worlds) -> None:
    async def hangs(messages: Any) -> str:
        await anyio.sleep(30)
        return "yes"

    w = await world(client_with(judge=hangs))
    with anyio.move_on_after(0.2):
        await w.run()
    assert w.rows("select outcome, reason from decisions") == [("cancelled", "cancelled")]
    assert w.rows("select role, error from calls order by attempt, position") == [
        ("answer", None),
        ("judge", "cancelled"),
    ]


async def test_a_cancelled_probe_frees_its_lease(world: Worlds) -> None:
    async def hangs(messages: Any) -> str:
        await anyio.sleep(30)
        return GOOD

    w = await world(client_with(efficiency=[BAD, hangs, GOOD]))
    for _ in range(3):
        await w.run()
    with anyio.move_on_after(0.2):
        await w.run()
    pin = await w.engine.pins.get("user-42")
    assert pin is not None
    assert (pin.probe_token, pin.remaining) == (None, 2)


async def test_pins_are_separate_by_tenant_and_by_task_when_so_configured(world: Worlds) -> None:
    w = await world(client_with(efficiency=BAD), config_with(pins={"scope": "task"}))
    await w.run(tenant="acme")
    assert await w.engine.pins.get("user-42", tenant="acme", task="invoice") is not None
    assert await w.engine.pins.get("user-42", task="invoice") is None
    with pytest.raises(ConfigError, match="name the task too"):
        await w.engine.pins.get("user-42")


async def test_pins_can_be_added_and_released_by_hand(world: Worlds) -> None:
    w = await world()
    await w.engine.pins.add("user-42", message="angry customer")
    assert (await w.run()).decision.route is Route.PINNED
    released = await w.engine.pins.release("user-42")
    assert released is not None
    assert (released.reason, released.served) == (Reason.MANUAL, 1)
    assert (await w.run()).decision.route is Route.CASCADE
    assert await w.engine.pins.release("user-42") is None


async def test_explain_gives_the_decision_as_it_was(world: Worlds) -> None:
    w = await world(client_with(judge="no"))
    decision = (await w.run()).decision
    told = await w.engine.explain(decision.id)
    assert (told.outcome, told.cost, told.reason) == (decision.outcome, decision.cost, decision.reason)
    assert [a.reason for a in told.attempts] == [a.reason for a in decision.attempts]
    with pytest.raises(ConfigError, match="no decision 'nope'"):
        await w.engine.explain("nope")


async def test_map_answers_each_input_or_says_why_not(world: Worlds) -> None:
    w = await world()
    inputs = [TEXT, "", {"input": TEXT, "session": "s9"}, None, b"bytes"]
    items = {item.index: item async for item in w.engine.map("invoice", inputs, concurrency=2)}
    assert sorted(items) == [0, 1, 2, 3, 4]
    assert [items[i].answer is not None for i in range(5)] == [True, False, True, False, False]
    assert all(isinstance(items[i].error, ConfigError) for i in (1, 3, 4))
    assert ("s9",) in w.rows("select session from decisions")


async def test_map_never_has_more_under_way_than_its_concurrency(world: Worlds) -> None:
    running, most = 0, 0

    async def slow(messages: Any) -> str:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await anyio.sleep(0.005)
        running -= 1
        return GOOD

    w = await world(client_with(efficiency=slow))
    done = [item async for item in w.engine.map("invoice", (TEXT for _ in range(40)), concurrency=4)]
    assert len(done) == 40
    assert most == 4


async def test_leaving_map_early_cancels_what_is_under_way(world: Worlds) -> None:
    w = await world()
    drawn = 0

    def inputs() -> Any:
        nonlocal drawn
        while True:
            drawn += 1
            yield TEXT

    results = w.engine.map("invoice", inputs(), concurrency=2)
    async for _ in results:
        break
    await results.aclose()
    await anyio.sleep(0.05)
    seen = drawn
    await anyio.sleep(0.05)
    assert drawn == seen


async def test_a_failing_source_of_inputs_is_heard_where_it_is_iterated(world: Worlds) -> None:
    w = await world()

    def inputs() -> Any:
        yield TEXT
        raise OSError("disk gone")

    with pytest.raises(OSError, match="disk gone"):
        async for _ in w.engine.map("invoice", inputs()):
            pass


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"session": "x" * 10_000}, "session has 10,000 characters"),
        ({"session": "a\x1b[31m"}, "control characters"),
        ({"session": ""}, "session is empty"),
        ({"session": 7}, "session must be text"),
        ({"tenant": "\x00"}, "control characters"),
        ({"tier": "best"}, "no tier 'best'"),
    ],
)
async def test_a_name_that_cannot_be_stored_is_refused_before_any_call(
    world: Worlds, options: dict[str, Any], told: str
) -> None:
    w = await world()
    with pytest.raises(ConfigError, match=told):
        await w.engine.run("invoice", TEXT, **options)
    assert w.used() == {}


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("", "input is empty"),
        ("   ", "input is empty"),
        ([], "input must be text"),
        (7, "input must be text"),
        ([{"content": "x"}], "message 0 has no valid 'role'"),
        ([{"role": "user", "content": 5}], "'content' must be text"),
        ("x" * 20_000_000, "max_input allows 4,000,000"),
        ("\ud800", "lone surrogates"),
    ],
)
async def test_an_input_that_cannot_be_sent_is_refused_before_any_call(world: Worlds, value: Any, told: str) -> None:
    w = await world()
    with pytest.raises(ConfigError, match=told):
        await w.engine.run("invoice", value)
    assert w.used() == {}


async def test_an_unknown_task_is_answered_with_the_nearest(world: Worlds) -> None:
    w = await world()
    with pytest.raises(ConfigError, match="no task 'invioce'; did you mean 'invoice'"):
        await w.engine.run("invioce", TEXT)


async def test_an_engine_that_is_not_open_says_so() -> None:
    engine = Engine(config_with(), client=client_with(), store="sqlite://")
    with pytest.raises(QualityRouteError, match="async with"):
        await engine.run("invoice", TEXT)


async def test_the_bodys_own_error_comes_out_as_it_is(tmp_path: Path) -> None:
    with pytest.raises(KeyError):
        async with Engine(config_with(), client=client_with(), store="sqlite://"):
            raise KeyError("mine")


async def test_run_sync_works_inside_a_running_loops_thread(world: Worlds) -> None:
    w = await world(client_with(judge="no"))
    await w.run()
    assert w.engine.run_sync("invoice", TEXT, session="user-42").decision.route is Route.PINNED


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
def test_run_sync_in_a_with_block_and_alone(tmp_path: Path, anyio_backend: str) -> None:
    with Engine(config_with(), client=client_with(), store=f"sqlite:///{tmp_path}/a.db") as engine:
        assert engine.run_sync("invoice", TEXT).decision.outcome is Outcome.ACCEPTED
    alone = Engine(config_with(), client=client_with(), store="sqlite://")
    assert alone.run_sync("invoice", TEXT).decision.outcome is Outcome.ACCEPTED
    alone.close()


class Invoice(BaseModel):
    number: str
    total: float


async def test_a_pydantic_task_gives_the_object(world: Worlds) -> None:
    w = await world(config=config_with(task={"schema": Invoice}))
    assert (await w.run()).output == Invoice(number="A-1", total=12.5)


async def test_reload_takes_the_new_file_and_keeps_the_old_one_when_it_is_wrong(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    text = (
        'tiers.efficiency.models = ["practice/small"]\ntiers.performance.models = ["practice/careful"]\n'
        '[tasks.invoice]\ntier = "efficiency"\n'
    )
    path = tmp_path / "qualityroute.toml"
    path.write_text(text, encoding="utf-8")
    async with Engine.from_file(path, client=client_with(), store="sqlite://") as engine:
        path.write_text(text.replace('"efficiency"', '"cheap"'), encoding="utf-8")
        with caplog.at_level(logging.ERROR, "qualityroute"):
            assert not engine.reload()
            assert not engine.reload()
        assert len(caplog.records) == 1
        assert "tasks.invoice.tier" in caplog.text
        assert (await engine.run("invoice", TEXT)).decision.tier is Tier.EFFICIENCY
        path.write_text(text.replace('"efficiency"', '"performance"'), encoding="utf-8")
        assert engine.reload()
        assert (await engine.run("invoice", TEXT)).decision.tier is Tier.PERFORMANCE


async def test_each_decision_is_one_log_record_without_contents(
    world: Worlds, caplog: pytest.LogCaptureFixture
) -> None:
    w = await world()
    heard: list[str] = []
    w.engine.subscribe(lambda decision: heard.append(decision.id))
    with caplog.at_level(logging.INFO, "qualityroute"):
        decision = (await w.run()).decision
    records = [record for record in caplog.records if record.name == "qualityroute"]
    assert len(records) == 1
    assert "outcome=accepted" in records[0].getMessage()
    assert "A-1" not in records[0].getMessage()
    assert heard == [decision.id]


@pytest.mark.parametrize(("policy", "kept"), [("none", 0), ("rejected", 3), ("all", 5)])
async def test_prompts_and_answers_are_kept_only_as_the_policy_says(world: Worlds, policy: str, kept: int) -> None:
    w = await world(client_with(judge=["no", "yes"]), config_with(store={"payloads": policy}))
    await w.run()
    await w.run("other")
    assert len(w.rows("select 1 from payloads")) == kept
    if policy == "none":
        assert not any("evidence" in (row[0] or "") for row in w.rows("select details from verdicts"))


async def test_a_task_on_performance_explores_efficiency_without_keeping_anyone_waiting(world: Worlds) -> None:
    task = {"tier": "performance", "explore": 1.0, "schema": INVOICE_SCHEMA, "rubric": RUBRIC, "gate": ["judge"]}
    w = await world(client_with(judge=["yes", "no"]), config_with(task=task))
    for session in ("a", "a", "b"):
        answer = await w.run(session)
        assert (answer.decision.outcome, answer.output["total"]) == (Outcome.PERFORMANCE, 13.5)
        await anyio.sleep(0.1)
    assert w.rows("select session, outcome, failed from decisions where route = 'explore' order by rowid") == [
        ("a", "accepted", 0), ("b", "rejected", 1),
    ]  # fmt: skip
    found = (await w.engine.report()).tasks["invoice"]
    assert (found.requests, found.attempts, found.explored, found.outcomes) == (3, 2, 2, {Outcome.PERFORMANCE: 3})
    assert await w.engine.pins.list() == []


async def test_a_task_does_not_explore_unless_told(world: Worlds) -> None:
    w = await world(config=config_with(task={"tier": "performance", "schema": INVOICE_SCHEMA}))
    await w.run()
    await anyio.sleep(0.05)
    assert w.used() == {"performance": 1}


async def test_map_answers_one_session_in_order_so_that_its_pin_is_met(world: Worlds) -> None:
    w = await world(client_with(efficiency=BAD))
    inputs = [{"input": TEXT, "session": session} for session in ("a", "b") for _ in range(4)]
    routes = {item.index: item.answer.decision.route async for item in w.engine.map("invoice", inputs) if item.answer}
    assert [routes[index] for index in range(8)] == [Route.CASCADE, Route.PINNED, Route.PINNED, Route.PROBE] * 2


class Failing:
    """A store that works until it is told not to."""

    def __init__(self, store: SessionStore) -> None:
        self._store, self.broken = store, set[str]()

    def __getattr__(self, name: str) -> Any:
        if name in self.broken:

            async def fails(*arguments: Any, **named: Any) -> Any:
                raise StoreError("the disk is full")

            return fails
        return getattr(self._store, name)


@pytest.mark.parametrize("method", ["pin", "record"])
async def test_a_store_that_fails_fails_the_request_unless_told_to_warn(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, method: str
) -> None:
    for policy in ("raise", "warn"):
        store: Any = Failing(open_store(f"{tmp_path}/{policy}.db", folder=Path()))
        config = config_with(store={"on_store_error": policy})
        async with Engine(config, client=client_with(), store=store) as engine:
            store.broken = {method}
            if policy == "raise":
                with pytest.raises(StoreError, match="disk is full"):
                    await engine.run("invoice", TEXT, session="a")
            else:
                assert (await engine.run("invoice", TEXT, session="a")).decision.outcome is Outcome.ACCEPTED
    assert "pin could not be read" in caplog.text or "decision could not be written" in caplog.text


async def test_a_cancelled_request_whose_row_cannot_be_written_is_still_cancelled(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def hangs(messages: Any) -> str:
        await anyio.sleep(30)
        return GOOD

    store: Any = Failing(open_store(f"{tmp_path}/q.db", folder=Path()))
    async with Engine(config_with(), client=client_with(efficiency=hangs), store=store) as engine:
        store.broken = {"record"}
        with anyio.move_on_after(0.1) as scope:
            await engine.run("invoice", TEXT, session="a")
    assert scope.cancelled_caught
    assert "cancelled decision could not be written" in caplog.text


def test_a_missing_key_is_found_before_the_first_request() -> None:
    openai = {"efficiency": {"models": ["openai/nano"]}, "performance": {"models": ["openai/large"]}}
    with pytest.raises(ConfigError, match="OPENAI_API_KEY"):
        Engine(config_with(tiers=openai, judge={"model": "openai/nano"}))
    with pytest.raises(ConfigError, match="no provider 'practice'"):
        Engine(config_with())


@pytest.mark.parametrize(
    ("since", "told"),
    [
        ("7d", datetime(2026, 11, 16, 12, tzinfo=UTC)),
        ("2026-11-01", datetime(2026, 11, 1, tzinfo=UTC)),
        (timedelta(hours=2), datetime(2026, 11, 23, 10, tzinfo=UTC)),
        (datetime(2026, 11, 1, 12, tzinfo=UTC), datetime(2026, 11, 1, 12, tzinfo=UTC)),
        (None, None),
    ],
)
def test_a_time_to_count_from_is_a_date_or_so_long_ago(since: Any, told: datetime | None) -> None:
    assert moment(since, Clock().now) == told


def test_what_is_no_time_is_refused() -> None:
    with pytest.raises(ConfigError, match="neither a date"):
        moment("yesterday", Clock().now)


async def test_an_engine_is_opened_once() -> None:
    async with Engine(config_with(), client=client_with(), store="sqlite://") as engine:
        with pytest.raises(QualityRouteError, match="open already"):
            await engine.aopen()
        with pytest.raises(ConfigError, match="concurrency must be at least 1"):
            engine.map("invoice", [], concurrency=0)
        assert not engine.reload()


async def test_map_takes_inputs_that_come_one_by_one(world: Worlds) -> None:
    w = await world()

    async def inputs() -> AsyncIterator[str]:
        for _ in range(3):
            await anyio.sleep(0)
            yield TEXT

    assert len([item async for item in w.engine.map("invoice", inputs())]) == 3


class Client:
    """A client of the user's own that breaks in its own way."""

    async def complete(self, request: Any) -> Completion:
        raise LookupError("my own bug")

    async def aclose(self) -> None: ...


async def test_a_client_that_breaks_is_an_endpoint_that_fails_and_its_rows_are_written(tmp_path: Path) -> None:
    async with Engine(config_with(), client=Client(), store=str(tmp_path / "q.db")) as engine:
        with pytest.raises(ProviderError, match="LookupError: my own bug") as caught:
            await engine.run("invoice", TEXT, session="a")
        assert not caught.value.retryable
        assert (await engine.report()).tasks["invoice"].outcomes == {Outcome.FAILED: 1}


async def test_what_was_spent_is_written_whatever_breaks_and_a_probe_gives_its_lease_back(
    world: Worlds, monkeypatch: pytest.MonkeyPatch
) -> None:
    w = await world(client_with(efficiency=[BAD, GOOD]))
    for _ in range(3):
        await w.run()

    async def breaks(*arguments: Any, **named: Any) -> Any:
        raise KeyError("a bug in a check")

    monkeypatch.setattr(JudgeCheck, "check", breaks)
    with pytest.raises(QualityRouteError, match="KeyError"):
        await w.run()
    assert w.rows("select route, outcome, reason, pin from decisions order by rowid desc limit 1") == [
        ("probe", "failed", "internal", "probe_void")
    ]
    pin = await w.engine.pins.get("user-42")
    assert pin is not None
    assert pin.probe_token is None


class Strict(BaseModel):
    total: float

    @field_validator("total")
    @classmethod
    def _breaks(cls, total: float) -> float:
        raise KeyError("a bug in a validator")


async def test_a_validator_that_breaks_could_not_judge(world: Worlds) -> None:
    w = await world(config=config_with(task={"schema": Strict}))
    with pytest.raises(AnswerRejected, match="a validator raised KeyError"):
        await w.run()
    assert w.rows("select outcome, reason from decisions") == [("rejected", "check_error")]


async def test_a_number_of_hundreds_of_digits_is_a_schema_error_and_no_crash(world: Worlds) -> None:
    schema = {"type": "object", "properties": {"n": {"type": "number", "multipleOf": 0.01}}}
    w = await world(
        client_with(efficiency=f'{{"n": {"9" * 400}}}', performance='{"n": 1}'), config_with(task={"schema": schema})
    )
    assert (await w.run()).decision.reason is Reason.SCHEMA


@pytest.mark.parametrize(
    "tools",
    [
        [7],
        [{"type": "custom", "custom": {"name": "x"}}],
        [{"type": "custom", "function": {"name": "x"}}],
        [{"type": "function", "function": {"name": "x", "parameters": []}}],
        [{"type": "function", "function": {"name": "x", "parameters": {"type": "strng"}}}],
    ],
)
async def test_tools_that_cannot_be_checked_are_refused_before_any_call(world: Worlds, tools: Any) -> None:
    w = await world()
    with pytest.raises(ConfigError, match="tool"):
        await w.run(tools=tools)
    assert w.used() == {}


@pytest.mark.parametrize("metadata", [["a"], {("a",): 1}, {1: 2}])
async def test_metadata_that_cannot_be_written_is_refused_before_any_call(world: Worlds, metadata: Any) -> None:
    w = await world()
    with pytest.raises(ConfigError, match="metadata"):
        await w.run(metadata=metadata)
    assert w.used() == {}


@pytest.mark.parametrize("content", [[{"type": "text"}], [{"type": "text", "text": None}], [7], b"bytes"])
async def test_parts_that_are_none_are_refused_before_any_call(world: Worlds, content: Any) -> None:
    w = await world()
    with pytest.raises(ConfigError, match="input message 0"):
        await w.engine.run("invoice", [{"role": "user", "content": content}])


async def test_a_listener_that_fails_costs_nobody_the_answer(world: Worlds, caplog: pytest.LogCaptureFixture) -> None:
    w = await world()
    w.engine.subscribe(lambda decision: 1 / 0)  # type: ignore[arg-type, return-value]
    assert (await w.run()).decision.outcome is Outcome.ACCEPTED
    assert "a listener failed" in caplog.text


async def test_map_takes_tenant_and_tier_from_each_input_and_refuses_what_it_does_not_know(world: Worlds) -> None:
    w = await world()
    inputs = [
        {"input": TEXT, "session": "s", "tenant": "acme", "tier": "performance", "id": 1},
        {"input": TEXT, "colour": 1},
    ]
    items = {item.index: item async for item in w.engine.map("invoice", inputs)}
    assert items[0].answer is not None
    assert (items[0].answer.decision.tenant, items[0].answer.decision.route) == ("acme", Route.ASKED)
    assert "the key 'colour'" in str(items[1].error)


async def test_map_with_one_session_for_all_answers_one_after_another(world: Worlds) -> None:
    w = await world(client_with(efficiency=BAD))
    routes = [
        item.answer.decision.route async for item in w.engine.map("invoice", [TEXT] * 3, session="s") if item.answer
    ]
    assert routes == [Route.CASCADE, Route.PINNED, Route.PINNED]


async def test_exploring_that_breaks_harms_nobody(world: Worlds, monkeypatch: pytest.MonkeyPatch) -> None:
    task = {"tier": "performance", "explore": 1.0, "schema": INVOICE_SCHEMA, "rubric": RUBRIC, "gate": ["judge"]}
    w = await world(config=config_with(task=task))

    async def breaks(*arguments: Any, **named: Any) -> Any:
        raise KeyError("a bug")

    monkeypatch.setattr(JudgeCheck, "check", breaks)
    for session in ("a", "b"):
        assert (await w.run(session)).decision.outcome is Outcome.PERFORMANCE
        await anyio.sleep(0.05)
    assert len([item async for item in w.engine.map("invoice", [TEXT])]) == 1


async def test_a_session_is_explored_once_however_many_requests_it_has_at_once(world: Worlds) -> None:
    async def slow(messages: Any) -> str:
        await anyio.sleep(0.1)
        return GOOD

    task = {"tier": "performance", "explore": 1.0, "schema": INVOICE_SCHEMA}
    w = await world(client_with(efficiency=slow), config_with(task=task))
    async with anyio.create_task_group() as group:
        for _ in range(3):
            group.start_soon(w.run, "same")
    await anyio.sleep(0.3)
    assert w.rows("select count(*) from decisions where route = 'explore'") == [(1,)]


async def test_a_lease_that_cannot_be_taken_under_warn_leaves_the_session_held(tmp_path: Path) -> None:
    store: Any = Failing(open_store(f"{tmp_path}/q.db", folder=Path()))
    config = config_with(store={"on_store_error": "warn"})
    async with Engine(config, client=client_with(efficiency=BAD), store=store) as engine:
        for _ in range(3):
            await engine.run("invoice", TEXT, session="a")
        store.broken = {"lease_probe"}
        assert (await engine.run("invoice", TEXT, session="a")).decision.route is Route.PINNED


async def test_a_refusal_of_the_performance_tier_is_never_an_answer(world: Worlds) -> None:
    task = {"schema": INVOICE_SCHEMA, "on_refusal": "return"}
    w = await world(client_with(efficiency=BAD, performance=Completion(None, refusal="No.")), config_with(task=task))
    with pytest.raises(AnswerRejected):
        await w.run()


async def test_an_engine_whose_closing_is_cancelled_is_closed_all_the_same(tmp_path: Path) -> None:
    engine = Engine(config_with(), client=client_with(), store=str(tmp_path / "q.db"))
    with anyio.CancelScope() as scope:
        async with engine:
            engine.run_sync("invoice", TEXT)
            scope.cancel()
            await anyio.sleep(1)
    assert not engine._sync.holds_another(engine)
    with pytest.raises(QualityRouteError, match="not open"):
        await engine.run("invoice", TEXT)


@pytest.mark.parametrize("is_due", [True, False])
async def test_what_a_reload_put_out_of_use_is_closed_in_time_or_with_the_engine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_due: bool
) -> None:
    made: list[Client] = []
    closed: list[Client] = []

    class Client:
        async def aclose(self) -> None:
            closed.append(self)

    def client_for(*_: object) -> Client:
        made.append(Client())
        return made[-1]

    monkeypatch.setattr("qualityroute.engine.client_for", client_for)
    monkeypatch.setattr("qualityroute.retired.LOOK", timedelta(milliseconds=1))
    if is_due:
        monkeypatch.setattr("qualityroute.retired.AFTERWARDS", timedelta(days=-1))
    path = tmp_path / "qualityroute.toml"
    models = 'tiers.efficiency.models = ["practice/small"]\ntiers.performance.models = ["practice/careful"]\n'
    path.write_text(f"{models}[tasks.invoice]\n", encoding="utf-8")
    async with Engine.from_file(path, store="sqlite://") as engine:
        for _ in range(3):
            assert engine.reload()
        with anyio.move_on_after(10 if is_due else 0.05):  # requests that began with them may be under way
            while len(closed) < 3:
                await anyio.sleep(0.001)
        assert closed == (made[:3] if is_due else [])
    assert len(made) == 4
    assert sorted(map(id, closed)) == sorted(map(id, made))
