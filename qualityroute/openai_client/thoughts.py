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


class AnswerAhead:
    """The answer behind leading thoughts, while it comes in: what may be a thought is held back until that is sure.

    The texts it gives are together `without_thinking` of the whole, but for two cases. An answer that begins within
    a thought shows that only at the thought's end, when others have had it already; and nothing is given of a text
    that is blank to its end.
    """

    def __init__(self) -> None:
        self._blank: list[str] = []
        """Before the first word; kept where no thought stands there."""
        self._held = ""
        """Never longer than a mark and one piece."""
        self._closing: str | None = None
        """The mark that ends the thought we are in."""
        self._after_thought = False
        self._answers = False

    def take(self, text: str) -> str:
        """What of the answer is sure with this piece."""
        if self._answers:
            return text
        self._held += text
        while self._thought_ends():
            start = self._held.lstrip()
            if not self._after_thought:
                self._blank.append(self._held[: len(self._held) - len(start)])
            self._held = start
            mark = next((mark for mark in _MARKS if start.startswith(mark[0])), None)
            if mark is None:
                may_be_one = any(opening.startswith(start) for opening, _ in _MARKS)
                return "" if may_be_one else self._begin()
            self._held, self._closing = start.removeprefix(mark[0]), mark[1]
            self._blank, self._after_thought = [], True
        return ""

    def rest(self) -> str:
        """At the end: what looked like the beginning of a thought, and is none."""
        return self._begin() if self._held and self._closing is None else ""

    def _thought_ends(self) -> bool:
        """Is no thought open, or does it end in what is held?"""
        if self._closing is None:
            return True
        thought, closing, after = self._held.partition(self._closing)
        if not closing:
            self._held = thought[-len(self._closing) :]  # the mark may come in two pieces
            return False
        self._held, self._closing = after, None
        return True

    def _begin(self) -> str:
        begun, self._blank, self._held = "".join((*self._blank, self._held)), [], ""
        self._answers = True
        return begun
