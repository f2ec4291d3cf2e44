"""The ladder of structured output: the strictest way of asking that an endpoint keeps to. Pure.

    json_schema              strict, with the bounds and patterns that OpenAI accepts
    json_schema, bare        strict, types and names alone
    json_object              the schema in the prompt
    prompt                   the schema in the prompt, and nothing else
    tool                     a call of one tool whose arguments are the answer
    nothing                  as `prompt`, for good: no other way was left

A rung is left when the endpoint refuses it, and when it accepts and ignores it: `MOST_IGNORED` answers of
`WATCHED` that break what the rung promises. One such answer is the model's; a server that constrains its
model gives none of them, so that several are the endpoint's. Where one answer of a hundred is broken on its way,
five of twenty are once in 730,000 watches (three once in 1,000, which a busy gateway has in an hour).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from qualityroute.client import CompletionRequest, schema_instruction, schema_text
from qualityroute.memo import kept
from qualityroute.openai_client.bodies import flat
from qualityroute.openai_client.wire_answer import without_wire_nulls
from qualityroute.openai_client.wire_schema import Flavour, adds_nulls, wire_schema
from qualityroute.openai_client.wire_shape import Test, shape_of
from qualityroute.records import Completion, Message

WATCHED = 20
MOST_IGNORED = 5
TOOL_NAME = "answer"


class Rung(StrEnum):
    """One way of asking for structure; the value is what a store keeps."""

    JSON_SCHEMA = "json_schema"
    BARE = "json_schema, bare"
    JSON_OBJECT = "json_object"
    PROMPT = "prompt"
    TOOL = "tool"
    NOTHING = "nothing"


_ORDER = tuple(Rung)
_STRICT = {Rung.JSON_SCHEMA: Flavour.RULES, Rung.BARE: Flavour.BARE, Rung.TOOL: Flavour.RULES}
_JSON_MODES = frozenset({Rung.JSON_SCHEMA, Rung.BARE, Rung.JSON_OBJECT})
_RULE_REFUSED = re.compile(
    r"invalid_json_schema|invalid schema|schema is (invalid|not valid)|keyword"
    r"|\b(pattern|format|const|minimum|maximum|exclusiveminimum|exclusivemaximum|multipleof|minitems|maxitems)\b"
)
_STRUCTURE_FIELDS = frozenset({"tools", "response_format"})
"""Set by the user, they are the user's way of asking for it."""
_FENCE = re.compile(r"\s*```[ \t]*\w*\s(.*)```\s*", re.DOTALL)


def wants_structure(request: CompletionRequest) -> bool:
    """Is the structure ours to ask for? With tools the answer is a call, which a response format would forbid."""
    if request.response_schema is None or request.tools:
        return False
    return _STRUCTURE_FIELDS.isdisjoint(flat(request.parameters))


def asked_on(rung: Rung, request: CompletionRequest) -> dict[str, Any]:
    """The fields of the body that ask for the structure."""
    if not wants_structure(request):
        return {}
    text = _text_of(request)
    match rung:
        case Rung.JSON_SCHEMA | Rung.BARE:
            return {"response_format": _json_schema(text, _STRICT[rung])}
        case Rung.JSON_OBJECT:
            return {"response_format": {"type": "json_object"}}
        case Rung.TOOL:
            parameters = _wire(text, _STRICT[rung]) or _read(text)
            function = {"name": TOOL_NAME, "description": "Gives the answer.", "parameters": parameters}
            choice = {"type": "function", "function": {"name": TOOL_NAME}}
            return {"tools": [{"type": "function", "function": function}], "tool_choice": choice}
        case Rung.PROMPT | Rung.NOTHING:
            return {}


def with_schema_told(rung: Rung, request: CompletionRequest, messages: Sequence[Message]) -> Sequence[Message]:
    """The messages, with the schema in a leading one of its own where the rung needs it and none tells it yet."""
    if not wants_structure(request) or rung in (Rung.JSON_SCHEMA, Rung.BARE):
        return messages
    assert request.response_schema is not None
    told = schema_instruction(request.response_schema)
    schema = _text_of(request)
    if any(isinstance(message.get("content"), str) and schema in message["content"] for message in messages):
        return messages
    return [{"role": "system", "content": told}, *messages]


def after_refusal(rung: Rung, words: str, request: CompletionRequest) -> Rung:
    """The next rung down. Without bounds first, where the words are about one and there are any."""
    if rung is Rung.JSON_SCHEMA and not (_RULE_REFUSED.search(words) and _has_rules(_text_of(request))):
        return Rung.JSON_OBJECT
    return below(rung)


def below(rung: Rung) -> Rung:
    return _ORDER[min(_ORDER.index(rung) + 1, len(_ORDER) - 1)]


def answered_on(rung: Rung, request: CompletionRequest, completion: Completion) -> Completion:
    """The answer as if it had been asked for in words: a call of our tool is text, and the wire's nulls are gone."""
    if not wants_structure(request) or rung not in _STRICT:
        return completion
    assert request.response_schema is not None
    calls = completion.tool_calls
    if rung is Rung.TOOL and calls and calls[0].name == TOOL_NAME:
        finish = "stop" if completion.finish_reason == "tool_calls" else completion.finish_reason
        completion = replace(completion, content=calls[0].arguments, tool_calls=(), finish_reason=finish)
    if completion.content and _adds_nulls(_text_of(request)):
        return replace(completion, content=without_wire_nulls(completion.content, request.response_schema))
    return completion


def is_changed_at_end(rung: Rung, request: CompletionRequest) -> bool:
    """May `answered_on` give another text than came in, so that nobody may hear it before?"""
    if not wants_structure(request) or rung not in _STRICT:
        return False
    text = _text_of(request)
    return rung is Rung.TOOL or (_wire(text, _STRICT[rung]) is not None and _adds_nulls(text))


def kept_to(rung: Rung, request: CompletionRequest, completion: Completion) -> bool | None:
    """Did the endpoint do what the rung promises? `None`: this answer does not say.

    Raw, before `answered_on`. A cut answer, a refusal and a call of another tool say nothing.
    """
    if not wants_structure(request) or completion.refusal or completion.finish_reason not in ("stop", "tool_calls"):
        return None
    if rung is Rung.TOOL:
        return any(call.name == TOOL_NAME and _parsed(call.arguments) is not None for call in completion.tool_calls)
    if completion.tool_calls:
        return None
    value = _parsed(completion.content or "")
    if value is None and rung not in _JSON_MODES:
        fenced = _FENCE.fullmatch(completion.content or "")
        value = _parsed(fenced[1]) if fenced else None
    if rung in (Rung.JSON_SCHEMA, Rung.BARE):
        follows = _shape(_text_of(request), _STRICT[rung])
        try:
            return value is not None and (follows is None or follows(value[0]))
        except RecursionError:  # a model that went on and on; the gate refuses what is nested so deep
            return None
    if rung is Rung.JSON_OBJECT:
        return value is not None and isinstance(value[0], Mapping)
    return value is not None


def may_be_empty_for_its_mode(rung: Rung, request: CompletionRequest, completion: Completion) -> bool:
    """Is it the empty answer that some servers give in a JSON mode, now and then?"""
    blank = not (completion.content or "").strip() and not completion.tool_calls and not completion.refusal
    return blank and completion.finish_reason == "stop" and rung in _JSON_MODES and wants_structure(request)


@dataclass(frozen=True, slots=True)
class Watch:
    """What the last answers on a rung were worth."""

    seen: int = 0
    ignored: int = 0

    def after(self, kept: bool) -> Watch:
        """With one more answer; a full watch starts anew."""
        start = Watch() if self.seen >= WATCHED else self
        return Watch(start.seen + 1, start.ignored + (not kept))

    @property
    def says_ignored(self) -> bool:
        return self.ignored >= MOST_IGNORED


def _json_schema(text: str, flavour: Flavour) -> dict[str, Any]:
    wire = _wire(text, flavour)
    schema = {"schema": _read(text), "strict": False} if wire is None else {"schema": wire, "strict": True}
    return {"type": "json_schema", "json_schema": {"name": TOOL_NAME, **schema}}


def _text_of(request: CompletionRequest) -> str:
    assert request.response_schema is not None
    return schema_text(request.response_schema)


# What follows is kept, and never changed by who gets it.
@kept
def _read(text: str) -> Any:
    return json.loads(text)


@kept
def _wire(text: str, flavour: Flavour) -> dict[str, Any] | None:
    return wire_schema(_read(text), flavour)


@kept
def _shape(text: str, flavour: Flavour) -> Test | None:
    wire = _wire(text, flavour)
    return None if wire is None else shape_of(wire)


@kept
def _adds_nulls(text: str) -> bool:
    return adds_nulls(_read(text))


def _has_rules(text: str) -> bool:
    return _wire(text, Flavour.RULES) != _wire(text, Flavour.BARE)


def _parsed(text: str) -> tuple[Any] | None:
    try:
        return (json.loads(text),)
    except (ValueError, RecursionError):
        return None
