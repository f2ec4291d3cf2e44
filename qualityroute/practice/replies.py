"""From an OpenAI chat request to an OpenAI chat response, with a practice model in between."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from qualityroute.practice.careful import careful_answer
from qualityroute.practice.checker import judge_answer
from qualityroute.practice.crude import crude_answer
from qualityroute.practice.prompts import Prompt
from qualityroute.records import source_text

FINGERPRINT = "practice-stand-in"

MODELS = {
    "small": "practice stand-in: a crude extractor program, no language model",
    "careful": "practice stand-in: a careful extractor program, no language model",
    "checker": "practice stand-in: a program that checks values against the source, no language model",
}

_PROGRAMS = {"small": crude_answer, "careful": careful_answer, "checker": judge_answer}

CONTEXT_TOKENS = 128_000
"""As with real models, a longer document is refused; reading one takes minutes."""

_CREATED = 1_767_225_600
_CHARACTERS_PER_TOKEN = 4
_CHUNK_SIZE = 24


class BadRequest(Exception):
    """What the client did wrong, with its HTTP status."""

    def __init__(self, status: int, message: str, code: str, parameter: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.parameter = parameter

    def as_json(self) -> dict[str, Any]:
        error = {"message": str(self), "type": "invalid_request_error", "param": self.parameter, "code": self.code}
        return {"error": error}


@dataclass(frozen=True, slots=True)
class Reply:
    """What a practice model said, before it is put into a response."""

    id: str
    model: str
    content: str | None
    tool_call: Mapping[str, Any] | None
    usage: Mapping[str, Any]

    @property
    def finish_reason(self) -> str:
        return "tool_calls" if self.tool_call else "stop"


def reply_to(request: Mapping[str, Any]) -> Reply:
    """Asks the model named in the request; raises `BadRequest` for what OpenAI would refuse."""
    model = _model(request)
    messages = _messages(request)
    schema = _response_schema(request)
    tool = None if schema is not None else _tool(request)
    parameters = schema if tool is None else tool.get("parameters") or {"type": "object"}
    _refuse_too_long(messages)
    content = _PROGRAMS[model](Prompt.of(messages, parameters))
    identity = hashlib.sha256(json.dumps([model, messages], sort_keys=True).encode()).hexdigest()[:24]
    call = None if tool is None else _tool_call(tool, content, identity)
    usage = _usage(messages, content)
    return Reply(f"chatcmpl-{identity}", model, None if call else content, call, usage)


def _refuse_too_long(messages: Sequence[Mapping[str, Any]]) -> None:
    tokens = _tokens(source_text(messages))
    if tokens > CONTEXT_TOKENS:
        message = f"the messages have about {tokens} tokens; at most {CONTEXT_TOKENS} are read"
        raise BadRequest(400, message, "context_length_exceeded", "messages")


def completion_of(reply: Reply) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": reply.content, "refusal": None}
    if reply.tool_call:
        message["tool_calls"] = [reply.tool_call]
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": reply.finish_reason}
    return {**_envelope(reply, "chat.completion"), "choices": [choice], "usage": reply.usage}


def chunks_of(reply: Reply, *, with_usage: bool) -> Iterator[dict[str, Any]]:
    """The same response in pieces, as `stream: true` asks for."""
    envelope = _envelope(reply, "chat.completion.chunk")
    if with_usage:
        envelope["usage"] = None
    for delta in _deltas(reply):
        yield {**envelope, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]}
    yield {**envelope, "choices": [{"index": 0, "delta": {}, "finish_reason": reply.finish_reason}]}
    if with_usage:
        yield {**envelope, "choices": [], "usage": reply.usage}


def model_list() -> dict[str, Any]:
    return {
        "object": "list",
        "data": [
            {"id": name, "object": "model", "created": _CREATED, "owned_by": FINGERPRINT, "description": description}
            for name, description in MODELS.items()
        ],
    }


def _deltas(reply: Reply) -> Iterator[dict[str, Any]]:
    if reply.tool_call:
        yield {"role": "assistant", "content": None, "tool_calls": [{"index": 0, **reply.tool_call}]}
        return
    yield {"role": "assistant", "content": ""}
    content = reply.content or ""
    for start in range(0, len(content), _CHUNK_SIZE):
        yield {"content": content[start : start + _CHUNK_SIZE]}


def _envelope(reply: Reply, kind: str) -> dict[str, Any]:
    return {
        "id": reply.id,
        "object": kind,
        "created": _CREATED,
        "model": reply.model,
        "system_fingerprint": FINGERPRINT,
    }


def _usage(messages: Sequence[Mapping[str, Any]], content: str) -> dict[str, Any]:
    prompt = _tokens(source_text(messages))
    completion = _tokens(content)
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0},
    }


def _tokens(text: str) -> int:
    return max(1, round(len(text) / _CHARACTERS_PER_TOKEN))


def _model(request: Mapping[str, Any]) -> str:
    model = request.get("model")
    if not isinstance(model, str):
        raise BadRequest(400, "'model' is missing; it must be the name of a model", "missing_parameter", "model")
    if model not in MODELS:
        raise BadRequest(404, f"no model {model!r}; there are: {', '.join(MODELS)}", "model_not_found", "model")
    return model


def _messages(request: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    messages = request.get("messages")
    if not isinstance(messages, list) or not messages:
        raise BadRequest(
            400, "'messages' is missing; it must be a list with a message", "missing_parameter", "messages"
        )
    if not all(isinstance(message, dict) and isinstance(message.get("role"), str) for message in messages):
        raise BadRequest(400, "each of 'messages' must be an object with a 'role'", "invalid_value", "messages")
    return messages


def _response_schema(request: Mapping[str, Any]) -> Mapping[str, Any] | None:
    response_format = request.get("response_format")
    if not isinstance(response_format, dict) or response_format.get("type") != "json_schema":
        return None
    named = response_format.get("json_schema")
    schema = named.get("schema") if isinstance(named, dict) else None
    if not isinstance(schema, dict):
        raise BadRequest(400, "'response_format.json_schema.schema' is missing", "missing_parameter", "response_format")
    return schema


def _tool(request: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The tool to call: the one `tool_choice` names, else the first; none once there is a call's result to tell of."""
    offered = request.get("tools") or []
    tools: list[Mapping[str, Any]] = [tool["function"] for tool in offered if _is_function(tool)]
    choice = request.get("tool_choice")
    answered = choice in (None, "auto") and _messages(request)[-1]["role"] == "tool"
    if choice == "none" or not tools or answered:
        return None
    wanted = choice["function"].get("name") if isinstance(choice, dict) and _is_function(choice) else None
    return next((tool for tool in tools if tool.get("name") == wanted), tools[0])


def _is_function(tool: object) -> bool:
    return isinstance(tool, dict) and isinstance(tool.get("function"), dict)


def _tool_call(tool: Mapping[str, Any], arguments: str, identity: str) -> dict[str, Any]:
    function = {"name": str(tool.get("name", "")), "arguments": arguments}
    return {"id": f"call_{identity}", "type": "function", "function": function}
