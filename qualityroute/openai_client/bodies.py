"""From a request to the JSON body that is sent."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from qualityroute.client import CompletionRequest
from qualityroute.errors import ConfigError

Body = dict[str, Any]

_OURS = frozenset({"model", "messages", "input", "questions", "stream"})
"""Not to be set by parameters: whom we ask and what, and that the answer comes in one piece."""
_TOKEN_FIELDS = frozenset({"max_tokens", "max_completion_tokens"})


def path_for(request: CompletionRequest) -> str:
    """Where the request is sent, below the provider's address."""
    return "/decisions" if request.questions else "/chat/completions"


def request_body(request: CompletionRequest) -> Body:
    """The request as its path wants it; a field the user's parameters set stays as they set it."""
    body: Body = {name: value for name, value in request.parameters.items() if name not in _OURS}
    return _decisions(request, body) if request.questions else _chat(request, body)


def _decisions(request: CompletionRequest, body: Body) -> Body:
    """As the SDK's `decisions.create` writes it."""
    questions = [{"type": "predicate", "name": asked.name, "instructions": asked.ask} for asked in request.questions]
    return body | {"model": request.model, "input": list(request.messages), "questions": questions}


def _chat(request: CompletionRequest, body: Body) -> Body:
    body |= {"model": request.model, "messages": list(request.messages)}
    if request.tools:
        body.setdefault("tools", list(request.tools))
    if request.max_output_tokens is not None and not _TOKEN_FIELDS & body.keys():
        body[_token_field(request.provider)] = request.max_output_tokens
    if request.temperature is not None:
        body.setdefault("temperature", request.temperature)
    if request.top_logprobs is not None:
        body.setdefault("logprobs", True)
        body.setdefault("top_logprobs", request.top_logprobs)
    # With tools the answer is a call, which a response format would forbid.
    if request.response_schema is not None and "tools" not in body:
        body.setdefault("response_format", _response_format(request.response_schema))
    return body


def _token_field(provider: str) -> str:
    return "max_completion_tokens" if provider == "openai" else "max_tokens"


def _response_format(schema: Mapping[str, Any]) -> Body:
    return {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema, "strict": False}}


def encode(body: Body, name: str) -> bytes:
    """The body as UTF-8 JSON. Raises `ConfigError` for what JSON cannot carry."""
    try:
        text = json.dumps(body, ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_plain)
        return text.encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise ConfigError(f"the request to '{name}' cannot be sent as JSON: {error}") from error


def _plain(value: Any) -> Any:
    """`json` knows dicts only; configuration and messages may come as other mappings."""
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"a {type(value).__name__} is not a JSON value")
