"""Corruptions of an answer in prose: a summary, an answer to a question."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import combinations
from random import Random
from typing import TypeAlias

from qualityroute.corruption.digits import other_digits
from qualityroute.corruption.drawing import shuffled
from qualityroute.corruption.kinds import Case, Corruption
from qualityroute.corruption.orders import orders
from qualityroute.corruption.stating import states

CorruptText: TypeAlias = Callable[[Case, Sequence[Case], Random], Iterator[str]]

_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_NAME = re.compile(r"(?<=[^.!?:\n\"'] )[^\W\d_a-zß-öø-ÿ][^\W\d_]+")
"""A capital letter inside a sentence."""
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+|\n+")
_VERB = re.compile(r"\b(?:is|are|was|were|has|have|had|will|can|could|must|should|may|does|did|do)\b(?! not\b)")
_NEGATION = re.compile(r"\b(is|are|was|were|has|have|had|will|can|could|must|should|may|does|did|do) not\b")


def _swap(case: Case, others: Sequence[Case], chance: Random) -> Iterator[str]:
    """Two numbers, or two names."""
    numbers, names = (list(pattern.finditer(case.answer)) for pattern in (_NUMBER, _NAME))
    for one, other in (*_pairs(numbers, chance), *_pairs(names, chance)):
        between = case.answer[one.end() : other.start()]
        yield f"{case.answer[: one.start()]}{other[0]}{between}{one[0]}{case.answer[other.end() :]}"


def _digit(case: Case, others: Sequence[Case], chance: Random) -> Iterator[str]:
    yield from (str(changed) for changed in other_digits(case.answer, chance))


def _drop(case: Case, others: Sequence[Case], chance: Random) -> Iterator[str]:
    """A sentence, of several."""
    sentences = _sentences(case.answer)
    if len(sentences) > 1:
        for position in shuffled(range(len(sentences)), chance):
            yield " ".join(sentences[:position] + sentences[position + 1 :])


def _invent(case: Case, others: Sequence[Case], chance: Random) -> Iterator[str]:
    """A sentence that was said of another document."""
    for other in shuffled(others, chance):
        for sentence in shuffled(_sentences(other.answer), chance):
            if not states(case.source, sentence) and not states(case.answer, sentence):
                yield f"{case.answer} {sentence}"


def _negate(case: Case, others: Sequence[Case], chance: Random) -> Iterator[str]:
    """English only: a "not" less, or one more."""
    text = case.answer
    taken = [f"{text[: found.start()]}{found[1]}{text[found.end() :]}" for found in _NEGATION.finditer(text)]
    given = [f"{text[: found.end()]} not{text[found.end() :]}" for found in _VERB.finditer(text)]
    yield from (*shuffled(taken, chance), *shuffled(given, chance))


def _other_document(case: Case, others: Sequence[Case], chance: Random) -> Iterator[str]:
    yield from (other.answer for other in shuffled(others, chance))


def _injected(case: Case, others: Sequence[Case], chance: Random) -> Iterator[str]:
    yield from (f"{case.answer} {order}" for order in orders(chance))


IN_PROSE: dict[Corruption, CorruptText] = {
    Corruption.SWAP: _swap,
    Corruption.DIGIT: _digit,
    Corruption.DROP: _drop,
    Corruption.INVENT: _invent,
    Corruption.NEGATE: _negate,
    Corruption.OTHER_DOCUMENT: _other_document,
    Corruption.INJECTED_ANSWER: _injected,
}


def _pairs(found: list[re.Match[str]], chance: Random) -> list[tuple[re.Match[str], re.Match[str]]]:
    return shuffled(((one, other) for one, other in combinations(found, 2) if one[0] != other[0]), chance)


def _sentences(text: str) -> list[str]:
    return [sentence for sentence in _SENTENCE_END.split(text) if sentence.strip()]
