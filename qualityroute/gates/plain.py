"""Names and rules of strangers on one line, for messages."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable


def plain(text: str, most: int = 200) -> str:
    """On one line, without control and format characters, and not long."""
    clean = "".join(char for char in text if unicodedata.category(char)[0] != "C" and char not in "\u2028\u2029")
    return clean if len(clean) <= most else clean[: most - 1] + "…"


def plain_path(parts: Iterable[object]) -> str:
    """`lines.0.amount`; the answer itself where there are no parts."""
    return ".".join(plain(str(part)) for part in parts) or "answer"
