"""Budgets in force: what a request does when a call no longer fits, and what is counted when one does."""

from __future__ import annotations

import io
import re
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import anyio
import pytest
from conftest import INVOICE_SCHEMA, PRICES, RUBRIC, config_with
from rich.console import Console
from worlds import BAD, GOOD, TEXT, World, Worlds, client_with

from qualityroute import (
    AnswerRejected,
    BudgetExceeded,
    Completion,
    Config,
    ConfigError,
    Engine,
    Outcome,
    ProviderError,
    Reason,
    Route,
    StoreError,
    Tier,
    Usage,
)
from qualityroute.labels import Origin, Reference
from qualityroute.render import report_view
from qualityroute.store import SQLiteStore

pytestmark = pytest.mark.anyio
JUDGED: dict[str, Any] = {"schema": INVOICE_SCHEMA, "rubric": RUBRIC, "gate": ["judge"]}
PER_DAY = Decimal("0.01")
"""USD: efficiency and its judge fit many times over, the performance tier never does."""
NOTHING = Decimal("0.0001")
"""Not even efficiency fits."""


def budgeted(on_exhausted: str = "error", task: dict[str, Any] | None = None, **more: Any) -> Config:
    limits = {"per_day": PER_DAY} if not more.keys() & {"per_request", "per_session", "per_day"} else {}
    budget = {name: more.pop(name) for name in ("per_request", "per_session", "per_day") if name in more}
    return config_with(task or JUDGED, budget={"on_exhausted": on_exhausted, **limits, **budget}, **more)


def costing(text: str, cost: str | None, tokens: int | None = 1) -> Completion:
    return Completion(text, cost=None if cost is None else Decimal(cost), usage=Usage(1, 0, tokens))


def spent(w: World) -> dict[str, Decimal]:
    rows = w.rows("SELECT scope || ':' || name, spent FROM spending")
    return {str(name): Decimal(units) / 10**12 for name, units in rows}


def reserved(w: World) -> int:
    return int(w.rows("SELECT COUNT(*) FROM reservations")[0][0])


async def refused(w: World, **options: Any) -> BudgetExceeded:
    with pytest.raises(BudgetExceeded) as caught:
        await w.run(**options)
    assert caught.value.decision is not None
    assert (caught.value.decision.outcome, caught.value.decision.reason) == (Outcome.FAILED, Reason.BUDGET)
    return caught.value


# Counting


async def test_every_call_is_counted_at_what_it_did_cost_in_each_of_its_budgets(world: Worlds) -> None:
    task = {**JUDGED, "budget_per_day": 2}
    w = await world(client_with(BAD), budgeted(task=task, per_day=1, per_session=1, per_request=1))
    answer = await w.run()
    assert answer.decision.outcome is Outcome.FALLBACK
    cost = answer.decision.cost
    assert cost is not None and cost > 0
    assert spent(w) == pytest.approx({"session:user-42": cost, "task:invoice": cost, "day:": cost})
    assert reserved(w) == 0


async def test_sessions_tenants_and_days_have_budgets_of_their_own(world: Worlds) -> None:
    w = await world(client_with(costing(GOOD, "0.6")), budgeted(per_session=Decimal("0.6005"), per_day="1.2005"))
    await w.run()
    assert (await refused(w)).scope == "session"
    await w.run(tenant="acme")
    assert (await refused(w, session=None)).scope == "day"
    w.clock.advance(days=1)
    await w.run(session=None)
    assert (await refused(w)).scope == "session"


async def test_a_call_of_unknown_cost_counts_as_its_estimate(world: Worlds) -> None:
    unknown = costing(GOOD, None, tokens=None)
    w = await world(client_with(unknown, judge=unknown), budgeted(task={**JUDGED, "max_output_tokens": 1000}))
    with pytest.raises(BudgetExceeded):  # the judge said nothing that can be read, so performance is needed
        await w.run()
    assert spent(w)["day:"] > 1000 * Decimal("0.40") / 10**6


@pytest.mark.parametrize(("billed", "counted"), [(True, True), (False, False)])
async def test_a_failed_call_counts_only_if_it_may_be_billed(world: Worlds, billed: bool, counted: bool) -> None:
    failure = ProviderError("down", may_be_billed=billed)
    w = await world(client_with(failure, failure), budgeted(per_day=1))
    with pytest.raises(ProviderError):
        await w.run()
    assert (spent(w).get("day:", 0) > 0) is counted
    assert reserved(w) == 0


async def test_a_caller_who_goes_away_leaves_no_reservation_and_a_counted_call(world: Worlds) -> None:
    asked = anyio.Event()

    async def hang(messages: object) -> str:
        asked.set()
        await anyio.sleep_forever()
        return ""

    w = await world(client_with(hang), budgeted())
    async with anyio.create_task_group() as group:
        group.start_soon(w.run)
        await asked.wait()
        group.cancel_scope.cancel()
    assert reserved(w) == 0
    assert spent(w)["day:"] > 0


async def test_a_caller_who_goes_away_while_money_is_reserved_gives_it_back(world: Worlds) -> None:
    w = await world()
    slow = Slow(w.path)
    async with Engine(budgeted(), client=w.client, store=slow, now=w.clock) as engine:
        async with anyio.create_task_group() as group:
            group.start_soon(engine.run, "invoice", TEXT)
            await slow.reserved.wait()
            assert reserved(w) == 1
            group.cancel_scope.cancel()
        assert (reserved(w), spent(w), w.used()) == (0, {}, {})


class Slow(SQLiteStore):
    """Sets money aside, and is slow to say so."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.reserved = anyio.Event()

    async def reserve(self, reservation: Any) -> Any:
        await super().reserve(reservation)
        self.reserved.set()
        await anyio.sleep_forever()


async def test_a_request_that_cannot_be_sent_costs_nothing(world: Worlds) -> None:
    def unsendable(messages: object) -> str:
        raise ConfigError("cannot be sent as JSON")

    w = await world(client_with(unsendable), budgeted())
    with pytest.raises(ConfigError):
        await w.run()
    assert (spent(w), reserved(w)) == ({}, 0)


async def test_answers_longer_than_any_before_are_reckoned_with_from_then_on(world: Worlds) -> None:
    long = costing(GOOD, "0.0001", tokens=30_000)
    w = await world(client_with(long), budgeted())
    await w.run()
    error = await refused(w)
    assert "may cost $0.012" in str(error)
    assert error.decision is not None and error.decision.attempts[0].calls == ()


async def test_without_a_budget_the_store_keeps_nothing_and_is_not_asked(world: Worlds) -> None:
    w = await world()
    counted = Counting(w.path)
    engine = Engine(config_with(JUDGED), client=client_with(BAD), store=counted, now=w.clock)
    async with engine:
        await engine.run("invoice", TEXT, session="user-42")
    assert counted.asked == 0
    with_budget = Engine(budgeted(per_day=1), client=client_with(BAD), store=counted, now=w.clock)
    async with with_budget:
        await with_budget.run("invoice", TEXT, session="user-43")
    assert counted.asked == 4  # two calls, each reserved and settled


class Counting(SQLiteStore):
    """Counts what is asked of it about money."""

    asked = 0

    async def reserve(self, reservation: Any) -> Any:
        self.asked += 1
        return await super().reserve(reservation)

    async def settle(self, reservation: Any, cost: Decimal) -> None:
        self.asked += 1
        await super().settle(reservation, cost)


async def test_a_request_with_a_budget_of_its_own_alone_asks_the_store_for_nothing(world: Worlds) -> None:
    w = await world()
    counted = Counting(w.path)
    async with Engine(budgeted(per_request=1), client=client_with(BAD), store=counted, now=w.clock) as engine:
        await engine.run("invoice", TEXT)
    assert counted.asked == 0


async def test_a_store_that_cannot_keep_the_budget_refuses_the_call(world: Worlds) -> None:
    config = budgeted(store={"on_store_error": "warn"})
    w = await world(config=config)
    w.rows("DROP TABLE reservations")
    with pytest.raises(StoreError, match="reserve money"):
        await w.run()
    assert w.used() == {}


class Forgetful(SQLiteStore):
    """Fails as often as it is told to, at what it is told."""

    failing = ""
    failures = 0

    async def reserve(self, reservation: Any) -> Any:
        self._fail("reserve")
        return await super().reserve(reservation)

    async def settle(self, reservation: Any, cost: Decimal) -> None:
        self._fail("settle")
        await super().settle(reservation, cost)

    def fail_once(self, failing: str) -> None:
        self.failing, self.failures = failing, 1

    def _fail(self, method: str) -> None:
        if method == self.failing and self.failures:
            self.failures -= 1
            raise StoreError("the disk is full")


async def test_what_the_store_could_not_be_told_at_once_is_counted_as_spent_with_the_decision(world: Worlds) -> None:
    w = await world()
    store = Forgetful(w.path, now=w.clock)
    client = client_with(costing(BAD, "0.02"))
    async with Engine(budgeted(per_day=1), client=client, store=store, now=w.clock) as engine:
        store.fail_once("settle")
        cost = (await engine.run("invoice", TEXT)).decision.cost
    assert cost is not None and cost >= Decimal("0.02")
    assert (spent(w), reserved(w)) == ({"day:": cost}, 0)


async def test_what_was_spent_before_the_store_failed_is_written_down_once_it_works_again(world: Worlds) -> None:
    w = await world()
    store = Forgetful(w.path, now=w.clock)

    def answered(messages: Any) -> str:
        store.fail_once("reserve")
        return BAD

    async with Engine(budgeted(per_day=1), client=client_with(answered), store=store, now=w.clock) as engine:
        with pytest.raises(StoreError, match="disk is full") as caught:
            await engine.run("invoice", TEXT)
        assert caught.value.decision is not None and caught.value.decision.recorded
        told = await engine.explain(caught.value.decision.id)
    assert (told.outcome, told.reason) == (Outcome.FAILED, Reason.INTERNAL)
    assert [len(attempt.all_calls) for attempt in told.attempts] == [1]


# error


async def test_an_accepted_answer_is_served_as_long_as_it_fits(world: Worlds) -> None:
    w = await world(config=budgeted())
    assert (await w.run()).decision.outcome is Outcome.ACCEPTED


async def test_a_rejected_answer_ends_in_an_error_when_performance_does_not_fit(world: Worlds) -> None:
    w = await world(client_with(BAD), budgeted())
    error = await refused(w)
    assert w.used() == {"efficiency": 1}
    assert (error.scope, error.limit, error.opens_at) == ("day", PER_DAY, w.clock().replace(hour=0) + timedelta(days=1))
    assert [(attempt.tier, attempt.reason) for attempt in error.attempts] == [
        (Tier.EFFICIENCY, Reason.SCHEMA),
        (Tier.PERFORMANCE, Reason.BUDGET),
    ]
    told = await w.engine.explain(error.decision.id if error.decision else "")
    assert (told.outcome, told.reason, told.route) == (Outcome.FAILED, Reason.BUDGET, Route.CASCADE)
    assert str(error) == f"task 'invoice': {told.message}"


async def test_a_request_may_not_cost_more_than_its_own_budget(world: Worlds) -> None:
    w = await world(client_with(BAD), budgeted(per_request=Decimal("0.02")))
    error = await refused(w)
    assert (error.scope, error.retryable, error.opens_at) == ("request", False, None)
    assert w.used() == {"efficiency": 1}
    await refused(w, session="another")


async def test_the_calls_of_a_request_share_its_budget(world: Worlds) -> None:
    w = await world(client_with(costing(BAD, "0.02")), budgeted(per_request="0.04"))
    assert (await refused(w)).spent == Decimal("0.02")
    cheap = await world(client_with(costing(BAD, "0.001")), budgeted(per_request="0.04"))
    assert (await cheap.run(session="another")).decision.outcome is Outcome.FALLBACK


async def test_where_nothing_fits_no_model_is_asked_and_no_session_is_pinned(world: Worlds) -> None:
    w = await world(client_with(BAD), budgeted(per_day=NOTHING))
    error = await refused(w)
    assert (w.used(), await w.engine.pins.list()) == ({}, [])
    assert error.decision is not None and error.decision.cost == 0
    assert (await w.engine.report()).tasks["invoice"].attempts == 0


async def test_a_judge_who_cannot_be_paid_is_no_judge_in_trouble(world: Worlds) -> None:
    w = await world(client_with(costing(GOOD, "0.01")), budgeted(task={**JUDGED, "on_undecided": "accept"}))
    error = await refused(w)
    assert w.used() == {"efficiency": 1}
    (attempt,) = error.attempts
    assert (attempt.reason, attempt.verdicts[-1].check) == (Reason.BUDGET, "judge")
    report = (await w.engine.report()).tasks["invoice"]
    assert (report.judge.errors, report.attempts, await w.engine.pins.list()) == ({}, 0, [])


async def test_a_re_ask_that_does_not_fit_leaves_the_answer_rejected(world: Worlds) -> None:
    w = await world(client_with(costing(BAD, "0.01")), budgeted(task={**JUDGED, "repairs": 1}))
    error = await refused(w)
    assert w.used() == {"efficiency": 1}
    assert [attempt.reason for attempt in error.attempts] == [Reason.SCHEMA, Reason.BUDGET]


@pytest.mark.parametrize("policy", ["error", "efficiency_only", "serve_best"])
async def test_a_caller_who_asked_for_performance_gets_performance_or_an_error(world: Worlds, policy: str) -> None:
    w = await world(config=budgeted(policy))
    await refused(w, tier="performance")
    assert w.used() == {}


# efficiency_only


async def test_a_pinned_session_is_answered_by_efficiency_with_its_whole_gate(world: Worlds) -> None:
    w = await world(config=budgeted("efficiency_only"))
    await w.engine.pins.add("user-42")
    answer = await w.run()
    assert (answer.output, w.used()) == ({"number": "A-1", "total": 12.5}, {"efficiency": 1, "judge": 1})
    decision = answer.decision
    assert (decision.route, decision.outcome, decision.reason) == (Route.PINNED, Outcome.ACCEPTED, Reason.BUDGET)
    assert decision.tier is Tier.EFFICIENCY
    (pin,) = await w.engine.pins.list()
    assert pin.served == 0


async def test_a_task_on_performance_steps_down_and_is_not_explored_against_itself(world: Worlds) -> None:
    w = await world(config=budgeted("efficiency_only", {**JUDGED, "tier": "performance", "explore": 1.0}))
    answer = await w.run()
    assert (answer.decision.route, answer.decision.outcome) == (Route.TASK, Outcome.ACCEPTED)
    await anyio.sleep(0.1)
    assert w.used() == {"efficiency": 1, "judge": 1}


@pytest.mark.parametrize("pinned", [False, True])
async def test_what_the_gate_rejects_is_not_served_by_efficiency_only(world: Worlds, pinned: bool) -> None:
    w = await world(client_with(judge="no"), budgeted("efficiency_only"))
    if pinned:
        await w.engine.pins.add("user-42")
    await refused(w)
    assert w.used() == {"efficiency": 1, "judge": 1}


async def test_with_error_a_pinned_session_is_refused(world: Worlds) -> None:
    w = await world(config=budgeted())
    await w.engine.pins.add("user-42")
    await refused(w)
    assert w.used() == {}


async def test_a_task_that_needs_a_certificate_does_not_step_down(world: Worlds) -> None:
    task = {**JUDGED, "accept": {"on_uncertified": "fallback"}}
    w = await world(config=budgeted("serve_best", task))
    error = await refused(w)
    assert error.decision is not None and error.decision.route is Route.UNCERTIFIED
    assert w.used() == {}


# serve_best


@pytest.mark.parametrize("pinned", [False, True])
async def test_the_best_answer_is_served_and_called_unproven(world: Worlds, pinned: bool) -> None:
    w = await world(client_with(judge="no"), budgeted("serve_best"))
    if pinned:
        await w.engine.pins.add("user-42")
    answer = await w.run()
    assert answer.output == {"number": "A-1", "total": 12.5}
    assert (answer.decision.outcome, answer.decision.reason) == (Outcome.UNPROVEN, Reason.BUDGET)
    told = await w.engine.explain(answer.decision.id)
    assert Reason.JUDGED in [attempt.reason for attempt in told.attempts]
    assert (await w.engine.report()).tasks["invoice"].outcomes == {Outcome.UNPROVEN: 1}


async def test_an_answer_whose_judge_cannot_be_paid_is_served_unproven(world: Worlds) -> None:
    w = await world(client_with(costing(GOOD, "0.01")), budgeted("serve_best"))
    answer = await w.run()
    assert (answer.decision.outcome, w.used()) == (Outcome.UNPROVEN, {"efficiency": 1})


def rejects(output: object, source: str) -> str:
    return "no"


INJECTED = (
    '{"checks": [{"id": "supported", "evidence": "", "verdict": "yes"}, '
    '{"id": "complete", "evidence": "", "verdict": "yes"}], "instructions_in_data": "yes"}'
)


@pytest.mark.parametrize(
    ("efficiency", "judge", "task"),
    [
        (BAD, "yes", {}),
        (GOOD, "no", {"gate": ["judge", "checks"], "checks": [rejects]}),
        (GOOD, "yes", {"gate": ["checks", "judge"], "checks": [rejects]}),
        ('{"number": "B-9", "total": 12.5}', "no", {"gate": ["grounded", "judge"], "rubric": {
            **RUBRIC, "fields": {"number": {"ground": "literal"}}}}),
        (GOOD, INJECTED, {}),
    ],
    ids=["schema", "check not reached", "check", "ungrounded", "injection"],
)  # fmt: skip
async def test_an_answer_that_did_not_pass_every_free_check_is_never_served(
    world: Worlds, efficiency: str, judge: str, task: dict[str, Any]
) -> None:
    w = await world(client_with(efficiency, judge=judge), budgeted("serve_best", {**JUDGED, **task}))
    await refused(w)


async def test_a_performance_answer_that_could_be_paid_and_is_wrong_is_no_matter_of_money(world: Worlds) -> None:
    w = await world(client_with(performance=BAD, judge="no"), budgeted("serve_best", per_day=1))
    with pytest.raises(AnswerRejected):
        await w.run()


# Measuring


async def test_a_comparison_is_given_up_rather_than_made_with_an_unproven_answer(world: Worlds) -> None:
    w = await world(client_with(costing(GOOD, "0.01")), budgeted("serve_best"))
    reference = Reference("invoice", "17", Origin.PERSON, w.clock(), {"number": "A-1", "total": 12.5})
    with pytest.raises(BudgetExceeded):
        await w.engine.baseline.compare("invoice", TEXT, reference)
    assert await w.engine._store.labels("invoice") == []


AUDITED = {**JUDGED, "accept": {"audit": 1.0}}


async def test_an_audit_is_left_out_while_requests_still_fit(world: Worlds) -> None:
    w = await world(config=budgeted(task={**AUDITED, "max_output_tokens": 100}, per_day=Decimal("0.0023")))
    await w.run()
    await w.engine.aclose()
    await w.engine.aopen()
    assert w.used() == {"efficiency": 1, "judge": 1}
    assert (await w.engine.report()).tasks["invoice"].audits is None
    await w.run(tier="performance")
    assert w.used() == {"performance": 1}


async def test_an_audit_draws_on_the_budget(world: Worlds) -> None:
    w = await world(config=budgeted(task=AUDITED, per_day=1))
    answer = await w.run()
    await w.engine.aclose()
    await w.engine.aopen()
    assert w.used() == {"efficiency": 1, "judge": 1, "performance": 1}
    assert spent(w)["day:"] > answer.decision.cost


# Telling


async def test_the_report_says_how_much_of_today_is_gone(world: Worlds) -> None:
    task = {**JUDGED, "budget_per_day": 2}
    w = await world(client_with(costing(GOOD, "0.25"), judge=costing("{}", "0")), budgeted(task=task, per_day=5))
    await w.run()
    told = (await w.engine.report()).to_json()["budgets"]
    each = [(one["scope"], one["task"], one["limit"], one["reserved"]) for one in told]
    assert each == [("task", "invoice", "2", "0"), ("day", None, "5", "0")]
    assert {one["day"] for one in told} == {"2026-11-23"}
    assert all(Decimal(one["spent"]) > Decimal("0.25") for one in told)
    shown = Console(width=160, file=io.StringIO())
    with shown.capture() as captured:
        shown.print(report_view(await w.engine.report()))
    assert re.search(r"Budget today \(UTC\) of invoice: \$0\.\d+ of \$2\.00 spent", captured.get())
    assert re.search(r"Budget today \(UTC\): \$0\.\d+ of \$5\.00 spent", captured.get())
    w.clock.advance(days=1)
    assert [one["spent"] for one in (await w.engine.report()).to_json()["budgets"]] == ["0", "0"]
    unset = Engine(config_with(JUDGED, prices=PRICES), client=client_with(), store=f"sqlite:///{w.path}", now=w.clock)
    async with unset:
        assert (await unset.report()).to_json()["budgets"] == []
