"""Chat messages, and what is read out of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

Json: TypeAlias = Any
"""A value as `json.loads` gives it."""

Message: TypeAlias = Mapping[str, Any]
"""One OpenAI chat message: `role` and `content` (text, or a list of text and image parts)."""


def source_text(messages: Sequence[Message]) -> str:
    """The user's own words and documents: every text of every message not from the assistant."""
    texts: list[str] = []
    for message in messages:
        if message.get("role") != "assistant":
            texts.extend(_texts(message.get("content")))
    return "\n\n".join(texts)


def _texts(content: Any) -> list[str]:
    if isinstance(content, str):
        return [content]
    if isinstance(content, Sequence):
        return [part["text"] for part in content if isinstance(part, Mapping) and part.get("type") == "text"]
    return []


def has_images(messages: Sequence[Message]) -> bool:
    return any(
        isinstance(part, Mapping) and part.get("type") == "image_url"
        for message in messages
        if isinstance(message.get("content"), Sequence) and not isinstance(message.get("content"), str)
        for part in message["content"]
    )
