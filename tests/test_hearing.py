"""Who hears what of a request's answer: performance live, efficiency never, and nothing of what serves nobody."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import pytest
from asking import Ear
from conftest import INVOICE_SCHEMA, RUBRIC, blank_store, config_with
from fault_server import FaultServer, failing, good, streaming
from worlds import BAD, BETTER, GOOD, TEXT, Worlds, client_with

from qualityroute import (
    AnswerRejected,
    Completion,
    CompletionRequest,
    Config,
    DeadlineExceeded,
    Engine,
    Outcome,
    ProviderError,
    QualityRouteError,
    Reason,
    Tier,
)
from qualityroute.client import delta_of
from qualityroute.practice.server import PracticeServer
from qualityroute.records import Role, ToolCall
from qualityroute.testing import ScriptedClient

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("plain_loopback")]

JUDGED: dict[str, Any] = {"schema": INVOICE_SCHEMA, "rubric": RUBRIC, "gate": ["judge"]}


def config_of(*urls: str, task: Mapping[str, Any] | None = None, **sections: Any) -> Config:
    """A task on performance, whose models are at these addresses, asked in this order."""
    names = [f"p{number}" for number in range(len(urls))]
    models = [f"{name}/large" for name in names]
    prices = [{"model": model, "input": 1, "output": 2, "effective_from": "2026-01-01"} for model in models]
    return Config.model_validate(
        {
            "providers": {
                name: {"base_url": url, "timeout": "20s", "retries": 1} for name, url in zip(names, urls, strict=True)
            },
            "tiers": {"efficiency": {"models": models[:1]}, "performance": {"models": models}},
            "tasks": {"chat": {"tier": "performance", **(task or {})}},
            "prices": prices,
            **sections,
        }
    )


def ledger(path: Path, query: str) -> list[Any]:
    with closing(sqlite3.connect(path)) as file:
        return file.execute(query).fetchall()


class TestWhichAnswers:
    async def test_an_efficiency_answer_is_never_heard(self, world: Worlds) -> None:
        w, ear = await world(), Ear()
        for tier in (None, "efficiency"):
            assert (await w.run(hear=ear, tier=tier)).decision.tier == "efficiency"
        assert ear.heard == []

    @pytest.mark.parametrize(("task", "tier"), [({**JUDGED, "tier": "performance"}, None), (JUDGED, "performance")])
    async def test_a_performance_answer_is_heard_in_pieces_that_are_the_whole(
        self, world: Worlds, task: dict[str, Any], tier: str | None
    ) -> None:
        w, ear = await world(config=config_with(task)), Ear()
        answer = await w.run(hear=ear, tier=tier)
        assert answer.completion is not None
        assert ear.text == answer.completion.content == BETTER
        assert len(ear.heard) > 1

    @pytest.mark.parametrize("efficiency", [BAD, ProviderError("down")])
    async def test_after_an_efficiency_answer_that_does_not_do_only_performance_is_heard(
        self, world: Worlds, efficiency: Any
    ) -> None:
        w, ear = await world(client_with(efficiency=efficiency)), Ear()
        await w.run(hear=ear)
        assert ear.text == BETTER

    async def test_a_pinned_session_is_heard(self, world: Worlds) -> None:
        w, ear = await world(client_with(efficiency=BAD)), Ear()
        await w.run()
        answer = await w.run(hear=ear)
        assert (answer.decision.outcome, ear.text) == (Outcome.PINNED, BETTER)

    async def test_judges_audits_and_exploring_tries_are_not_heard(self, world: Worlds) -> None:
        w, ear = await world(config=config_with({**JUDGED, "accept": {"audit": 1.0}})), Ear()
        await w.run(hear=ear)
        await w.engine.aclose()
        assert w.client.calls == {"efficiency": 1, "judge": 1, "performance": 1}
        assert ear.heard == []

    async def test_exploring_after_an_answer_that_was_heard_is_not(self, world: Worlds) -> None:
        w, ear = await world(config=config_with({**JUDGED, "tier": "performance", "explore": 1.0})), Ear()
        await w.run(hear=ear)
        await w.engine.aclose()
        assert w.client.calls["performance"] == 1
        assert ear.text == BETTER

    async def test_a_client_that_does_not_stream_is_heard_of_at_the_end_only(self, tmp_path: Path) -> None:
        class Plain:
            async def complete(self, request: CompletionRequest) -> Completion:
                return Completion(GOOD)

            async def aclose(self) -> None: ...

        ear = Ear()
        engine = Engine(config_with(), client=Plain(), store=f"sqlite:///{tmp_path}/q.db")
        async with engine:
            answer = await engine.run("invoice", TEXT, tier="performance", hear=ear)
        assert answer.output == {"number": "A-1", "total": 12.5}
        assert ear.heard == []


class TestNoWayBack:
    async def test_another_model_is_heard_where_the_first_one_gave_nothing(self, tmp_path: Path) -> None:
        ear = Ear()
        with FaultServer(failing(500)) as bad, FaultServer(streaming("fine")) as fine:
            async with Engine(config_of(bad.url, fine.url), store="sqlite://") as engine:
                answer = await engine.run("chat", TEXT, hear=ear)
        assert (answer.output, ear.text, answer.decision.model) == ("fine", "fine", "p1/large")

    async def test_an_answer_that_breaks_in_the_middle_is_not_continued_by_another_model(self, tmp_path: Path) -> None:
        ear, path = Ear(), blank_store(tmp_path / "q.db")
        with FaultServer(streaming("begun", then="cut")) as bad, FaultServer(streaming("fine")) as fine:
            async with Engine(config_of(bad.url, fine.url), store=f"sqlite:///{path}") as engine:
                with pytest.raises(ProviderError, match="its answer had begun") as caught:
                    await engine.run("chat", TEXT, hear=ear)
        assert (ear.text, len(bad.requests), len(fine.requests)) == ("begun", 1, 0)
        assert caught.value.decision is not None
        [(tokens, estimated, cost)] = ledger(path, "SELECT output_tokens, estimated, cost FROM calls")
        assert (tokens, estimated) == (2, 1)
        assert cost > 0

    async def test_an_answer_that_was_heard_is_not_asked_for_again_when_its_checks_fail(self, tmp_path: Path) -> None:
        ear = Ear()
        wrong = '{"total": "x"}'
        with FaultServer(lambda body: streaming(*wrong) if "stream" in body else good(wrong)) as server:
            schema = {"type": "object", "properties": {"total": {"type": "number"}}, "required": ["total"]}
            config = config_of(server.url, task={"schema": schema, "repairs": 1})
            async with Engine(config, store="sqlite://") as engine:
                with pytest.raises(AnswerRejected):
                    await engine.run("chat", TEXT, hear=ear)
                assert len(server.requests) == 1
                with pytest.raises(AnswerRejected):
                    await engine.run("chat", TEXT)
                assert len(server.requests) == 3
        assert ear.text == wrong


class TestBooks:
    async def test_what_a_caller_who_left_has_spent_is_in_the_ledger_and_the_budget(self, tmp_path: Path) -> None:
        ear, path = Ear(), blank_store(tmp_path / "q.db")
        with FaultServer(streaming("x" * 40, then="hang")) as server:
            config = config_of(server.url, budget={"per_day": 1}, task={"max_output_tokens": 1_000})
            async with Engine(config, store=f"sqlite:///{path}") as engine:
                async with anyio.create_task_group() as group:
                    group.start_soon(lambda: engine.run("chat", TEXT, hear=ear))
                    with anyio.fail_after(10):
                        await ear.begun.wait()
                    group.cancel_scope.cancel()
                assert await anyio.to_thread.run_sync(server.left.wait, 10)
            sent = -(-len(server.requests[0].content) // 4)
        assert ledger(path, "SELECT outcome FROM decisions") == [("cancelled",)]
        [(read, written, estimated, cost)] = ledger(
            path, "SELECT input_tokens, output_tokens, estimated, cost FROM calls"
        )
        assert (read, written, estimated) == (sent, 10, 1)
        assert cost == pytest.approx((sent + 2 * 10) / 1e6)
        assert ledger(path, "SELECT spent FROM spending") == [(round(cost * 1e12),)]
        assert ledger(path, "SELECT * FROM reservations") == []

    async def test_a_deadline_in_the_middle_ends_the_request_with_its_tokens(self, tmp_path: Path) -> None:
        path = tmp_path / "q.db"
        with FaultServer(streaming("begun", then="hang")) as server:
            config = config_of(server.url, deadline="1500ms")
            async with Engine(config, store=f"sqlite:///{path}") as engine:
                with pytest.raises(DeadlineExceeded):
                    await engine.run("chat", TEXT, hear=Ear())
        assert ledger(path, "SELECT output_tokens, error FROM calls") == [(2, "cancelled")]

    async def test_a_listener_that_hangs_does_not_outlive_the_deadline(self, world: Worlds) -> None:
        async def hear(delta: Mapping[str, Any]) -> None:
            await anyio.sleep_forever()

        w = await world(config=config_with({**JUDGED, "deadline": "100ms"}))
        with pytest.raises(DeadlineExceeded):
            await w.run(tier="performance", hear=hear)

    async def test_a_listener_that_fails_ends_the_request_and_is_no_fault_of_the_provider(self, tmp_path: Path) -> None:
        async def hear(delta: Mapping[str, Any]) -> None:
            raise OSError("my pipe is broken")

        path = tmp_path / "q.db"
        with FaultServer(streaming("a", "b"), streaming("another")) as server:
            async with Engine(config_of(server.url, server.url), store=f"sqlite:///{path}") as engine:
                with pytest.raises(QualityRouteError, match="the listener failed: OSError: my pipe") as caught:
                    await engine.run("chat", TEXT, hear=hear)
            assert len(server.requests) == 1
        assert not isinstance(caught.value, ProviderError)
        assert isinstance(caught.value.__cause__, OSError)
        assert ledger(path, "SELECT reason FROM decisions") == [(Reason.INTERNAL.value,)]


class TestDoubles:
    async def test_a_scripted_answer_is_heard_a_few_words_at_a_time(self, world: Worlds) -> None:
        script = client_with(performance="  one two three four\nfive six seven ")
        w, ear = await world(script, config_with({"tier": "performance"})), Ear()
        await w.run(hear=ear)
        assert [delta["content"] for delta in ear.heard] == ["  one two three ", "four\nfive six ", "seven "]

    async def test_scripted_tool_calls_are_heard(self) -> None:
        ear = Ear()
        said = Completion(None, tool_calls=(ToolCall("c", "f", "{}"),))
        request = CompletionRequest(
            Role.ANSWER, Tier.PERFORMANCE, "p", "m", ({"role": "user", "content": "x"},), hear=ear
        )
        await ScriptedClient({"performance": said}).complete(request)
        assert ear.heard == [delta_of(said)]
        assert request.progress.heard

    async def test_the_practice_provider_is_heard_while_it_writes(self) -> None:
        ear = Ear()
        letter = "Amberley Tools Ltd\nInvoice number: AT-12\nInvoice date: 4 May 2026\nTotal: GBP 12.50"
        schema = {
            "type": "object",
            "properties": {"invoice_number": {"type": "string"}, "total": {"type": "number"}},
            "required": ["invoice_number", "total"],
        }
        with PracticeServer() as server:
            config = Config.model_validate(
                {
                    "providers": {"practice": {"base_url": server.base_url}},
                    "tiers": {
                        "efficiency": {"models": ["practice/crude"]},
                        "performance": {"models": ["practice/careful"]},
                    },
                    "tasks": {"invoice": {"schema": schema, "tier": "performance"}},
                }
            )
            async with Engine(config, store="sqlite://") as engine:
                answer = await engine.run("invoice", letter, hear=ear)
        assert answer.completion is not None
        assert ear.text == answer.completion.content
        assert json.loads(ear.text) == answer.output
        assert not answer.completion.usage.estimated


def test_code_that_does_not_await_its_answer_may_hear_it_too(tmp_path: Path) -> None:
    ear: list[Mapping[str, Any]] = []

    async def hear(delta: Mapping[str, Any]) -> None:
        ear.append(delta)

    engine = Engine(config_with(), client=client_with(), store=f"sqlite:///{tmp_path}/q.db")
    with engine:
        engine.run_sync("invoice", TEXT, tier="performance", hear=hear)
    assert "".join(delta["content"] for delta in ear) == BETTER
