"""What a model thought, where it stands among its answer."""

from __future__ import annotations

import re

THOUGHT_FIELDS = frozenset({"reasoning_content", "reasoning", "reasoning_details", "thinking", "thinking_blocks"})
"""Of a message, by the names that servers give them."""
THOUGHT_PARTS = frozenset({"thinking", "redacted_thinking", "reasoning"})
"""Types of content parts."""
_MARKS = (("<think>", "</think>"), ("<thinking>", "</thinking>"))
_UNOPENED = re.compile(r"(?:(?!<think(?:ing)?>).)*?^[ \t]*</think(?:ing)?>[ \t]*$", re.DOTALL | re.MULTILINE)


def without_thinking(content: str) -> str:
    """The answer behind leading thoughts; a thought that was never closed has no answer behind it.

    Some chat templates put the opening mark into the prompt, so that an answer begins within the thought: a
    closing mark on a line of its own, without one before it, ends a thought as well.
    """
    while content:
        start = content.lstrip()
        closing = next((closing for opening, closing in _MARKS if start.startswith(opening)), None)
        if closing is None:
            unopened = _UNOPENED.match(content) if "</think" in content else None
            return content[unopened.end() :].lstrip() if unopened else content
        content = start.partition(closing)[2].lstrip()
    return content
