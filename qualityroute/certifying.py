"""From a task's labels to a certificate, or to what is still missing. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeAlias

from qualityroute.calibration import (
    Certificate,
    Certified,
    Look,
    Pipeline,
    Refused,
    Scored,
    accepted_needed,
    any_look,
    anytime_look,
    certify,
    certify_anytime,
    changed,
    level_left,
    one_look,
    spent,
    threshold_grid,
)
from qualityroute.calibration.certificate import percent
from qualityroute.calibration.looks import Test
from qualityroute.labels import Label, Origin


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be proven, and how."""

    alpha: float
    delta: float
    test: Test = "exact"
    looks: int = 1
    """How many looks the confidence is to be shared by, of the exact test."""


@dataclass(frozen=True, slots=True)
class Cases:
    """A pipeline's labels, sorted by what they are good for."""

    usable: tuple[Label, ...]
    """Scored, comparable, the first of their session."""
    unscored: int = 0
    """Rejected by a check that gives no score."""
    incomparable: int = 0
    repeated: int = 0
    """Further ones of a session, which say too little of their own."""
    other_pipelines: int = 0
    outdated: int = 0
    """From before a certificate of this pipeline stopped holding."""

    @property
    def scored(self) -> list[Scored]:
        return [Scored(label.score, bool(label.bad)) for label in self.usable if label.score is not None]

    @property
    def by_people(self) -> int:
        return sum(label.origin is Origin.PERSON for label in self.usable)


@dataclass(frozen=True, slots=True)
class TooFew:
    """Nothing could be proven whatever the labels say, so none was looked at."""

    accepted: int
    """Labelled answers that the strictest threshold accepts."""
    needed: int
    """Of them, if none is bad."""
    cases: int
    alpha: float
    delta: float

    @property
    def why(self) -> str:
        return (
            f"there are {self.cases} labelled answers with a score, of which the strictest threshold accepts "
            f"{self.accepted}; no fewer than {self.needed} accepted ones, even if none is bad, can prove "
            f"{percent(self.alpha)} with confidence {percent(1 - self.delta)}: at least {self.to_go} more are needed"
        )

    @property
    def to_go(self) -> int:
        return self.needed - self.accepted


@dataclass(frozen=True, slots=True)
class LookedBefore:
    """The confidence wished for is spent by earlier looks at this pipeline's labels."""

    at: datetime
    """Of the last of them."""
    spent: float
    delta: float

    @property
    def why(self) -> str:
        return (
            f"these labels were looked at before (last on {self.at:%Y-%m-%d}), and a test for one look that is made "
            f"again promises too much: the looks so far took {percent(round(self.spent, 6))} of the chance of a false "
            f"certificate, and confidence {percent(1 - self.delta)} allows {percent(self.delta)}. A greater --delta, "
            "or another judge, rubric or model, begins anew; `--looks 2` or `--anytime` plan for it beforehand"
        )


@dataclass(frozen=True, slots=True)
class CertifiedBefore:
    """A certificate in force promises as much already."""

    certificate: Certificate

    @property
    def why(self) -> str:
        return f"certificate {self.certificate.id} promises as much until {self.certificate.until:%Y-%m-%d}"


Finding: TypeAlias = CertifiedBefore | Certified | Refused | TooFew | LookedBefore


@dataclass(frozen=True, slots=True)
class Calibration:
    """What a calibration came to, and the look it took, if it took one."""

    finding: Finding
    look: Look | None
    cases: Cases


def cases_of(labels: Sequence[Label], pipeline: str, since: datetime | None = None) -> Cases:
    """Which of a task's labels calibrate this pipeline: one a session, since those of one session hang together.

    Args:
        labels: oldest first.
        since: older ones are left out, because the pipeline behaved otherwise then.
    """
    own = [label for label in labels if label.pipeline == pipeline]
    recent = [label for label in own if since is None or label.at >= since]
    scored = [label for label in recent if label.score is not None]
    comparable = [label for label in scored if label.bad is not None]
    seen: set[str] = set()
    first = []
    for label in comparable:
        if label.session is None or label.session not in seen:
            first.append(label)
        if label.session is not None:
            seen.add(label.session)
    return Cases(
        usable=tuple(first),
        unscored=len(recent) - len(scored),
        incomparable=len(scored) - len(comparable),
        repeated=len(comparable) - len(first),
        other_pipelines=len(labels) - len(own),
        outdated=len(own) - len(recent),
    )


def labels_since(newest: Certificate | None, pipeline: str, now: datetime, *, renew: bool) -> datetime | None:
    """From when on labels, and looks at them, count for the next certificate of a pipeline; `None`: all of them.

    After a certificate is over, or to `renew` it before, those since it was issued; after audits revoked it, those
    since it stopped holding.
    """
    if newest is None or newest.pipeline != pipeline:
        return None
    if newest.revoked_at is not None:
        return newest.labels_from
    return newest.at if renew or now >= newest.until else None


def parts_changed(newest: Certificate | None, today: Pipeline) -> list[str]:
    """What of the pipeline is no longer as it was certified, by the names of `Pipeline`."""
    if newest is None or newest.pipeline == today.key:
        return []
    try:
        return changed(Pipeline.from_json(newest.parts), today)
    except ValueError:  # written by a version that knew other parts
        return []


def promises_already(newest: Certificate | None, pipeline: str, wish: Wish, now: datetime) -> bool:
    """Is a certificate in force that promises what is wished for, or more?"""
    return (
        newest is not None
        and newest.in_force(pipeline, now)
        and newest.alpha <= wish.alpha
        and newest.delta <= wish.delta
    )


def calibrate(cases: Cases, looks: Sequence[Look], wish: Wish, pipeline: Pipeline, now: datetime) -> Calibration:
    """Test what is wished for on the labels there are; the look it takes is to be written down in any case."""
    if wish.test == "anytime":
        return _anytime(cases, looks, wish, pipeline, now)
    level = level_left(looks, wish.delta, planned=wish.looks)
    if level is None:
        return Calibration(_looked_before(looks, wish), None, cases)
    scored = cases.scored
    thresholds = threshold_grid((case.score for case in scored), alpha=wish.alpha, delta=level)
    few = _too_few(scored, thresholds, accepted_needed(wish.alpha, level, proof=one_look), wish, level)
    if few is not None:
        return Calibration(few, None, cases)
    look = Look(pipeline.task, pipeline.key, now, "exact", level, len(scored))
    return Calibration(certify(scored, alpha=wish.alpha, delta=level), look, cases)


def _anytime(cases: Cases, looks: Sequence[Look], wish: Wish, pipeline: Pipeline, now: datetime) -> Calibration:
    first = anytime_look(looks)
    level = first.level if first is not None else level_left(looks, wish.delta)
    if level is None or spent(looks) > wish.delta + 1e-9:
        return Calibration(_looked_before(looks, wish), None, cases)
    scored = cases.scored
    thresholds = first.thresholds if first is not None else threshold_grid(
        (case.score for case in scored), alpha=wish.alpha, delta=level
    )  # fmt: skip
    few = _too_few(scored, thresholds, accepted_needed(wish.alpha, level, proof=any_look), wish, level)
    if few is not None:
        return Calibration(few, None, cases)
    look = Look(pipeline.task, pipeline.key, now, "anytime", level, len(scored), tuple(thresholds))
    return Calibration(certify_anytime(thresholds, scored, alpha=wish.alpha, delta=level), look, cases)


def certificate_from(
    found: Certified, pipeline: Pipeline, wish: Wish, *, identity: str, now: datetime, max_age: timedelta
) -> Certificate:
    """The certificate of a calibration that succeeded. Its delta is the one wished for, which all looks share."""
    return Certificate(
        id=identity,
        task=pipeline.task,
        at=now,
        until=now + max_age,
        pipeline=pipeline.key,
        parts=pipeline.to_json(),
        threshold=found.threshold,
        alpha=wish.alpha,
        delta=wish.delta,
        accepted=found.accepted,
        bad=found.bad,
        cases=found.cases,
        upper_bound=found.upper_bound,
        test=wish.test,
    )


def _too_few(
    scored: Sequence[Scored], thresholds: Sequence[float], needed: int, wish: Wish, level: float
) -> TooFew | None:
    accepted = sum(case.score >= thresholds[0] for case in scored) if thresholds else 0
    return TooFew(accepted, needed, len(scored), wish.alpha, level) if accepted < needed else None


def _looked_before(looks: Sequence[Look], wish: Wish) -> LookedBefore:
    return LookedBefore(looks[-1].at, spent(looks), wish.delta)
