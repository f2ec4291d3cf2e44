"""Corruptions of a JSON answer. Each gives candidates in an order of chance, the likeliest mistakes first."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import combinations
from random import Random
from typing import TypeAlias

from qualityroute.comparison.forms import is_number
from qualityroute.corruption.digits import other_digits
from qualityroute.corruption.drawing import shuffled
from qualityroute.corruption.inventing import invented
from qualityroute.corruption.kinds import Case, Corruption
from qualityroute.corruption.orders import orders
from qualityroute.corruption.places import Place, branches, each_leaf, leaves, put, remove
from qualityroute.corruption.shapes import Shape
from qualityroute.corruption.stating import is_day
from qualityroute.records import Json

Corrupt: TypeAlias = Callable[[Case, Sequence[Case], Shape, Random], Iterator[Json]]
"""From a case, the other cases and the schema to candidates for a twin."""


def _swap(case: Case, others: Sequence[Case], shape: Shape, chance: Random) -> Iterator[Json]:
    places = shuffled(_filled(case.answer), chance)
    for one, other in combinations(places, 2):
        if one.value != other.value and _kind(one, shape) == _kind(other, shape):
            yield put(put(case.answer, one.path, other.value), other.path, one.value)


def _digit(case: Case, others: Sequence[Case], shape: Shape, chance: Random) -> Iterator[Json]:
    for place in shuffled(_filled(case.answer), chance):
        if not shape.choices(place.path):
            for changed in other_digits(place.value, chance):
                yield put(case.answer, place.path, changed)


def _drop(case: Case, others: Sequence[Case], shape: Shape, chance: Random) -> Iterator[Json]:
    """As the schema allows: null, else no key at all; else null against the schema."""
    places = [place for place in shuffled(_filled(case.answer), chance) if place.path]
    nullable = [place for place in places if shape.allows_null(place.path)]
    optional = [place for place in places if place not in nullable and _may_go(place, shape)]
    for place in nullable:
        yield put(case.answer, place.path, None)
    for place in optional:
        yield remove(case.answer, place.path)
    for place in places:
        yield put(case.answer, place.path, None)


def _drop_record(case: Case, others: Sequence[Case], shape: Shape, chance: Random) -> Iterator[Json]:
    arrays = [place for place in branches(case.answer) if isinstance(place.value, list)]
    records = [
        (*array.path, position)
        for array in arrays
        for position, item in enumerate(array.value)
        if isinstance(item, dict)
    ]
    for path in shuffled(records, chance):
        yield remove(case.answer, path)


def _invent(case: Case, others: Sequence[Case], shape: Shape, chance: Random) -> Iterator[Json]:
    empty = [place.path for place in leaves(case.answer) if place.path and place.value in (None, "")]
    absent = [
        (*place.path, name)
        for place in branches(case.answer)
        if isinstance(place.value, dict)
        for name in shape.fields(place.path)
        if name not in place.value
    ]
    for path in shuffled((*empty, *absent), chance):
        for value in invented(path, case.source, others, shape, chance):
            yield put(case.answer, path, value)


def _negate(case: Case, others: Sequence[Case], shape: Shape, chance: Random) -> Iterator[Json]:
    for place in shuffled(leaves(case.answer), chance):
        if isinstance(place.value, bool):
            yield put(case.answer, place.path, not place.value)


def _other_document(case: Case, others: Sequence[Case], shape: Shape, chance: Random) -> Iterator[Json]:
    yield from (other.answer for other in shuffled(others, chance))


def _all_null(case: Case, others: Sequence[Case], shape: Shape, chance: Random) -> Iterator[Json]:
    yield each_leaf(case.answer, lambda leaf: None)


def _injected(case: Case, others: Sequence[Case], shape: Shape, chance: Random) -> Iterator[Json]:
    """Into a text that the schema leaves free, where there is one."""
    texts = [place for place in shuffled(_filled(case.answer), chance) if isinstance(place.value, str)]
    for place in sorted(texts, key=lambda place: shape.is_bound(place.path)):
        for order in orders(chance):
            yield put(case.answer, place.path, f"{place.value} {order}")


IN_EXTRACTIONS: dict[Corruption, Corrupt] = {
    Corruption.SWAP: _swap,
    Corruption.DIGIT: _digit,
    Corruption.DROP: _drop,
    Corruption.DROP_RECORD: _drop_record,
    Corruption.INVENT: _invent,
    Corruption.NEGATE: _negate,
    Corruption.OTHER_DOCUMENT: _other_document,
    Corruption.ALL_NULL: _all_null,
    Corruption.INJECTED_ANSWER: _injected,
}


def _filled(answer: Json) -> Iterator[Place]:
    """The leaves that say something."""
    return (place for place in leaves(answer) if place.value not in (None, ""))


def _kind(place: Place, shape: Shape) -> tuple[str, str]:
    """Values of one kind can stand in each other's places and look right."""
    if isinstance(place.value, bool):
        return "truth", ""
    if is_number(place.value):
        return "number", ""
    return ("day", "") if is_day(place.value) else ("text", shape.bounds(place.path))


def _may_go(place: Place, shape: Shape) -> bool:
    return isinstance(place.path[-1], str) and shape.may_lack(place.path)
