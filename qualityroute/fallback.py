"""What to do next with a request, from what happened so far; and what it all came to.

The order exists once, here:

    nothing tried yet              -> try the plan's tier
    accepted                       -> keep it
    refused by efficiency          -> keep it | give up | go on      (the task's `on_refusal`)
    a check could not be made      -> keep it | give up | go on      (the task's `on_undecided`)
    efficiency, and may fall back  -> try performance
    anything else                  -> give up
"""

from __future__ import annotations

from collections.abc import Sequence
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
    """A task's word on the two cases where falling back is not the only answer."""

    on_refusal: Literal["fallback", "return", "error"] = "fallback"
    on_undecided: Literal["fallback", "accept", "error"] = "fallback"


def next_step(plan: Plan, attempts: Sequence[Attempt], policy: FallbackPolicy = FallbackPolicy()) -> Step:
    """The next step of a request; never a second attempt on one tier."""
    if not attempts:
        return Try(plan.tier)
    last = attempts[-1]
    if last.ruling is Ruling.ACCEPTED:
        return Keep(last)
    refused = last.reason is Reason.REFUSED and last.tier is Tier.EFFICIENCY
    if refused and policy.on_refusal == "return":
        return Keep(last)
    if refused and policy.on_refusal == "error":
        return GiveUp(last)
    if is_trouble(last) and policy.on_undecided == "accept":
        return Keep(last)
    if is_trouble(last) and policy.on_undecided == "error":
        return GiveUp(last)
    if plan.falls_back and last.tier is Tier.EFFICIENCY:
        return Try(Tier.PERFORMANCE)
    return GiveUp(last)


def is_trouble(attempt: Attempt) -> bool:
    """An answer is there, and a check of it could not be made."""
    return attempt.reason is not None and attempt.reason.kind is ReasonKind.TROUBLE


def is_unavailable(attempt: Attempt) -> bool:
    """No endpoint of the tier gave an answer."""
    return attempt.reason is not None and attempt.reason.kind is ReasonKind.AVAILABILITY


def outcome_of(plan: Plan, attempts: Sequence[Attempt], kept: Attempt | None) -> Outcome:
    """One word for what the caller got."""
    if kept is None:
        return Outcome.FAILED if not attempts or is_unavailable(attempts[-1]) else Outcome.REJECTED
    if kept.tier is Tier.EFFICIENCY:
        return Outcome.ACCEPTED
    if len(attempts) > 1:
        return Outcome.FALLBACK if attempts[0].ruling is Ruling.REJECTED else Outcome.FAILOVER
    return Outcome.PINNED if plan.route is Route.PINNED else Outcome.PERFORMANCE


def reason_of(attempts: Sequence[Attempt], kept: Attempt | None) -> Attempt | None:
    """The attempt that says why the request left its first tier, or why it failed."""
    if kept is None:
        return attempts[-1] if attempts else None
    return attempts[0] if attempts and attempts[0].reason is not None else None
