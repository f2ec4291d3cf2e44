"""What is known to be right: references, labels of efficiency answers, and audits. Pure.

A reference is an answer to hold others against: the performance tier's, or a person's, which wins. A label says
whether one efficiency answer differs from the reference, as the rubric compares fields (judging.md B5).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, TypeAlias

from pydantic import BaseModel

from qualityroute.comparison import Difference, compare_answers, says_the_same
from qualityroute.records import Attempt, Json, Message, Tier
from qualityroute.rubrics import FieldRule

LONGEST_COMPARED_TEXT = 200
"""Characters. Longer texts that differ may say the same in other words, and only a person could tell."""
MOST_DIFFERENCES = 10


class Origin(StrEnum):
    """Who says what is right. A person wins over agreement with the performance tier."""

    PERSON = "person"
    PERFORMANCE = "performance"


@dataclass(frozen=True, slots=True)
class Reference:
    """The answer to one input that others are held against."""

    task: str
    input_id: str
    origin: Origin
    at: datetime
    output: Json
    input_key: str = ""
    """`input_key` of the messages; empty where a person gave only the id."""
    decision_id: str | None = None
    """The decision whose performance answer it is."""
    messages: tuple[Message, ...] | None = None
    """The input itself, where it may be kept."""
    cost: Decimal | None = None
    """USD that the performance tier's answer took; `None` for a person's, and where it is unknown."""
    fingerprint: str = ""
    """Of what the performance tier was asked by: its models, their parameters, instructions and schema."""


@dataclass(frozen=True, slots=True)
class Label:
    """Is this efficiency answer good? With what the gate made of it."""

    decision_id: str
    task: str
    at: datetime
    pipeline: str
    """Key of the pipeline that answered and scored."""
    score: float | None
    """The gate's score; `None` where a check before the judge rejected the answer."""
    accepted: bool
    """By the gate, at the threshold of its day."""
    bad: bool | None
    """Does it differ from the reference? `None`: could not be compared."""
    origin: Origin = Origin.PERFORMANCE
    input_id: str | None = None
    """The reference's, for labels of `baseline compare`."""
    attempt_cost: Decimal | None = None
    """USD for the efficiency answer with its gate."""
    reference_cost: Decimal | None = None
    reference_right: bool = True
    """Is the performance tier's own answer right? By definition, unless a person says otherwise."""
    differences: tuple[str, ...] = ()
    session: str | None = None
    """Tenant and session, as one text; labels of one session are not independent."""


@dataclass(frozen=True, slots=True)
class Audit:
    """The performance tier was asked again about an accepted answer."""

    decision_id: str
    """The audited decision."""
    audit_id: str
    """The decision that asked the performance tier."""
    task: str
    at: datetime
    agrees: bool | None
    """`None`: performance gave no answer that can be compared."""
    cost: Decimal | None
    certificate: str | None = None
    """The one in force when the answer was accepted."""
    differences: tuple[str, ...] = ()


Fact: TypeAlias = Reference | Label | Audit
"""What a decision adds to the ground truth, written in its transaction."""


@dataclass(frozen=True, slots=True)
class Held:
    """An answer held against a reference."""

    bad: bool | None
    differences: tuple[Difference, ...] = ()


def held_against(output: Any, reference: Json, rules: Mapping[str, FieldRule]) -> Held:
    """Does an answer differ from the reference, by the rubric's rules for its fields?

    Where some fields are critical, those decide; else every field does.
    """
    plain = plain_output(output)
    comparison = compare_answers(plain, reference, rules)
    if says_the_same(comparison, rules):
        return Held(False)
    if (
        isinstance(plain, str)
        and isinstance(reference, str)
        and max(len(plain), len(reference)) > LONGEST_COMPARED_TEXT
    ):
        return Held(None)
    return Held(True, comparison.differences)


def plain_output(output: Any) -> Json:
    """The JSON of an output, whatever the task makes of it."""
    return output.model_dump(mode="json") if isinstance(output, BaseModel) else output


def first_efficiency(attempts: Sequence[Attempt]) -> Attempt | None:
    """The efficiency attempt that gave an answer, if there was one."""
    first = attempts[0] if attempts else None
    return first if first is not None and first.tier is Tier.EFFICIENCY and first.completion is not None else None


def score_of(attempt: Attempt) -> float | None:
    """The gate's score of an attempt: the judge's; without a judge 1 where every check accepted.

    `None` where no score was given, because a free check rejected the answer or the judge could not judge.
    """
    scores = [verdict.score for verdict in attempt.verdicts if verdict.score is not None]
    if scores:
        return scores[-1]
    return 1.0 if attempt.accepted else None


def input_key(messages: Sequence[Message]) -> str:
    """24 hexadecimal digits that are the same for the same messages, in any process."""
    text = json.dumps(list(messages), sort_keys=True, ensure_ascii=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:24]
