"""How a model wants to be asked: which fields it refuses and on which rung it stands. Pure.

A dialect is the steps taken away from the standard request, learned from 400s. To teach us a new one, add a row
to `STEPS`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from qualityroute.client import CompletionRequest
from qualityroute.openai_client.bodies import Body, in_pieces, request_body
from qualityroute.openai_client.history import in_one_text, one_system_message, with_reasoning, with_signatures
from qualityroute.openai_client.ladder import (
    Rung,
    after_refusal,
    asked_on,
    is_changed_at_end,
    wants_structure,
    with_schema_told,
)
from qualityroute.openai_client.trouble import Trouble
from qualityroute.records import Message, Reason

MAX_STEPS = 5
"""In one call; those a model is known to need are none."""

_SAMPLING = (
    "temperature", "top_p", "top_k", "min_p", "presence_penalty", "frequency_penalty", "seed", "parallel_tool_calls",
)  # fmt: skip
"""Fields whose loss changes no more than how an answer is drawn. Others a user set are not ours to drop."""
_REFUSED = re.compile(
    r"unsupported|not support|unknown|unrecogni[sz]ed|unexpected|\bextra\b|not permitted|not allowed|forbidden"
    r"|unavailable|not available|deprecated|instead|invalid parameter"
)
_SOME_PARAMETER_REFUSED = re.compile(
    r"(unsupported|unknown|unrecogni[sz]ed|unexpected|extra|additional|invalid)[\w\s]{0,20}"
    r"(parameter|field|argument|inputs|propert|key)"
)
_STRUCTURE = re.compile(r"response_?format|json[_ ]?schema|json[_ ]?object|structured[ _]outputs?|\bgrammar\b")
_TOOLS = re.compile(r"\btools?\b|tool_choice|\bfunctions?\b|function[_ ]call")
_MISSING = re.compile(r"missing|must|required|expect|pass(ed)? back|lack")
_STREAM = re.compile(r"\bstream(s|ed|ing)?\b")
_STREAM_OPTIONS = re.compile(r"\b(stream_options|include_usage)\b")
_TEXT_WANTED = re.compile(r"content\b.{0,80}(string|\bstr\b)|(string|\bstr\b).{0,40}content\b", re.DOTALL)
_ONE_SYSTEM = re.compile(
    r"system (message|role|prompt)s?.{0,40}(beginning|first|start|only|one|single|multiple)"
    r"|(only|multiple).{0,20}system"
)


@dataclass(frozen=True, slots=True)
class Step:
    """One way of saying it differently; `name` is what a store keeps."""

    name: str
    fits: Callable[[str, Body], bool]
    """Do these words complain of something in this body that the step changes?"""
    change: Callable[[Body, CompletionRequest], Body]


@dataclass(frozen=True, slots=True)
class Dialect:
    """All that is known of how to ask a model."""

    steps: tuple[str, ...] = ()
    rung: Rung = Rung.JSON_SCHEMA


def next_dialect(trouble: Trouble, body: Body, request: CompletionRequest, dialect: Dialect) -> Dialect | None:
    """How to say it after the provider refused `body`; `None` when its words are about something else."""
    if trouble.status not in (400, 422) or trouble.reason is not Reason.PROVIDER_ERROR:
        return None
    words = trouble.words
    step = next((step for step in STEPS if step.name not in dialect.steps and step.fits(words, body)), None)
    if step is not None:
        return replace(dialect, steps=(*dialect.steps, step.name))
    if wants_structure(request) and _refuses_structure(words, body, dialect.rung):
        return replace(dialect, rung=after_refusal(dialect.rung, words, request))
    return None


def spoken(request: CompletionRequest, dialect: Dialect) -> Body:
    """The request's body as the dialect has it."""
    body = request_body(request)
    for field, value in asked_on(dialect.rung, request).items():
        body[field] = value
    if request.hear is not None and not request.questions and not is_changed_at_end(dialect.rung, request):
        body = in_pieces(body)
    for step in STEPS:  # in this order, since some count on the messages as they came
        if step.name in dialect.steps:
            body = step.change(body, request)
    if wants_structure(request):
        body["messages"] = list(with_schema_told(dialect.rung, request, body["messages"]))
        if ONE_SYSTEM in dialect.steps:
            body["messages"] = one_system_message(body["messages"])
    return body


def _refuses(field: str) -> Callable[[str, Body], bool]:
    named = re.compile(rf"\b{field}\b")
    return lambda words, body: field in body and bool(named.search(words) and _REFUSED.search(words))


def _refuses_structure(words: str, body: Body, rung: Rung) -> bool:
    if rung is Rung.TOOL:
        return bool(_TOOLS.search(words) or _SOME_PARAMETER_REFUSED.search(words))
    if "response_format" not in body:
        return False
    if _STRUCTURE.search(words):
        return True
    return bool(_SOME_PARAMETER_REFUSED.search(words)) and not _names_another_field(words, body)


def _names_another_field(words: str, body: Body) -> bool:
    others = body.keys() - {"model", "messages", "response_format"}
    return any(re.search(rf"\b{re.escape(field)}\b", words) for field in others)


def _wants_back(field: str) -> Callable[[str, Body], bool]:
    return lambda words, body: field in words and bool(_MISSING.search(words)) and "messages" in body


def _renamed(old: str, new: str) -> Callable[[Body, CompletionRequest], Body]:
    return lambda body, _: {new if field == old else field: value for field, value in body.items()}


def _without(*dropped: str) -> Callable[[Body, CompletionRequest], Body]:
    return lambda body, _: {field: value for field, value in body.items() if field not in dropped}


def _messages(change: Callable[[Any, CompletionRequest], list[Message]]) -> Callable[[Body, CompletionRequest], Body]:
    return lambda body, request: body | {"messages": change(body["messages"], request)} if "messages" in body else body


ONE_SYSTEM = "one system message"

STEPS: tuple[Step, ...] = (
    Step("max_completion_tokens", _refuses("max_tokens"), _renamed("max_tokens", "max_completion_tokens")),
    Step("max_tokens", _refuses("max_completion_tokens"), _renamed("max_completion_tokens", "max_tokens")),
    *(Step(f"no {field}", _refuses(field), _without(field)) for field in _SAMPLING),
    Step(
        "reasoning_content",
        _wants_back("reasoning_content"),
        _messages(lambda messages, request: with_reasoning(messages, request.messages)),
    ),
    Step(
        "thought_signature",
        _wants_back("thought_signature"),
        _messages(lambda messages, request: with_signatures(messages, request.messages)),
    ),
    Step(
        "text content",
        lambda words, body: bool(_TEXT_WANTED.search(words)) and _has_parts(body),
        _messages(lambda messages, _: in_one_text(messages)),
    ),
    Step(
        ONE_SYSTEM,
        lambda words, body: bool(_ONE_SYSTEM.search(words)) and "messages" in body,
        _messages(lambda messages, _: one_system_message(messages)),
    ),
    Step(
        "no stream_options",
        lambda words, body: "stream_options" in body and bool(_STREAM_OPTIONS.search(words)),
        _without("stream_options"),
    ),
    Step(
        "no stream",
        lambda words, body: "stream" in body and bool(_STREAM.search(words) and _REFUSED.search(words)),
        _without("stream", "stream_options"),
    ),
)
"""In the order tried: a field that is named comes before a guess."""

STEP_NAMES = frozenset(step.name for step in STEPS)


def _has_parts(body: Body) -> bool:
    return any(isinstance(message.get("content"), list | tuple) for message in body.get("messages", ()))
