"""Tokens where the provider does not count them: estimated, and marked as that."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from qualityroute.openai_client.thoughts import THOUGHT_FIELDS
from qualityroute.records import Completion, Usage

BYTES_PER_TOKEN = 4
"""Of UTF-8, as English comes out with the tokenisers in use; other languages and digits take more tokens."""


def tokens_of(size: int) -> int:
    """About so many tokens are in `size` bytes of UTF-8."""
    return -(-size // BYTES_PER_TOKEN)


def counted(completion: Completion, sent: int) -> Completion:
    """The completion with its tokens known, estimated where the provider told none; `sent` is the size of the body."""
    usage = completion.usage
    if usage.input_tokens is not None and usage.output_tokens is not None:
        return completion
    estimate = replace(
        usage,
        input_tokens=tokens_of(sent) if usage.input_tokens is None else usage.input_tokens,
        output_tokens=tokens_of(_written(completion)) if usage.output_tokens is None else usage.output_tokens,
        estimated=True,
    )
    return replace(completion, usage=estimate)


def together(first: Usage, second: Usage) -> Usage:
    """Both; what only one of them knows is what that one says."""
    return Usage(
        input_tokens=_sum(first.input_tokens, second.input_tokens),
        cached_tokens=_sum(first.cached_tokens, second.cached_tokens),
        output_tokens=_sum(first.output_tokens, second.output_tokens),
        reasoning_tokens=_sum(first.reasoning_tokens, second.reasoning_tokens),
        estimated=first.estimated or second.estimated,
    )


def _sum(first: int | None, second: int | None) -> int | None:
    return None if first is None and second is None else (first or 0) + (second or 0)


def _written(completion: Completion) -> int:
    """Bytes the model wrote: its answer, its tools' arguments and its thoughts."""
    texts = [completion.content or "", *(call.name + call.arguments for call in completion.tool_calls)]
    texts += [json.dumps(thought, ensure_ascii=False) for thought in _thoughts(completion.raw)]
    return sum(len(text.encode("utf-8", "replace")) for text in texts)


def _thoughts(raw: Mapping[str, Any] | None) -> list[Any]:
    """Each once: some servers tell the same thoughts under two names."""
    message: Mapping[str, Any] = raw["choices"][0]["message"] if raw is not None else {}
    told = [message[name] for name in sorted(THOUGHT_FIELDS & message.keys()) if message[name]]
    return told[:1]
