"""The judge: a cheap model answers the rubric's questions about an answer that passed every free check."""

from __future__ import annotations

import secrets
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from qualityroute.config import Judge
from qualityroute.gates.form import emptiness
from qualityroute.gates.interface import Candidate
from qualityroute.gates.judge_backend import JudgeBackend, Judged, Trouble
from qualityroute.gates.judge_forms import EvidenceForm
from qualityroute.gates.judge_model import LogprobJudge, ModelJudge
from qualityroute.gates.judge_panel import Panel
from qualityroute.gates.judge_samples import Samples
from qualityroute.gates.judge_verdict import Judgement, score
from qualityroute.metering import Meter
from qualityroute.records import JudgeTrouble, ModelCall, Reason, Ruling, Verdict
from qualityroute.rubrics import Rubric


@dataclass(slots=True)
class Breaker:
    """Stops asking a judge that mostly fails: above half of the last 20, for 30 seconds, then one probe."""

    clock: Callable[[], float]
    window: int = 20
    pause: float = 30.0
    """Seconds."""
    _recent: deque[bool] = field(default_factory=lambda: deque(maxlen=20))
    _open_until: float | None = None

    def allows(self) -> bool:
        if self._open_until is None:
            return True
        if self.clock() < self._open_until:
            return False
        self._open_until = self.clock() + self.pause  # this caller probes; the others wait for what it finds
        return True

    def note(self, good: bool) -> None:
        if self._open_until is not None and good:
            self._open_until = None
            self._recent.clear()
        self._recent.append(good)
        if len(self._recent) == self.window and self._recent.count(False) > self.window // 2:
            self._open_until = self.clock() + self.pause


class Guarded:
    """A judge behind its breaker."""

    def __init__(self, judge: JudgeBackend, breaker: Breaker) -> None:
        self._judge, self._breaker = judge, breaker

    async def judge(self, rubric: Rubric, source: str, candidate: str, meter: Meter) -> Judged:
        if not self._breaker.allows():
            return Judged(Trouble(JudgeTrouble.OPEN, "the judge failed too often and is left alone for a while"))
        judged = await self._judge.judge(rubric, source, candidate, meter)
        self._breaker.note(isinstance(judged.found, Judgement))
        return judged


class JudgeCheck:
    """Asks the judge, or the panel of judges, by one rubric.

    A judge in trouble is undecided, never a failed answer: `judge_error` with its cause.
    """

    name = "judge"

    def __init__(
        self,
        judge: Judge,
        rubric: Rubric,
        *,
        breaker: Breaker,
        new_tag: Callable[[], str] = lambda: secrets.token_hex(4),
    ) -> None:
        self._rubric, self._backend = rubric, backend_for(judge, breaker, new_tag)

    async def check(self, candidate: Candidate, meter: Meter) -> Verdict:
        lacking = emptiness(candidate.value, self._rubric.min_fields)
        if lacking is not None:  # judges like an empty answer too well; it costs nothing to see it here
            return Verdict(self.name, Ruling.REJECTED, Reason.EMPTY, lacking)
        judged = await self._backend.judge(self._rubric, candidate.source, candidate.text, meter)
        if isinstance(judged.found, Trouble):
            return _undecided(judged.found, judged.calls)
        accept_at = self._rubric.threshold if candidate.accept_at is None else candidate.accept_at
        return _verdict(judged.found, self._rubric, judged, accept_at)


def backend_for(judge: Judge, breaker: Breaker, new_tag: Callable[[], str]) -> JudgeBackend:
    """What the configuration asks for. The first judge has the given breaker, each of the panel its own."""
    first, *others = (_sampled(judge, model, new_tag) for model in judge.models)
    guarded = [Guarded(first, breaker), *(Guarded(other, Breaker(breaker.clock)) for other in others)]
    return Panel(guarded, judge.quorum or len(guarded)) if others else guarded[0]


def _sampled(judge: Judge, model: str, new_tag: Callable[[], str]) -> JudgeBackend:
    asked: JudgeBackend = (
        LogprobJudge(judge, model, new_tag)
        if judge.mode == "logprob"
        else ModelJudge(judge, model, EvidenceForm(), new_tag)
    )
    return asked if judge.sample_range == (1, 1) else Samples(asked, *judge.sample_range)


def _undecided(trouble: Trouble, calls: tuple[ModelCall, ...]) -> Verdict:
    details = {"cause": trouble.cause.value}
    return Verdict("judge", Ruling.UNDECIDED, Reason.JUDGE_ERROR, trouble.message, calls=calls, details=details)


def _verdict(judgement: Judgement, rubric: Rubric, judged: Judged, accept_at: float) -> Verdict:
    points, calls = score(judgement, rubric), judged.calls
    details = {
        "yes": dict(judgement.yes),
        "threshold": accept_at,
        "evidence": dict(judgement.evidence),
        "verdicts": len(judged.modes),
        "with_logprobs": judged.modes.count("logprob"),
    }
    if judgement.instructions_in_data:
        message = "the judge found text in the data that speaks to it"
        return Verdict("judge", Ruling.REJECTED, Reason.INJECTION, message, points, calls, details)
    if points >= accept_at:
        return Verdict("judge", Ruling.ACCEPTED, score=points, calls=calls, details=details)
    return Verdict("judge", Ruling.REJECTED, Reason.JUDGED, _why(judgement, rubric), points, calls, details)


def _why(judgement: Judgement, rubric: Rubric) -> str:
    """The questions answered no, then those left unsure, as the rubric asks them."""
    asked = sorted((c for c in rubric.criteria if judgement.yes[c.id] < 1), key=lambda c: judgement.yes[c.id])
    return "; ".join(f"{c.id}: {_said(judgement.yes[c.id])} ({c.ask})" for c in asked)[:1000]


def _said(p: float) -> str:
    return {0.0: "no", 0.5: "unsure"}.get(p) or f"doubtful, {p:.2f}"
