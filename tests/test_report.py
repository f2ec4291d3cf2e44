"""The report: what it counts, what it says, what it suggests."""

from __future__ import annotations

import gzip
import json
import os
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import anyio
import pytest
from conftest import INVOICE_SCHEMA, RUBRIC, config_with
from recount import recount

from qualityroute import Completion, Config, Engine, Outcome, Reason, Usage
from qualityroute.config import Task
from qualityroute.report import Rate, Report, TaskReport, money
from qualityroute.report.series import rate_of, series
from qualityroute.report.words import dollars
from qualityroute.signal import Flag, State
from qualityroute.store import CostSummary, FirstAttempt, HourSummary, Pairs, TaskSummary
from qualityroute.testing import ScriptedClient

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
SPEND = {"input": "1", "output": "1"}
EVEN = [{"model": f"practice/{name}", **SPEND} for name in ("small", "checker")] + [
    {"model": "practice/careful", "input": "5", "output": "5"}
]
"""Performance costs five times as much: efficiency and judge together pay up to f* = .6."""


class Clock:
    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=30)
        return self.now


def answers(text: str) -> Completion:
    return Completion(text, usage=Usage(1000, 0, 0))


async def reported(
    outcomes: str,
    tmp_path: Path,
    *,
    task: dict[str, Any] | None = None,
    later: timedelta = timedelta(hours=1),
    **sections: Any,
) -> Report:
    """A report after one session for each letter: `.` accepted, `x` rejected by the judge, `s` by the schema."""
    script = [answers('{"number": "A"}' if letter == "s" else '{"number": "A", "total": 1}') for letter in outcomes]
    verdicts = ["no" if letter == "x" else "yes" for letter in outcomes if letter != "s"]
    client = ScriptedClient(
        {
            "efficiency": script,
            "performance": answers('{"number": "A", "total": 1}'),
            "judge": [judged(v) for v in verdicts] or "yes",
        }
    )
    clock = Clock()
    config = config_with(task=task, **{"prices": EVEN, **sections})
    async with Engine(config, client=client, store=str(tmp_path / "q.db"), now=clock) as engine:
        for number, _ in enumerate(outcomes):
            await engine.run("invoice", "A 1", session=f"s{number}")
        clock.now += later
        return await engine.report()


def judged(verdict: str) -> Completion:
    checks = [{"id": name, "evidence": "", "verdict": verdict} for name in ("supported", "complete")]
    return Completion(json.dumps({"checks": checks, "instructions_in_data": "no"}), usage=Usage(1000, 0, 0))


def of(report: Report) -> TaskReport:
    return report.tasks["invoice"]


@pytest.mark.anyio
async def test_a_task_that_fails_too_often_is_misclassified_with_a_diff(tmp_path: Path) -> None:
    task = of(await reported("x" * 40, tmp_path))
    assert task.break_even == pytest.approx(0.6)
    assert task.state is State.MISCLASSIFIED
    assert task.suggestion is not None
    assert task.suggestion.key == ("tasks", "invoice", "tier")
    assert task.suggestion.diff == ' [tasks.invoice]\n-tier = "efficiency"\n+tier = "performance"\n'
    assert task.sentence == "invoice loses $0.20 per 100 sessions on efficiency; send it to performance."


@pytest.mark.anyio
async def test_a_task_that_seldom_fails_is_healthy(tmp_path: Path) -> None:
    task = of(await reported("....x....." * 4, tmp_path))
    assert (task.state, task.suggestion, task.sessions_to_go) == (State.HEALTHY, None, 0)
    assert task.sentence.startswith("invoice saves $")


@pytest.mark.anyio
async def test_three_sessions_are_not_enough_and_it_says_how_many_more(tmp_path: Path) -> None:
    task = of(await reported("..x", tmp_path))
    assert task.state is State.INSUFFICIENT
    assert task.sessions_to_go is not None
    assert task.sessions_to_go > 0
    assert f"about {task.sessions_to_go} more session" in task.sentence


@pytest.mark.anyio
async def test_sessions_that_may_go_on_are_not_counted_yet(tmp_path: Path) -> None:
    assert of(await reported("." * 5, tmp_path, later=timedelta(0))).sessions == 0


@pytest.mark.anyio
async def test_without_prices_there_is_no_state_that_needs_money(tmp_path: Path) -> None:
    task = of(await reported("x" * 40, tmp_path, prices=[]))
    assert (task.state, task.break_even, task.suggestion) == (State.INSUFFICIENT, None, None)
    assert "[[prices]]" in task.sentence
    assert (task.cost.total, task.saved.amount) == (None, None)


@pytest.mark.anyio
async def test_the_rate_has_its_wilson_interval_and_the_difficulty_a_wider_one(tmp_path: Path) -> None:
    task = of(await reported("...x" * 5, tmp_path))
    assert (task.fallback_rate.count, task.fallback_rate.of, task.fallback_rate.rate) == (5, 20, 0.25)
    assert task.difficulty.low is not None
    assert task.fallback_rate.low is not None
    assert task.difficulty.low < task.fallback_rate.low < 0.25


@pytest.mark.anyio
async def test_a_change_of_the_rate_is_dated_and_flagged(tmp_path: Path) -> None:
    task = of(await reported("." * 80 + "x" * 60, tmp_path))
    assert Flag.CHANGED in task.flags
    assert len(task.changes) == 1
    with sqlite3.connect(tmp_path / "q.db") as file:
        first_bad = file.execute("select min(at) from decisions where failed = 1").fetchone()[0]
    file.close()
    assert task.changes[0].at.isoformat() == first_bad.replace(".000000", "")
    assert (task.changes[0].before, task.changes[0].after) == (0.0, 1.0)
    assert task.state is State.MISCLASSIFIED


@pytest.mark.anyio
async def test_what_only_the_judge_caught_is_told_with_what_it_cost(tmp_path: Path) -> None:
    task = of(await reported(".x.s", tmp_path))
    assert (task.judge.judged, task.judge.catches) == (3, 1)
    assert task.judge.cost == Decimal("0.003")
    assert task.judge.would_save == Decimal("0.003") + Decimal("0.005")
    assert task.by_reason == {Reason.JUDGED: 1, Reason.SCHEMA: 1}


@pytest.mark.anyio
async def test_a_judge_that_catches_nothing_is_told_what_turning_it_off_would_save(tmp_path: Path) -> None:
    sentence = of(await reported("." * 10, tmp_path)).judge.sentence
    assert sentence.startswith("The judge caught nothing in 10 answers (at most 30 % are bad, by its word)")
    assert sentence.endswith("turning it off would have saved $0.010.")


@pytest.mark.anyio
async def test_three_answers_bound_nothing_of_which_a_judge_caught_nothing(tmp_path: Path) -> None:
    sentence = of(await reported("...", tmp_path)).judge.sentence
    assert sentence.startswith("The judge caught nothing in 3 answers; turning it off")


@pytest.mark.anyio
async def test_a_performance_task_that_could_try_efficiency_says_so(tmp_path: Path) -> None:
    settings = Task.model_validate(
        {"tier": "performance", "explore": 1.0, "schema": INVOICE_SCHEMA, "rubric": RUBRIC, "gate": ["judge"]}
    )
    client = ScriptedClient(
        {
            "efficiency": answers('{"number": "A", "total": 1}'),
            "performance": answers('{"number": "A", "total": 1}'),
            "judge": judged("yes"),
        }
    )
    clock = Clock()
    config = config_with(tasks={"invoice": settings}, prices=EVEN)
    async with Engine(config, client=client, store=str(tmp_path / "q.db"), now=clock) as engine:
        for number in range(40):
            await engine.run("invoice", "A 1", session=f"s{number}")
            await anyio.sleep(0.01)
        clock.now += timedelta(hours=1)
        report = await engine.report()
    task = of(report)
    assert task.state is State.COULD_TRY_EFFICIENCY
    assert task.suggestion is not None
    assert task.suggestion.value == "efficiency"
    assert report.suggestions == (task.suggestion,)


@pytest.mark.anyio
async def test_a_task_that_never_tried_efficiency_says_how_it_could(tmp_path: Path) -> None:
    task = of(await reported("....", tmp_path, task={"tier": "performance", "schema": INVOICE_SCHEMA}))
    assert task.state is State.INSUFFICIENT
    assert task.sentence == (
        "invoice: nothing has tried efficiency, so there is no verdict; `explore = 0.02` would try a share."
    )


@pytest.mark.anyio
async def test_pins_that_cost_more_than_they_save_are_told_with_another_setting(tmp_path: Path) -> None:
    script = [answers('{"number": "A"}' if n % 12 == 0 else '{"number": "A", "total": 1}') for n in range(400)]
    client = ScriptedClient(
        {"efficiency": script, "performance": answers('{"number": "A", "total": 1}'), "judge": judged("yes")}
    )
    clock = Clock()
    async with Engine(config_with(prices=EVEN), client=client, store=str(tmp_path / "q.db"), now=clock) as engine:
        for number in range(400):
            await engine.run("invoice", "A 1", session=f"s{number // 40}")
        clock.now += timedelta(hours=1)
        report = await engine.report()
        assert (await engine.report("invoice")).suggestions == ()
    pins = of(report).pins
    assert pins.probes > 20
    assert pins.pay is False
    assert pins.cost is not None
    assert pins.cost > 0
    assert "Pins cost money here" in pins.sentence
    assert [s.diff for s in report.suggestions if s.key == ("pins", "after")] == [" [pins]\n-after = 1\n+after = 2\n"]


@pytest.mark.anyio
async def test_the_rate_over_a_time_has_no_point_before_it_though_states_rest_on_all_time(tmp_path: Path) -> None:
    clock = Clock()
    script = [answers('{"number": "A", "total": 1}')] * 20
    client = ScriptedClient({"efficiency": script, "performance": script[0], "judge": "yes"})
    engine = Engine(config_with(prices=EVEN), client=client, store=str(tmp_path / "q.db"), now=clock)
    async with engine:
        for number in range(20):
            await engine.run("invoice", f"A {number}", session=f"s{number}")
            clock.now += timedelta(days=1) * (number == 13)
        whole, last = of(await engine.report()), of(await engine.report(since=NOON + timedelta(days=1)))
    assert [point.rate.of for point in whole.series] == [5, 5, 5, 5]
    assert sum(point.rate.of for point in last.series) == last.attempts == 6
    assert min(point.start for point in last.series) >= NOON + timedelta(days=1)
    assert last.why == whole.why


@pytest.mark.anyio
async def test_a_report_since_an_hour_leaves_out_what_came_before(tmp_path: Path) -> None:
    await reported("." * 10, tmp_path)
    async with Engine(config_with(), client=ScriptedClient({"judge": "yes"}), store=str(tmp_path / "q.db")) as engine:
        assert of(await engine.report("invoice")).requests == 10
        report = await engine.report(since=NOON + timedelta(days=1))
    assert (report.tasks, report.since) == ({}, NOON + timedelta(days=1))


@pytest.mark.anyio
async def test_the_report_equals_a_recount_of_the_raw_rows(tmp_path: Path) -> None:
    task = of(await reported(".x.s.x", tmp_path))
    raw = recount(tmp_path / "q.db")["invoice"]
    assert (task.requests, task.attempts, task.fallbacks) == (raw["requests"], raw["attempts"], raw["fallbacks"])
    assert task.outcomes == raw["outcomes"]
    assert task.cost.total == raw["cost"]


DOCUMENTED = {
    "attempts", "accepted", "fallbacks", "by_reason", "fallback_rate", "difficulty", "break_even", "state", "sentence",
    "suggestion", "sessions_to_go", "pins_active", "pins_created", "pin_share", "cost", "saved", "judge", "change",
    "latency",
}  # fmt: skip


@pytest.mark.anyio
async def test_the_json_has_the_documented_keys_and_loses_no_digit(tmp_path: Path) -> None:
    report = await reported(".x.s", tmp_path)
    written = json.loads(json.dumps(report.to_json()))
    assert written["version"] == 1
    assert set(written["tasks"]["invoice"]) >= DOCUMENTED
    assert Decimal(written["tasks"]["invoice"]["cost"]["total"]) == of(report).cost.total


def test_an_empty_ledger_is_an_empty_report() -> None:
    assert Report({}, 0, None, NOON).to_json()["tasks"] == {}


SUMMARY = TaskSummary(
    task="t", requests=12, outcomes={Outcome.ACCEPTED: 10, Outcome.FALLBACK: 2}, attempts=12, accepted=10,
    fallbacks=2, by_reason={}, first_attempts=0, first_fallbacks=0, judged=0, judge_catches=0,
    tried=CostSummary(12, Decimal(12)), judging=CostSummary(), efficiency=CostSummary(12, Decimal(12)),
    judge=CostSummary(), performance=CostSummary(2, Decimal(200)),
    cut_off=0, pairs=Pairs(), latency={}, pins_created=0, pinned=0, probes=0, failed_probes=0, released=0, explored=0,
    hours=(),
)  # fmt: skip


def test_without_pairs_a_performance_answer_costs_the_mean() -> None:
    assert money.performance_cost_alone(SUMMARY) == 100
    assert money.against_all_performance(SUMMARY, Decimal(212)).against == 1200


def test_with_pairs_the_cost_follows_the_size() -> None:
    sizes = [100, 200, 300]
    pairs = Pairs(
        3, sum(sizes), Decimal(sum(sizes)), float(sum(s * s for s in sizes)), float(sum(s * s for s in sizes)), 10, 4000
    )
    assert money.performance_cost_alone(replace(SUMMARY, pairs=pairs)) == pytest.approx(Decimal(400))


def test_a_longer_request_is_never_taken_to_cost_less() -> None:
    pairs = Pairs(3, 600, Decimal(600), 140_000.0, 100_000.0, 10, 9000)
    assert money.performance_cost_alone(replace(SUMMARY, pairs=pairs)) == 200


def test_unknown_performance_costs_leave_the_saving_unknown() -> None:
    unknown = replace(SUMMARY, performance=CostSummary(2, Decimal(0), 2))
    assert money.against_all_performance(unknown, Decimal(1)).amount is None
    assert money.against_never_pinning(SUMMARY, Decimal(1), None).amount is None
    assert money.against_never_pinning(replace(unknown, pinned=1), Decimal(1), 0.5).amount is None


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ("0", "$0"),
        ("12.3", "$12.30"),
        ("1234.5", "$1,234.50"),
        ("0.0042", "$0.0042"),
        ("-1.5", "-$1.50"),
        ("0.00000012345", "$0.00000012"),
    ],
)
def test_dollars_have_the_digits_that_matter(amount: str, text: str) -> None:
    assert dollars(Decimal(amount)) == text


def hours(count: int) -> Iterator[HourSummary]:
    return (HourSummary(NOON + timedelta(hours=n), 10, 1) for n in range(count))


def test_a_series_is_by_hours_then_days_and_by_groups_where_hours_are_few() -> None:
    assert len(series(list(hours(24)), [])) == 24
    assert len(series(list(hours(240)), [])) == 11
    first = [FirstAttempt(NOON, n % 2 == 0) for n in range(50)]
    points = series(list(hours(1)), first)
    assert len(points) == 10
    assert len({point.start for point in points}) == 10
    assert sum(point.rate.of for point in points) == 50
    assert series([], []) == ()
    assert [point.rate.of for point in series(list(hours(1)), first[:19])] == [10]


def test_nothing_counted_has_no_rate() -> None:
    assert rate_of(0, 0) == Rate(None, None, None, 0, 0)


REPLAY = Path(__file__).resolve().parents[2] / "shared" / "replay"


def replay_cases() -> list[dict[str, Any]]:
    if not REPLAY.is_dir():
        if os.environ.get("CI"):
            pytest.fail(f"no recorded answers in {REPLAY}")
        pytest.skip("no recorded answers here")
    cases = []
    for name in ("bfcl-simple", "bfcl-multiple", "bfcl-parallel"):
        with gzip.open(REPLAY / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
            cases += [json.loads(line) for line in lines]
    return cases


SMALL, LARGE = "gpt-4o-mini-2024-07-18-FC", "claude-3-5-sonnet-20240620"


def spent(case: dict[str, Any], model: str, prices: dict[str, Any]) -> Decimal:
    answer, (read, written) = case["answers"][model], prices[model]
    return (answer["prompt_tokens"] * Decimal(str(read)) + answer["completion_tokens"] * Decimal(str(written))) / 10**6


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.anyio
async def test_on_recorded_work_the_cost_is_exact_and_the_saving_within_a_point_of_the_truth(
    tmp_path: Path, anyio_backend: str
) -> None:
    cases = replay_cases()
    prices = json.loads((REPLAY / "prices.json").read_text(encoding="utf-8"))["prices"]
    by_id = {case["id"]: case for case in cases}

    def recorded(model: str) -> Any:
        def answer(messages: list[dict[str, Any]]) -> Completion:
            found = by_id[messages[-1]["content"].split("\n", 1)[0]]["answers"][model]
            return Completion(found["content"], usage=Usage(found["prompt_tokens"], 0, found["completion_tokens"]))

        return answer

    rows = [{"model": f"r/{name}", "input": str(a), "output": str(b)} for name, (a, b) in prices.items()]
    tasks = {case["id"]: {"schema": case["response_schema"]} for case in cases}
    config = Config.model_validate(
        {
            "tiers": {"efficiency": {"models": [f"r/{SMALL}"]}, "performance": {"models": [f"r/{LARGE}"]}},
            "tasks": {name.replace("/", "."): task for name, task in tasks.items()},
            "prices": rows,
        }
    )
    client = ScriptedClient({"efficiency": recorded(SMALL), "performance": recorded(LARGE)})
    total, served, fell_back = Decimal(0), 0, 0
    summaries: list[TaskSummary] = []
    async with Engine(config, client=client, store=str(tmp_path / "q.db")) as engine:
        for case in cases:
            try:
                decision = (await engine.run(case["id"].replace("/", "."), f"{case['id']}\nanswer")).decision
            except Exception as error:
                decision = error.decision  # type: ignore[attr-defined]
            served += 1
            fell_back += decision.outcome is not Outcome.ACCEPTED
            total += decision.cost or Decimal(0)
        summaries = await engine._store.summaries()
    truth = sum((spent(case, SMALL, prices) for case in cases), Decimal(0)) + sum(
        (spent(case, LARGE, prices) for case in cases if not case["answers"][SMALL]["schema_valid"]), Decimal(0)
    )
    assert (served, fell_back) == (529, 20)
    assert total == truth
    joined = joined_summary(summaries)
    everything = sum((spent(case, LARGE, prices) for case in cases), Decimal(0))
    estimate = money.against_all_performance(joined, total)
    assert estimate.share == pytest.approx(float(1 - total / everything), abs=0.01)


def joined_summary(summaries: list[TaskSummary]) -> TaskSummary:
    """Tasks as if they were one: each recorded case has a schema, and so a task, of its own."""
    pairs = [summary.pairs for summary in summaries]
    names = ("count", "tokens", "cost", "tokens_squared", "tokens_cost", "alone", "alone_tokens")
    together = Pairs(*(sum(getattr(pair, name) for pair in pairs) for name in names))  # type: ignore[arg-type]
    performance = [summary.performance for summary in summaries]
    return replace(
        SUMMARY,
        outcomes={Outcome.ACCEPTED: sum(s.outcomes.get(Outcome.ACCEPTED, 0) for s in summaries)},
        performance=CostSummary(sum(c.count for c in performance), sum((c.known for c in performance), Decimal(0))),
        pairs=together,
    )


@pytest.mark.parametrize(
    ("outcomes", "prices", "told"),
    [
        ("...", EVEN, "no verdict, because performance has not answered yet"),
        ("...", [], "no verdict, because costs are unknown; add [[prices]] for its models."),
        ("..x", EVEN[:2], "no verdict, because costs are unknown; add [[prices]] for its models."),
        ("..x", [*EVEN[:2], {**EVEN[2], "input": "0", "output": "0"}], "because there is nothing to save"),
        ("..x", EVEN, "no verdict yet; about"),
    ],
    ids=["no fallback yet", "no prices", "one price missing", "performance is free", "all known"],
)
@pytest.mark.anyio
async def test_a_report_without_a_verdict_says_what_is_missing_for_one(
    tmp_path: Path, outcomes: str, prices: list[dict[str, str]], told: str
) -> None:
    assert told in (await reported(outcomes, tmp_path, prices=prices)).tasks["invoice"].sentence
