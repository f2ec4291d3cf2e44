"""Answers served to questions in other words: proved for each, counted, and never to anybody else."""

from __future__ import annotations

import contextlib
from decimal import Decimal
from typing import Any

import anyio
import pytest
from conftest import PRICES, RUBRIC, config_with
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from semantic_pairs import PAIRS
from worlds import World, Worlds

from qualityroute import AnswerRejected, BudgetExceeded, Config, ConfigError, Engine, ProviderError, likening
from qualityroute.cache.semantic import Fate
from qualityroute.likening import fingerprint_of
from qualityroute.records import Completion, Outcome, Reason, Role, Route, Tier
from qualityroute.store.cache_rows import PRUNED_AT_ONCE
from qualityroute.testing import ScriptedClient

ONE, SAME, OTHER = "Do you ship to Norway?", "Is shipping to Norway possible?", "Do you ship to Sweden?"
EMBEDDINGS = {"embeddings": "practice/vectors", "window": 256}
TASK: dict[str, Any] = {"rubric": RUBRIC, "gate": ["judge"], "cache": "semantic"}
FIGURES = [*PRICES, {"model": "practice/vectors", "effective_from": "2026-01-01", "input": "0.02", "output": 0}]


def semantic_config(task: dict[str, Any] | None = None, cache: dict[str, Any] | None = None, **sections: Any) -> Config:
    sections = {"prices": FIGURES, **sections}
    return config_with({**TASK, **(task or {})}, cache={**EMBEDDINGS, **(cache or {})}, **sections)


def answer(messages: Any) -> str:
    return f"This answers: {messages[-1]['content']}"


def all_alike(messages: Any) -> list[float]:
    """The worst encoder there is."""
    return [1.0, 1.0]


def client_with(**script: Any) -> ScriptedClient:
    usual = {"efficiency": answer, "performance": answer, "judge": "yes", "embedding": all_alike}
    return ScriptedClient({**usual, **script})


async def ask(w: World, text: str, session: str | None = None, **options: Any) -> Any:
    return await w.engine.run("invoice", text, session=session, **options)


def fate(told: Any) -> Fate:
    return Fate(told.decision.likening.verdicts[0].details["fate"])


@pytest.mark.anyio
class TestHits:
    async def test_a_question_in_other_words_is_served_once_the_judge_agrees(self, world: Worlds) -> None:
        w = await world(client_with(), semantic_config())
        first = await ask(w, ONE)
        assert (fate(first), w.used()) == (Fate.ALONE, {"efficiency": 1, "judge": 1, "embedding": 1})
        again = await ask(w, SAME)
        assert w.used() == {"judge": 1, "embedding": 1}
        assert again.output == first.output == f"This answers: {ONE}"
        told = again.decision
        assert (told.outcome, told.route, told.attempts) == (Outcome.CACHED, Route.CACHED, ())
        assert told.message == f"the answer of decision {first.decision.id}"
        assert fate(again) is Fate.CONFIRMED
        assert told.cost == sum(call.cost for call in told.likening.all_calls) > 0
        assert [call.role for call in told.likening.all_calls] == [Role.EMBEDDING, Role.JUDGE]

    async def test_the_ledger_gives_back_what_was_told(self, world: Worlds) -> None:
        w = await world(client_with(), semantic_config())
        for text in (ONE, SAME, OTHER):
            told = (await ask(w, text)).decision
            kept = await w.engine.explain(told.id)
            assert (kept.likening.verdicts, kept.cost, kept.outcome) == (
                told.likening.verdicts, told.cost, told.outcome
            )  # fmt: skip
            assert (kept.spare, len(kept.attempts)) == (None, len(told.attempts))

    async def test_the_judge_is_shown_the_new_input_and_the_old_answer(self, world: Worlds) -> None:
        w = await world(client_with(), semantic_config())
        await ask(w, ONE)
        await ask(w, SAME)
        shown = w.client.requests[-1].messages[-1]["content"]
        source, _, candidate = shown.partition("BEGIN CANDIDATE")
        assert SAME in source and ONE not in source
        assert ONE in candidate

    async def test_the_same_words_need_neither_vector_nor_judge(self, world: Worlds) -> None:
        w = await world(client_with(), semantic_config())
        await ask(w, ONE)
        w.used()
        again = await ask(w, ONE)
        assert (again.decision.outcome, again.decision.cost, again.decision.likening) == (Outcome.CACHED, 0, None)
        assert w.used() == {}

    @pytest.mark.parametrize("pair", [pair for pair in PAIRS if not pair.alike][::7], ids=lambda pair: pair.one[-25:])
    async def test_no_trap_is_served_whatever_encoder_and_judge_say(self, world: Worlds, pair: Any) -> None:
        w = await world(client_with(), semantic_config(cache={"false_hits": 0.9}))
        await ask(w, pair.one)
        assert (await ask(w, pair.other)).output == f"This answers: {pair.other}"

    async def test_a_served_answer_is_not_kept_under_the_new_words(self, world: Worlds) -> None:
        """Or one likeness would lead to the next, and away from what was proved."""
        w = await world(client_with(), semantic_config())
        await ask(w, ONE)
        for _ in range(2):
            assert fate(await ask(w, SAME)) is Fate.CONFIRMED
        assert w.rows("SELECT COUNT(*) FROM cache") == w.rows("SELECT COUNT(*) FROM cache_vectors") == [(1,)]

    async def test_what_is_not_near_is_not_looked_at(self, world: Worlds) -> None:
        third = "Tell me: is shipping to Norway possible?"
        vectors = {ONE: [1.0, 0.0], SAME: [0.6, 0.8], third: [0.6, -0.8]}
        w = await world(client_with(embedding=lambda m: vectors[m[0]["content"]]), semantic_config())
        await ask(w, ONE)
        assert fate(await ask(w, SAME)) is Fate.ALONE
        nearer = semantic_config(cache={"threshold": 0.5}).cache
        w.engine.amend(lambda config: config.model_copy(update={"cache": nearer}))
        assert fate(await ask(w, third)) is Fate.CONFIRMED

    async def test_a_free_check_refuses_what_the_new_input_does_not_hold(self, world: Worlds) -> None:
        checks = [lambda output, source: None if output.removeprefix("This answers: ") == source else "not of this"]
        w = await world(client_with(), semantic_config({"checks": checks, "gate": ["checks", "judge"]}))
        await ask(w, ONE)
        w.used()
        assert fate(await ask(w, SAME)) is Fate.REFUSED
        assert w.used() == {"embedding": 1, "efficiency": 1, "judge": 1}

    async def test_an_answer_expires(self, world: Worlds) -> None:
        w = await world(client_with(), semantic_config(cache={"ttl": "1h"}))
        await ask(w, ONE)
        w.clock.advance(hours=1)
        assert fate(await ask(w, SAME)) is Fate.ALONE

    async def test_a_shorter_time_holds_for_what_is_kept_already(self, world: Worlds) -> None:
        w = await world(client_with(), semantic_config())
        await ask(w, ONE)
        w.clock.advance(hours=2)
        shorter = semantic_config(cache={"ttl": "1h"}).cache
        w.engine.amend(lambda config: config.model_copy(update={"cache": shorter}))
        assert fate(await ask(w, SAME)) is Fate.ALONE

    async def test_a_request_for_performance_is_not_served_efficiency_s_answer(self, world: Worlds) -> None:
        w = await world(client_with(), semantic_config())
        await ask(w, ONE)
        assert (await ask(w, SAME, tier="performance")).decision.tier is Tier.PERFORMANCE
        assert fate(await ask(w, "Is shipping to Norway possible", tier="performance")) is Fate.CONFIRMED


@pytest.mark.anyio
class TestEvidence:
    async def test_what_the_judge_finds_wrong_is_not_served_and_never_offered_again(self, world: Worlds) -> None:
        w = await world(client_with(judge=["yes", "no", "yes"]), semantic_config())
        await ask(w, ONE)
        wrong = await ask(w, SAME)
        assert (fate(wrong), wrong.output) == (Fate.WRONG, f"This answers: {SAME}")
        after = await ask(w, "Please tell me: is shipping to Norway possible?")
        assert (fate(after), after.output) == (Fate.CONFIRMED, f"This answers: {SAME}")

    async def test_a_judge_in_trouble_is_a_miss_and_no_evidence(self, world: Worlds) -> None:
        w = await world(client_with(judge=["yes", ProviderError("down"), "yes"]), semantic_config())
        await ask(w, ONE)
        assert fate(await ask(w, SAME)) is Fate.UNDECIDED
        assert (await w.engine.store.likening_summaries())["invoice"].fates == {Fate.ALONE: 1, Fate.UNDECIDED: 1}

    async def test_once_the_bound_is_shown_the_judge_is_asked_of_a_share(self, world: Worlds) -> None:
        w = await world(client_with(), semantic_config(cache={"false_hits": 0.2, "recheck": 0.1}))
        await ask(w, ONE)
        found = [fate(await ask(w, SAME)) for _ in range(120)]
        assert found[:14] == [Fate.CONFIRMED] * 14  # 0.8 ** 14 is below 0.05
        assert set(found[14:]) == {Fate.SERVED, Fate.CONFIRMED}
        assert found[14:].count(Fate.CONFIRMED) < 40
        odds = w.rows("SELECT propensity, COUNT(*) FROM cache_likenings WHERE fate <> 'alone' GROUP BY 1 ORDER BY 1")
        assert odds == [(0.1, 106), (1.0, 14)]

    async def test_one_wrong_answer_has_the_judge_asked_of_each_again(self, world: Worlds) -> None:
        verdicts = iter(["yes"] * 15 + ["no"])
        script = client_with(judge=lambda _: next(verdicts, "yes"))
        w = await world(script, semantic_config(cache={"false_hits": 0.2, "recheck": 0.5}))
        await ask(w, ONE)
        while fate(await ask(w, SAME)) is not Fate.WRONG:
            pass
        assert fate(await ask(w, "Please tell me: is shipping to Norway possible?")) is Fate.CONFIRMED
        odds = [
            row[0] for row in w.rows("SELECT propensity FROM cache_likenings WHERE fate <> 'alone' ORDER BY at, rowid")
        ]
        assert (odds[:14], set(odds[14:-1]), odds[-1]) == ([1.0] * 14, {0.5}, 1.0)
        found = await w.engine.store.evidence("invoice", fingerprint_of(w.engine._setup, "invoice"))
        assert (found.checked, found.wrong) == (16, 1)

    async def test_evidence_for_one_pipeline_is_none_for_another(self, world: Worlds) -> None:
        w = await world(client_with(), semantic_config())
        await ask(w, ONE)
        await ask(w, SAME)
        key = fingerprint_of(w.engine._setup, "invoice")
        assert (await w.engine.store.evidence("invoice", key)).checked == 1
        for changed in (semantic_config(cache={"threshold": 0.8}), semantic_config({"instructions": "Be brief."})):
            update = {"tasks": changed.tasks, "cache": changed.cache}
            w.engine.amend(lambda config, update=update: config.model_copy(update=update))
            other = fingerprint_of(w.engine._setup, "invoice")
            assert other != key
            assert (await w.engine.store.evidence("invoice", other)).checked == 0

    async def test_evidence_for_other_guards_is_none_for_today_s(
        self, world: Worlds, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        w = await world(client_with(), semantic_config())
        await ask(w, ONE)
        await ask(w, SAME)
        monkeypatch.setattr(likening, "GUARDS", likening.GUARDS + 1)
        key = fingerprint_of(w.engine._setup, "invoice")
        assert (await w.engine.store.evidence("invoice", key)).checked == 0


@pytest.mark.anyio
class TestNeverInTheWay:
    @pytest.mark.parametrize(
        "vector",
        [
            ProviderError("down"), ProviderError("slow", reason=Reason.TIMEOUT), lambda _: [], lambda _: [0.0, 0.0],
            lambda _: [float("nan"), 1.0], lambda _: [10**400, 1], Completion("words, and no vector"),
            Completion("", raw={"choices": []}), Completion("", raw={"embedding": ["a"]}),
            Completion("", raw={"embedding": [[1.0], [2.0]]}),
        ],
        ids=["down", "late", "empty", "nowhere", "nan", "endless", "words", "another reply", "letters", "nested"],
    )  # fmt: skip
    async def test_without_a_vector_the_model_is_asked(self, world: Worlds, vector: Any) -> None:
        w = await world(client_with(embedding=vector), semantic_config())
        for text in (ONE, SAME):
            told = await ask(w, text)
            assert (fate(told), told.output) == (Fate.FAILED, f"This answers: {text}")
        assert w.rows("SELECT COUNT(*) FROM cache_vectors") == [(0,)]

    async def test_a_vector_that_takes_too_long_is_not_waited_for(self, world: Worlds) -> None:
        async def hang(messages: Any) -> None:
            await anyio.sleep_forever()

        w = await world(client_with(embedding=hang), semantic_config(deadline="400ms"))
        told = await ask(w, ONE)
        assert (fate(told), told.decision.outcome) == (Fate.FAILED, Outcome.ACCEPTED)
        assert [call.error for call in told.decision.likening.all_calls] == [Reason.CANCELLED]

    async def test_a_caller_who_leaves_meanwhile_leaves_a_bill(self, world: Worlds) -> None:
        asked = anyio.Event()

        async def hang(messages: Any) -> None:
            asked.set()
            await anyio.sleep_forever()

        w = await world(client_with(embedding=hang), semantic_config())
        async with anyio.create_task_group() as group:
            group.start_soon(lambda: ask(w, ONE))
            await asked.wait()
            group.cancel_scope.cancel()
        assert w.rows("SELECT outcome, cost FROM decisions") == [("cancelled", None)]
        assert w.rows("SELECT role, error FROM calls") == [("embedding", "cancelled")]
        assert w.engine._recall._flights == {}

    async def test_a_budget_that_is_short_is_a_miss(self, world: Worlds) -> None:
        budget = {"per_request": "0.00000001"}
        w = await world(client_with(), semantic_config(budget=budget))
        with pytest.raises(BudgetExceeded):
            await ask(w, ONE)
        assert w.used() == {}
        assert w.rows("SELECT fate FROM cache_likenings") == [("failed",)]

    async def test_what_looking_costs_is_spent_from_the_budget(self, world: Worlds) -> None:
        w = await world(client_with(), semantic_config(budget={"per_day": "0.01"}))
        for number in range(40):
            with contextlib.suppress(BudgetExceeded):
                await ask(w, f"{ONE} {number}")
        report = await w.engine.report()
        cost = report.tasks["invoice"].cost
        assert 0 < cost.likening < cost.total
        assert report.budgets[0].spent == cost.total

    async def test_what_the_encoder_does_not_read_whole_is_likened_to_nothing(self, world: Worlds) -> None:
        long = "The parties agree to all of the terms. " * 40
        w = await world(client_with(), semantic_config())
        for text in (f"{long} Who pays for the return?", f"{long} who pays for the return?"):
            assert fate(await ask(w, text)) is Fate.WINDOW
        assert "embedding" not in w.used()
        assert w.rows("SELECT COUNT(*) FROM cache_vectors") == [(0,)]

    @pytest.mark.parametrize(
        "options",
        [{"schema": {"type": "string"}}, {"parameters": {"response_format": {"type": "json_object"}}}],
    )
    async def test_a_request_with_a_schema_is_likened_to_nothing_unless_forced(
        self, world: Worlds, options: Any
    ) -> None:
        script = client_with(efficiency='"yes"', performance='"yes"')
        w = await world(script, semantic_config())
        assert (await ask(w, ONE, **options)).decision.likening is None
        forced = semantic_config({"semantic_despite_schema": True})
        w.engine.amend(lambda config: config.model_copy(update={"tasks": forced.tasks}))
        assert fate(await ask(w, SAME, **options)) is Fate.ALONE


@pytest.mark.anyio
class TestScopes:
    async def test_no_tenant_and_no_session_gets_another_s_answer(self, world: Worlds) -> None:
        w = await world(client_with(), semantic_config(cache={"scope": "session"}))
        await ask(w, ONE, tenant="a", session="1")
        for tenant, session in (("b", "1"), ("a", "2"), ("a", None)):
            told = await ask(w, SAME, tenant=tenant, session=session)
            assert told.output == f"This answers: {SAME}"
        assert fate(await ask(w, SAME, tenant="a", session="1")) is Fate.CONFIRMED

    async def test_a_row_moved_to_another_tenant_is_not_served_there(self, world: Worlds) -> None:
        w = await world(client_with(), semantic_config())
        await ask(w, ONE, tenant="a")
        w.rows("UPDATE cache SET tenant = 'b'")
        w.rows("UPDATE cache_vectors SET tenant = 'b'")
        assert fate(await ask(w, SAME, tenant="b")) is Fate.ALONE
        assert fate(await ask(w, SAME, tenant="a")) is Fate.ALONE

    async def test_a_conversation_is_likened_only_to_those_with_the_same_past(self, world: Worlds) -> None:
        w = await world(client_with(), semantic_config())

        def talk(city: str, text: str) -> Any:
            past = ({"role": "user", "content": f"I live in {city}"}, {"role": "assistant", "content": "Fine."})
            return [*past, {"role": "user", "content": text}]

        await ask(w, talk("Oslo", ONE))
        assert fate(await ask(w, talk("Bergen", SAME))) is Fate.ALONE
        assert fate(await ask(w, talk("Oslo", SAME))) is Fate.CONFIRMED

    @pytest.mark.parametrize(
        "task",
        [{"instructions": "Read with care."}, {"rubric": {**RUBRIC, "threshold": 0.9}}, {"max_output_tokens": 99}],
    )
    async def test_a_change_of_the_task_never_hits_an_old_answer(self, world: Worlds, task: Any) -> None:
        w = await world(client_with(), semantic_config())
        await ask(w, ONE)
        changed = semantic_config(task)
        w.engine.amend(lambda config: config.model_copy(update={"tasks": changed.tasks}))
        assert fate(await ask(w, SAME)) is Fate.ALONE

    @pytest.mark.parametrize("cache", [{"embeddings": "practice/others"}, {"window": 128}])
    async def test_a_change_of_the_encoder_never_hits_an_old_answer(self, world: Worlds, cache: Any) -> None:
        w = await world(client_with(), semantic_config())
        await ask(w, ONE)
        changed = semantic_config(cache=cache).cache
        w.engine.amend(lambda config: config.model_copy(update={"cache": changed}))
        assert fate(await ask(w, SAME)) is Fate.ALONE


@given(
    st.lists(
        st.tuples(st.sampled_from("ab"), st.sampled_from("12"), st.sampled_from((ONE, SAME))), min_size=1, max_size=6
    )
)
@settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whoever_asks_gets_an_answer_of_their_own_scope(asked: list[tuple[str, str, str]]) -> None:
    async def run() -> None:
        said: dict[str, tuple[str, str]] = {}
        config = semantic_config(cache={"scope": "session"})
        async with Engine(config, client=client_with(), store="sqlite://") as engine:
            for tenant, session, text in asked:
                told = await engine.run("invoice", text, tenant=tenant, session=session)
                if told.decision.outcome is Outcome.CACHED:
                    source = told.decision.message.rpartition(" ")[2]
                    assert said[source] == (tenant, session)
                said[told.decision.id] = (tenant, session)

    anyio.run(run)


@pytest.mark.anyio
class TestWhatIsKept:
    @pytest.mark.parametrize(
        ("script", "task"),
        [
            ({"judge": "no", "performance": Completion("cut", "length")}, {}),
            ({"efficiency": ProviderError("down"), "performance": ProviderError("down")}, {}),
            ({"judge": ProviderError("down")}, {"on_undecided": "accept"}),
            ({"efficiency": Completion(None, refusal="No.")}, {"on_refusal": "return"}),
        ],
        ids=["rejected", "errors", "unjudged", "refused"],
    )
    async def test_only_what_is_whole_and_passed_its_gate(self, world: Worlds, script: Any, task: Any) -> None:
        w = await world(client_with(**script), semantic_config(task))
        for text in (ONE, SAME):
            with contextlib.suppress(AnswerRejected, ProviderError):
                assert (await ask(w, text)).decision.outcome is not Outcome.CACHED
        assert w.rows("SELECT COUNT(*) FROM cache_vectors") == [(0,)]

    async def test_questions_that_expired_go_when_others_come(self, world: Worlds) -> None:
        w = await world(client_with(), semantic_config(cache={"ttl": "1h"}))
        await ask(w, ONE)
        w.clock.advance(hours=2)
        for number in range(PRUNED_AT_ONCE // 2):
            await ask(w, f"{OTHER} {number}")
        assert w.rows("SELECT DISTINCT question LIKE '%Sweden%' FROM cache_vectors") == [(1,)]


@pytest.mark.anyio
class TestAtOnce:
    async def test_equal_questions_at_once_make_one_call_of_each_kind(self, world: Worlds) -> None:
        w = await world(client_with(), semantic_config())
        answers: list[Any] = []

        async def one(text: str) -> None:
            answers.append(await ask(w, text))

        for text, calls in ((ONE, {"embedding": 1, "efficiency": 1, "judge": 1}), (SAME, {"embedding": 1, "judge": 1})):
            async with anyio.create_task_group() as group:
                for _ in range(50):
                    group.start_soon(one, text)
            assert w.used() == calls
        assert {answer.output for answer in answers} == {f"This answers: {ONE}"}
        assert sum(answer.decision.likening is not None for answer in answers) == 2


@pytest.mark.anyio
async def test_both_stores_tell_what_likening_came_to(store_url: str) -> None:
    verdicts = iter(["yes", "yes", "yes", "no"])
    script = client_with(judge=lambda _: next(verdicts, "yes"))
    async with Engine(semantic_config(), client=script, store=store_url) as engine:
        first = await engine.run("invoice", ONE)
        hit = await engine.run("invoice", SAME)
        await engine.run("invoice", OTHER)
        await engine.run("invoice", "Tell me: is shipping to Norway possible?")
        report = await engine.report()
        await engine.store.rebuild()
        assert await engine.report() == report or (await engine.report()).tasks == report.tasks
        likening = await engine.store.likening(hit.decision.id)
        assert await engine.store.check() is not None
    assert likening is not None
    assert (likening.fate, likening.source, likening.propensity) == (Fate.CONFIRMED, first.decision.id, 1.0)
    assert (likening.similarity, likening.saved) == (pytest.approx(1.0), first.decision.cost)
    found = report.tasks["invoice"].cache.likening
    assert (found.looks, found.hits, found.checked, found.wrong) == (4, 1, 2, 1)
    assert dict(found.rejected) == {"alone": 1, "names": 1, "wrong": 1}
    assert (found.false_hit_rate, found.false_hit_bound) == (0.5, pytest.approx(0.975, abs=1e-3))
    assert found.saved == first.decision.cost
    assert found.net == found.saved - found.cost < 0
    assert found.cost == report.tasks["invoice"].cost.likening
    told = report.to_json()["tasks"]["invoice"]["cache"]["likening"]
    assert (told["looks"], told["rejected"]) == (4, {"alone": 1, "names": 1, "wrong": 1})
    assert Decimal(told["net"]) == found.net
    assert "4 questions were likened to earlier ones, and 1 served by that" in report.tasks["invoice"].cache.sentence


class TestConfiguration:
    @pytest.mark.parametrize(
        ("task", "cache", "message"),
        [
            ({}, {"embeddings": None}, r"tasks\.invoice\.cache: 'semantic' needs cache\.embeddings, such as"),
            ({}, {"window": None}, r"tasks\.invoice\.cache: 'semantic' needs cache\.window"),
            ({"schema": {"type": "object"}}, {}, r"not for a task with a schema.*semantic_despite_schema = true"),
            ({"cache": "exact", "semantic_despite_schema": True}, {}, "semantic_despite_schema changes nothing"),
            ({}, {"false_hits": 0}, r"cache\.false_hits"),
        ],
    )
    def test_each_mistake_is_named(self, task: dict[str, Any], cache: dict[str, Any], message: str) -> None:
        with pytest.raises(ConfigError, match=message):
            semantic_config(task, cache)

    def test_it_needs_a_judge(self) -> None:
        with pytest.raises(ConfigError, match=r"tasks\.invoice\.cache: 'semantic' needs the judge"):
            Engine(semantic_config({"gate": [], "rubric": None}), client=client_with(), store="sqlite://")

    def test_it_needs_numpy(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(__import__("sys").modules, "numpy", None)
        with pytest.raises(ConfigError, match=r"install 'qualityroute\[semantic\]'"):
            Engine(semantic_config(), client=client_with(), store="sqlite://")

    def test_the_encoder_s_provider_must_be_there(self) -> None:
        providers = {"practice": {"base_url": "http://127.0.0.1:9/v1"}}
        with pytest.raises(ConfigError, match=r"cache\.embeddings: no provider 'nowhere' for 'nowhere/vectors'"):
            semantic_config(cache={"embeddings": "nowhere/vectors"}, providers=providers)

    def test_a_schema_can_be_forced(self) -> None:
        config = semantic_config({"schema": {"type": "object"}, "semantic_despite_schema": True})
        Engine(config, client=client_with(), store="sqlite://")

    def test_a_budget_needs_the_encoder_s_price(self) -> None:
        config = semantic_config(budget={"per_day": 1}, prices=PRICES)
        with pytest.raises(ConfigError, match=r"'practice/vectors' \(cache\.embeddings\)"):
            Engine(config, client=client_with(), store="sqlite://")
