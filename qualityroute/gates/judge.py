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
from qualityroute.gates.judge_forms import DecisionsForm, EvidenceForm
from qualityroute.gates.judge_model import LogprobJudge, ModelJudge
from qualityroute.gates.judge_own import OwnBackend
from qualityroute.gates.judge_panel import Panel
from qualityroute.gates.judge_ruling import verdict_of
from qualityroute.gates.judge_samples import Samples
from qualityroute.gates.judge_verdict import Judgement
from qualityroute.metering import Meter
from qualityroute.records import JudgeTrouble, Reason, Ruling, Verdict
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

    def __init__(self, backend: JudgeBackend, rubric: Rubric) -> None:
        self._backend, self._rubric = backend, rubric

    async def check(self, candidate: Candidate, meter: Meter) -> Verdict:
        lacking = emptiness(candidate.value, self._rubric.min_fields)
        if lacking is not None:  # judges like an empty answer too well; it costs nothing to see it here
            return Verdict(self.name, Ruling.REJECTED, Reason.EMPTY, lacking)
        return await self.ask(candidate, meter)

    async def ask(self, candidate: Candidate, meter: Meter) -> Verdict:
        """The judge's own verdict, whatever the answer holds."""
        judged = await self._backend.judge(self._rubric, candidate.source, candidate.text, meter)
        return verdict_of(judged, self._rubric, self.name, candidate.accept_at)


def fresh_tag() -> str:
    """For the lines around the data; nothing in the data can know it."""
    return secrets.token_hex(4)


def backend_for(judge: Judge, breaker: Breaker, new_tag: Callable[[], str] = fresh_tag) -> JudgeBackend:
    """What the configuration asks for, once for all tasks: what is learned of a model while we run holds for each.

    `judge` as `resolve_judge` gives it, with the user's own object in place of its name. The first judge has the
    given breaker, each of the panel its own.
    """
    judges = [_asked(judge, model, new_tag) for model in judge.models]
    if judge.object is not None:
        judges.insert(0, OwnBackend(judge.object, judge.timeout))
    first, *others = (one if judge.sample_range == (1, 1) else Samples(one, *judge.sample_range) for one in judges)
    guarded = [Guarded(first, breaker), *(Guarded(other, Breaker(breaker.clock)) for other in others)]
    return Panel(guarded, judge.quorum or len(guarded)) if others else guarded[0]


def _asked(judge: Judge, model: str, new_tag: Callable[[], str]) -> JudgeBackend:
    match judge.mode:
        case "logprob":
            return LogprobJudge(judge, model, new_tag)
        case "decisions":
            return ModelJudge(judge, model, DecisionsForm(), new_tag)
        case "auto" | "evidence":
            return ModelJudge(judge, model, EvidenceForm(), new_tag)
