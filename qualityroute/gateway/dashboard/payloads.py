"""Prompts and answers that were kept, as the text they are."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from qualityroute.page.markup import Child, Markup, lines, stranger, tag

MOST_OF_A_TEXT = 20_000
"""Characters of one text that are shown."""
MOST_MESSAGES = 50


def payload_block(kind: str, content: str) -> Markup:
    """Folded; opened by who wants to read it."""
    name = _name(kind)
    return tag("details", tag("summary", stranger(name, 80)), list(_texts(kind, content, name)), class_="kept")


def _name(kind: str) -> str:
    """`answer.1.efficiency` in words."""
    if kind == "input":
        return "The prompt"
    parts = kind.split(".")
    if len(parts) == 3 and parts[0] == "answer":
        return f"The answer of attempt {parts[1]}, {parts[2]} tier"
    return kind


def _texts(kind: str, content: str, name: str) -> Iterator[Child]:
    messages = _messages(content) if kind == "input" else None
    if messages is None:
        yield _text(content, name)
        return
    for number, message in enumerate(messages[:MOST_MESSAGES], 1):
        role = str(message.get("role", "unknown"))
        yield tag("p", stranger(role, 40), class_="role")
        yield _text(_content(message), f"Message {number}, {role}")
    if len(messages) > MOST_MESSAGES:
        yield tag("p", f"And {len(messages) - MOST_MESSAGES:,} more messages.", class_="why")


def _messages(content: str) -> list[dict[str, Any]] | None:
    """Chat messages as the engine keeps them; `None` where the text is something else."""
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        return None
    good = isinstance(found, list) and all(isinstance(message, dict) for message in found)
    return found if good and found else None


def _content(message: dict[str, Any]) -> str:
    """Its text, or everything but its role as JSON."""
    rest = {key: value for key, value in message.items() if key != "role"}
    if rest.keys() == {"content"} and isinstance(rest["content"], str):
        return rest["content"]
    return json.dumps(rest, indent=2, ensure_ascii=False)


def _text(text: str, name: str) -> Markup:
    cut = len(text) - MOST_OF_A_TEXT
    more = tag("p", f"And {cut:,} more characters.", class_="why") if cut > 0 else None
    shown = lines(text[:MOST_OF_A_TEXT]) if text else "(empty)"
    # It can be scrolled by keyboard only if it can have the focus.
    block = tag("pre", tag("code", shown), class_="payload", tabindex=0, role="region", aria_label=name)
    return tag("div", block, more)
