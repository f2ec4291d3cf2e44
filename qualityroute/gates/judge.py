"""The judge: a cheap model answers the rubric's questions about an answer that passed every free check."""

from __future__ import annotations

import secrets
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from qualityroute.client import CompletionRequest
from qualityroute.config import Judge
from qualityroute.config.fields import split_model
from qualityroute.gates.form import all_null
from qualityroute.gates.interface import Candidate
from qualityroute.gates.judge_prompt import judge_messages, judge_schema
from qualityroute.gates.judge_verdict import Judgement, UnreadableVerdict, read_judgement, score
from qualityroute.metering import Meter
from qualityroute.records import Completion, JudgeTrouble, ModelCall, Reason, Role, Ruling, Verdict
from qualityroute.rubrics import Rubric

_LARGEST_LIMIT = 16


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


class JudgeCheck:
    """Asks one judge model by one rubric, in evidence mode.

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
        self._judge, self._rubric, self._breaker, self._new_tag = judge, rubric, breaker, new_tag
        self._schema = judge_schema(rubric)
        self._limit_factor = 1

    async def check(self, candidate: Candidate, meter: Meter) -> Verdict:
        if all_null(candidate.value):  # judges like an empty answer too well; it costs nothing to see it here
            return Verdict(self.name, Ruling.REJECTED, Reason.EMPTY, "every field of the answer is null or empty")
        if not self._breaker.allows():
            return _undecided(JudgeTrouble.OPEN, "the judge failed too often and is left alone for a while", ())
        calls: list[ModelCall] = []
        for last in (False, True):
            found = await self._ask(candidate, meter, calls)
            if isinstance(found, Judgement):
                self._breaker.note(True)
                return _verdict(found, self._rubric, tuple(calls))
            trouble, message = found
            if last or trouble not in (JudgeTrouble.PARSE, JudgeTrouble.TRUNCATED):
                break
        self._breaker.note(False)
        return _undecided(trouble, message, tuple(calls))

    async def _ask(
        self, candidate: Candidate, meter: Meter, calls: list[ModelCall]
    ) -> Judgement | tuple[JudgeTrouble, str]:
        called = await meter.ask(self._request(candidate))
        calls.append(called.call)
        if called.completion is None:
            return JudgeTrouble.TIMEOUT, f"no answer from the judge: {called.call.message}"
        trouble = _trouble(called.completion)
        if trouble is JudgeTrouble.TRUNCATED:  # models that reason need more room, and will the next time too
            self._limit_factor = min(_LARGEST_LIMIT, 2 * self._limit_factor)
        if trouble is not None:
            return trouble, f"the judge's answer was {_WORDS[trouble]}"
        try:
            return read_judgement(called.completion.content or "", self._rubric)
        except UnreadableVerdict as error:
            return JudgeTrouble.PARSE, f"the judge's answer could not be read: {error}"

    def _request(self, candidate: Candidate) -> CompletionRequest:
        provider, model = split_model(self._judge.model)
        return CompletionRequest(
            role=Role.JUDGE,
            tier=None,
            provider=provider,
            model=model,
            messages=judge_messages(self._rubric, candidate.source, candidate.text, self._new_tag()),
            response_schema=self._schema,
            max_output_tokens=self._limit_factor * (64 + 40 * len(self._rubric.criteria)),
            timeout=self._judge.timeout,
            parameters=self._judge.parameters,
        )


_WORDS = {JudgeTrouble.REFUSAL: "a refusal", JudgeTrouble.TRUNCATED: "cut off at the token limit"}


def _trouble(completion: Completion) -> JudgeTrouble | None:
    if completion.refusal or completion.finish_reason == "content_filter":
        return JudgeTrouble.REFUSAL
    return JudgeTrouble.TRUNCATED if completion.finish_reason == "length" else None


def _undecided(trouble: JudgeTrouble, message: str, calls: tuple[ModelCall, ...]) -> Verdict:
    return Verdict(
        "judge", Ruling.UNDECIDED, Reason.JUDGE_ERROR, message, calls=calls, details={"cause": trouble.value}
    )


def _verdict(judgement: Judgement, rubric: Rubric, calls: tuple[ModelCall, ...]) -> Verdict:
    points = score(judgement, rubric)
    details = {"yes": dict(judgement.yes), "threshold": rubric.threshold, "evidence": dict(judgement.evidence)}
    if judgement.instructions_in_data:
        message = "the judge found text in the data that speaks to it"
        return Verdict("judge", Ruling.REJECTED, Reason.INJECTION, message, points, calls, details)
    if points >= rubric.threshold:
        return Verdict("judge", Ruling.ACCEPTED, score=points, calls=calls, details=details)
    return Verdict("judge", Ruling.REJECTED, Reason.JUDGED, _why(judgement, rubric), points, calls, details)


def _why(judgement: Judgement, rubric: Rubric) -> str:
    """The questions answered no, then those left unsure, as the rubric asks them."""
    said = {0.0: "no", 0.5: "unsure"}
    asked = sorted((c for c in rubric.criteria if judgement.yes[c.id] < 1), key=lambda c: judgement.yes[c.id])
    return "; ".join(f"{c.id}: {said.get(judgement.yes[c.id], 'doubtful')} ({c.ask})" for c in asked)[:1000]
