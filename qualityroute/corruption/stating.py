"""Does a source state a value somewhere, in whatever form?"""

from __future__ import annotations

from datetime import date

from qualityroute.comparison import Compare, canonical, readings
from qualityroute.comparison.forms import is_number
from qualityroute.comparison.text import canonical_text
from qualityroute.records import Json


def states(source: str, value: Json) -> bool:
    """Whether the value can be read in the source. Nobody can say so of a truth value: it counts as stated."""
    if is_number(value):
        return canonical(value, Compare.NUMBER) in readings(source, Compare.NUMBER)
    if not isinstance(value, str):
        return True
    if is_day(value):
        return canonical(value, Compare.DATE) in readings(source, Compare.DATE)
    return canonical_text(value) in canonical_text(source)


def is_day(text: str) -> bool:
    """Is it a day in ISO form?"""
    try:
        return len(text) == len("2026-11-23") and date.fromisoformat(text) is not None
    except ValueError:
        return False
