"""A streamed answer, put together from its chunks: deltas for a listener now, and at the end the body of a plain reply.

Pure but for what has come in. Servers number tool calls in many ways; what a listener gets is numbered as OpenAI does.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from qualityroute.openai_client.complaints import sound
from qualityroute.openai_client.replies import refused_in_parts, text_of
from qualityroute.openai_client.thoughts import AnswerAhead
from qualityroute.records import Json

Delta = dict[str, Any]
"""Of a message, as OpenAI streams it: `content`, `refusal` and `tool_calls`, those that came."""

_OURS = frozenset({"role", "content", "refusal", "tool_calls"})
"""Fields of a message that are put together in a way of their own."""


class Assembly:
    """One answer; other choices than the first are left out, as of a plain reply."""

    def __init__(self) -> None:
        self._top: dict[str, Any] = {}
        """Fields beside `choices`, each as it came last."""
        self._choice: dict[str, Any] | None = None
        """Fields of the first choice beside its delta; `None`: it has not come."""
        self._logprobs: dict[str, list[Any]] = {}
        self._texts: list[str] = []
        self._refusals: list[str] = []
        self._calls: list[_Call] = []
        self._numbered: dict[Any, _Call] = {}
        """The last call under each number of the server's."""
        self._others: dict[str, list[Any]] = {}
        """Further fields of the message, such as thoughts, in pieces."""
        self._ahead = AnswerAhead()

    @property
    def finished(self) -> bool:
        """Has the model said that it is done?"""
        return self._choice is not None and bool(self._choice.get("finish_reason"))

    @property
    def began(self) -> bool:
        """Has the model written anything, if only a thought?"""
        return any((self._texts, self._refusals, self._calls, self._others))

    def add(self, chunk: Mapping[str, Any]) -> Delta:
        """Take one chunk in; what a listener gets to hear of it, `{}` where that is nothing."""
        self._top |= {name: value for name, value in chunk.items() if name != "choices" and value is not None}
        choice = _first(chunk.get("choices"))
        if choice is None:
            return {}
        # Some send the message so far beside each delta, and some one chunk with a message and no delta.
        delta = choice["delta"] if "delta" in choice else choice.get("message")
        fields = {name: value for name, value in choice.items() if name not in ("delta", "message", "logprobs")}
        self._choice = (self._choice or {}) | {name: value for name, value in fields.items() if value is not None}
        self._add_logprobs(choice.get("logprobs"))
        return self._heard(delta) if isinstance(delta, Mapping) else {}

    def rest(self) -> Delta:
        """At the end: what was held back."""
        bare = [call.without_arguments() for call in self._calls if not call.arguments]
        return _filled(content=self._ahead.rest(), tool_calls=bare)

    def body(self) -> dict[str, Any]:
        """What a plain reply would have been, as far as it has come."""
        top = {**self._top}
        if top.get("object") == "chat.completion.chunk":
            top["object"] = "chat.completion"
        if self._choice is None:
            return top | {"choices": []}
        choice = {"index": 0, **self._choice, "message": self._message()}
        return top | {"choices": [choice | ({"logprobs": self._logprobs} if self._logprobs else {})]}

    def _message(self) -> dict[str, Any]:
        message: dict[str, Any] = {"role": "assistant", "content": "".join(self._texts) or None}
        if self._refusals:
            message["refusal"] = "".join(self._refusals)
        if self._calls:
            message["tool_calls"] = [call.whole() for call in self._calls]
        return message | {name: _joined(pieces) for name, pieces in self._others.items()}

    def _heard(self, delta: Mapping[str, Any]) -> Delta:
        content, refusal, calls = delta.get("content"), delta.get("refusal"), delta.get("tool_calls")
        text = text_of(content) if isinstance(content, str | list) else ""
        refused = sound(refusal) if isinstance(refusal, str) and refusal else refused_in_parts(content)
        self._texts += [text] if text else []
        self._refusals += [refused] if refused else []
        for name, value in delta.items():
            if name not in _OURS and value:
                self._others.setdefault(name, []).append(value)
        pieces = calls if isinstance(calls, list) else []
        return _filled(
            content=self._ahead.take(text),
            refusal=refused,
            tool_calls=[self._call_of(piece).add(piece) for piece in pieces if isinstance(piece, Mapping)],
        )

    def _call_of(self, piece: Mapping[str, Any]) -> _Call:
        """The call that a piece belongs to: a new one where its number is new, and where another call begins under it.

        Several servers give every call the number 0, or none; some give every piece an id of its own, but only the
        first of them a name.
        """
        number = piece.get("index") if isinstance(piece.get("index"), int | str) else None
        known, said = self._numbered.get(number), _text(piece.get("id"))
        another = bool(said and known and said != known.id) or (number is None and not said)
        if known is None or (_name(piece) and another):
            known = _Call(len(self._calls))
            self._calls.append(known)
            self._numbered[number] = known
        return known

    def _add_logprobs(self, logprobs: Json) -> None:
        for name, tokens in logprobs.items() if isinstance(logprobs, Mapping) else ():
            if isinstance(tokens, list):
                self._logprobs.setdefault(name, []).extend(tokens)


@dataclass(slots=True)
class _Call:
    position: int
    id: str = ""
    name: str = ""
    kind: str = ""
    arguments: list[str] = field(default_factory=list)
    extra: dict[str, Any] = field(default_factory=dict)
    """Fields that OpenAI does not have, such as a signature."""

    def add(self, piece: Mapping[str, Any]) -> Delta:
        """The piece as a listener gets it: what stands for the whole call is told once."""
        told: Delta = {"index": self.position}
        function: Delta = {}
        if not self.kind:
            self.kind = _text(piece.get("type")) or "function"
            told |= {"id": _text(piece.get("id")), "type": self.kind}
            self.id = told["id"]
        if not self.name and (name := _name(piece)):
            self.name = function["name"] = name
        arguments = _arguments(piece)
        self.arguments += [arguments] if arguments else []
        extra = {name: value for name, value in piece.items() if name not in ("index", "id", "type", "function")}
        self.extra |= extra
        return told | extra | {"function": function | {"arguments": arguments}}

    def without_arguments(self) -> Delta:
        """The last piece of a call that has none: no arguments are an empty object."""
        return {"index": self.position, "function": {"arguments": "{}"}}

    def whole(self) -> dict[str, Any]:
        function = {"name": self.name, "arguments": "".join(self.arguments)}
        return {"id": self.id, "type": self.kind, "function": function, **self.extra}


def _first(choices: Json) -> Mapping[str, Any] | None:
    found = choices if isinstance(choices, list) else []
    return next((one for one in found if isinstance(one, Mapping) and one.get("index") in (0, None)), None)


def _filled(**fields: Any) -> Delta:
    return {name: value for name, value in fields.items() if value}


def _function(piece: Mapping[str, Any]) -> Mapping[str, Any]:
    function = piece.get("function")
    return function if isinstance(function, Mapping) else {}


def _name(piece: Mapping[str, Any]) -> str:
    return _text(_function(piece).get("name"))


def _arguments(piece: Mapping[str, Any]) -> str:
    """Some servers send them parsed, and then whole."""
    arguments = _function(piece).get("arguments")
    if arguments is None:
        return ""
    return sound(arguments) if isinstance(arguments, str) else json.dumps(arguments)


def _text(value: Json) -> str:
    return sound(value) if isinstance(value, str) else ""


def _joined(pieces: list[Any]) -> Any:
    """Texts and lists come in pieces; of other values the last one stands."""
    if all(isinstance(piece, str) for piece in pieces):
        return "".join(pieces)
    if all(isinstance(piece, list) for piece in pieces):
        return [item for piece in pieces for item in piece]
    return pieces[-1]
