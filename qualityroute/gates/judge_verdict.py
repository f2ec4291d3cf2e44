"""From the judge's words to a score. Pure; the score is computed here, never by the model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, ClassVar

from qualityroute.records import JudgeTrouble
from qualityroute.rubrics import Rubric
from qualityroute.strict_json import NotJson, read_json

_KEYS = frozenset({"id", "evidence", "verdict"})
_PROBABILITY = {"yes": 1.0, "unsure": 0.5, "no": 0.0}


class UnreadableVerdict(ValueError):
    """The judge's answer is not in the form asked for."""

    cause: ClassVar[JudgeTrouble] = JudgeTrouble.PARSE


class RefusedVerdict(UnreadableVerdict):
    """The judge would not answer."""

    cause = JudgeTrouble.REFUSAL


@dataclass(frozen=True, slots=True)
class Judgement:
    """A judge's answer to every criterion of a rubric. The score is computed from it, never given.

    Judgement(yes={"supported": 0.97, "complete": True}, cost=Decimal("0.0004"))
    """

    yes: Mapping[str, float]
    """By criterion id, the probability that the answer is yes, which always means good."""
    instructions_in_data: bool = False
    """Does text in the source or in the answer speak to the judge? Such an answer is not served."""
    evidence: Mapping[str, str] = field(default_factory=dict)
    """By criterion id, a few words of the source; kept where answers are kept."""
    cost: Decimal | None = None
    """USD, from a judge of your own; `None` where it is unknown, or where the model calls say it."""


def read_judgement(text: str, rubric: Rubric) -> Judgement:
    """Read a judge's answer in evidence mode.

    Strict: every criterion exactly once, no other, only words of the menu, and nothing around the object but
    one code fence. Raises `UnreadableVerdict` for anything else, so that nothing quoted from the data can pass
    for a verdict.
    """
    if not _stands_alone(text):
        raise UnreadableVerdict("there is more than the one JSON object")
    try:
        answer = read_json(text).value
    except NotJson as error:
        raise UnreadableVerdict(str(error)) from error
    if not isinstance(answer, dict) or set(answer) != {"checks", "instructions_in_data"}:
        raise UnreadableVerdict("not an object of 'checks' and 'instructions_in_data'")
    if answer["instructions_in_data"] not in ("yes", "no"):
        raise UnreadableVerdict("'instructions_in_data' is neither 'yes' nor 'no'")
    entries = _entries(answer["checks"], rubric)
    return Judgement(
        yes={name: _PROBABILITY[entry["verdict"]] for name, entry in entries.items()},
        instructions_in_data=answer["instructions_in_data"] == "yes",
        evidence={name: str(entry.get("evidence") or "")[:200] for name, entry in entries.items()},
    )


def _stands_alone(text: str) -> bool:
    """An answer to a task may have prose around its code block; in a verdict, prose may be what it quotes from."""
    text = text.strip("\ufeff \t\r\n")
    return text.startswith("{") or (text.startswith("```") and text.endswith("```") and text.count("```") == 2)


def _entries(checks: Any, rubric: Rubric) -> dict[str, dict[str, Any]]:
    if not isinstance(checks, list):
        raise UnreadableVerdict("'checks' is not a list")
    wanted = {criterion.id for criterion in rubric.criteria}
    entries: dict[str, dict[str, Any]] = {}
    for entry in checks:
        name = entry.get("id") if isinstance(entry, dict) else None
        if not isinstance(name, str) or name not in wanted:
            raise UnreadableVerdict("an entry is for no check of the rubric")
        if name in entries:
            raise UnreadableVerdict(f"check '{name}' is answered twice")
        verdict = entry.get("verdict")
        if not isinstance(verdict, str) or verdict not in _PROBABILITY:
            raise UnreadableVerdict(f"the verdict on '{name}' is not 'yes', 'no' or 'unsure'")
        if not entry.keys() <= _KEYS or not isinstance(entry.get("evidence") or "", str):
            raise UnreadableVerdict(f"the entry for '{name}' holds more than its id, evidence and verdict")
        entries[name] = entry
    missing = sorted(wanted - set(entries))
    if missing:
        raise UnreadableVerdict(f"check '{missing[0]}' is not answered")
    return entries


def within_sight(judgement: Judgement, rubric: Rubric) -> Judgement:
    """The judgement of a judge that was shown only a part of the source.

    Nobody can say of a part that nothing is missing: a "yes" to a question on the whole source counts as "unsure".
    """
    whole = {criterion.id for criterion in rubric.criteria if criterion.whole_source}
    yes = {name: min(p, _PROBABILITY["unsure"]) if name in whole else p for name, p in judgement.yes.items()}
    return replace(judgement, yes=yes)


def score(judgement: Judgement, rubric: Rubric) -> float:
    """Smallest critical p(yes) times the weighted mean of all; 0 when a critical one is below one half
    or instructions were found in the data (research: analytic binary checks, score by code)."""
    critical = [judgement.yes[c.id] for c in rubric.criteria if c.critical]
    if judgement.instructions_in_data or any(p < 0.5 for p in critical):
        return 0.0
    weights = sum(c.weight for c in rubric.criteria)
    mean = sum(c.weight * judgement.yes[c.id] for c in rubric.criteria) / weights
    return min(critical, default=1.0) * mean
