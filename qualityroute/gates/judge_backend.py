"""A judge, however it is asked: its judgement, or the trouble it is in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from qualityroute.gates.judge_verdict import Judgement
from qualityroute.metering import Meter
from qualityroute.records import JudgeTrouble, ModelCall
from qualityroute.rubrics import Rubric


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why there is no judgement."""

    cause: JudgeTrouble
    message: str
    no_logprobs: bool = False
    """The answer's form asks for log probabilities, and the endpoint gave none or refused."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What asking a judge came to, with every call it took."""

    found: Judgement | Trouble
    calls: tuple[ModelCall, ...] = ()
    modes: tuple[str, ...] = ()
    """The form of each verdict in the judgement: scores of two forms are not on quite the same scale."""


class JudgeBackend(Protocol):
    """Judges one candidate by one rubric. Trouble is returned, never raised."""

    async def judge(self, rubric: Rubric, source: str, candidate: str, meter: Meter) -> Judged: ...


def mean(judgements: Sequence[Judgement]) -> Judgement:
    """The mean probability of each criterion; instructions in the data count if any verdict saw them."""
    first = judgements[0]
    return Judgement(
        yes={name: sum(j.yes[name] for j in judgements) / len(judgements) for name in first.yes},
        instructions_in_data=any(j.instructions_in_data for j in judgements),
        evidence=first.evidence,
    )
