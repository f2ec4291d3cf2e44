"""The self test: what share of spoiled answers a judge says no to, by corruption and by criterion."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from qualityroute.corruption import Corruption, Twin, expected_of
from qualityroute.judge_health.rulings import decided, denies, flipped, said_no, troubles
from qualityroute.records import Reason, Verdict
from qualityroute.report.facts import Rate
from qualityroute.report.series import rate_of
from qualityroute.rubrics import Rubric

LEAST_DETECTION = 0.8
"""Below this a judge is called weak on a corruption (judging.md A8)."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A twin, and what was said of it."""

    twin: Twin
    objection: Verdict | None
    """The free check that rejected it."""
    verdict: Verdict
    """The judge's."""


@dataclass(frozen=True, slots=True)
class Detection:
    """What became of the twins of one corruption."""

    corruption: Corruption
    twins: int
    not_applicable: int
    """Answers that gave no twin."""
    judge: Rate
    """Twins that the judge alone said no to, of those it could judge."""
    free: Rate
    """Twins that a check without cost rejects before the judge is asked."""
    gate: Rate
    """Twins that the free checks or the judge reject."""
    left_to_judge: Rate
    """The judge's share of those that the free checks let through."""
    outvoted: int
    """Twins the judge accepted although a criterion was answered no: the score still reached the threshold."""
    injections: int
    """Verdicts that found text speaking to the judge."""
    criteria: Mapping[str, Rate]
    """Twins to which a criterion was answered no."""


@dataclass(frozen=True, slots=True)
class SelfTest:
    answers: int
    """Accepted answers, from which the twins were made."""
    repeats: int
    """How often each of them was judged as it was."""
    detections: tuple[Detection, ...]
    """Of every corruption, also of those that never applied."""
    false_alarms: Rate
    """Untouched answers that the judge said no to, the first time it was asked again."""
    alarms_by_criterion: Mapping[str, Rate]
    flips: Rate
    """Untouched answers that were given both rulings."""
    troubles: Mapping[str, int]
    """Verdicts that never came, by cause; in no rate."""
    untested: tuple[str, ...]
    """Criteria that ask about nothing that these corruptions touch."""
    warnings: tuple[str, ...]
    """Detection below `LEAST_DETECTION` where only the judge could help, and criteria that are dead weight."""
    notes: tuple[str, ...]
    """Detection as low where the free checks catch what the judge does not."""

    @property
    def weak(self) -> bool:
        return bool(self.warnings)


def self_test(originals: Sequence[Sequence[Verdict]], asked: Sequence[Asked], rubric: Rubric) -> SelfTest:
    """Add up what the judge said.

    Args:
        originals: the verdicts on each untouched answer, in the order in which they were asked for.
        asked: every twin.
        rubric: the task's, whose criteria are told apart.
    """
    detections = tuple(_detection(corruption, len(originals), asked, rubric) for corruption in Corruption)
    firsts = decided(verdicts[0] for verdicts in originals if verdicts)
    everything = [*(verdict for verdicts in originals for verdict in verdicts), *(one.verdict for one in asked)]
    comparable = [verdicts for verdicts in originals if len(decided(verdicts)) > 1]
    return SelfTest(
        answers=len(originals),
        repeats=max(map(len, originals), default=0),
        detections=detections,
        false_alarms=rate_of(sum(map(said_no, firsts)), len(firsts)),
        alarms_by_criterion={c.id: _denials(firsts, c.id) for c in rubric.criteria},
        flips=rate_of(sum(map(flipped, comparable)), len(comparable)),
        troubles=troubles(everything),
        untested=tuple(_untested(detections, rubric)),
        warnings=(*_weak_spots(detections), *_dead_weight(detections, rubric)),
        notes=tuple(_covered_spots(detections)),
    )


def _detection(corruption: Corruption, answers: int, asked: Sequence[Asked], rubric: Rubric) -> Detection:
    ours = [one for one in asked if one.twin.corruption is corruption]
    verdicts = decided(one.verdict for one in ours)
    left = decided(one.verdict for one in ours if one.objection is None)
    caught_free = sum(one.objection is not None for one in ours)
    return Detection(
        corruption=corruption,
        twins=len(ours),
        not_applicable=answers - len(ours),
        judge=rate_of(sum(map(said_no, verdicts)), len(verdicts)),
        free=rate_of(caught_free, len(ours)),
        gate=rate_of(caught_free + sum(map(said_no, left)), caught_free + len(left)),
        left_to_judge=rate_of(sum(map(said_no, left)), len(left)),
        outvoted=sum(not said_no(verdict) and _some_denied(verdict, rubric) for verdict in verdicts),
        injections=sum(verdict.reason is Reason.INJECTION for verdict in verdicts),
        criteria={criterion.id: _denials(verdicts, criterion.id) for criterion in rubric.criteria},
    )


def _denials(verdicts: Sequence[Verdict], criterion: str) -> Rate:
    return rate_of(sum(denies(verdict, criterion) for verdict in verdicts), len(verdicts))


def _some_denied(verdict: Verdict, rubric: Rubric) -> bool:
    return any(denies(verdict, criterion.id) for criterion in rubric.criteria)


def _weak_spots(detections: Sequence[Detection]) -> Iterator[str]:
    """Where the judge misses what nothing else would catch."""
    for found in detections:
        if _is_low(found.left_to_judge):
            share = f"{found.left_to_judge.count} of {found.left_to_judge.of}"
            pointed = f"; in {found.outvoted} a criterion said no, and the score still passed" if found.outvoted else ""
            yield f"{_name(found)}: the judge said no to {share} that the free checks let through{pointed}"


def _covered_spots(detections: Sequence[Detection]) -> Iterator[str]:
    """Where it misses as much, and the free checks make up for it."""
    for found in detections:
        if _is_low(found.judge) and not _is_low(found.left_to_judge):
            share, gate = f"{found.judge.count} of {found.judge.of}", f"{found.gate.count} of {found.gate.of}"
            yield f"{_name(found)}: the judge alone said no to {share}; with the free checks the gate rejects {gate}"


def _is_low(rate: Rate) -> bool:
    return rate.rate is not None and rate.rate < LEAST_DETECTION


def _name(found: Detection) -> str:
    return f"{found.corruption} ({found.corruption.words})"


def _dead_weight(detections: Sequence[Detection], rubric: Rubric) -> Iterator[str]:
    for criterion, own in _expectations(detections, rubric):
        judged = sum(found.judge.of for found in own)
        if judged and not any(found.criteria[criterion].count for found in own):
            kinds = ", ".join(found.corruption for found in own if found.judge.of)
            yield f"criterion '{criterion}' is dead weight: it said no to 0 of {judged} that it should see ({kinds})"


def _untested(detections: Sequence[Detection], rubric: Rubric) -> Iterator[str]:
    return (name for name, own in _expectations(detections, rubric) if not sum(found.judge.of for found in own))


def _expectations(detections: Sequence[Detection], rubric: Rubric) -> Iterator[tuple[str, list[Detection]]]:
    for criterion in rubric.criteria:
        expected = expected_of(criterion)
        yield criterion.id, [found for found in detections if found.corruption in expected]
