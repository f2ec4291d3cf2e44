"""Answers served again: to whom, for what, and never to anybody else."""

from __future__ import annotations

import contextlib
from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import anyio
import pytest
from conftest import INVOICE_SCHEMA, RUBRIC, config_with
from pydantic import BaseModel
from worlds import BAD, BETTER, GOOD, TEXT, Clock, World, Worlds, client_with

from qualityroute import AnswerRejected, BudgetExceeded, Engine, ProviderError
from qualityroute.records import Completion, Outcome, Route, Tier, ToolCall
from qualityroute.testing import ScriptedClient

TASK: dict[str, Any] = {"schema": INVOICE_SCHEMA, "rubric": RUBRIC, "gate": ["judge"], "cache": "exact"}
FILTERED = Completion(GOOD, "content_filter")


def cached_config(task: dict[str, Any] | None = None, **sections: Any) -> Any:
    return config_with({**TASK, **(task or {})}, **sections)


def tiers(**changed: Any) -> dict[str, Any]:
    usual = {"efficiency": {"models": ["practice/small"]}, "performance": {"models": ["practice/careful"]}}
    return {"tiers": {**usual, **changed}}


async def ask_others(w: World) -> None:
    for number in range(50):
        await w.engine.run("invoice", f"{TEXT} {number}")


class Invoice(BaseModel):
    number: str
    total: float


@pytest.mark.anyio
class TestHits:
    async def test_a_question_asked_again_is_answered_without_a_model(self, world: Worlds) -> None:
        w = await world(config=cached_config())
        first = await w.run()
        again = await w.run(session="user-43")
        assert w.used() == {"efficiency": 1, "judge": 1}
        assert again.output == first.output == {"number": "A-1", "total": 12.5}
        told = again.decision
        assert (told.outcome, told.route, told.cost) == (Outcome.CACHED, Route.CACHED, Decimal(0))
        assert (told.tier, told.model, told.attempts) == (Tier.EFFICIENCY, "practice/small", ())
        assert told.message == f"the answer of decision {first.decision.id}"
        assert (again.completion.content, again.completion.usage.input_tokens) == (GOOD, 0)
        assert await w.engine.explain(told.id) == told

    async def test_a_task_is_not_cached_unless_it_says_so(self, world: Worlds) -> None:
        w = await world(config=cached_config({"cache": "off"}))
        await w.run()
        await w.run()
        assert w.used() == {"efficiency": 2, "judge": 2}
        assert w.rows("SELECT * FROM cache") == []

    async def test_an_answer_expires(self, world: Worlds) -> None:
        w = await world(config=cached_config(cache={"ttl": "1h"}))
        for minutes, asked in ((0, 1), (59, 0), (1, 1), (59, 0)):
            w.clock.advance(minutes=minutes)
            await w.run()
            assert w.used().get("efficiency", 0) == asked

    async def test_a_shorter_time_holds_for_what_is_kept_already(self, world: Worlds) -> None:
        w = await world(config=cached_config())
        await w.run()
        w.clock.advance(hours=2)
        shorter = cached_config(cache={"ttl": "1h"}).cache
        w.engine.amend(lambda config: config.model_copy(update={"cache": shorter}))
        assert (await w.run()).decision.outcome is Outcome.ACCEPTED

    async def test_the_fallback_is_kept_and_the_session_pinned_but_by_the_first_alone(self, world: Worlds) -> None:
        w = await world(client_with(efficiency=BAD), cached_config())
        assert (await w.run()).decision.outcome is Outcome.FALLBACK
        other = await w.run(session="user-43")
        assert (other.decision.outcome, other.decision.tier, other.output) == (
            Outcome.CACHED,
            Tier.PERFORMANCE,
            {"number": "A-1", "total": 13.5},
        )
        assert await w.engine.pins.get("user-43") is None
        assert w.used() == {"efficiency": 1, "performance": 1}

    async def test_a_pinned_session_is_not_served_efficiency_s_answer(self, world: Worlds) -> None:
        w = await world(config=cached_config())
        await w.run(session="other")
        await w.engine.pins.add("user-42")
        held = await w.run()
        assert (held.decision.outcome, held.output["total"]) == (Outcome.PINNED, 13.5)
        again = await w.run()
        assert (again.decision.outcome, again.decision.tier) == (Outcome.CACHED, Tier.PERFORMANCE)
        assert (await w.engine.pins.get("user-42")).served == 1
        assert (await w.run(session="third")).output["total"] == 13.5

    async def test_a_probe_meets_the_model(self, world: Worlds) -> None:
        w = await world(client_with(efficiency=[BAD, GOOD]), cached_config(pins={"first": 1}))
        routes = [(await w.run()).decision.route for _ in range(4)]
        assert routes == [Route.CASCADE, Route.CACHED, Route.CACHED, Route.CACHED]
        w.clock.advance(minutes=1)
        await w.engine.run("invoice", "Invoice A-1, total 12.50, another", session="user-42")
        assert (await w.run()).decision.route is Route.PROBE

    @pytest.mark.parametrize("tier", list(Tier))
    async def test_a_caller_who_names_efficiency_gets_efficiency(self, world: Worlds, tier: Tier) -> None:
        w = await world(config=cached_config())
        for _ in range(2):
            await w.run(tier=tier)
        assert w.used() == {tier.value: 2 if tier is Tier.EFFICIENCY else 1}

    async def test_baseline_mode_asks_every_time(self, world: Worlds) -> None:
        w = await world(config=cached_config(routing={"mode": "baseline"}))
        await w.run()
        await w.run()
        assert w.used() == {"performance": 2}

    async def test_a_request_with_tools_is_asked_every_time(self, world: Worlds) -> None:
        tool = {"type": "function", "function": {"name": "look"}}
        w = await world(config=cached_config())
        for _ in range(2):
            await w.run(tools=[tool])
        assert w.used()["efficiency"] == 2

    async def test_hits_are_in_no_rate_and_told_with_what_they_saved(self, world: Worlds) -> None:
        w = await world(config=cached_config())
        first = await w.run()
        for session in ("a", "b", "c"):
            await w.run(session=session)
        report = await w.engine.report()
        task = report.tasks["invoice"]
        assert (task.requests, task.attempts, task.fallback_rate.of, task.difficulty.of) == (4, 1, 1, 1)
        assert (task.cache.hits, task.cache.saved, task.cache.unknown) == (3, 3 * first.decision.cost, 0)
        told = report.to_json()["tasks"]["invoice"]["cache"]
        assert (told["hits"], Decimal(told["saved"])) == (3, 3 * first.decision.cost)

    async def test_a_model_is_served_again_as_an_object(self, world: Worlds) -> None:
        w = await world(client_with(efficiency=f"```json\n{GOOD}\n```"), cached_config({"schema": Invoice, "gate": []}))
        first, again = await w.run(), await w.run()
        assert again.decision.outcome is Outcome.CACHED
        assert again.output == first.output == Invoice(number="A-1", total=12.5)
        assert again.completion.content == GOOD

    async def test_text_is_served_again_as_it_was_written(self, world: Worlds) -> None:
        w = await world(client_with(efficiency="  Two\nlines.  \n"), config_with({"cache": "exact"}))
        first, again = await w.run(), await w.run()
        assert again.decision.outcome is Outcome.CACHED
        assert again.output == first.output == "  Two\nlines.  \n"

    async def test_no_budget_is_asked_for_what_costs_nothing(self, world: Worlds) -> None:
        w = await world(config=cached_config(budget={"per_day": "0.001"}))
        await w.run()
        for _ in range(20):
            assert (await w.run()).decision.outcome is Outcome.CACHED
        with pytest.raises(BudgetExceeded):
            await ask_others(w)
        assert (await w.run()).decision.outcome is Outcome.CACHED


@pytest.mark.anyio
class TestScopes:
    async def test_no_tenant_gets_another_s_answer(self, world: Worlds) -> None:
        w = await world(config=cached_config())
        await w.run(tenant="a")
        assert (await w.run(tenant="b")).decision.outcome is Outcome.ACCEPTED
        assert (await w.run(tenant="b")).decision.outcome is Outcome.CACHED

    async def test_sessions_share_nothing_when_told_so(self, world: Worlds) -> None:
        w = await world(config=cached_config(cache={"scope": "session"}))
        await w.run(session="a")
        assert (await w.run(session="b")).decision.outcome is Outcome.ACCEPTED
        assert (await w.run(session="b")).decision.outcome is Outcome.CACHED
        for _ in range(2):
            assert (await w.run(session=None)).decision.outcome is Outcome.ACCEPTED

    async def test_a_row_moved_to_another_tenant_is_not_served_there(self, world: Worlds) -> None:
        w = await world(config=cached_config())
        await w.run(tenant="a")
        w.rows("UPDATE cache SET tenant = 'b'")
        assert (await w.run(tenant="b")).decision.outcome is Outcome.ACCEPTED
        assert (await w.run(tenant="a")).decision.outcome is Outcome.ACCEPTED

    async def test_equal_questions_of_two_tenants_at_once_are_both_asked(self, world: Worlds) -> None:
        w = await world(config=cached_config())
        async with anyio.create_task_group() as group:
            for tenant in ("a", "b") * 5:
                group.start_soon(lambda tenant: w.run(session=None, tenant=tenant), tenant)
        assert w.used() == {"efficiency": 2, "judge": 2}


CHANGES: dict[str, dict[str, Any]] = {
    "instructions": {"instructions": "Read with care."},
    "schema": {"schema": {**INVOICE_SCHEMA, "title": "invoice"}},
    "rubric": {"rubric": {**RUBRIC, "threshold": 0.9}},
    "gate": {"gate": []},
    "repairs": {"repairs": 1},
    "length": {"max_output_tokens": 100},
}


@pytest.mark.anyio
class TestChanges:
    @pytest.mark.parametrize("change", CHANGES)
    async def test_a_change_of_the_task_never_hits_an_old_answer(self, world: Worlds, change: str) -> None:
        w = await world(config=cached_config())
        await w.run()
        changed = cached_config(CHANGES[change])
        w.engine.amend(lambda config: config.model_copy(update={"tasks": changed.tasks}))
        assert (await w.run()).decision.outcome is Outcome.ACCEPTED
        assert (await w.run()).decision.outcome is Outcome.CACHED

    @pytest.mark.parametrize(
        "sections",
        [
            tiers(efficiency={"models": ["practice/tiny"]}),
            tiers(performance={"models": ["practice/large"]}),
            tiers(efficiency={"models": ["practice/small"], "parameters": {"top_p": 0.5}}),
            tiers(performance={"models": ["practice/careful"], "parameters": {"top_p": 0.5}}),
            {"judge": {"model": "practice/other"}},
            {"providers": {"practice": {"base_url": "http://elsewhere.test/v1"}}},
        ],
    )
    async def test_a_change_of_a_model_never_hits_an_old_answer(self, world: Worlds, sections: dict[str, Any]) -> None:
        w = await world(config=cached_config())
        await w.run()
        changed = cached_config(**sections)
        w.engine.amend(lambda config: config.model_copy(update={name: getattr(changed, name) for name in sections}))
        assert (await w.run()).decision.outcome is Outcome.ACCEPTED

    async def test_what_is_about_other_things_keeps_the_answers(self, world: Worlds) -> None:
        w = await world(config=cached_config())
        await w.run()
        changed = cached_config(deadline="5s", pins={"after": 3})
        w.engine.amend(lambda config: config.model_copy(update={"deadline": changed.deadline, "pins": changed.pins}))
        assert (await w.run()).decision.outcome is Outcome.CACHED

    async def test_parameters_and_schemas_of_requests_are_told_apart(self, world: Worlds) -> None:
        w = await world(config=cached_config())
        for options in ({}, {"parameters": {"seed": 1}}, {"schema": {"type": "object"}}, {"parameters": {"seed": 2}}):
            assert (await w.run(**options)).decision.outcome is Outcome.ACCEPTED
            assert (await w.run(**options)).decision.outcome is Outcome.CACHED


@pytest.mark.anyio
class TestWhatIsKept:
    @pytest.mark.parametrize(
        ("client", "task"),
        [
            (client_with(efficiency=BAD, performance=BAD), {}),
            (client_with(judge="no", performance=BAD), {}),
            (client_with(efficiency=ProviderError("down"), performance=ProviderError("down")), {}),
            (client_with(efficiency=ProviderError("down")), {}),
            (client_with(judge=ProviderError("down")), {"on_undecided": "accept"}),
            (client_with(judge=ProviderError("down")), {"on_undecided": "fallback"}),
            (client_with(efficiency=Completion(None, refusal="No.")), {"on_refusal": "return"}),
            (client_with(efficiency=Completion(GOOD, "length"), performance=Completion(BETTER, "length")), {}),
            (client_with(efficiency=FILTERED, performance=FILTERED), {}),
        ],
        ids=["schema", "judged", "errors", "failover", "undecided", "judge down", "refused", "truncated", "filtered"],
    )
    async def test_only_what_is_whole_and_passed_its_gate(self, world: Worlds, client: Any, task: Any) -> None:
        w = await world(client, cached_config(task))
        for _ in range(2):
            with contextlib.suppress(AnswerRejected, ProviderError):
                assert (await w.run(session=None)).decision.outcome is not Outcome.CACHED
        assert w.rows("SELECT COUNT(*) FROM cache") == [(0,)]

    async def test_no_call_of_a_tool(self, world: Worlds) -> None:
        call = Completion(None, "tool_calls", tool_calls=(ToolCall("1", "look", "{}"),))
        w = await world(client_with(efficiency=call), cached_config())
        await w.run(tools=[{"type": "function", "function": {"name": "look"}}])
        assert w.rows("SELECT COUNT(*) FROM cache") == [(0,)]

    async def test_what_is_kept_is_written_with_its_decision_or_not_at_all(self, world: Worlds) -> None:
        w = await world(config=cached_config())
        w.rows("CREATE TRIGGER full BEFORE INSERT ON cache BEGIN SELECT RAISE(ABORT, 'disk full'); END")
        with pytest.raises(Exception, match="disk full"):
            await w.run()
        assert w.rows("SELECT COUNT(*) FROM decisions") == [(0,)]

    async def test_answers_that_expired_go_when_others_come(self, world: Worlds) -> None:
        w = await world(config=cached_config(cache={"ttl": "1h"}))
        for number in range(60):
            await w.engine.run("invoice", f"{TEXT} {number}")
        w.clock.advance(hours=2)
        for number in range(60):
            await w.engine.run("invoice", f"{TEXT} again {number}")
        assert w.rows("SELECT COUNT(*) FROM cache WHERE answer <> ''") == [(60,)]


@pytest.mark.anyio
class TestAtOnce:
    async def crowd(self, w: World, count: int, **options: Any) -> list[Any]:
        answers: list[Any] = [None] * count

        async def one(number: int) -> None:
            try:
                answers[number] = await w.run(session=f"s{number}", **options)
            except (ProviderError, AnswerRejected) as error:
                answers[number] = error

        async with anyio.create_task_group() as group:
            for number in range(count):
                group.start_soon(one, number)
        return answers

    async def test_two_hundred_equal_requests_make_one_call(self, world: Worlds) -> None:
        w = await world(config=cached_config())
        answers = await self.crowd(w, 200)
        assert w.used() == {"efficiency": 1, "judge": 1}
        assert sorted(str(answer.decision.outcome) for answer in answers) == ["accepted"] + ["cached"] * 199
        assert {answer.output["total"] for answer in answers} == {12.5}
        assert len({answer.decision.id for answer in answers}) == 200
        assert sorted(answer.decision.cost for answer in answers)[:199] == [0] * 199

    async def test_when_the_first_fails_another_goes_and_no_error_is_handed_on(self, world: Worlds) -> None:
        failing = [ProviderError("down"), GOOD]
        w = await world(client_with(efficiency=failing, performance=ProviderError("down")), cached_config())
        answers = await self.crowd(w, 50)
        assert w.used() == {"efficiency": 2, "performance": 1, "judge": 1}
        assert sum(isinstance(answer, ProviderError) for answer in answers) == 1

    async def test_when_the_first_is_cancelled_another_goes(self, world: Worlds) -> None:
        asked = anyio.Event()

        async def slow(messages: Any) -> str:
            if not asked.is_set():
                asked.set()
                await anyio.sleep_forever()
            return GOOD

        w = await world(client_with(efficiency=slow), cached_config())
        answers: list[Any] = []

        async def follow() -> None:
            answers.append(await w.run(session=None))

        async with anyio.create_task_group() as group:
            leader = anyio.CancelScope()

            async def lead() -> None:
                with leader:
                    await w.run(session=None)

            group.start_soon(lead)
            await asked.wait()
            for _ in range(20):
                group.start_soon(follow)
            await anyio.wait_all_tasks_blocked()
            leader.cancel()
        assert sorted(str(answer.decision.outcome) for answer in answers) == ["accepted"] + ["cached"] * 19
        assert w.used()["efficiency"] == 2

    async def test_what_is_never_kept_holds_nobody_up_for_long(self, world: Worlds) -> None:
        together, most = 0, 0

        async def refuse(messages: Any) -> str:
            nonlocal together, most
            together += 1
            most = max(most, together)
            await anyio.sleep(0)
            together -= 1
            return BAD

        w = await world(client_with(efficiency=BAD, performance=refuse), cached_config())
        answers = await self.crowd(w, 60)
        assert all(isinstance(answer, AnswerRejected) for answer in answers)
        assert w.used() == {"efficiency": 60, "performance": 60}
        assert 1 < most < 60

    async def test_a_follower_that_leaves_holds_nobody_up(self, world: Worlds) -> None:
        go = anyio.Event()

        async def slow(messages: Any) -> str:
            await go.wait()
            return GOOD

        w = await world(client_with(efficiency=slow), cached_config())
        async with anyio.create_task_group() as group:
            group.start_soon(lambda: w.run(session=None))
            await anyio.wait_all_tasks_blocked()
            with anyio.move_on_after(0) as left:
                await w.run(session=None)
            assert left.cancelled_caught
            group.start_soon(lambda: w.run(session=None))
            await anyio.wait_all_tasks_blocked()
            go.set()
        assert w.used()["efficiency"] == 1
        assert w.engine._recall._flights == {}

    async def test_what_waits_for_performance_does_not_wait_for_efficiency(self, world: Worlds) -> None:
        asked = {tier: anyio.Event() for tier in Tier}

        async def together(own: Tier, other: Tier, answer: str) -> str:
            asked[own].set()
            await asked[other].wait()
            return answer

        cheap = partial(together, Tier.EFFICIENCY, Tier.PERFORMANCE, GOOD)
        dear = partial(together, Tier.PERFORMANCE, Tier.EFFICIENCY, BETTER)
        w = await world(client_with(lambda _: cheap(), lambda _: dear()), cached_config())
        async with anyio.create_task_group() as group:
            group.start_soon(lambda: w.run())
            group.start_soon(lambda: w.run(tier="performance"))
        assert w.used() == {"efficiency": 1, "judge": 1, "performance": 1}


@pytest.mark.anyio
async def test_both_stores_serve_again_and_tell_what_it_saved(store_url: str) -> None:
    client = ScriptedClient({"efficiency": GOOD, "performance": BETTER, "judge": "yes"})
    async with Engine(cached_config(), client=client, store=store_url) as engine:
        first = await engine.run("invoice", TEXT, session="a")
        again = await engine.run("invoice", TEXT, session="b")
        elsewhere = await engine.run("invoice", TEXT, session="b", tenant="other")
        hit = await engine.store.cache_hit(again.decision.id)
        assert (hit.source, hit.saved) == (first.decision.id, first.decision.cost)
        assert await engine.store.cache_hit(first.decision.id) is None
        summary = (await engine.store.cache_summaries())["invoice"]
        assert (summary.hits, summary.saved, summary.unknown) == (1, first.decision.cost, 0)
        await engine.store.rebuild()
        assert await engine.store.cache_summaries(task="invoice") == {"invoice": summary}
        assert await engine.store.cache_summaries(since=again.decision.at + timedelta(hours=2)) == {}
        assert (await engine.store.check()).problems == ()
        await engine.store.prune(again.decision.at + timedelta(hours=2), most=100)
        assert await engine.store.cache_hit(again.decision.id) is None
        assert await engine.store.cache_summaries() == {"invoice": summary}
    outcomes = [answer.decision.outcome for answer in (first, again, elsewhere)]
    assert outcomes == [Outcome.ACCEPTED, Outcome.CACHED, Outcome.ACCEPTED]
    async with Engine(cached_config(), client=client, store=store_url) as another:
        assert (await another.run("invoice", TEXT)).decision.outcome is Outcome.CACHED


@pytest.mark.anyio
async def test_both_stores_remove_what_expired(store_url: str) -> None:
    clock, client = Clock(), ScriptedClient({"efficiency": GOOD, "performance": BETTER, "judge": "yes"})
    async with Engine(cached_config(), client=client, store=store_url, now=clock) as engine:
        await engine.run("invoice", TEXT)
        clock.advance(days=2)
    async with Engine(cached_config(), client=client, store=store_url, now=clock) as engine:
        await engine.run("invoice", "Another one, A-1, total 12.50")
        rows = await engine.store._read(
            "count", lambda connection: connection.execute("SELECT COUNT(*) FROM cache").fetchone()
        )
    assert rows[0] == 1
