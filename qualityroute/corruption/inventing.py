"""Values that look right for a field and that the source does not state."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from random import Random

from qualityroute.corruption.drawing import shuffled
from qualityroute.corruption.kinds import Case
from qualityroute.corruption.places import Path, field_of, leaves
from qualityroute.corruption.shapes import Shape
from qualityroute.corruption.stating import states
from qualityroute.records import Json

_FIRST_DAY = date(2021, 1, 1)
_NAMES = ("Halvorsen & Pike", "Marchetti Group", "Oakfield Partners", "Tessaro Works", "Lindqvist Trading")


def invented(path: Path, source: str, others: Sequence[Case], shape: Shape, chance: Random) -> Iterator[Json]:
    """What other documents have in this field, then what fits its type."""
    for value in (*_borrowed(path, others, chance), *_made_up(path, shape, chance)):
        if not states(source, value):
            yield value


def _borrowed(path: Path, others: Sequence[Case], chance: Random) -> list[Json]:
    field = field_of(path)
    found = [place.value for other in others for place in leaves(other.answer) if field_of(place.path) == field]
    return shuffled((value for value in found if value not in (None, "")), chance)


def _made_up(path: Path, shape: Shape, chance: Random) -> Iterator[Json]:
    if shape.choices(path):
        yield from shuffled(shape.choices(path), chance)
        return
    types = shape.types(path)
    if "number" in types:
        yield round(chance.uniform(10, 5000), 2)
    if "integer" in types:
        yield chance.randint(2, 400)
    if "string" not in types:
        return
    if shape.format(path) == "date":
        yield (_FIRST_DAY + timedelta(days=chance.randrange(3000))).isoformat()
    elif not shape.is_bound(path):
        yield from shuffled(_NAMES, chance)
