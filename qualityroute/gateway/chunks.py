"""From answers to the chunks of a stream: what OpenAI sends, one server-sent event each. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from qualityroute.gateway.answers import (
    completion_of,
    content_of,
    fingerprint_of,
    finish_reason_of,
    logprobs_of,
    message_of,
    tool_calls_of,
    usage_of,
)
from qualityroute.records import Answer

KEEP_ALIVE = b": keep-alive\n\n"
"""A comment, which clients pass over; it tells proxies that somebody is still at work."""
DONE = b"data: [DONE]\n\n"
PIECE = 256
"""Characters of content in one chunk of a replayed answer, about."""


@dataclass(frozen=True, slots=True)
class ChunkWriter:
    """What the chunks of one stream have in common."""

    id: str
    created: int
    model: str
    include_usage: bool = False

    def delta(self, delta: Mapping[str, Any], **choice: Any) -> bytes:
        """A chunk with one piece of the answer."""
        return self._chunk([{"index": 0, "delta": delta, "logprobs": None, "finish_reason": None, **choice}])

    def replay(self, answer: Answer) -> bytes:
        """A whole answer, piece by piece, up to its end."""
        return b"".join([*(self.delta(delta, **more) for delta, more in pieces(answer)), self.ending(answer)])

    def ending(self, answer: Answer) -> bytes:
        """What follows the last piece: why it ended, what was used if that was asked for, and that no more comes."""
        last = [{"index": 0, "delta": {}, "logprobs": None, "finish_reason": finish_reason_of(answer)}]
        told = [self._chunk(last, **fingerprint_of(answer))]
        usage = usage_of(completion_of(answer).usage)
        if self.include_usage and usage is not None:
            told.append(self._chunk([], usage=usage))
        return b"".join([*told, DONE])

    def _chunk(self, choices: list[dict[str, Any]], **more: Any) -> bytes:
        head: dict[str, Any] = {
            "id": self.id,
            "object": "chat.completion.chunk",
            "created": self.created,
            "model": self.model,
            "choices": choices,
        }
        if self.include_usage:
            head["usage"] = None
        return event({**head, **more})


def pieces(answer: Answer) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """The deltas that make up an answer, in order, each with what else stands in its choice."""
    message = message_of(answer)
    yield {"role": "assistant", "content": "", "refusal": None}, {}
    content, logprobs = content_of(answer), logprobs_of(answer)
    if content and logprobs is not None:
        yield {"content": content}, {"logprobs": logprobs}  # whole, as are the probabilities of its tokens
    elif content:
        yield from (({"content": piece}, {}) for piece in cut(content))
    if message["refusal"]:
        yield {"refusal": message["refusal"]}, {}
    if "annotations" in message:
        yield {"annotations": message["annotations"]}, {}
    for index, call in enumerate(tool_calls_of(answer)):
        function = call["function"]
        yield {"tool_calls": [{"index": index, **call, "function": {**function, "arguments": ""}}]}, {}
        for piece in cut(function["arguments"]):
            yield {"tool_calls": [{"index": index, "function": {"arguments": piece}}]}, {}


def cut(text: str) -> Iterator[str]:
    """Pieces that together are the text, cut after a space where there is one."""
    start = 0
    while start < len(text):
        end = start + PIECE
        if end < len(text):
            end = text.rfind(" ", start, end) + 1 or end
        yield text[start:end]
        start = end


def error_event(body: bytes) -> bytes:
    """An error after the stream has begun; nothing follows it, so that nobody takes what came for the whole."""
    return b"data: " + body + b"\n\n"


def event(value: Any) -> bytes:
    return b"data: " + encoded(value) + b"\n\n"


def encoded(value: Any) -> bytes:
    """JSON on one line. Half a surrogate pair, which no text may hold, becomes a question mark."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
