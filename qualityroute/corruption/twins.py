"""Spoiled twins of good answers: of each case one for each corruption that applies to it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from random import Random

from qualityroute.comparison import compare_answers
from qualityroute.comparison.text import canonical_text
from qualityroute.corruption.extractions import IN_EXTRACTIONS
from qualityroute.corruption.kinds import Case, Corruption, Twin
from qualityroute.corruption.orders import orders
from qualityroute.corruption.prose import IN_PROSE
from qualityroute.corruption.shapes import Schema, Shape
from qualityroute.records import Json
from qualityroute.rubrics import FieldRule

MOST_TRIES = 20
"""Candidates that say the same as the original before a corruption is held not to apply."""


def twins_of(
    cases: Sequence[Case], *, schema: Schema | None = None, rules: Mapping[str, FieldRule] | None = None, seed: int = 0
) -> list[Twin]:
    """The twins of all cases, those of one case together.

        twins_of([Case("Total 12.50", {"total": 12.5})])[0].answer    # {"total": 12.7}

    A corruption that does not apply to a case, or whose every candidate says the same as the original by the
    rubric's `rules`, gives no twin. The cases are not touched. The same seed gives the same twins.

    Args:
        schema: what it allows is preferred, so that the free checks do not see the mistake.
        seed: each case and corruption has its own chance, drawn from it.
    """
    shape = Shape(schema)
    found = (
        _twin(corruption, position, cases, shape, rules or {}, Random(f"{seed}.{corruption}.{position}"))  # noqa: S311
        for position in range(len(cases))
        for corruption in Corruption
    )
    return [twin for twin in found if twin is not None]


def _twin(
    corruption: Corruption,
    position: int,
    cases: Sequence[Case],
    shape: Shape,
    rules: Mapping[str, FieldRule],
    chance: Random,
) -> Twin | None:
    case = cases[position]
    if corruption is Corruption.INJECTED_SOURCE:
        return Twin(position, corruption, case.answer, next(orders(chance)))
    candidates = _candidates(corruption, position, cases, shape, chance)
    tried = islice(candidates, MOST_TRIES)
    answer = next((candidate for candidate in tried if differ(candidate, case.answer, rules)), None)
    return None if answer is None else Twin(position, corruption, answer)


def _candidates(
    corruption: Corruption, position: int, cases: Sequence[Case], shape: Shape, chance: Random
) -> Iterable[Json]:
    case, others = cases[position], [*cases[:position], *cases[position + 1 :]]
    if isinstance(case.answer, str):
        others = [other for other in others if isinstance(other.answer, str)]
        return IN_PROSE[corruption](case, others, chance) if corruption in IN_PROSE else ()
    return IN_EXTRACTIONS[corruption](case, others, shape, chance)


def differ(one: Json, other: Json, rules: Mapping[str, FieldRule]) -> bool:
    """Do two answers say different things? A text is compared as a whole."""
    if isinstance(one, str) and isinstance(other, str):
        return canonical_text(one) != canonical_text(other)
    return not compare_answers(one, other, rules).equal
