"""The whole way over real HTTP, with real files and real processes: what users would notice first."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import anyio
import pytest
from conftest import INVOICE_SCHEMA
from fault_server import FaultServer, Play, completion, failing, good

from qualityroute import AnswerRejected, Config, Engine, Outcome, Reason, Route
from qualityroute.practice import PracticeServer, documents, schema_path
from qualityroute.rubrics import builtin_rubrics

HARD = next(d for d in documents("contract") if d.id == "contract-03")
EASY = next(d for d in documents("invoice") if d.id == "invoice-01")


def config_for(base_url: str, *, task: str = "contract", **sections: Any) -> Config:
    return Config.model_validate(
        {
            "providers": {"practice": {"base_url": base_url}},
            "tiers": {"efficiency": {"models": ["practice/small"]}, "performance": {"models": ["practice/careful"]}},
            "judge": {"model": "practice/checker"},
            "tasks": {
                task: {
                    "instructions": "Extract the fields.",
                    "schema": str(schema_path(task)),
                    "rubric": str(builtin_rubrics()[task]),
                    "gate": ["schema", "judge"],
                }
            },
            **sections,
        }
    )


@pytest.mark.anyio
async def test_a_rejected_session_is_pinned_before_the_call_returns_and_held_with_one_model_call(
    tmp_path: Path,
) -> None:
    with PracticeServer() as server:
        async with Engine(config_for(server.base_url), store=f"sqlite:///{tmp_path}/q.db") as engine:
            first = await engine.run("contract", HARD.input, session="anna")
            assert first.decision.outcome is Outcome.FALLBACK
            assert first.output == HARD.expected
            with sqlite3.connect(tmp_path / "q.db") as file:
                assert file.execute("select session, state from pins").fetchall() == [("anna", "held")]
            file.close()
            before = dict(server.calls)
            assert (await engine.run("contract", HARD.input, session="anna")).decision.outcome is Outcome.PINNED
            spent = {model: count - before.get(model, 0) for model, count in server.calls.items()}
            assert {model: count for model, count in spent.items() if count} == {"careful": 1}
            other = await engine.run("contract", HARD.input, session="ben")
            assert other.decision.route is Route.CASCADE


WORKER = """
    import asyncio, sys
    from pathlib import Path
    from qualityroute import Engine
    from test_end_to_end import HARD, config_for

    async def main():
        engine = Engine(config_for(sys.argv[1]), store="sqlite:///" + sys.argv[2])
        async with engine:
            print((await engine.run("contract", HARD.input, session="anna")).decision.outcome, flush=True)
            sys.stdin.readline()

    asyncio.run(main())
"""


def start_worker(server: PracticeServer, path: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(WORKER), server.base_url, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent)},
    )


def outcome_in(worker: subprocess.Popen[str]) -> str:
    assert worker.stdout is not None
    return worker.stdout.readline().strip()


def end(worker: subprocess.Popen[str]) -> None:
    worker.send_signal(signal.SIGKILL)
    worker.communicate()


def test_a_pin_survives_kill_9_and_is_seen_by_a_second_process(tmp_path: Path) -> None:
    with PracticeServer() as server:
        first = start_worker(server, tmp_path / "q.db")
        assert outcome_in(first) == "fallback"
        second = start_worker(server, tmp_path / "q.db")
        assert outcome_in(second) == "pinned"
        end(first)
        end(second)
        third = start_worker(server, tmp_path / "q.db")
        assert outcome_in(third) == "pinned"
        end(third)


def split_config(cheap: str, dear: str, **sections: Any) -> Config:
    """The efficiency tier and the judge on one server, the performance tier on another."""
    return Config.model_validate(
        {
            "providers": {"cheap": {"base_url": cheap, "retries": 0}, "dear": {"base_url": dear, "retries": 0}},
            "tiers": {"efficiency": {"models": ["cheap/small"]}, "performance": {"models": ["dear/large"]}},
            "tasks": {"invoice": {"schema": INVOICE_SCHEMA}},
            **sections,
        }
    )


GOOD = '{"number": "A-1", "total": 12.5}'
BAD = '{"number": "A-1"}'
CUT_OFF = completion('{"number": "A')


@pytest.mark.parametrize(
    ("fault", "outcome", "pins"),
    [
        (failing(429, "slow down"), Outcome.FAILOVER, 0),
        (failing(503, "overloaded"), Outcome.FAILOVER, 0),
        (failing(500, "oops"), Outcome.FAILOVER, 0),
        (failing(401, "wrong key"), Outcome.FAILOVER, 0),
        (Play(b"<html>busy</html>"), Outcome.FAILOVER, 0),
        (Play(b'{"error": {"message": "upstream", "code": 502}}'), Outcome.FAILOVER, 0),
        (Play(cut=-1), Outcome.FAILOVER, 0),
        (Play({**CUT_OFF, "choices": [{**CUT_OFF["choices"][0], "finish_reason": "length"}]}), Outcome.FALLBACK, 0),
        (good("I'm sorry, but I can't help with that."), Outcome.FALLBACK, 0),
        (good(""), Outcome.FALLBACK, 1),
        (good(BAD), Outcome.FALLBACK, 1),
    ],
    ids=["429", "503", "500", "401", "html", "error-in-200", "closed", "cut-off", "refusal", "empty", "invalid"],
)
@pytest.mark.anyio
async def test_whatever_the_cheap_tier_does_the_caller_gets_the_performance_answer(
    tmp_path: Path, fault: Play, outcome: Outcome, pins: int
) -> None:
    with FaultServer(fault) as cheap, FaultServer(good(GOOD)) as dear:
        async with Engine(split_config(cheap.url, dear.url), store=f"sqlite:///{tmp_path}/q.db") as engine:
            answer = await engine.run("invoice", "Invoice A-1 12.50", session="anna")
            assert answer.output == {"number": "A-1", "total": 12.5}
            assert answer.decision.outcome is outcome
            assert len(await engine.pins.list()) == pins


@pytest.mark.anyio
async def test_an_invalid_answer_of_both_tiers_is_never_returned_as_good(tmp_path: Path) -> None:
    with FaultServer(good(BAD)) as cheap, FaultServer(good(BAD)) as dear:
        async with Engine(split_config(cheap.url, dear.url), store=f"sqlite:///{tmp_path}/q.db") as engine:
            with pytest.raises(AnswerRejected) as caught:
                await engine.run("invoice", "Invoice A-1 12.50")
    assert [attempt.reason for attempt in caught.value.attempts] == [Reason.SCHEMA, Reason.SCHEMA]


@pytest.mark.anyio
async def test_the_ledgers_sums_are_the_upstreams_own(tmp_path: Path) -> None:
    prices = [
        {"model": "practice/small", "input": "0.15", "output": "0.60"},
        {"model": "practice/careful", "input": "3", "output": "15"},
        {"model": "practice/checker", "input": "0.10", "output": "0.40"},
    ]
    with PracticeServer() as server:
        config = config_for(server.base_url, task="invoice", prices=prices)
        async with Engine(config, store=f"sqlite:///{tmp_path}/q.db") as engine:
            inputs = [{"input": d.input, "session": d.session} for d in documents("invoice")]
            decisions = [item.answer.decision async for item in engine.map("invoice", inputs) if item.answer]
            report = (await engine.report()).tasks["invoice"]
        calls = sum(server.calls.values())
    assert len(decisions) == len(inputs)
    assert calls == sum(len(attempt.all_calls) for decision in decisions for attempt in decision.attempts)
    assert report.cost.total == sum(decision.cost for decision in decisions if decision.cost is not None)
    with sqlite3.connect(tmp_path / "q.db") as file:
        assert file.execute("select count(*) from calls").fetchone() == (calls,)
    file.close()


@pytest.mark.anyio
async def test_a_hanging_upstream_ends_with_the_deadline(tmp_path: Path) -> None:
    hang = Play(delay=30)
    with FaultServer(hang) as cheap, FaultServer(hang) as dear:
        config = split_config(cheap.url, dear.url, deadline="500ms")
        async with Engine(config, store=f"sqlite:///{tmp_path}/q.db") as engine:
            with anyio.fail_after(3), pytest.raises(TimeoutError):
                await engine.run("invoice", "Invoice A-1 12.50")
    with sqlite3.connect(tmp_path / "q.db") as file:
        rows = file.execute("select outcome, reason, metadata from decisions").fetchall()
    file.close()
    assert [(outcome, reason) for outcome, reason, _ in rows] == [("failed", "deadline")]
    assert json.loads(rows[0][2]) == {}
