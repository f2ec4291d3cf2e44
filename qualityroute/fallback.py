"""What to do next with a request, from what happened so far; and what it all came to.

The order exists once, here:

    nothing tried yet              -> try the plan's tier
    accepted                       -> keep it
    refused by efficiency          -> keep it | give up | go on      (the task's `on_refusal`)
    a check could not be made      -> keep it | give up | go on      (the task's `on_undecided`)
    a call did not fit a budget    -> try efficiency | keep it | give up      (`budget.on_exhausted`)
    no time was left for a check   -> keep the best there is | give up        (`on_deadline`)
    efficiency, and may fall back  -> try performance
    anything else                  -> give up
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass
from typing import Literal, TypeAlias

from qualityroute.records import Attempt, Outcome, Reason, ReasonKind, Route, Ruling, Tier
from qualityroute.routing import Plan


@dataclass(frozen=True, slots=True)
class Try:
    tier: Tier


@dataclass(frozen=True, slots=True)
class Keep:
    attempt: Attempt


@dataclass(frozen=True, slots=True)
class GiveUp:
    attempt: Attempt
    """The last one made."""


Step: TypeAlias = Try | Keep | GiveUp


@dataclass(frozen=True, slots=True)
class FallbackPolicy:
    """A task's word on the cases where falling back is not the only answer."""

    on_refusal: Literal["fallback", "return", "error"] = "fallback"
    on_undecided: Literal["fallback", "accept", "error"] = "fallback"
    on_exhausted: Literal["error", "efficiency_only", "serve_best"] = "error"
    on_deadline: Literal["error", "serve_best"] = "error"
    free_checks: Set[str] = frozenset()
    """Those that an answer must have passed to be served all the same when the budget or the time is used up."""


def next_step(plan: Plan, attempts: Sequence[Attempt], policy: FallbackPolicy = FallbackPolicy()) -> Step:
    """The next step of a request; never a second attempt on one tier."""
    if not attempts:
        return Try(plan.tier)
    last = attempts[-1]
    if last.ruling is Ruling.ACCEPTED:
        return Keep(last)
    if is_late(attempts):
        best = best_in_time(attempts, policy)
        return GiveUp(last) if best is None else Keep(best)
    refused = last.reason is Reason.REFUSED and last.tier is Tier.EFFICIENCY
    if refused and policy.on_refusal == "return":
        return Keep(last)
    if refused and policy.on_refusal == "error":
        return GiveUp(last)
    if is_trouble(last) and policy.on_undecided == "accept":
        return Keep(last)
    if is_trouble(last) and policy.on_undecided == "error":
        return GiveUp(last)
    if is_short(attempts):
        return _without_money(plan, attempts, policy)
    if plan.falls_back and last.tier is Tier.EFFICIENCY:
        return Try(Tier.PERFORMANCE)
    return GiveUp(last)


def _without_money(plan: Plan, attempts: Sequence[Attempt], policy: FallbackPolicy) -> Step:
    """What is left when a call did not fit into a budget."""
    untried = all(attempt.tier is Tier.PERFORMANCE for attempt in attempts)
    if untried and plan.steps_down and policy.on_exhausted != "error":
        return Try(Tier.EFFICIENCY)
    best = _best(attempts, policy.free_checks) if policy.on_exhausted == "serve_best" else None
    return GiveUp(attempts[-1]) if best is None else Keep(best)


def best_in_time(attempts: Sequence[Attempt], policy: FallbackPolicy) -> Attempt | None:
    """What is served when the deadline has come: what was accepted, else what only a paid check keeps from that."""
    if policy.on_deadline == "error":
        return None
    accepted = next((attempt for attempt in reversed(attempts) if attempt.accepted), None)
    return accepted or _best(attempts, policy.free_checks)


def _best(attempts: Sequence[Attempt], free_checks: Set[str]) -> Attempt | None:
    return next((attempt for attempt in reversed(attempts) if _is_servable(attempt, free_checks)), None)


_OF_PAID_CHECKS = frozenset(
    {Reason.JUDGED, Reason.DISAGREEMENT, Reason.JUDGE_ERROR, Reason.BUDGET, Reason.DEADLINE}
)  # fmt: skip
"""What a judge or peers objected, or why they could not. Not a suspicion, such as instructions in the data."""


def _is_servable(attempt: Attempt, free_checks: Set[str]) -> bool:
    """An answer that passed every free check, and that only a paid one did not accept."""
    last = {verdict.check: verdict.ruling for verdict in attempt.verdicts}
    passed = all(last.get(check) is Ruling.ACCEPTED for check in free_checks)
    return passed and attempt.completion is not None and attempt.reason in _OF_PAID_CHECKS


def is_short(attempts: Sequence[Attempt]) -> bool:
    """Did a call not fit into a budget?"""
    return any(attempt.reason is Reason.BUDGET for attempt in attempts)


def is_late(attempts: Sequence[Attempt]) -> bool:
    """Did the deadline come before all was asked and proved?"""
    return any(attempt.reason is Reason.DEADLINE for attempt in attempts)


def is_trouble(attempt: Attempt) -> bool:
    """An answer is there, and a check of it could not be made."""
    return attempt.reason is not None and attempt.reason.kind is ReasonKind.TROUBLE


def is_unavailable(attempt: Attempt) -> bool:
    """No endpoint of the tier gave an answer."""
    return attempt.reason is not None and attempt.reason.kind is ReasonKind.AVAILABILITY


def outcome_of(plan: Plan, attempts: Sequence[Attempt], kept: Attempt | None) -> Outcome:
    """One word for what the caller got."""
    if kept is None:
        failed = not attempts or is_unavailable(attempts[-1]) or is_short(attempts) or is_late(attempts)
        return Outcome.FAILED if failed else Outcome.REJECTED
    if plan.route is Route.CACHED:
        return Outcome.CACHED
    if (is_short(attempts) or is_late(attempts)) and not kept.accepted:
        return Outcome.UNPROVEN
    if kept.tier is Tier.EFFICIENCY:
        return Outcome.ACCEPTED
    if len(attempts) > 1:
        return Outcome.FALLBACK if attempts[0].ruling is Ruling.REJECTED else Outcome.FAILOVER
    return Outcome.PINNED if plan.route is Route.PINNED else Outcome.PERFORMANCE


def reason_of(attempts: Sequence[Attempt], kept: Attempt | None) -> Attempt | None:
    """The attempt that says why the request left its first tier, or why it failed; before all, that money was short."""
    short = next((attempt for attempt in attempts if attempt.reason is Reason.BUDGET), None)
    if short is not None:
        return short
    if kept is None:
        return attempts[-1] if attempts else None
    return attempts[0] if attempts and attempts[0].reason is not None else None
