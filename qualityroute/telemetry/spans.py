"""Decisions in the words of OpenTelemetry's conventions for generative AI. Pure; strings are copied, since they are
still called unstable (https://opentelemetry.io/docs/specs/semconv/gen-ai/).

Prompts, answers and what a provider said of an error are in none of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

from qualityroute.records import Attempt, Decision, ModelCall, Outcome, Role, Usage, Verdict

Value: TypeAlias = str | int | float | bool | Sequence[str]
Attributes: TypeAlias = Mapping[str, Value]

CHAT, EMBEDDINGS = "chat", "embeddings"
EVALUATION = "gen_ai.evaluation.result"
TOKEN_USAGE = "gen_ai.client.token.usage"  # noqa: S105  (a metric's name)
DURATION = "gen_ai.client.operation.duration"
TOKEN_BUCKETS = (1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864)
"""As the conventions ask for, as do those of `DURATION_BUCKETS`, in seconds."""
DURATION_BUCKETS = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
LONGEST = 500
"""Characters of any text that comes from elsewhere."""
FAILURES = frozenset({Outcome.REJECTED, Outcome.FAILED})
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def nanoseconds(at: datetime) -> int:
    """Since the epoch, exactly, where `timestamp()` rounds."""
    return (at - _EPOCH) // timedelta(microseconds=1) * 1000


def known(attributes: Mapping[str, Value | None]) -> Attributes:
    """Without what is unknown."""
    return {name: value for name, value in attributes.items() if value is not None}


def of_request(decision: Decision) -> Attributes:
    failed = decision.outcome in FAILURES or decision.outcome is Outcome.CANCELLED
    return known(
        {
            "gen_ai.conversation.id": _short(decision.session),
            "qualityroute.task": decision.task,
            "qualityroute.route": decision.route.value,
            "qualityroute.outcome": decision.outcome.value,
            "qualityroute.reason": _word(decision.reason),
            "qualityroute.tier": _word(decision.tier),
            "qualityroute.model": _short(decision.model),
            "qualityroute.decision_id": decision.id,
            "qualityroute.cost": None if decision.cost is None else float(decision.cost),
            "qualityroute.pin": _word(decision.pin),
            "error.type": (_word(decision.reason) or decision.outcome.value) if failed else None,
        }
    )


def of_call(call: ModelCall, decision: Decision, finish_reason: str | None) -> Attributes:
    usage = call.usage
    return known(
        {
            **operation(call),
            "gen_ai.response.model": _short(call.served_model or None),
            "gen_ai.response.finish_reasons": None if finish_reason is None else [finish_reason[:LONGEST]],
            "gen_ai.usage.input_tokens": usage.input_tokens,
            "gen_ai.usage.output_tokens": usage.output_tokens,
            "gen_ai.usage.cache_read.input_tokens": usage.cached_tokens,
            "gen_ai.usage.reasoning.output_tokens": usage.reasoning_tokens,
            "gen_ai.conversation.id": _short(decision.session),
            "qualityroute.task": decision.task,
            "qualityroute.role": call.role.value,
            "qualityroute.tier": _word(call.tier),
            "qualityroute.cost": None if call.cost is None else float(call.cost),
            "qualityroute.retries": call.retries,
            "error.type": _word(call.error),
        }
    )


def operation_name(call: ModelCall) -> str:
    return EMBEDDINGS if call.role is Role.EMBEDDING else CHAT


def operation(call: ModelCall) -> Attributes:
    """What names a call's operation, in a span and in metrics; nothing that the provider chose."""
    return {
        "gen_ai.operation.name": operation_name(call),
        "gen_ai.provider.name": call.provider,
        "gen_ai.request.model": call.model,
    }


def of_verdict(verdict: Verdict, attempt: Attempt, *, explained: bool) -> Attributes:
    """`explained`: with the check's message, which may quote the answer."""
    return known(
        {
            "gen_ai.evaluation.name": verdict.check,
            "gen_ai.evaluation.score.value": verdict.score,
            "gen_ai.evaluation.score.label": verdict.ruling.value,
            "gen_ai.evaluation.explanation": _short(verdict.message or None) if explained else None,
            "error.type": _word(verdict.reason) if verdict.ruling == "undecided" else None,
            "qualityroute.reason": _word(verdict.reason),
            "qualityroute.tier": attempt.tier.value,
        }
    )


def judged_at(verdict: Verdict, attempt: Attempt) -> datetime | None:
    """When a check was done: as the last call ended that it rests on, since the others take no time to speak of."""
    ends = (call.at + call.latency for call in (*attempt.calls, *verdict.calls) if call.at is not None)
    return max(ends, default=None)


def token_counts(usage: Usage) -> Mapping[str, int]:
    """By `gen_ai.token.type`, which has two."""
    counts = {"input": usage.input_tokens, "output": usage.output_tokens}
    return {kind: count for kind, count in counts.items() if count is not None}


def finish_reason_of(attempt: Attempt, call: ModelCall) -> str | None:
    """Known of the call whose answer the attempt holds, unless peers put theirs in its place."""
    if attempt.completion is None or call.role is Role.PEER or call is not attempt.answer_call:
        return None
    swapped = any("served" in verdict.details for verdict in attempt.verdicts)
    return None if swapped or call.error is not None else attempt.completion.finish_reason


def _word(value: str | None) -> str | None:
    return None if value is None else str(value)


def _short(text: str | None) -> str | None:
    return None if text is None else text[:LONGEST]
