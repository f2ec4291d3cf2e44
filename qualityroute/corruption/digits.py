"""Another digit in a number, a date or a text."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from random import Random

from qualityroute.corruption.drawing import shuffled
from qualityroute.corruption.stating import is_day
from qualityroute.records import Json

_DIGITS = "0123456789"


def other_digits(value: Json, chance: Random) -> Iterator[Json]:
    """The value with one digit changed, in every way that leaves it of its kind; nothing for one without digits."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return
    text = value if isinstance(value, str) else json.dumps(value)
    for changed in _changed(text, chance):
        if isinstance(value, str):
            if is_day(changed) or not is_day(value):
                yield changed
        elif (number := _number(changed, value)) is not None:
            yield number


def _changed(text: str, chance: Random) -> Iterator[str]:
    for place in shuffled((place for place, character in enumerate(text) if character in _DIGITS), chance):
        for digit in shuffled((digit for digit in _DIGITS if digit != text[place]), chance):
            yield f"{text[:place]}{digit}{text[place + 1 :]}"


def _number(text: str, original: int | float) -> int | float | None:
    """The changed number; none where it would have a leading zero, no end, or the old value."""
    try:
        number: int | float = json.loads(text)
    except ValueError:
        return None
    if type(number) is not type(original) or number == original or not math.isfinite(number):
        return None
    return number
