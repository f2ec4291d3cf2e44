"""Certificates made from a random half of the recorded cases, held to the other half, and to all cases.

A split draws half of the cases and certifies a recorded score on them with `qualityroute.calibration.certify`. Whether
the certificate holds can be asked in three ways, and all three are counted:

holds: the share of bad answers among ALL recorded cases of the threshold's score or more is at most alpha. The cases
are the population, the half a random draw from it, and its risk is known: this is what the certificate promises.
observed: the share in the other half alone is at most alpha. That is a noisy reading, biased against a promise that
holds: a fixed number of bad answers is dealt to two halves, so where the first got few, the second got many.
refuted: the other half refutes the promise: with a risk of alpha, so many bad answers had a chance of 5 % or less.
A split that proves nothing accepts nothing; it holds, and is not among the `proven`.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from replay_engine import required_paths
from replay_records import HAIKU, NEMO, Case, Records, answer_of, correct, read_rows, valid

from qualityroute.calibration import Certified, Scored, binomial_cdf, certify, one_look, threshold_grid
from qualityroute.comparison import Comparison, compare_answers
from qualityroute.rubrics import FieldRule

SPLITS = 200
ALPHAS = (0.05, 0.10)
DELTA = 0.10
REFUTED_AT = 0.05


@dataclass(frozen=True)
class Labelled:
    """An efficiency answer with its recorded score."""

    case: str
    scored: Scored


@dataclass(frozen=True)
class Splits:
    """What became of one score, label and alpha over all splits."""

    score: str
    label: str
    alpha: float
    answers: int
    bad: float
    """Their share in all."""
    splits: int
    proven: int
    """Splits that gave a certificate."""
    coverage: float | None
    """Mean share of the other half that the certificates accept."""
    risk: float | None
    """Mean share of bad ones among those."""
    holds: int
    observed: int
    refuted: int


@dataclass(frozen=True)
class _Held:
    """One certificate before the other half, and before all cases."""

    coverage: float
    accepted: int
    bad: int
    true_risk: float

    @property
    def risk(self) -> float:
        return self.bad / self.accepted if self.accepted else 0.0

    def is_refuted(self, alpha: float) -> bool:
        return self.bad > 0 and 1 - binomial_cdf(self.bad - 1, self.accepted, alpha) <= REFUTED_AT


def certificates(records: Records, folder: Path, *, splits: int) -> list[Splits]:
    """For BFCL's pair by three labels and three scores, for JudgeBench by one reward model."""
    rows = []
    for label, bad in _LABELS:
        for score, value in _SCORES.items():
            own = records.pair.efficiency
            judged = [case for case in records.cases if valid(case, own)]  # the schema is checked before any judge
            labelled = [Labelled(case["id"], Scored(value(case, own), bad(case, records))) for case in judged]
            rows += [over_splits(labelled, score, label, alpha, splits) for alpha in ALPHAS]
    rewards = _judgebench(read_rows(folder, "judgebench"))
    return [*rows, *(over_splits(rewards, _REWARD, "it is wrong (JudgeBench)", alpha, splits) for alpha in ALPHAS)]


def _agreement(case: Case, own: str, peer: str) -> float:
    return float(case["answers"][own]["judge"][f"agreement:{peer}"])


_SCORES = {
    "agreement: haiku": lambda case, own: _agreement(case, own, HAIKU),
    "agreement: nemo": lambda case, own: _agreement(case, own, NEMO),
    "agreement: mean of both": lambda case, own: (_agreement(case, own, HAIKU) + _agreement(case, own, NEMO)) / 2,
}
_REWARD = "reward: Skywork-Gemma-2-27B"


def _wrong(case: Case, records: Records) -> bool:
    return not correct(case, records.pair.efficiency)


def _differs(case: Case, records: Records) -> bool:
    """As an audit compares: leaf by leaf; an answer that fails its schema differs from every other."""
    compared = _compared(case, records)
    return compared is None or not compared.equal


def _differs_critically(case: Case, records: Records) -> bool:
    """The same where the arguments that the schema requires are the critical leaves, and only those count."""
    compared = _compared(case, records)
    return compared is None or compared.critical


def _compared(case: Case, records: Records) -> Comparison | None:
    own, performance = records.pair.efficiency, records.pair.performance
    if not valid(case, performance):
        return None
    rules = {path: FieldRule(critical=True) for path in required_paths(case["response_schema"])}
    return compare_answers(answer_of(case, own), answer_of(case, performance), rules)


_LABELS = (
    ("it is wrong by the source", _wrong),
    ("it differs from performance's", _differs),
    ("... in a required argument", _differs_critically),
)


def _judgebench(cases: Sequence[Case]) -> list[Labelled]:
    signal = "reward:Skywork-Reward-Gemma-2-27B"
    return [
        Labelled(case["id"], Scored(float(answer["judge"][signal]), not answer["correct"]))
        for case in cases
        for answer in case["answers"].values()
    ]


def over_splits(labelled: Sequence[Labelled], score: str, label: str, alpha: float, splits: int) -> Splits:
    """Certify the scores on the first half of each split."""
    held = [held for seed in range(splits) if (held := _one_split(labelled, alpha, seed)) is not None]
    nothing = splits - len(held)
    return Splits(
        score,
        label,
        alpha,
        answers=len(labelled),
        bad=sum(each.scored.bad for each in labelled) / len(labelled),
        splits=splits,
        proven=len(held),
        coverage=_mean([each.coverage for each in held]),
        risk=_mean([each.risk for each in held]),
        holds=nothing + sum(each.true_risk <= alpha for each in held),
        observed=nothing + sum(each.risk <= alpha for each in held),
        refuted=sum(each.is_refuted(alpha) for each in held),
    )


def _one_split(labelled: Sequence[Labelled], alpha: float, seed: int) -> _Held | None:
    """All answers of one case are in the same half."""
    cases = sorted({each.case for each in labelled})
    first = set(random.Random(seed).sample(cases, len(cases) // 2))
    half = [each.scored for each in labelled if each.case in first]
    if not _can_be_proven(half, alpha):
        return None
    certificate = certify(half, alpha=alpha, delta=DELTA)
    if not isinstance(certificate, Certified):
        return None
    other = [each.scored for each in labelled if each.case not in first]
    accepted = [scored.bad for scored in other if scored.score >= certificate.threshold]
    everywhere = [e.scored.bad for e in labelled if e.scored.score >= certificate.threshold]
    return _Held(len(accepted) / len(other), len(accepted), sum(accepted), sum(everywhere) / len(everywhere))


def _can_be_proven(half: Sequence[Scored], alpha: float) -> bool:
    """The first step of `certify`: without it the refusal is certain, and its forecast is not wanted here."""
    strictest = threshold_grid([scored.score for scored in half], alpha=alpha, delta=DELTA)[0]
    bad = [scored.bad for scored in half if scored.score >= strictest]
    return one_look(sum(bad), len(bad), alpha=alpha, delta=DELTA)


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None
