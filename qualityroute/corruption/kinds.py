"""The ways in which a good answer is spoiled on purpose, and what each is spoiled from and into."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from qualityroute.records import Json


class Corruption(StrEnum):
    """What is done to an answer, or to its source."""

    SWAP = "swap"
    DIGIT = "digit"
    DROP = "drop"
    DROP_RECORD = "drop_record"
    INVENT = "invent"
    NEGATE = "negate"
    OTHER_DOCUMENT = "other_document"
    ALL_NULL = "all_null"
    INJECTED_ANSWER = "injected_answer"
    INJECTED_SOURCE = "injected_source"

    @property
    def words(self) -> str:
        return _WORDS[self]

    @property
    def injects(self) -> bool:
        """Is it text that speaks to the judge, rather than something untrue?"""
        return self in (Corruption.INJECTED_ANSWER, Corruption.INJECTED_SOURCE)


_WORDS: Mapping[Corruption, str] = {
    Corruption.SWAP: "two values swapped",
    Corruption.DIGIT: "a digit changed",
    Corruption.DROP: "a value left out",
    Corruption.DROP_RECORD: "a record left out",
    Corruption.INVENT: "a value made up",
    Corruption.NEGATE: "a yes turned into a no",
    Corruption.OTHER_DOCUMENT: "the answer to another document",
    Corruption.ALL_NULL: "every value null",
    Corruption.INJECTED_ANSWER: "orders to the judge in the answer",
    Corruption.INJECTED_SOURCE: "orders to the judge in the source",
}


@dataclass(frozen=True, slots=True)
class Case:
    """A good answer and the text it rests on."""

    source: str
    answer: Json
    """JSON of an object or array for an extraction; for an answer in prose, its text."""


@dataclass(frozen=True, slots=True)
class Twin:
    """A case spoiled in one way."""

    case: int
    """The position of the case it was made from."""
    corruption: Corruption
    answer: Json
    source_addition: str = ""
    """What stands after the source, when it is the source that was spoiled."""
