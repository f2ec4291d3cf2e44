"""What comes next, and what it all came to."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qualityroute.config import Pins, Task
from qualityroute.fallback import FallbackPolicy, GiveUp, Keep, Try, best_in_time, next_step, outcome_of, reason_of
from qualityroute.pins import Held, Rejected, pin_after
from qualityroute.records import Attempt, Completion, Outcome, Reason, ReasonKind, Route, Ruling, Tier, Verdict
from qualityroute.routing import Plan, held, plan_of, route

from conftest import NOW  # isort: skip

CASCADE = Plan(Route.CASCADE, Tier.EFFICIENCY, judged=True, falls_back=True)
PINNED = held(CASCADE)
ASKED = Plan(Route.ASKED, Tier.EFFICIENCY, judged=False, falls_back=False)


def attempt(tier: Tier, reason: Reason | None = None) -> Attempt:
    if reason is None:
        return Attempt(tier, Ruling.ACCEPTED, None)
    return Attempt(tier, Ruling.REJECTED if reason.counts else Ruling.UNDECIDED, reason)


def efficiency(reason: Reason | None = None) -> Attempt:
    return attempt(Tier.EFFICIENCY, reason)


def performance(reason: Reason | None = None) -> Attempt:
    return attempt(Tier.PERFORMANCE, reason)


def test_the_first_step_is_the_plans_tier() -> None:
    assert next_step(CASCADE, []) == Try(Tier.EFFICIENCY)
    assert next_step(PINNED, []) == Try(Tier.PERFORMANCE)


def test_an_accepted_answer_is_kept() -> None:
    assert next_step(CASCADE, [efficiency()]) == Keep(efficiency())


@pytest.mark.parametrize(
    "reason", [r for r in Reason if r.counts or r.kind in (ReasonKind.AVAILABILITY, ReasonKind.TROUBLE)]
)
def test_whatever_is_wrong_with_the_cheap_answer_performance_is_asked_next(reason: Reason) -> None:
    assert next_step(CASCADE, [efficiency(reason)]) == Try(Tier.PERFORMANCE)


def test_nothing_follows_the_performance_tier() -> None:
    attempts = [efficiency(Reason.JUDGED), performance(Reason.SCHEMA)]
    assert next_step(CASCADE, attempts) == GiveUp(attempts[-1])


def test_a_caller_who_asked_for_a_tier_gets_that_tier_or_nothing() -> None:
    assert next_step(ASKED, [efficiency(Reason.SCHEMA)]) == GiveUp(efficiency(Reason.SCHEMA))


@pytest.mark.parametrize("policy", [FallbackPolicy(on_refusal="return"), FallbackPolicy(on_refusal="error")])
def test_what_is_done_with_a_refusal_is_done_with_nothing_else(policy: FallbackPolicy) -> None:
    assert next_step(CASCADE, [efficiency(Reason.SCHEMA)], policy) == Try(Tier.PERFORMANCE)
    assert next_step(PINNED, [performance(Reason.REFUSED)], policy) == GiveUp(performance(Reason.REFUSED))


def test_a_request_that_failed_at_its_only_attempt_failed_because_of_it() -> None:
    assert reason_of([efficiency(Reason.SCHEMA)], None) == efficiency(Reason.SCHEMA)


def test_a_refusal_follows_the_tasks_policy() -> None:
    refused = efficiency(Reason.REFUSED)
    assert next_step(CASCADE, [refused], FallbackPolicy(on_refusal="return")) == Keep(refused)
    assert next_step(CASCADE, [refused], FallbackPolicy(on_refusal="error")) == GiveUp(refused)
    assert next_step(CASCADE, [refused]) == Try(Tier.PERFORMANCE)


@pytest.mark.parametrize("reason", [Reason.JUDGE_ERROR, Reason.CHECK_ERROR])
def test_what_could_not_be_judged_follows_the_tasks_policy(reason: Reason) -> None:
    undecided = efficiency(reason)
    assert next_step(CASCADE, [undecided], FallbackPolicy(on_undecided="accept")) == Keep(undecided)
    assert next_step(CASCADE, [undecided], FallbackPolicy(on_undecided="error")) == GiveUp(undecided)
    assert next_step(CASCADE, [undecided]) == Try(Tier.PERFORMANCE)


def test_an_outage_is_not_accepted_because_undecided_answers_are() -> None:
    down = efficiency(Reason.PROVIDER_ERROR)
    assert next_step(CASCADE, [down], FallbackPolicy(on_undecided="accept")) == Try(Tier.PERFORMANCE)


@pytest.mark.parametrize(
    ("plan", "attempts", "outcome"),
    [
        (CASCADE, [efficiency()], Outcome.ACCEPTED),
        (CASCADE, [efficiency(Reason.JUDGED), performance()], Outcome.FALLBACK),
        (CASCADE, [efficiency(Reason.TRUNCATED), performance()], Outcome.FALLBACK),
        (CASCADE, [efficiency(Reason.TIMEOUT), performance()], Outcome.FAILOVER),
        (CASCADE, [efficiency(Reason.JUDGE_ERROR), performance()], Outcome.FAILOVER),
        (PINNED, [performance()], Outcome.PINNED),
        (Plan(Route.TASK, Tier.PERFORMANCE, judged=False, falls_back=False), [performance()], Outcome.PERFORMANCE),
        (CASCADE, [efficiency(Reason.JUDGED), performance(Reason.SCHEMA)], Outcome.REJECTED),
        (CASCADE, [efficiency(Reason.JUDGED), performance(Reason.TIMEOUT)], Outcome.FAILED),
        (CASCADE, [], Outcome.FAILED),
    ],
)
def test_what_it_all_came_to(plan: Plan, attempts: list[Attempt], outcome: Outcome) -> None:
    last = attempts[-1] if attempts else None
    kept = last if last is not None and last.accepted else None
    assert outcome_of(plan, attempts, kept) is outcome


def test_the_reason_is_why_the_first_tier_was_left_or_why_the_last_failed() -> None:
    attempts = [efficiency(Reason.JUDGED), performance(Reason.SCHEMA)]
    assert reason_of([efficiency(Reason.JUDGED), performance()], performance()) == efficiency(Reason.JUDGED)
    assert reason_of(attempts, None) == attempts[-1]
    assert reason_of([efficiency()], efficiency()) is None
    assert reason_of([], None) is None


reasons = st.one_of(st.none(), st.sampled_from([r for r in Reason if r.kind is not ReasonKind.HAND]))
fallback_policies = st.builds(
    FallbackPolicy,
    on_refusal=st.sampled_from(["fallback", "return", "error"]),
    on_undecided=st.sampled_from(["fallback", "accept", "error"]),
    on_exhausted=st.sampled_from(["error", "efficiency_only", "serve_best"]),
    on_deadline=st.sampled_from(["error", "serve_best"]),
)
tasks = st.builds(Task, tier=st.sampled_from(["efficiency", "performance", "auto"]))


@given(tasks, st.sampled_from([None, *Tier]), fallback_policies, reasons, reasons)
def test_a_request_ends_after_at_most_one_attempt_on_each_tier(
    task: Task, asked: Tier | None, policy: FallbackPolicy, first: Reason | None, second: Reason | None
) -> None:
    plan = route(task, None, asked, policy=Pins(), now=NOW)
    script, attempts = [first, second], list[Attempt]()
    while isinstance(step := next_step(plan, attempts, policy), Try):
        attempts.append(attempt(step.tier, script[len(attempts)]))
        assert len({made.tier for made in attempts}) == len(attempts)
    if isinstance(step, Keep):
        assert step.attempt in attempts
    if isinstance(step, GiveUp):
        assert not step.attempt.accepted


@given(
    fallback_policies,
    st.sampled_from([r for r in Reason if r.kind in (ReasonKind.AVAILABILITY, ReasonKind.TROUBLE)]),
    reasons,
)
def test_availability_never_pins_and_is_never_a_fallback(
    policy: FallbackPolicy, first: Reason, second: Reason | None
) -> None:
    attempts = [efficiency(first), performance(second)]
    assert pin_after(Route.CASCADE, attempts) is None
    kept = attempts[-1] if attempts[-1].accepted else None
    assert outcome_of(CASCADE, attempts, kept) is not Outcome.FALLBACK


FREE = frozenset({"form", "schema"})


def answered(reason: Reason, *, form: Ruling = Ruling.ACCEPTED, schema: Ruling = Ruling.ACCEPTED) -> Attempt:
    """An efficiency answer that some check did not accept."""
    verdicts = (Verdict("form", form), Verdict("schema", schema), Verdict("judge", Ruling.UNDECIDED))
    return replace(efficiency(reason), completion=Completion("{}"), verdicts=verdicts)


def exhausted(on_exhausted: Any) -> FallbackPolicy:
    return FallbackPolicy(on_exhausted=on_exhausted, free_checks=FREE)


SHORT = performance(Reason.BUDGET)


@pytest.mark.parametrize("plan", [PINNED, plan_of(Route.TASK)])
def test_efficiency_answers_in_place_of_performance_only_where_the_budget_says_so(plan: Plan) -> None:
    assert next_step(plan, [SHORT], exhausted("error")) == GiveUp(SHORT)
    assert next_step(plan, [SHORT], exhausted("efficiency_only")) == Try(Tier.EFFICIENCY)
    assert next_step(plan, [SHORT], exhausted("serve_best")) == Try(Tier.EFFICIENCY)


@pytest.mark.parametrize("chosen", [Route.BASELINE, Route.AUDIT, Route.UNCERTIFIED])
def test_where_performance_is_meant_nothing_else_answers(chosen: Route) -> None:
    for policy in ("error", "efficiency_only", "serve_best"):
        assert next_step(plan_of(chosen), [SHORT], exhausted(policy)) == GiveUp(SHORT)


@pytest.mark.parametrize("reason", Reason)
def test_only_what_a_paid_check_objects_to_is_served_unproven(reason: Reason) -> None:
    attempts = [answered(reason), SHORT]
    servable = reason in (Reason.JUDGED, Reason.DISAGREEMENT, Reason.JUDGE_ERROR, Reason.BUDGET)
    expected = Keep(attempts[0]) if servable else GiveUp(SHORT)
    assert next_step(CASCADE, attempts, exhausted("serve_best")) == expected
    assert next_step(CASCADE, attempts, exhausted("efficiency_only")) == GiveUp(SHORT)
    if servable:
        assert outcome_of(CASCADE, attempts, attempts[0]) is Outcome.UNPROVEN


@pytest.mark.parametrize("ruling", [Ruling.REJECTED, Ruling.UNDECIDED])
def test_an_answer_with_a_free_check_not_passed_is_not_served(ruling: Ruling) -> None:
    for bad in (answered(Reason.JUDGED, form=ruling), answered(Reason.JUDGED, schema=ruling)):
        assert next_step(CASCADE, [bad, SHORT], exhausted("serve_best")) == GiveUp(SHORT)
    unreached = replace(answered(Reason.JUDGED), verdicts=(Verdict("form", Ruling.ACCEPTED),))
    assert next_step(CASCADE, [unreached, SHORT], exhausted("serve_best")) == GiveUp(SHORT)


def test_a_free_check_that_a_repaired_answer_passes_is_passed() -> None:
    bad = answered(Reason.JUDGED, schema=Ruling.REJECTED)
    repaired = replace(bad, verdicts=(*bad.verdicts, Verdict("schema", Ruling.ACCEPTED)))
    assert next_step(CASCADE, [repaired, SHORT], exhausted("serve_best")) == Keep(repaired)


@given(st.sampled_from([route for route in Route if route is not Route.CACHED]), fallback_policies, reasons)
def test_money_never_makes_a_fallback_nor_a_pin(chosen: Route, policy: FallbackPolicy, other: Reason | None) -> None:
    plan = plan_of(chosen) if chosen is not Route.ASKED else ASKED
    short = attempt(plan.tier, Reason.BUDGET)
    assert not isinstance(pin_after(chosen, [short]), Rejected | Held)
    attempts = [short]
    while isinstance(step := next_step(plan, attempts, policy), Try):
        attempts.append(attempt(step.tier, other))
    kept = step.attempt if isinstance(step, Keep) else None
    outcome = outcome_of(plan, attempts, kept)
    assert outcome in (Outcome.ACCEPTED, Outcome.UNPROVEN, Outcome.FAILED)
    assert (outcome is Outcome.ACCEPTED) == (kept is not None and kept.accepted)
    assert reason_of(attempts, kept) == short


# When time is up

LATE = efficiency(Reason.DEADLINE)
SERVING_BEST = FallbackPolicy(on_deadline="serve_best", free_checks=FREE)
PASSED = tuple(Verdict(check, Ruling.ACCEPTED) for check in sorted(FREE))
attempts_made = st.builds(
    Attempt,
    tier=st.sampled_from(Tier),
    ruling=st.just(Ruling.UNDECIDED),
    reason=st.sampled_from([Reason.JUDGED, Reason.DEADLINE, Reason.SCHEMA, Reason.INJECTION, Reason.TIMEOUT]),
    verdicts=st.sampled_from([PASSED, PASSED[:1], ()]),
    completion=st.sampled_from([None, Completion("{}")]),
)


def test_an_answer_that_nobody_had_time_to_judge_is_served_only_where_the_task_says_so() -> None:
    unheard = answered(Reason.DEADLINE)
    assert next_step(CASCADE, [unheard], SERVING_BEST) == Keep(unheard)
    assert next_step(CASCADE, [unheard], FallbackPolicy(free_checks=FREE)) == GiveUp(unheard)
    assert next_step(CASCADE, [answered(Reason.JUDGED), performance(Reason.DEADLINE)], SERVING_BEST) == Keep(
        answered(Reason.JUDGED)
    )
    assert outcome_of(CASCADE, [unheard], unheard) is Outcome.UNPROVEN


def test_without_an_answer_that_passed_every_free_check_the_deadline_is_an_error() -> None:
    attempts = [answered(Reason.JUDGED, schema=Ruling.REJECTED), performance(Reason.DEADLINE)]
    assert next_step(CASCADE, attempts, SERVING_BEST) == GiveUp(attempts[-1])
    assert outcome_of(CASCADE, attempts, None) is Outcome.FAILED


def test_what_was_accepted_in_time_is_served_rather_than_what_is_newer_and_unproven() -> None:
    assert best_in_time([efficiency(), answered(Reason.DEADLINE)], SERVING_BEST) == efficiency()
    assert best_in_time([efficiency(Reason.JUDGED), performance()], SERVING_BEST) == performance()
    assert best_in_time([answered(Reason.JUDGED), answered(Reason.DEADLINE)], SERVING_BEST) == answered(Reason.DEADLINE)


@given(st.lists(attempts_made, max_size=3))
def test_what_is_served_at_the_deadline_passed_every_free_check(attempts: list[Attempt]) -> None:
    best = best_in_time(attempts, SERVING_BEST)
    if best is not None:
        assert best.verdicts == PASSED
        assert best.completion is not None
        assert best.reason not in (Reason.SCHEMA, Reason.INJECTION, Reason.TIMEOUT)
    assert best_in_time(attempts, FallbackPolicy(free_checks=FREE)) is None


@given(st.lists(attempts_made, min_size=1, max_size=3), fallback_policies)
def test_nothing_more_is_asked_once_time_is_up(attempts: list[Attempt], policy: FallbackPolicy) -> None:
    assert isinstance(next_step(CASCADE, [*attempts, LATE], policy), Keep | GiveUp)


def test_every_reason_has_a_kind() -> None:
    for reason, kind in product(Reason, ReasonKind):
        assert (reason.kind is kind) == (reason.kind == kind)
    assert {reason.kind for reason in Reason} == set(ReasonKind)
