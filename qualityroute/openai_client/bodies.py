"""From a request to the JSON body that is sent."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from qualityroute.client import CompletionRequest
from qualityroute.errors import ConfigError
from qualityroute.openai_client.history import readable_by_all

Body = dict[str, Any]
CHAT = "/chat/completions"

_OURS = frozenset({"model", "messages", "input", "questions", "stream", "stream_options"})
"""Not to be set by parameters: whom we ask and what, and whether the answer comes in pieces."""
_TOKEN_FIELDS = frozenset({"max_tokens", "max_completion_tokens"})


def path_for(request: CompletionRequest) -> str:
    """Where the request is sent, below the provider's address."""
    if request.embeds:
        return "/embeddings"
    return "/decisions" if request.questions else CHAT


def request_body(request: CompletionRequest) -> Body:
    """The request as its path wants it; a field the user's parameters set stays as they set it.

    How a chat completion's structure is asked for is added by the dialect.
    """
    body: Body = {name: value for name, value in flat(request.parameters).items() if name not in _OURS}
    if request.embeds:
        return body | {"model": request.model, "input": request.messages[0]["content"]}
    return _decisions(request, body) if request.questions else _chat(request, body)


def _decisions(request: CompletionRequest, body: Body) -> Body:
    """As the SDK's `decisions.create` writes it."""
    questions = [{"type": "predicate", "name": asked.name, "instructions": asked.ask} for asked in request.questions]
    return body | {"model": request.model, "input": list(request.messages), "questions": questions}


def _chat(request: CompletionRequest, body: Body) -> Body:
    body |= {"model": request.model, "messages": readable_by_all(request.messages)}
    if request.tools:
        body.setdefault("tools", list(request.tools))
    if request.max_output_tokens is not None and not _TOKEN_FIELDS & body.keys():
        body[token_field(request.provider)] = request.max_output_tokens
    if request.temperature is not None:
        body.setdefault("temperature", request.temperature)
    if request.top_logprobs is not None:
        body.setdefault("logprobs", True)
        body.setdefault("top_logprobs", request.top_logprobs)
    return body


def flat(parameters: Mapping[str, Any]) -> Mapping[str, Any]:
    """What the SDK calls `extra_body` are fields of the body like others."""
    extra = parameters.get("extra_body")
    if extra is None or not isinstance(extra, Mapping):
        return parameters
    return {**{name: value for name, value in parameters.items() if name != "extra_body"}, **extra}


def in_pieces(body: Body) -> Body:
    """The same, answered while the model still writes, and with its tokens counted at the end."""
    return body | {"stream": True, "stream_options": {"include_usage": True}}


def token_field(provider: str) -> str:
    """The one that limits an answer, as far as nothing else is known."""
    return "max_completion_tokens" if provider == "openai" else "max_tokens"


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
