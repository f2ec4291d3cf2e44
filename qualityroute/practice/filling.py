"""Fills a schema with a reader's findings; the readers differ, the way through the schema does not."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Protocol

from qualityroute.practice.questions import Kind, Question
from qualityroute.practice.reading import Row
from qualityroute.records import Json


class Reader(Protocol):
    """Answers single questions about one document; `None` is "the document does not say"."""

    def value(self, question: Question) -> Json: ...

    def rows(self) -> list[Row]: ...

    def parties(self) -> list[tuple[str, str | None]]: ...

    def named(self, question: Question) -> list[str]: ...


def fill(question: Question, reader: Reader) -> Json:
    match question.kind:
        case Kind.RECORD:
            return {part.name: found for part in question.parts if _given(found := fill(part, reader), part)}
        case Kind.RECORDS:
            return _records(question, reader)
        case Kind.LIST:
            return reader.named(question)
        case _:
            return as_json(reader.value(question))


def missing(question: Question, answer: Json) -> list[str]:
    """Names of required fields for which nothing was found."""
    if question.kind is not Kind.RECORD or not isinstance(answer, dict):
        return [] if answer is not None or question.nullable else [question.name]
    return [name for part in question.parts if part.required for name in missing(part, answer.get(part.name))]


def as_json(value: Json) -> Json:
    """Numbers as JSON has them: whole ones without a fraction."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return value.isoformat() if isinstance(value, date) else value


def _given(found: Json, part: Question) -> bool:
    """An optional property without an answer is left out unless it may be null."""
    return found is not None or part.required or part.nullable


def _records(question: Question, reader: Reader) -> list[Json]:
    kinds = {part.kind for part in question.parts}
    if Kind.PARTY in kinds and not kinds & {Kind.AMOUNT, Kind.QUANTITY}:
        return [_party_record(question, name, role) for name, role in reader.parties()]
    return [{part.name: as_json(_cell(part, row)) for part in question.parts} for row in reader.rows()]


def _party_record(question: Question, name: str, role: str | None) -> Json:
    return {part.name: name if part.kind is Kind.PARTY else role for part in question.parts}


def _cell(part: Question, row: Row) -> Json:
    """Which of a row's facts a property wants."""
    if part.kind is Kind.QUANTITY:
        return row.quantity
    if part.kind is Kind.AMOUNT:
        return row.unit_price if {"unit", "each", "rate"} & set(part.words) else row.amount
    return row.description if part.type == "string" else None
