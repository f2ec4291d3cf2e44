"""A provider's script that honours all that probes ask for; tests take from it what they are about."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from fault_server import Play, completion, failing

Script = Callable[[Mapping[str, Any]], Play]
WORDS = " ".join(["one", "two", "three", "four"] * 25)


def whole(body: Mapping[str, Any]) -> Play:
    """Does what it is asked for, as far as the body's fields say so."""
    if body.get("stream"):
        return Play(stream_of(usage=bool(body.get("stream_options"))), headers={"content-type": "text/event-stream"})
    answer = completion(_words(body))
    choice = answer["choices"][0]
    if "tools" in body:
        function = body["tools"][0]["function"]
        choice["message"] = {"role": "assistant", "content": None, "tool_calls": [_call(function)]}
        choice["finish_reason"] = "tool_calls"
    if body.get("logprobs"):
        token = {"token": "red", "logprob": -0.1}
        choice["logprobs"] = {"content": [{**token, "top_logprobs": [token, {"token": "blue", "logprob": -2.0}]}]}
    limit = body.get("max_tokens", body.get("max_completion_tokens"))
    if limit is not None and len(_words(body).split()) > limit:
        choice |= {"finish_reason": "length"}
        choice["message"]["content"] = " ".join(_words(body).split()[:limit])
        answer["usage"]["completion_tokens"] = limit
    return Play(answer)


def stream_of(*, usage: bool) -> bytes:
    pieces: list[dict[str, Any]] = [{"choices": [{"index": 0, "delta": {"content": "red"}}]}]
    if usage:
        pieces.append({"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 1}})
    events = [json.dumps(piece) for piece in pieces]
    return "".join(f"data: {event}\n\n" for event in [*events, "[DONE]"]).encode()


def without(*fields: str, script: Script = whole) -> Script:
    """As if these fields of the body had not been sent: accepted and ignored."""
    return lambda body: script({name: value for name, value in body.items() if name not in fields})


def refusing(*fields: str, script: Script = whole, status: int = 400) -> Script:
    """An error that names the field, as OpenAI words it."""

    def play(body: Mapping[str, Any]) -> Play:
        field = next((field for field in fields if field in body), None)
        return script(body) if field is None else failing(status, f"Unsupported parameter: '{field}'", param=field)

    return play


def _words(body: Mapping[str, Any]) -> str:
    kind = body.get("response_format", {}).get("type")
    prompt = str(body["messages"][-1]["content"])
    if kind == "json_schema":
        return json.dumps(_sample(body["response_format"]["json_schema"]["schema"]))
    if kind == "json_object":
        return '{"colour": "red"}'
    if body["messages"][0]["role"] == "system":
        return str(body["messages"][0]["content"]).split()[-1]
    if "Count" in prompt:
        return WORDS
    return f"random {body['seed']}" if "seed" in body else "red"


def _call(function: Mapping[str, Any]) -> dict[str, Any]:
    arguments = json.dumps(_sample(function["parameters"]))
    return {"id": "call_1", "type": "function", "function": {"name": function["name"], "arguments": arguments}}


def _sample(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {name: part["enum"][0] for name, part in schema["properties"].items()}
