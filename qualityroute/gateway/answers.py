"""From the engine's answer to OpenAI's `chat.completion`, and to the headers that say how it came about. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from qualityroute.errors import AnswerRejected
from qualityroute.records import Answer, Completion, Decision, Reason, Route, Tier, Usage
from qualityroute.strict_json import NotJson, read_json

RawHeaders = list[tuple[bytes, bytes]]
_FINISH_REASONS = frozenset({"stop", "length", "content_filter"})
"""Of OpenAI's, those of an answer without calls."""
_SAYS_SO_ITSELF = frozenset({Reason.TRUNCATED, Reason.REFUSED, Reason.FILTERED})
_EMPTY = Completion(None)


def answer_that_says_so(error: AnswerRejected) -> Answer | None:
    """A rejected answer that says by itself what is wrong, as OpenAI's do: cut off, refused or filtered.

    Clients know these by `finish_reason` and `refusal`, and take none for whole; a cut-off one is what they get who set
    `max_tokens`. Of the last tier there was to ask, and of no other.
    """
    last, decision = error.attempts[-1] if error.attempts else None, error.decision
    if last is None or decision is None or last.completion is None or last.reason not in _SAYS_SO_ITSELF:
        return None
    if last.tier is not Tier.PERFORMANCE and decision.route is not Route.ASKED:
        return None
    return Answer(last.completion.content, replace(decision, tier=last.tier, model=last.model), last.completion)


def completion_object(answer: Answer) -> dict[str, Any]:
    """The answer as a whole, with the model that gave it and what it used."""
    said = {**head_of(answer.decision, "chat.completion"), "choices": [choice_of(answer)]}
    usage = usage_of(completion_of(answer).usage)
    if usage is not None:
        said["usage"] = usage
    return said | fingerprint_of(answer)


def head_of(decision: Decision, kind: str) -> dict[str, Any]:
    return {
        "id": f"chatcmpl-{decision.id}",
        "object": kind,
        "created": int(decision.at.timestamp()),
        "model": decision.model or "",
    }


def choice_of(answer: Answer) -> dict[str, Any]:
    return {
        "index": 0,
        "message": message_of(answer),
        "logprobs": logprobs_of(answer),
        "finish_reason": finish_reason_of(answer),
    }


def message_of(answer: Answer) -> dict[str, Any]:
    completion = completion_of(answer)
    message: dict[str, Any] = {
        "role": "assistant",
        "content": content_of(answer),
        "refusal": completion.refusal,
    }
    annotations = _raw_message(completion).get("annotations")
    if isinstance(annotations, list) and all(isinstance(one, Mapping) for one in annotations):
        message["annotations"] = annotations
    if completion.tool_calls:
        message["tool_calls"] = tool_calls_of(answer)
    return message


def content_of(answer: Answer) -> str | None:
    """The model's own words; where JSON was wanted, the JSON that was checked, out of its code fence."""
    completion = completion_of(answer)
    content = completion.content
    if content is None or completion.tool_calls or completion.refusal or answer.output == content:
        return content or None
    if content == content.strip() and "```" not in content and not content.startswith("\ufeff"):
        return content  # nothing stands around it
    try:
        parsed = read_json(content)
    except NotJson:
        return content
    return json.dumps(parsed.value, ensure_ascii=False) if parsed.repaired else content.strip()


def tool_calls_of(answer: Answer) -> list[dict[str, Any]]:
    """Calls as clients send them back; one without an id gets one, by which its result can be told."""
    return [
        {
            "id": call.id or f"call_{answer.decision.id}_{position}",
            "type": "function",
            "function": {"name": call.name, "arguments": call.arguments},
        }
        for position, call in enumerate(completion_of(answer).tool_calls)
    ]


def finish_reason_of(answer: Answer) -> str:
    completion = completion_of(answer)
    if completion.tool_calls:
        return "tool_calls"
    return completion.finish_reason if completion.finish_reason in _FINISH_REASONS else "stop"


def logprobs_of(answer: Answer) -> Mapping[str, Any] | None:
    logprobs = _raw_choice(completion_of(answer)).get("logprobs")
    return logprobs if isinstance(logprobs, Mapping) else None


def usage_of(usage: Usage) -> dict[str, Any] | None:
    """`None` where nobody counted."""
    read, written = usage.input_tokens, usage.output_tokens
    if read is None or written is None:
        return None
    said: dict[str, Any] = {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written}
    if usage.cached_tokens is not None:
        said["prompt_tokens_details"] = {"cached_tokens": usage.cached_tokens}
    if usage.reasoning_tokens is not None:
        said["completion_tokens_details"] = {"reasoning_tokens": usage.reasoning_tokens}
    return said


def fingerprint_of(answer: Answer) -> dict[str, Any]:
    """What the provider says of its own configuration and service, where it does."""
    raw = completion_of(answer).raw or {}
    return {name: raw[name] for name in ("system_fingerprint", "service_tier") if isinstance(raw.get(name), str)}


def completion_of(answer: Answer) -> Completion:
    return answer.completion if answer.completion is not None else _EMPTY


def decision_headers(decision: Decision | None) -> RawHeaders:
    """How the answer came about; without a decision there is nothing to tell."""
    if decision is None:
        return []
    told: dict[str, str | None] = {
        "decision": decision.id,
        "tier": decision.tier,
        "outcome": decision.outcome,
        "reason": decision.reason,
        "cost": dollars(decision.cost),
    }
    return [(f"x-qualityroute-{name}".encode(), value.encode("ascii")) for name, value in told.items() if value]


def dollars(cost: Decimal | None) -> str:
    return "unknown" if cost is None else format(cost, "f")


def _raw_choice(completion: Completion) -> Mapping[str, Any]:
    choices = (completion.raw or {}).get("choices")
    first = choices[0] if isinstance(choices, list) and choices else None
    return first if isinstance(first, Mapping) else {}


def _raw_message(completion: Completion) -> Mapping[str, Any]:
    message = _raw_choice(completion).get("message")
    return message if isinstance(message, Mapping) else {}
