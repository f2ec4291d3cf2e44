"""From the body of a reply to a completion, or to the trouble that it hides."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from qualityroute.client import CompletionRequest
from qualityroute.openai_client.complaints import Speaker, complaint, sound
from qualityroute.openai_client.thoughts import without_thinking
from qualityroute.openai_client.trouble import Reply, Trouble
from qualityroute.records import Completion, Json, ToolCall, Usage

MAX_NAME = 200
_MOST_TOKENS = 2**53
_FINISH_REASONS = {
    "max_tokens": "length",
    "max_output_tokens": "length",
    "model_length": "length",
    "model_context_window_exceeded": "length",
    "end_turn": "stop",
    "stop_sequence": "stop",
    "tool_use": "tool_calls",
    "function_call": "tool_calls",
    "safety": "content_filter",
    "recitation": "content_filter",
    "blocklist": "content_filter",
    "prohibited_content": "content_filter",
    "sensitive": "content_filter",
}
"""Other words for OpenAI's; what is in no list stays as it came, and counts as finished."""


def understand(reply: Reply, speaker: Speaker, now: datetime) -> Completion | Trouble:
    """What the model said, or why that is not an answer."""
    body = _body(reply, speaker, now)
    return body if isinstance(body, Trouble) else _completion(body, speaker)


def understand_assembled(body: Mapping[str, Any], speaker: Speaker, now: datetime) -> Completion | Trouble:
    """The same of a body that came in pieces, with HTTP's 200 before them."""
    whole = _without_error(body, Reply(200, b""), speaker, now)
    return whole if isinstance(whole, Trouble) else _completion(whole, speaker)


def understand_decisions(reply: Reply, speaker: Speaker, now: datetime) -> Completion | Trouble:
    """A reply to questions: its answers are the asker's to read, in `raw`."""
    body = _body(reply, speaker, now)
    if isinstance(body, Trouble):
        return _without_decisions(body)
    usage = body.get("usage")
    usage = usage if isinstance(usage, Mapping) else {}
    return Completion(
        content=None,
        usage=Usage(
            input_tokens=_count(usage.get("input_tokens")),
            cached_tokens=_count(_detail(usage, "input_tokens_details", "cached_tokens")),
            output_tokens=_count(usage.get("output_tokens")),
            reasoning_tokens=_count(_detail(usage, "output_tokens_details", "reasoning_tokens")),
        ),
        model=_string(body.get("model"))[:MAX_NAME],
        cost=_cost(usage.get("cost")),
        raw=body,
    )


def understand_embedding(reply: Reply, speaker: Speaker, now: datetime) -> Completion | Trouble:
    """A reply with the vector of one text, in `raw`."""
    body = _body(reply, speaker, now)
    if isinstance(body, Trouble):
        return body
    usage = replace(_usage_of(body), output_tokens=0)
    data = body.get("data")
    first = data[0] if isinstance(data, list) and data else None
    vector = first.get("embedding") if isinstance(first, Mapping) else None
    if not isinstance(vector, list) or not all(type(number) in (int, float) for number in vector):
        return _malformed(speaker, "the reply has no embedding made of numbers", usage)
    return Completion(
        content=None,
        usage=usage,
        model=_string(body.get("model"))[:MAX_NAME],
        cost=_cost(_detail(body, "usage", "cost")),
        raw={"embedding": vector},
    )


def reader_of(request: CompletionRequest) -> Callable[[Reply, Speaker, datetime], Completion | Trouble]:
    """By what was asked for."""
    if request.embeds:
        return understand_embedding
    return understand_decisions if request.questions else understand


def _without_decisions(trouble: Trouble) -> Trouble:
    """Most servers that speak chat completions know no decisions, and say so in words of many kinds."""
    if trouble.status not in (404, 405, 501):
        return trouble
    hint = "this endpoint or model may have no /decisions, which judge.mode = 'decisions' needs"
    return replace(trouble, message=f"{trouble.message}; {hint}")


def _body(reply: Reply, speaker: Speaker, now: datetime) -> Mapping[str, Any] | Trouble:
    """The JSON object of a good reply."""
    if not reply.good:
        return complaint(reply, speaker, now)
    try:
        body = json.loads(reply.content.decode("utf-8-sig"))
    except UnicodeDecodeError:
        return _malformed(speaker, "the reply is not valid UTF-8")
    except (ValueError, RecursionError):
        return _malformed(speaker, _not_json(reply.content))
    if not isinstance(body, Mapping):
        return _malformed(speaker, f"the reply is a JSON {type(body).__name__}, not an object")
    return _without_error(body, reply, speaker, now)


def _without_error(
    body: Mapping[str, Any], reply: Reply, speaker: Speaker, now: datetime
) -> Mapping[str, Any] | Trouble:
    if hides_an_error(body):
        hidden = complaint(reply, speaker, now, body=_innermost_error(body))
        return replace(hidden, usage=_usage_of(body))
    return body


def _completion(body: Mapping[str, Any], speaker: Speaker) -> Completion | Trouble:
    choices = body.get("choices")
    usage = _usage_of(body)
    if not isinstance(choices, list) or not choices:
        return _malformed(speaker, "the reply has no choices", usage)
    message = choices[0].get("message") if isinstance(choices[0], Mapping) else None
    if not isinstance(message, Mapping):
        return _malformed(speaker, "the reply's first choice has no message", usage)
    content = message.get("content")
    if not isinstance(content, str | list | None):
        return _malformed(speaker, f"the message's content is a JSON {type(content).__name__}, not text", usage)
    return Completion(
        content=None if content is None else without_thinking(text_of(content)),
        finish_reason=_finish_reason(choices[0].get("finish_reason")),
        refusal=_refusal(message, choices[0]),
        tool_calls=_tool_calls(message.get("tool_calls")),
        usage=usage,
        model=_string(body.get("model"))[:MAX_NAME],
        cost=_cost(_detail(body, "usage", "cost")),
        raw=body,
    )


def _malformed(speaker: Speaker, what: str, usage: Usage = Usage()) -> Trouble:
    return Trouble(f"'{speaker.model}' gave no usable answer: {what}", status=200, usage=usage)


def _not_json(content: bytes) -> str:
    start = content[:200].lstrip().lower()
    if not start:
        return "the reply is empty"
    return "the reply is an HTML page, not JSON" if start.startswith(b"<") else "the reply is not JSON, or cut off"


def hides_an_error(body: Mapping[str, Any]) -> bool:
    return bool(body.get("error")) or body.get("object") == "error" or bool(_choice_error(body))


def _innermost_error(body: Mapping[str, Any]) -> Mapping[str, Any]:
    return body if body.get("error") or not _choice_error(body) else {"error": _choice_error(body)}


def _choice_error(body: Mapping[str, Any]) -> Json:
    choices = body.get("choices")
    first = choices[0] if isinstance(choices, list) and choices else None
    return first.get("error") if isinstance(first, Mapping) else None


def text_of(content: str | Sequence[Json]) -> str:
    """Content parts as one text; parts that are thoughts or refusals are not the answer."""
    if isinstance(content, str):
        return sound(content)
    texts = [sound(part) if isinstance(part, str) else _part_text(part) for part in content]
    return "".join(texts)


def _part_text(part: Json) -> str:
    if isinstance(part, Mapping) and part.get("type", "text") in ("text", "output_text"):
        return _string(part.get("text"))
    return ""


def _finish_reason(said: Json) -> str:
    reason = _string(said)[:MAX_NAME] or "stop"
    return _FINISH_REASONS.get(reason.lower(), reason)


def _refusal(message: Mapping[str, Any], choice: Mapping[str, Any]) -> str | None:
    if _string(message.get("refusal")):
        return _string(message["refusal"])
    content = message.get("content")
    said = refused_in_parts(content)
    if not said and _string(choice.get("finish_reason")).lower() == "refusal":
        said = _string(content) or "the model refused"
    return said or None


def refused_in_parts(content: Json) -> str:
    """The refusal that stands among content parts."""
    parts = content if isinstance(content, list) else []
    return "".join(_string(part.get("refusal")) for part in parts if isinstance(part, Mapping))


def _tool_calls(calls: Json) -> tuple[ToolCall, ...]:
    if not isinstance(calls, list):
        return ()
    return tuple(_tool_call(call) for call in calls if isinstance(call, Mapping))


def _tool_call(call: Mapping[str, Any]) -> ToolCall:
    function = call.get("function")
    function = function if isinstance(function, Mapping) else {}
    return ToolCall(_string(call.get("id")), _string(function.get("name")), _arguments(function.get("arguments")))


def _arguments(arguments: Json) -> str:
    """The model's JSON as text; some servers send nothing for no arguments, some send them parsed."""
    if arguments is None or arguments == "":
        return "{}"
    return sound(arguments) if isinstance(arguments, str) else json.dumps(arguments)


def _usage_of(body: Mapping[str, Any]) -> Usage:
    usage = body.get("usage")
    if not isinstance(usage, Mapping):
        return Usage()
    return Usage(
        input_tokens=_first(usage, "prompt_tokens", "input_tokens"),
        cached_tokens=_cached(usage),
        output_tokens=_first(usage, "completion_tokens", "output_tokens"),
        reasoning_tokens=_count(_detail(usage, "completion_tokens_details", "reasoning_tokens")),
    )


def _first(usage: Mapping[str, Any], *names: str) -> int | None:
    return next((count for name in names if (count := _count(usage.get(name))) is not None), None)


def _cached(usage: Mapping[str, Any]) -> int | None:
    """Where OpenAI counts them, or DeepSeek."""
    cached = _count(_detail(usage, "prompt_tokens_details", "cached_tokens"))
    return cached if cached is not None else _count(usage.get("prompt_cache_hit_tokens"))


def _detail(usage: Mapping[str, Any], section: str, name: str) -> Json:
    details = usage.get(section)
    return details.get(name) if isinstance(details, Mapping) else None


def _count(value: Json) -> int | None:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 0 <= value < _MOST_TOKENS else None


def _cost(value: Json) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        cost = Decimal(str(value))
    except InvalidOperation:
        return None
    return cost if cost.is_finite() and cost >= 0 else None


def _string(value: Json) -> str:
    return sound(value) if isinstance(value, str) else ""
