"""Numbers of things, as one writes them."""

from __future__ import annotations


def counted(number: int, what: str) -> str:
    """>>> counted(1, "session"), counted(1200, "session")
    ('1 session', '1,200 sessions')
    """
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def were(number: int) -> str:
    return "was" if number == 1 else "were"
