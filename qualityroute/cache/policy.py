"""Who may be answered from the cache, and which answers may go into it."""

from __future__ import annotations

from typing import TypeAlias

from qualityroute.records import Attempt, Completion, Outcome, Route, Tier
from qualityroute.routing import Plan

Tiers: TypeAlias = frozenset[Tier]
ANY: Tiers = frozenset(Tier)
PERFORMANCE: Tiers = frozenset({Tier.PERFORMANCE})
NONE: Tiers = frozenset()

_KEPT = frozenset({Outcome.ACCEPTED, Outcome.FALLBACK, Outcome.PINNED, Outcome.PERFORMANCE})


def tiers_served(plan: Plan) -> Tiers:
    """Whose earlier answers would do for a request; none where it is to be asked in any case.

    What goes to performance for its quality is never given an answer of efficiency's. What probes, measures or asks
    for efficiency by name wants to see a model at work.
    """
    match plan.route:
        case Route.CASCADE | Route.UNJUDGED:
            return ANY
        case Route.PINNED | Route.TASK | Route.UNCERTIFIED | Route.HARD_LIMIT | Route.LEARNED:
            return PERFORMANCE
        case Route.ASKED:
            return PERFORMANCE if plan.tier is Tier.PERFORMANCE else NONE
        case Route.PROBE | Route.EXPLORE | Route.BASELINE | Route.COMPARE | Route.AUDIT | Route.CACHED:
            return NONE


def is_kept(plan: Plan, outcome: Outcome, kept: Attempt | None) -> bool:
    """Is an answer worth serving again: whole, and accepted by all that its tier has to pass?

    An efficiency answer that no judge saw, though its task has one, is not.
    """
    if kept is None or outcome not in _KEPT or not kept.accepted or not tiers_served(plan):
        return False
    if kept.tier is Tier.EFFICIENCY and plan.route is Route.UNJUDGED:
        return False
    return kept.completion is not None and _is_whole(kept.completion)


def _is_whole(completion: Completion) -> bool:
    return bool(completion.content) and completion.finish_reason == "stop" and not (
        completion.tool_calls or completion.refusal
    )  # fmt: skip
