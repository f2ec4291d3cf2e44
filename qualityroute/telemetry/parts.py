"""What a decision counts as: whose bill each call is on, and which words say so. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from qualityroute.records import Decision, JudgeTrouble, ModelCall, Reason, Role, Tier, Usage

UNKNOWN = "unknown"
NO_ERROR = "none"
_CAUSES = frozenset(cause.value for cause in JudgeTrouble)


def calls_of(decision: Decision) -> Iterator[ModelCall]:
    for attempt in decision.all_attempts:
        yield from attempt.all_calls


def part_of(decision: Decision, call: ModelCall) -> str:
    """The part of the costs that a call belongs to; of answers begun early and not needed, one of their own."""
    if decision.spare is not None and any(call is one for one in decision.spare.all_calls):
        return "spare"
    if decision.likening is not None and any(call is one for one in decision.likening.all_calls):
        return "likening"
    if decision.route.measures or call.role is Role.AUDIT:
        return "audit"
    match call.role:
        case Role.JUDGE:
            return "judge"
        case Role.PEER:
            return "peers"
        case Role.EMBEDDING:
            return "likening"
        case Role.ANSWER:
            return (call.tier or Tier.PERFORMANCE).value


def answered_tiers(decision: Decision) -> Iterator[str]:
    """The tiers whose models answered, where somebody was to be served: what a mean cost is divided by."""
    if decision.route.measures:
        return
    for attempt in decision.attempts:
        if any(call.error is None for call in attempt.calls):
            yield attempt.tier.value


def judge_troubles(decision: Decision) -> Iterator[str]:
    """The cause of each time that the judge could not judge."""
    for attempt in decision.attempts:
        for verdict in attempt.verdicts:
            if verdict.reason is Reason.JUDGE_ERROR:
                cause = verdict.details.get("cause")
                yield cause if cause in _CAUSES else UNKNOWN


def counted_tokens(usage: Usage) -> Iterator[tuple[str, int]]:
    """Each kind of tokens that the provider counted."""
    counts = {
        "input": usage.input_tokens,
        "cached": usage.cached_tokens,
        "output": usage.output_tokens,
        "reasoning": usage.reasoning_tokens,
    }
    yield from ((kind, count) for kind, count in counts.items() if count is not None)
