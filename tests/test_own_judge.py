"""A judge of the user's own: scored and written down as any other, and in trouble, never rejecting, when it breaks."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import anyio
import pytest
from conftest import INVOICE_SCHEMA, NOW, RUBRIC, config_with
from hypothesis import given
from hypothesis import strategies as st

from qualityroute import (
    Completion,
    Config,
    ConfigError,
    Engine,
    Judgement,
    Outcome,
    ProviderError,
    Reason,
    Rubric,
    Ruling,
    Verdict,
)
from qualityroute.config import Judge, fingerprint, resolve, resolve_judge
from qualityroute.gates.interface import Candidate
from qualityroute.gates.judge import Breaker, JudgeCheck, backend_for
from qualityroute.gates.judge_own import read_own
from qualityroute.gates.judge_verdict import UnreadableVerdict
from qualityroute.metering import Meter
from qualityroute.prices import PriceBook
from qualityroute.records import Role
from qualityroute.testing import ScriptedClient

RUBRIC_ = Rubric.model_validate(RUBRIC)
GOOD = '{"number": "A-1", "total": 5}'
ALL_YES = {"supported": True, "complete": True}


class Says:
    """A judge that returns, or raises, what it was given."""

    def __init__(self, said: Any, *more: Any) -> None:
        self.said = [said, *more]
        self.asked: list[tuple[Rubric, str, str]] = []

    async def judge(self, rubric: Rubric, source: str, candidate: str) -> Any:
        self.asked.append((rubric, source, candidate))
        said = self.said.pop(0) if len(self.said) > 1 else self.said[0]
        if isinstance(said, BaseException):
            raise said
        return said


class SaysAtOnce:
    """The same without `async`."""

    def __init__(self, said: Any) -> None:
        self.said, self.threads = said, set[int]()

    def judge(self, rubric: Rubric, source: str, candidate: str) -> Any:
        self.threads.add(threading.get_ident())
        if isinstance(self.said, BaseException):
            raise self.said
        return self.said


class Hangs:
    async def judge(self, rubric: Rubric, source: str, candidate: str) -> Any:
        await anyio.sleep_forever()


class HangsInItsThread:
    def __init__(self) -> None:
        self.free = threading.Event()

    def judge(self, rubric: Rubric, source: str, candidate: str) -> Any:
        self.free.wait(30)
        return ALL_YES


async def ask(judge: Any, breaker: Breaker | None = None, **settings: Any) -> Verdict:
    backend = backend_for(Judge(object=judge, **settings), breaker or Breaker(lambda: 0.0))
    return await ask_by(JudgeCheck(backend, RUBRIC_))


async def ask_by(check: JudgeCheck) -> Verdict:
    candidate = Candidate((), "total 5", Completion('{"total": 5}'), '{"total": 5}', {"total": 5}, None)
    meter = Meter(ScriptedClient({"judge": "yes"}), PriceBook(), lambda: NOW, time.monotonic)
    verdict = await check.check(candidate, meter)
    assert tuple(meter.calls) == verdict.calls
    return verdict


# What it says


@pytest.mark.parametrize("kind", [Says, SaysAtOnce])
@pytest.mark.parametrize(
    ("said", "ruling", "points"),
    [
        (ALL_YES, Ruling.ACCEPTED, 1.0),
        ({"supported": 0.9, "complete": 0.9}, Ruling.ACCEPTED, 0.81),
        ({"supported": Fraction(1, 4), "complete": 1}, Ruling.REJECTED, 0.0),
        (Judgement({"supported": 1.0, "complete": 0.0}), Ruling.REJECTED, 0.5),
    ],
)
@pytest.mark.anyio
async def test_its_probabilities_are_scored_as_any_judges(kind: Any, said: Any, ruling: Ruling, points: float) -> None:
    verdict = await ask(kind(said))
    assert (verdict.ruling, verdict.score) == (ruling, pytest.approx(points))
    assert (verdict.details["own"], verdict.details["yes"]) == (1, dict(getattr(said, "yes", said)))


@pytest.mark.anyio
async def test_it_is_given_the_rubric_the_source_and_the_candidate() -> None:
    judge = Says(ALL_YES)
    await ask(judge)
    assert judge.asked == [(RUBRIC_, "total 5", '{"total": 5}')]


@pytest.mark.anyio
async def test_what_it_finds_in_the_data_and_quotes_of_it_counts() -> None:
    verdict = await ask(Says(Judgement(ALL_YES, instructions_in_data=True, evidence={"supported": "total " * 99})))
    assert (verdict.ruling, verdict.reason, verdict.score) == (Ruling.REJECTED, Reason.INJECTION, 0.0)
    assert len(verdict.details["evidence"]["supported"]) == 200


@pytest.mark.anyio
async def test_a_judge_without_async_runs_in_another_thread() -> None:
    judge = SaysAtOnce(ALL_YES)
    await ask(judge)
    assert judge.threads.isdisjoint({threading.get_ident()})


@pytest.mark.anyio
async def test_a_method_that_only_returns_an_awaitable_is_awaited() -> None:
    class Wraps:
        def judge(self, rubric: Rubric, source: str, candidate: str) -> Any:
            return Says(ALL_YES).judge(rubric, source, candidate)

    assert (await ask(Wraps())).ruling is Ruling.ACCEPTED


# Trouble


WRONG = [
    None,
    0.9,
    "yes",
    [True, True],
    {},
    {"supported": True},
    {**ALL_YES, "more": True},
    {**ALL_YES, "supported": "yes"},
    {**ALL_YES, "supported": None},
    {**ALL_YES, "supported": 1.01},
    {**ALL_YES, "supported": -1},
    {**ALL_YES, "supported": 10**400},
    {**ALL_YES, "supported": float("nan")},
    {**ALL_YES, "supported": Decimal(1)},
    Judgement({"supported": True}),
    Judgement(None),  # type: ignore[arg-type]
    Judgement(ALL_YES, instructions_in_data="no"),  # type: ignore[arg-type]
    Judgement(ALL_YES, evidence=["x"]),  # type: ignore[arg-type]
    Judgement(ALL_YES, cost=0.5),  # type: ignore[arg-type]
    Judgement(ALL_YES, cost=Decimal(-1)),
    Judgement(ALL_YES, cost=Decimal("nan")),
]


@pytest.mark.parametrize("said", WRONG, ids=repr)
@pytest.mark.anyio
async def test_anything_that_is_no_judgement_leaves_the_answer_undecided(said: Any) -> None:
    verdict = await ask(Says(said))
    assert (verdict.ruling, verdict.reason) == (Ruling.UNDECIDED, Reason.JUDGE_ERROR)
    assert (verdict.details, verdict.calls[0].error, verdict.calls[0].cost) == ({"cause": "parse"}, None, None)


@given(st.dictionaries(st.sampled_from(["supported", "complete"]), st.floats() | st.integers() | st.booleans()))
def test_a_mapping_is_a_judgement_exactly_when_each_criterion_has_a_probability(said: dict[str, Any]) -> None:
    good = len(said) == 2 and all(0 <= p <= 1 for p in said.values())
    try:
        assert read_own(said, RUBRIC_).yes == said
        assert good
    except UnreadableVerdict:
        assert not good


@pytest.mark.parametrize("kind", [Says, SaysAtOnce])
@pytest.mark.parametrize(
    ("raised", "error"),
    [
        (RuntimeError("Invoice of Jane Doe"), Reason.PROVIDER_ERROR),
        (ConfigError("Invoice of Jane Doe"), Reason.PROVIDER_ERROR),
        (ProviderError("Invoice of Jane Doe", retryable=False), Reason.PROVIDER_ERROR),
        (TimeoutError("Invoice of Jane Doe"), Reason.TIMEOUT),
    ],
)
@pytest.mark.anyio
async def test_whatever_it_raises_leaves_the_answer_undecided_and_is_not_quoted(
    kind: Any, raised: Exception, error: Reason
) -> None:
    verdict = await ask(kind(raised))
    assert (verdict.ruling, verdict.details["cause"], verdict.score) == (Ruling.UNDECIDED, "timeout", None)
    (call,) = verdict.calls
    assert (call.error, call.cost) == (error, None)
    assert f"'{kind.__name__}' raised {type(raised).__name__} at test_own_judge.py:" in verdict.message
    assert "Jane" not in verdict.message


@pytest.mark.anyio
async def test_a_judge_that_hangs_is_left_when_its_time_is_over() -> None:
    verdict = await ask(Hangs(), timeout="20ms")
    assert (verdict.ruling, verdict.details["cause"]) == (Ruling.UNDECIDED, "timeout")
    assert "no judgement from 'Hangs' within 0.02 s" in verdict.message
    assert (verdict.calls[0].error, verdict.calls[0].cost) == (Reason.TIMEOUT, None)


@pytest.mark.anyio
async def test_a_judge_that_hangs_in_its_thread_takes_no_thread_of_others() -> None:
    judge = HangsInItsThread()
    backend = backend_for(Judge(object=judge, timeout="1ms"), Breaker(lambda: 0.0, window=1000))
    try:
        async with anyio.create_task_group() as group:
            for _ in range(60):
                group.start_soon(ask_by, JudgeCheck(backend, RUBRIC_))
        assert anyio.to_thread.current_default_thread_limiter().borrowed_tokens == 0
    finally:
        judge.free.set()


@pytest.mark.anyio
async def test_a_judge_that_mostly_fails_is_left_alone_as_any() -> None:
    judge, breaker = Says(RuntimeError()), Breaker(lambda: 0.0)
    causes = [(await ask(judge, breaker)).details["cause"] for _ in range(21)]
    assert causes == ["timeout"] * 20 + ["open"]
    assert len(judge.asked) == 20


# Samples and panels


@pytest.mark.anyio
async def test_samples_of_it_are_averaged() -> None:
    verdict = await ask(Says(ALL_YES, {**ALL_YES, "complete": False}), samples=2)
    assert (verdict.score, len(verdict.calls)) == (pytest.approx(0.75), 2)


@pytest.mark.anyio
async def test_it_sits_on_a_panel_with_models() -> None:
    verdict = await ask(Says({**ALL_YES, "complete": False}), panel=["p/two"])
    assert [call.name for call in verdict.calls] == ["own/Says", "p/two"]
    assert (verdict.score, verdict.details["own"], verdict.details["verdicts"]) == (pytest.approx(0.75), 1, 2)


# In an engine


def engine_with(own: Any, *, efficiency: Any = GOOD, **sections: Any) -> tuple[Engine, ScriptedClient]:
    client = ScriptedClient({"efficiency": efficiency, "performance": GOOD})
    return Engine(config_with(**sections), client=client, judge=own, store="sqlite://"), client


@pytest.mark.parametrize("section", [None, {}, {"model": "practice/checker"}, {"object": "nowhere:Judge"}])
@pytest.mark.anyio
async def test_an_engine_asks_the_judge_it_is_handed_whatever_the_configuration_names(section: Any) -> None:
    task = {"schema": INVOICE_SCHEMA, "rubric": RUBRIC}
    engine, client = engine_with(Says(Judgement(ALL_YES, cost=Decimal("0.002"))), task=task, judge=section)
    async with engine:
        decision = (await engine.run("invoice", "Invoice A-1, total 5")).decision
        kept = await engine.explain(decision.id)
        report = await engine.report("invoice")
    assert (decision.outcome, client.calls) == (Outcome.ACCEPTED, {"efficiency": 1})
    call = kept.attempts[0].all_calls[-1]
    assert (call.role, call.provider, call.model, call.cost) == (Role.JUDGE, "own", "Says", Decimal("0.002"))
    assert report.tasks["invoice"].cost.judge == Decimal("0.002")


@pytest.mark.anyio
async def test_an_unknown_cost_of_it_stays_unknown() -> None:
    engine, _ = engine_with(Says(ALL_YES))
    async with engine:
        assert (await engine.run("invoice", "Invoice A-1, total 5")).decision.cost is None


@pytest.mark.parametrize(
    ("said", "outcome", "reason"),
    [
        ({**ALL_YES, "supported": False}, Outcome.FALLBACK, Reason.JUDGED),
        (RuntimeError(), Outcome.FAILOVER, Reason.JUDGE_ERROR),
    ],
)
@pytest.mark.anyio
async def test_its_no_falls_back_and_pins_and_its_trouble_does_neither(
    said: Any, outcome: Outcome, reason: Reason
) -> None:
    engine, _ = engine_with(Says(said))
    async with engine:
        decision = (await engine.run("invoice", "Invoice A-1, total 5", session="s")).decision
        pinned = await engine.pins.list()
    assert (decision.outcome, decision.attempts[0].reason) == (outcome, reason)
    assert bool(pinned) is (reason is Reason.JUDGED)


@pytest.mark.anyio
async def test_a_caller_who_hangs_up_leaves_its_call_in_the_ledger() -> None:
    engine, _ = engine_with(Hangs())
    decisions: list[Any] = []
    engine.subscribe(decisions.append)
    async with engine:
        with anyio.move_on_after(0.05):
            await engine.run("invoice", "Invoice A-1, total 5")
    (decision,) = decisions
    call = decision.attempts[0].all_calls[-1]
    assert (call.name, call.error, call.cost) == ("own/Hangs", Reason.CANCELLED, None)


def test_run_sync_asks_it_too() -> None:
    engine, _ = engine_with(Says(ALL_YES))
    with engine:
        assert engine.run_sync("invoice", "Invoice A-1, total 5").decision.outcome is Outcome.ACCEPTED


# In a file

ANSWER_YES = dict.fromkeys(["answers", "supported", "complete"], True)
MODULE = """
from qualityroute import Judgement

class MyJudge:
    async def judge(self, rubric, source, candidate):
        return Judgement({criterion.id: True for criterion in rubric.criteria})

made = MyJudge()
nothing = object()

class Needs(MyJudge):
    def __init__(self, key): ...

class Short:
    def judge(self, rubric, source): ...

class Breaks(MyJudge):
    def __init__(self): raise KeyError("OTHER_KEY")
"""
FILE = """
version = 1
[tiers.efficiency]
models = ["practice/small"]
[tiers.performance]
models = ["practice/careful"]
[judge]
{judge}
[tasks.invoice]
rubric = "answer"
gate = ["judge"]
[providers.practice]
base_url = "http://127.0.0.1:1/v1"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Any:
    (tmp_path / "shop_judges.py").write_text(MODULE, encoding="utf-8")
    yield tmp_path
    sys.modules.pop("shop_judges", None)
    sys.path[:] = [place for place in sys.path if place != str(tmp_path.resolve())]


def write(folder: Path, judge: str) -> Path:
    path = folder / "qualityroute.toml"
    path.write_text(FILE.format(judge=judge), encoding="utf-8")
    return path


@pytest.mark.parametrize("name", ["MyJudge", "made"])
@pytest.mark.anyio
async def test_a_file_names_a_class_or_an_object(folder: Path, name: str) -> None:
    path = write(folder, f'object = "shop_judges:{name}"')
    client = ScriptedClient({"efficiency": "5", "performance": "6"})
    async with Engine.from_file(path, client=client, store="sqlite://") as engine:
        assert (await engine.run("invoice", "total 5")).decision.outcome is Outcome.ACCEPTED
        assert engine.reload()
        assert (await engine.run("invoice", "total 5")).decision.outcome is Outcome.ACCEPTED


@pytest.mark.anyio
async def test_a_judge_handed_over_outlives_a_reload(folder: Path) -> None:
    judge, client = Says(ANSWER_YES), ScriptedClient({"efficiency": "5", "performance": "6"})
    async with Engine.from_file(write(folder, ""), client=client, judge=judge, store="sqlite://") as engine:
        assert engine.reload()
        assert (await engine.run("invoice", "total 5")).decision.outcome is Outcome.ACCEPTED
    assert len(judge.asked) == 1


@pytest.mark.anyio
async def test_a_judge_handed_over_outlives_a_reload_where_run_sync_is_used_beside_run(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    judge, client = Says(ANSWER_YES), ScriptedClient({"efficiency": "5", "performance": "6"})
    async with Engine.from_file(write(folder, ""), client=client, judge=judge, store="sqlite://") as engine:
        for _ in range(2):
            await anyio.to_thread.run_sync(engine.run_sync, "invoice", "total 5")
            assert engine.reload()
    assert (len(judge.asked), caplog.messages) == (2, [])


@pytest.mark.parametrize(
    ("judge", "told"),
    [
        ('object = "shop_judges:Nobody"', "judge.object: module 'shop_judges' has no 'Nobody'"),
        ('object = "nowhere:MyJudge"', "judge.object: no module 'nowhere'"),
        ('object = "MyJudge"', "judge.object: 'MyJudge' is not of the form 'package.module:name'"),
        ('object = "shop_judges:nothing"', "judge.object: 'shop_judges:nothing' has no method 'judge'"),
        ('object = "shop_judges:Needs"', "must be made without arguments"),
        ('object = "shop_judges:Short"', "must take three arguments: (rubric, source, candidate)"),
        ('object = "shop_judges:made"\nmodel = "practice/checker"', "model and object are both set"),
        ('object = "shop_judges:made"\nquorum = 2', "above the number of judges (1)"),
    ],
)
def test_a_mistake_in_it_is_found_when_the_file_is_read(folder: Path, judge: str, told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Config.load(write(folder, judge))
    assert told in str(caught.value)


@pytest.mark.parametrize(
    ("judge", "told"),
    [
        ("", "judge: it names no judge; set judge.model"),
        ('object = "shop_judges:Breaks"', "judge.object: 'shop_judges:Breaks' cannot be made: KeyError"),
    ],
)
def test_no_engine_is_made_without_its_judge(folder: Path, judge: str, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        Engine.from_file(write(folder, judge), client=ScriptedClient({}), store="sqlite://")


def test_an_object_without_the_method_is_refused_by_the_engine() -> None:
    with pytest.raises(ConfigError, match=r"judge\.object: object has no method 'judge'"):
        Engine(config_with(), client=ScriptedClient({}), judge=object(), store="sqlite://")  # type: ignore[arg-type]


def test_another_class_of_judge_is_another_fingerprint() -> None:
    def of(judge: Mapping[str, Any]) -> str:
        config = config_with(judge=judge)
        return fingerprint(config, resolve(config))

    assert len({of({"object": Says(1)}), of({"object": Hangs()}), of({"model": "practice/checker"})}) == 3
    assert of({"object": Says(1)}) == of({"object": Says(2)})


def test_without_a_judge_section_there_is_no_judge() -> None:
    assert resolve_judge(config_with(task={"schema": INVOICE_SCHEMA}, judge=None)) is None
