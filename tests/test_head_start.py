"""Speculation: performance's answer is begun while efficiency's is being proved, and counts only when it is needed."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import pytest
from asking import Ear as Listener
from conftest import INVOICE_SCHEMA, RUBRIC, config_with
from fault_server import FaultServer, good, streaming
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from worlds import BAD, BETTER, GOOD, TEXT, World, Worlds, client_with

from qualityroute import (
    AnswerRejected,
    Config,
    ConfigError,
    DeadlineExceeded,
    Engine,
    Outcome,
    ProviderError,
    Reason,
    Route,
    Ruling,
    Tier,
)
from qualityroute.complexity import Cell, CellKey, Economics, Forecast
from qualityroute.complexity.beta import Belief
from qualityroute.complexity.rule import head_start_pays
from qualityroute.hearing import Ear
from qualityroute.learning import key_of
from qualityroute.records import Attempt, Decision, ModelCall, PinEffect, Role, Usage
from qualityroute.render import report_view, story_of
from qualityroute.store import Entry

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("plain_loopback")]

AUTO: dict[str, Any] = {"tier": "auto", "schema": INVOICE_SCHEMA, "rubric": RUBRIC, "gate": ["judge"]}
ROUTING = {"speculate": "auto", "value_of_second": 1}


def speculating(task: Mapping[str, Any] | None = None, **sections: Any) -> Config:
    return config_with({**AUTO, **(task or {})}, **{"routing": ROUTING, **sections})


class Foreseeing:
    """A log that says of every request that a head start pays."""

    async def limit(self, *_: Any) -> None:
        return None

    async def forecast(self, *_: Any, **__: Any) -> Forecast:
        return Forecast(CellKey("invoice", "practice/small", "f"), 0.5, early=True)

    def is_due(self, told: Forecast) -> bool:
        return False


def foreseeing(world: World) -> World:
    world.engine._learner = Foreseeing()  # type: ignore[assignment]
    return world


async def forever(_: Any) -> str:
    await anyio.sleep_forever()
    raise AssertionError


class TestWhatBecomesOfIt:
    async def test_both_are_asked_at_once(self, world: Worlds) -> None:
        asked = anyio.Event()

        async def efficiency(_: Any) -> str:
            await asked.wait()  # in turn, this would never end
            return GOOD

        async def performance(_: Any) -> str:
            asked.set()
            return await forever(_)

        w = foreseeing(await world(client_with(efficiency=efficiency, performance=performance), speculating()))
        with anyio.fail_after(10):
            answer = await w.run()
        assert answer.decision.outcome is Outcome.ACCEPTED

    async def test_an_accepted_answer_ends_the_other_call_which_is_written_down_as_not_needed(
        self, world: Worlds
    ) -> None:
        w = foreseeing(await world(client_with(performance=forever), speculating()))
        decision = (await w.run()).decision
        assert (decision.route, decision.outcome, decision.failed) == (Route.CASCADE, Outcome.ACCEPTED, False)
        assert [attempt.tier for attempt in decision.attempts] == [Tier.EFFICIENCY]
        assert decision.spare is not None
        assert (decision.spare.tier, decision.spare.ruling) == (Tier.PERFORMANCE, Ruling.UNDECIDED)
        assert [call.error for call in decision.spare.calls] == [Reason.CANCELLED]
        assert decision.cost is None  # what a call costs that was broken off is unknown, not nothing
        assert (await w.engine.explain(decision.id)).spare == decision.spare
        rows = w.rows("SELECT begun, reason FROM attempts ORDER BY attempt")
        assert rows == [("in turn", None), ("spare", "cancelled")]
        assert w.rows("SELECT COUNT(*) FROM pins") == [(0,)]

    async def test_an_answer_that_was_complete_and_not_needed_costs_what_it_costs(self, world: Worlds) -> None:
        done = anyio.Event()

        async def performance(_: Any) -> str:
            done.set()
            return BETTER

        async def judge(_: Any) -> str:
            await done.wait()
            await anyio.wait_all_tasks_blocked()
            return "yes"

        w = foreseeing(await world(client_with(performance=performance, judge=judge), speculating()))
        answer = await w.run()
        decision = answer.decision
        assert answer.output == json.loads(GOOD)
        assert decision.spare is not None and decision.spare.accepted
        parts = [call.cost for attempt in decision.all_attempts for call in attempt.all_calls]
        assert None not in parts
        assert decision.cost == sum(parts)

    async def test_a_rejected_answer_is_replaced_by_the_one_that_was_begun_and_that_is_a_fallback(
        self, world: Worlds
    ) -> None:
        w = foreseeing(await world(client_with(efficiency=BAD), speculating()))
        answer = await w.run()
        decision = answer.decision
        assert answer.output == json.loads(BETTER)
        assert (decision.outcome, decision.reason, decision.failed) == (Outcome.FALLBACK, Reason.SCHEMA, True)
        assert [attempt.early for attempt in decision.attempts] == [False, True]
        assert decision.spare is None
        assert decision.pin is PinEffect.CREATED
        assert w.client.calls["performance"] == 1
        assert w.rows("SELECT begun FROM attempts ORDER BY attempt") == [("in turn",), ("early",)]

    async def test_it_must_pass_the_free_checks_as_ever(self, world: Worlds) -> None:
        w = foreseeing(await world(client_with(efficiency=BAD, performance=BAD), speculating()))
        with pytest.raises(AnswerRejected) as caught:
            await w.run()
        assert [attempt.tier for attempt in caught.value.attempts] == [Tier.EFFICIENCY, Tier.PERFORMANCE]

    async def test_one_that_failed_by_itself_is_tried_in_turn_when_it_is_needed(self, world: Worlds) -> None:
        client = client_with(judge="no", performance=[ProviderError("down"), BETTER])
        w = foreseeing(await world(client, speculating()))
        decision = (await w.run()).decision
        assert decision.outcome is Outcome.FALLBACK
        assert [attempt.early for attempt in decision.attempts] == [False, False]
        assert decision.spare is not None and decision.spare.reason is Reason.PROVIDER_ERROR

    async def test_one_that_failed_by_itself_is_nothing_where_it_is_not_needed(self, world: Worlds) -> None:
        w = foreseeing(await world(client_with(performance=ProviderError("down")), speculating()))
        assert (await w.run()).decision.outcome is Outcome.ACCEPTED

    @pytest.mark.parametrize("efficiency", [ProviderError("down"), ""])
    async def test_it_also_stands_in_for_an_efficiency_tier_that_gives_nothing(
        self, world: Worlds, efficiency: Any
    ) -> None:
        w = foreseeing(await world(client_with(efficiency=efficiency), speculating()))
        decision = (await w.run()).decision
        assert decision.outcome is (Outcome.FAILOVER if efficiency else Outcome.FALLBACK)
        assert w.client.calls["performance"] == 1

    async def test_pinned_sessions_and_callers_who_name_a_tier_are_not_speculated_on(self, world: Worlds) -> None:
        w = foreseeing(await world(client_with(efficiency=BAD), speculating()))
        await w.run()
        w.used()
        assert (await w.run()).decision.route is Route.PINNED
        with pytest.raises(AnswerRejected):
            await w.run(session=None, tier="efficiency")
        assert w.used() == {"performance": 1, "efficiency": 1}


class TestHearing:
    async def test_nothing_is_heard_before_the_gate_has_rejected_and_then_all_of_it_in_order(
        self, world: Worlds
    ) -> None:
        listener, streamed = Listener(), anyio.Event()
        heard_before: list[Any] = []

        async def performance(_: Any) -> str:
            streamed.set()
            return BETTER

        async def judge(_: Any) -> str:
            await streamed.wait()
            await anyio.wait_all_tasks_blocked()
            heard_before.extend(listener.heard)
            return "no"

        w = foreseeing(await world(client_with(performance=performance, judge=judge), speculating()))
        await w.run(hear=listener)
        assert heard_before == []
        assert listener.text == BETTER
        assert len(listener.heard) > 1

    async def test_an_answer_that_is_not_needed_is_never_heard(self, world: Worlds) -> None:
        listener = Listener()
        w = foreseeing(await world(config=speculating()))
        await w.run(hear=listener)
        assert listener.heard == []

    async def test_what_was_held_back_of_an_answer_that_broke_off_is_forgotten(self) -> None:
        listener = Listener()
        ear = Ear(listener)
        await ear({"content": "no"})
        assert ear.forget()
        await ear({"content": "yes"})
        await ear.open()
        await ear({"content": "!"})
        assert listener.text == "yes!"
        assert not ear.forget()

    @pytest.mark.parametrize("before", [0, 1, 5])
    async def test_pieces_that_come_in_while_the_listener_is_told_keep_their_order(self, before: int) -> None:
        heard: list[Any] = []
        ear: Ear

        async def slow(delta: Mapping[str, Any]) -> None:
            heard.append(delta["content"])
            await anyio.lowlevel.checkpoint()

        ear = Ear(slow)
        for number in range(before):
            await ear({"content": number})

        async def rest() -> None:
            for number in range(before, 12):
                await ear({"content": number})
                await anyio.lowlevel.checkpoint()

        async with anyio.create_task_group() as group:
            group.start_soon(rest)
            group.start_soon(ear.open)
        assert heard == list(range(12))


class TestMoney:
    async def test_it_is_begun_only_where_there_is_room_for_as_much_again(self, world: Worlds) -> None:
        """What the calls that are needed may still cost must not be taken by one that perhaps is not."""
        task = {"max_output_tokens": 1000}  # performance may cost $0.0153, and the two others less than $0.001
        for limit, begun in (("0.025", False), ("0.04", True)):
            config = speculating(task, budget={"per_request": limit})
            w = foreseeing(await world(client_with(judge="no"), config))
            decision = (await w.run(session=None)).decision
            assert decision.outcome is Outcome.FALLBACK, limit
            assert [attempt.early for attempt in decision.attempts] == [False, begun], limit

    async def test_what_is_not_needed_is_settled_with_every_other_call(self, world: Worlds) -> None:
        config = speculating({"max_output_tokens": 100}, budget={"per_day": "1"})
        w = foreseeing(await world(client_with(performance=forever), config))
        await w.run(session=None)
        [(spent,)] = w.rows("SELECT spent FROM spending")
        assert spent > 100 * 15 * 10**6  # its whole estimate, since what it cost is unknown
        assert w.rows("SELECT COUNT(*) FROM reservations") == [(0,)]


class TestEndings:
    async def test_a_deadline_ends_both_and_writes_both_down(self, world: Worlds) -> None:
        client = client_with(efficiency=forever, performance=forever)
        w = foreseeing(await world(client, speculating({"deadline": "200ms"})))
        with pytest.raises(DeadlineExceeded) as caught:
            await w.run()
        decision = caught.value.decision
        assert decision is not None and decision.spare is not None
        assert (decision.outcome, decision.reason) == (Outcome.FAILED, Reason.DEADLINE)
        assert w.rows("SELECT tier, error FROM calls ORDER BY attempt") == [
            ("efficiency", "cancelled"), ("performance", "cancelled")
        ]  # fmt: skip

    async def test_a_deadline_while_it_is_waited_for_leaves_an_interrupted_attempt(self, world: Worlds) -> None:
        client = client_with(efficiency=BAD, performance=forever)
        w = foreseeing(await world(client, speculating({"deadline": "300ms"})))
        with pytest.raises(DeadlineExceeded) as caught:
            await w.run()
        decision = caught.value.decision
        assert decision is not None and decision.spare is None
        assert [(one.tier, one.reason, one.early) for one in decision.attempts] == [
            (Tier.EFFICIENCY, Reason.SCHEMA, False), (Tier.PERFORMANCE, Reason.DEADLINE, True)
        ]  # fmt: skip

    async def test_a_caller_who_goes_away_ends_both_and_the_row_is_there(self, world: Worlds) -> None:
        begun = anyio.Event()

        async def performance(_: Any) -> str:
            begun.set()
            return await forever(_)

        client = client_with(efficiency=forever, performance=performance)
        w = foreseeing(await world(client, speculating()))
        async with anyio.create_task_group() as group:
            group.start_soon(w.run)
            await begun.wait()
            group.cancel_scope.cancel()
        assert w.rows("SELECT outcome FROM decisions") == [("cancelled",)]
        assert w.rows("SELECT tier FROM calls ORDER BY attempt") == [("efficiency",), ("performance",)]

    async def test_a_check_of_the_users_that_breaks_the_request_ends_the_other_call(self, world: Worlds) -> None:
        async def efficiency(_: Any) -> str:
            raise ConfigError("no such thing")

        w = foreseeing(await world(client_with(efficiency=efficiency, performance=forever), speculating()))
        with pytest.raises(ConfigError):
            await w.run()
        assert w.rows("SELECT outcome, reason FROM decisions") == [("failed", "internal")]


def served_by(*urls: str, **sections: Any) -> Config:
    """Efficiency, judge and performance, each at an address of its own."""
    names = ("cheap", "judge", "strong")
    return Config.model_validate(
        {
            "providers": {name: {"base_url": url, "retries": 0} for name, url in zip(names, urls, strict=True)},
            "tiers": {"efficiency": {"models": ["cheap/m"]}, "performance": {"models": ["strong/m"]}},
            "judge": {"model": "judge/m"},
            "tasks": {"invoice": AUTO},
            "routing": ROUTING,
            "prices": [
                {"model": f"{name}/m", "input": 1, "output": 2, "effective_from": "2026-01-01"} for name in names
            ],
            **sections,
        }
    )


VERDICTS = json.dumps({"supported": "yes"})


class TestOverHttp:
    async def test_the_call_that_is_not_needed_is_hung_up_on_and_costs_what_came_in(self, tmp_path: Path) -> None:
        with FaultServer(streaming("x" * 40, then="hang")) as strong:

            def cheap_answer(_: Any) -> Any:
                while not strong.pieces_sent:  # in the server's own thread
                    pass
                return good(GOOD)

            with FaultServer(cheap_answer) as cheap, FaultServer(good(VERDICTS)) as judge:
                config = served_by(cheap.url, judge.url, strong.url, tasks={"invoice": {**AUTO, "gate": ["schema"]}})
                async with Engine(config, store=f"sqlite:///{tmp_path}/q.db") as engine:
                    engine._learner = Foreseeing()  # type: ignore[assignment]
                    decision = (await engine.run("invoice", TEXT)).decision
                    assert await anyio.to_thread.run_sync(strong.left.wait, 10)
        assert (decision.outcome, len(strong.requests), len(cheap.requests)) == (Outcome.ACCEPTED, 1, 1)
        assert decision.spare is not None
        [call] = decision.spare.calls
        assert call.usage.estimated
        assert call.cost is not None and call.cost > 0
        assert decision.cost is not None

    async def test_many_requests_leave_no_call_open_and_no_row_out(self, tmp_path: Path) -> None:
        with (
            FaultServer(good(GOOD)) as cheap,
            FaultServer(good(VERDICTS)) as judge,
            FaultServer(streaming("{", then="hang")) as strong,
        ):
            config = served_by(cheap.url, judge.url, strong.url, tasks={"invoice": {**AUTO, "gate": ["schema"]}})
            async with Engine(config, store=f"sqlite:///{tmp_path}/q.db") as engine:
                engine._learner = Foreseeing()  # type: ignore[assignment]
                done = [item async for item in engine.map("invoice", [TEXT] * 20, concurrency=10)]
                assert {item.answer.decision.outcome for item in done if item.answer} == {Outcome.ACCEPTED}
                [summary] = await engine.store.summaries()
                assert all(health.in_flight == 0 for health in engine.health())
        assert len(cheap.requests) == 20
        assert summary.requests == 20
        assert len(strong.requests) <= summary.head_starts.spare <= 20  # some are ended while they are on their way


def told(number: int, *, outcome: Outcome, seconds: float, spare: Attempt | None = None) -> Decision:
    """A decision of the ledger, an hour ago."""
    failed = outcome is Outcome.FALLBACK
    calls = (call(Tier.EFFICIENCY, "small", "0.001"), call(Tier.PERFORMANCE, "careful", "0.02"))
    first = Attempt(
        Tier.EFFICIENCY,
        Ruling.REJECTED if failed else Ruling.ACCEPTED,
        Reason.SCHEMA if failed else None,
        calls[:1],
        latency=timedelta(seconds=1),
    )
    second = Attempt(Tier.PERFORMANCE, Ruling.ACCEPTED, None, calls[1:], latency=timedelta(seconds=2))
    from worlds import Clock

    return Decision(
        f"d{number}", Clock().now - timedelta(hours=1), "default", None, "invoice", Route.CASCADE, outcome,
        attempts=(first, second) if failed else (first,), latency=timedelta(seconds=seconds), cost=Decimal("0.001"),
        spare=spare,
    )  # fmt: skip


def call(tier: Tier, model: str, cost: str | None, error: Reason | None = None) -> ModelCall:
    usage = Usage(10, 0, 5)
    return ModelCall(
        Role.ANSWER, tier, "practice", model, usage, None if cost is None else Decimal(cost), error=error
    )  # fmt: skip


class TestTheRule:
    @given(st.floats(0.01, 0.99), st.floats(0, 10), st.floats(0.001, 10))
    def test_it_pays_where_the_seconds_are_worth_more_than_the_call(
        self, rate: float, worth: float, wasted: float
    ) -> None:
        belief, cell = Belief(100 * rate, 100 * (1 - rate)), Cell(observed=100)
        found = head_start_pays(belief, cell, Economics(head_start=worth, wasted=wasted))
        assert found == (belief.mean * worth > (1 - belief.mean) * wasted)

    @pytest.mark.parametrize(
        "economics", [Economics(), Economics(head_start=9.0), Economics(wasted=0.1), Economics(head_start=0, wasted=1)]
    )
    def test_what_is_unknown_or_worth_nothing_begins_nothing(self, economics: Economics) -> None:
        assert not head_start_pays(Belief(99, 1), Cell(observed=100), economics)

    def test_it_begins_after_as_many_outcomes_as_anything_that_is_learned(self) -> None:
        sure = Economics(head_start=9.0, wasted=0.1)
        assert not head_start_pays(Belief(9, 1), Cell(observed=29), sure)
        assert head_start_pays(Belief(9, 1), Cell(observed=30), sure)

    @pytest.mark.parametrize(("value", "early"), [("0.001", False), ("1", True)])
    async def test_the_log_decides_by_what_a_second_is_worth(self, world: Worlds, value: str, early: bool) -> None:
        """Half of the requests escalate, efficiency and judge take a second, performance two, and costs $0.02."""
        config = speculating(routing={**ROUTING, "value_of_second": value})
        w = await world(client_with(judge="no"), config)
        key = key_of(w.engine._setup, "invoice")
        for number in range(40):
            outcome = (Outcome.ACCEPTED, Outcome.FALLBACK)[number % 2]
            decision = told(number, outcome=outcome, seconds=3 if number % 2 else 1)
            await w.engine.store.record(Entry(decision, forecast=Forecast(key, 0.5)))
        decision = (await w.run(session=None)).decision
        assert (decision.route, decision.outcome) == (Route.CASCADE, Outcome.FALLBACK)
        assert decision.attempts[1].early is early


class TestReport:
    async def test_what_was_not_needed_is_told_and_changes_no_mean(self, world: Worlds) -> None:
        w = await world(config=speculating())
        for number in range(4):
            await w.engine.store.record(Entry(told(number, outcome=Outcome.FALLBACK, seconds=3)))
        [before] = await w.engine.store.summaries()
        spare = Attempt(
            Tier.PERFORMANCE, Ruling.UNDECIDED, Reason.CANCELLED,
            (call(Tier.PERFORMANCE, "careful", "0.005", Reason.CANCELLED),), early=True,
        )  # fmt: skip
        lost = Attempt(
            Tier.PERFORMANCE, Ruling.UNDECIDED, Reason.CANCELLED,
            (call(Tier.PERFORMANCE, "careful", None, Reason.CANCELLED),), early=True,
        )  # fmt: skip
        for number, left in ((5, spare), (6, lost)):
            await w.engine.store.record(Entry(told(number, outcome=Outcome.ACCEPTED, seconds=1, spare=left)))
        [after] = await w.engine.store.summaries()
        assert after.performance == before.performance
        found = after.head_starts
        assert (found.needed, found.spare, found.cost, found.unknown) == (0, 2, Decimal("0.005"), 1)
        report = await w.engine.report()
        task = report.tasks["invoice"]
        assert task.cost.performance == Decimal("0.085")
        assert task.cost.cut_off == 1
        assert report.to_json()["tasks"]["invoice"]["head_starts"]["spare"] == 2
        [day] = await w.engine.store.spending_by_day()
        assert day.performance.known == Decimal("0.085")
        assert "2 were not, and cost $0.005" in shown(report_view(report))
        assert await w.engine.store.rebuild() == 6
        assert await w.engine.store.summaries() == [after]

    async def test_what_was_needed_came_so_much_sooner(self, world: Worlds) -> None:
        w = foreseeing(await world(client_with(efficiency=BAD), speculating()))
        decision = (await w.run()).decision
        [summary] = await w.engine.store.summaries()
        first, second = (attempt.latency.total_seconds() for attempt in decision.attempts)
        assert (summary.head_starts.needed, summary.head_starts.spare) == (1, 0)
        assert summary.head_starts.saved == pytest.approx(min(first, second))
        assert summary.head_starts.seconds == pytest.approx(second)
        assert "1 was needed" in shown(report_view(await w.engine.report()))

    async def test_a_decision_tells_what_was_begun_early(self, world: Worlds) -> None:
        w = foreseeing(await world(client_with(performance=forever), speculating()))
        decision = (await w.run()).decision
        assert "performance tier (begun early and not needed): undecided" in shown(story_of(decision))
        w = foreseeing(await world(client_with(efficiency=BAD), speculating()))
        assert "performance tier (begun early): accepted" in shown(story_of((await w.run(session="s-2")).decision))


def shown(view: Any) -> str:
    console = Console(file=io.StringIO(), width=200)
    console.print(view)
    return " ".join(console.file.getvalue().split())  # type: ignore[attr-defined]


class TestConfiguration:
    @pytest.mark.parametrize(
        ("task", "routing", "message"),
        [
            ({"tier": "auto"}, {"speculate": "auto"}, "routing.speculate: .*set routing.value_of_second above 0"),
            ({"tier": "efficiency"}, ROUTING, "routing.speculate: .*tasks with tier = 'auto' only"),
            (
                {"tier": "auto", "speculate": "auto"},
                {},
                "tasks.invoice.speculate: .*set routing.value_of_second above 0",
            ),
            (
                {"tier": "performance", "speculate": "auto"},
                {"value_of_second": 1},
                "tasks.invoice.speculate: .*tasks with tier = 'auto' only",
            ),
        ],
    )
    def test_speculation_that_could_never_begin_is_a_mistake(
        self, task: dict[str, Any], routing: dict[str, Any], message: str
    ) -> None:
        with pytest.raises(ConfigError, match=message):
            config_with(task, routing=routing)

    @pytest.mark.parametrize(
        ("of_all", "of_task", "tier", "expected"),
        [
            ("off", None, "auto", False),
            ("auto", None, "auto", True),
            ("auto", "off", "auto", False),
            ("off", "auto", "auto", True),
        ],
    )
    def test_a_tasks_own_word_stands(self, of_all: str, of_task: str | None, tier: str, expected: bool) -> None:
        tasks: dict[str, Any] = {"one": {"tier": tier, "speculate": of_task}, "two": {"tier": "auto"}}
        config = config_with(tasks=tasks, routing={"speculate": of_all, "value_of_second": 1})
        assert config.speculates(config.tasks["one"]) is expected

    async def test_it_is_off_unless_asked_for(self, world: Worlds) -> None:
        config = config_with(AUTO, routing={"value_of_second": 1000})
        w = await world(client_with(efficiency=[GOOD, BAD]), config)
        decisions: Sequence[Decision] = [(await w.run(session=None)).decision for _ in range(40)]
        assert not any(attempt.early for decision in decisions for attempt in decision.all_attempts)
