"""How a candidate's values stand to a source: each leaf compared with a careful reading of one's own."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import Enum, auto

from qualityroute.practice.amounts import amounts_in
from qualityroute.practice.careful import CarefulReader
from qualityroute.practice.dates import dates_in
from qualityroute.practice.filling import fill
from qualityroute.practice.names import companies_in
from qualityroute.practice.numerals import word_amounts
from qualityroute.practice.questions import Kind, Question, kind_of
from qualityroute.practice.reading import fold, lines_of
from qualityroute.practice.topics import GROUPS
from qualityroute.records import Json


class Standing(Enum):
    MATCHES = auto()
    DIFFERS = auto()
    """The source gives another value for this field."""
    ABSENT = auto()
    """The value is nowhere in the source."""
    MISSING = auto()
    """Null, though the source gives a value."""
    STATED = auto()
    """In the source, but my own reading of this field found nothing to compare with."""


@dataclass(frozen=True, slots=True)
class Finding:
    path: str
    kind: Kind
    standing: Standing
    value: Json
    own: Json
    """What a careful reading of the source gives."""


_LIST_PARTS: dict[str, tuple[str, ...]] = {"parties": ("name", "role"), "lines": ("description", "amount")}


def findings(
    source: CarefulReader, candidate: Mapping[str, Json], groups: Sequence[Sequence[str]] = GROUPS
) -> list[Finding]:
    """One finding for each leaf, and one (a `RECORDS`) for each list: are all records there, once?"""
    found: list[Finding] = []
    for name, value in candidate.items():
        question = guessed_question(name, value, groups)
        own = fill(question, source)
        found.extend(_compared(name, question, value, own, source))
    return found


def guessed_question(name: str, value: Json, groups: Sequence[Sequence[str]]) -> Question:
    """What the field asks for, guessed from its name and from the value given; the checker has no schema."""
    if isinstance(value, dict):
        return Question(name, Kind.RECORD, "object", parts=_parts(value, groups))
    if isinstance(value, list):
        return _guessed_list(name, value, groups)
    wanted = _json_type(name, value)
    options: tuple[Json, ...] = next((tuple(group) for group in groups if value in group), ())
    is_date = isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", value)
    kind = kind_of(name, wanted, options, "date" if is_date else "", False)
    return Question(name, kind, wanted, nullable=True, options=options)


def _guessed_list(name: str, value: Sequence[Json], groups: Sequence[Sequence[str]]) -> Question:
    records = [one for one in value if isinstance(one, dict)]
    if value and not records:
        return Question(name, Kind.LIST, "array")
    fallback = dict.fromkeys(_LIST_PARTS["parties" if "part" in name else "lines"])
    return Question(name, Kind.RECORDS, "array", parts=_parts(records[0] if records else fallback, groups))


def _parts(value: Mapping[str, Json], groups: Sequence[Sequence[str]]) -> tuple[Question, ...]:
    return tuple(guessed_question(name, part, groups) for name, part in value.items())


def _json_type(name: str, value: Json) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    is_number = value is None and kind_of(name, "number", (), "", False) is Kind.DURATION
    return "number" if is_number else "string"


def _compared(path: str, question: Question, value: Json, own: Json, source: CarefulReader) -> Iterator[Finding]:
    if isinstance(value, dict) and isinstance(own, dict):
        for part in question.parts:
            yield from _compared(f"{path}.{part.name}", part, value.get(part.name), own.get(part.name), source)
    elif isinstance(value, list) and isinstance(own, list):
        yield from _compared_lists(path, question, value, own, source)
    else:
        yield Finding(path, question.kind, _standing(question, value, own, source), value, own)


def _compared_lists(
    path: str, question: Question, value: Sequence[Json], own: Sequence[Json], source: CarefulReader
) -> Iterator[Finding]:
    standing = Standing.MATCHES if len(value) == len(own) else Standing.DIFFERS
    if not own:
        standing = Standing.STATED if value else _standing_of_none(path, source)
    yield Finding(path, Kind.RECORDS, standing, len(value), len(own))
    item = Question(path, Kind.RECORD if question.parts else Kind.TEXT, "object", parts=question.parts)
    for index, one in enumerate(value):
        beside = own[index] if len(value) == len(own) else _nearest(one, own)
        yield from _compared(f"{path}[{index}]", item, one, beside, source)


def _standing_of_none(path: str, source: CarefulReader) -> Standing:
    """A list of parties cannot be empty where companies are named."""
    return Standing.DIFFERS if "part" in path and companies_in(source.text) else Standing.MATCHES


def _nearest(one: Json, others: Sequence[Json]) -> Json:
    """The own record that shares most with a candidate's, so that one lost record does not shift all."""
    if not isinstance(one, dict):
        return one if one in others else None
    shared = {index: sum(same(one.get(name), other.get(name)) for name in one) for index, other in enumerate(others)}
    best = max(shared, key=lambda index: shared[index], default=None)
    return others[best] if best is not None and shared[best] else dict.fromkeys(one)


def _standing(question: Question, value: Json, own: Json, source: CarefulReader) -> Standing:
    if value is None:
        return Standing.MATCHES if own is None else Standing.MISSING
    if own is not None and same(value, own):
        return Standing.MATCHES
    if question.kind in (Kind.CHOICE, Kind.FLAG, Kind.CURRENCY):
        return Standing.STATED if own is None else Standing.DIFFERS
    if not is_stated(value, source):
        return Standing.ABSENT
    return Standing.STATED if own is None else Standing.DIFFERS


def same(value: Json, own: Json) -> bool:
    if isinstance(value, bool) or isinstance(own, bool):
        return value is own
    if isinstance(value, int | float) and isinstance(own, int | float):
        return abs(Decimal(str(value)) - Decimal(str(own))) < Decimal("0.005")
    if isinstance(value, str) and isinstance(own, str):
        return _bare(value) == _bare(own)
    return bool(value == own)


def is_stated(value: Json, source: CarefulReader) -> bool:
    """Does the value stand in the source, in whatever form?"""
    if isinstance(value, int | float):
        return any(abs(one) == abs(Decimal(str(value))) for one in stated_numbers(source.text))
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", value):
        return any(dated.value.isoformat() == value for dated in dates_in(source.text, day_first=source.day_first))
    return _bare(str(value)) in _bare(source.text)


def stated_numbers(text: str) -> set[Decimal]:
    return {one.value for one in amounts_in(text)} | {one.value for one in word_amounts(text)}


def quotation(value: Json, source: CarefulReader) -> str:
    """At most 12 words copied from the source that show the value; empty when there are none."""
    if value is None or isinstance(value, bool):
        return ""
    for line in lines_of(source.document):
        if _shows(line, value, source):
            return " ".join(line.split()[:12])
    return ""


def _shows(line: str, value: Json, source: CarefulReader) -> bool:
    if isinstance(value, int | float):
        return any(abs(one) == abs(Decimal(str(value))) for one in stated_numbers(line))
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", value):
        return any(one.value == date.fromisoformat(value) for one in dates_in(line, day_first=source.day_first))
    return _bare(str(value)) in _bare(line)


def _bare(text: str) -> str:
    return " ".join(re.sub(r"[^\w\s]", " ", fold(text)).split())
