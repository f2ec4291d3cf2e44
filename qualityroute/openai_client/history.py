"""The conversation as any model may read it: in roles that all know, and without another model's thoughts.

Earlier answers may come from the other tier. What their models thought, signed or not, is no other
model's to read, and several refuse it; the users' own messages stay as they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from qualityroute.openai_client.thoughts import THOUGHT_FIELDS, THOUGHT_PARTS, without_thinking
from qualityroute.records import Message

_NOT_TO_BE_SENT = THOUGHT_FIELDS | {"annotations", "audio", "refusal"}
"""Of an answer that is sent back: what was said beside it. Strict servers refuse fields they do not know."""
_SIGNATURE = "extra_content"
"""Where Gemini signs a tool call."""


def readable_by_all(messages: Sequence[Message]) -> list[Message]:
    """The messages to send; those that need no change are the same objects."""
    return [_readable(message) for message in messages]


def in_one_text(messages: Sequence[Message]) -> list[Message]:
    """For servers that know no content parts: each list of text parts as one text, lists with images as they are."""
    return [_in_one_text(message) for message in messages]


def one_system_message(messages: Sequence[Message]) -> list[Message]:
    """For chat templates that take one system message, and that first: all of them in one."""
    told = [message for message in messages if message.get("role") == "system"]
    if len(told) < 2 and (not told or messages[0] is told[0]):
        return list(messages)
    texts = [message["content"] for message in in_one_text(told) if isinstance(message.get("content"), str)]
    others = [message for message in messages if message.get("role") != "system"]
    return [{"role": "system", "content": "\n\n".join(texts)}, *others]


def with_reasoning(messages: Sequence[Message], original: Sequence[Message]) -> list[Message]:
    """For models that want their thoughts back beside a tool call: those that came, or none, but said so."""
    return [
        {**message, "reasoning_content": str(before.get("reasoning_content") or "")}
        if _calls_tools(message)
        else message
        for message, before in zip(messages, original, strict=True)
    ]


def with_signatures(messages: Sequence[Message], original: Sequence[Message]) -> list[Message]:
    """For Gemini: each tool call signed as it came, or with the word its API documents for calls of other models."""
    return [
        {**message, "tool_calls": [_signed(call) for call in before["tool_calls"]]}
        if _calls_tools(message)
        else message
        for message, before in zip(messages, original, strict=True)
    ]


def _signed(call: Any) -> Any:
    placeholder = {"google": {"thought_signature": "skip_thought_signature_validator"}}
    return {_SIGNATURE: placeholder, **call} if isinstance(call, Mapping) else call


def _readable(message: Message) -> Message:
    match message.get("role"):
        case "developer":
            return {**message, "role": "system"}
        case "assistant":
            return _said(message)
        case _:
            return message


def _said(message: Message) -> Message:
    """An earlier answer without its thoughts."""
    said = {name: value for name, value in message.items() if name not in _NOT_TO_BE_SENT}
    content = said.get("content")
    if isinstance(content, str):
        said["content"] = without_thinking(content)
    elif isinstance(content, Sequence):
        said["content"] = [part for part in content if not _is_thought(part)]
    if _calls_tools(message):
        said["tool_calls"] = [_unsigned(call) for call in message["tool_calls"]]
    if said.get("content") is None and isinstance(message.get("refusal"), str):
        said["content"] = message["refusal"]
    return message if said == message else said


def _is_thought(part: Any) -> bool:
    return isinstance(part, Mapping) and part.get("type") in THOUGHT_PARTS


def _calls_tools(message: Message) -> bool:
    calls = message.get("tool_calls")
    return message.get("role") == "assistant" and isinstance(calls, Sequence) and not isinstance(calls, str)


def _unsigned(call: Any) -> Any:
    return {name: value for name, value in call.items() if name != _SIGNATURE} if isinstance(call, Mapping) else call


def _in_one_text(message: Message) -> Message:
    content = message.get("content")
    if isinstance(content, str) or not isinstance(content, Sequence):
        return message
    if not all(isinstance(part, Mapping) and isinstance(part.get("text"), str) for part in content):
        return message
    return {**message, "content": "\n\n".join(part["text"] for part in content)}
