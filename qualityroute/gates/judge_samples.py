"""More than one verdict of a judge, drawn one after the other, and only as long as another could matter."""

from __future__ import annotations

from collections.abc import Sequence

from qualityroute.gates.judge_backend import JudgeBackend, Judged, Trouble, mean
from qualityroute.gates.judge_verdict import Judgement, score
from qualityroute.metering import Meter
from qualityroute.records import ModelCall
from qualityroute.rubrics import Rubric

NEAR = 0.15
"""How far from the threshold a single score is worth a second opinion."""
_DOUBTING = frozenset({"logprob", "decisions"})
"""Forms whose probabilities are the model's own. Words, and what another's judge says, may be any sample's."""


def wants_another(drawn: Sequence[Judgement], rubric: Rubric, least: int, most: int, *, doubting: bool = False) -> bool:
    """Should one more verdict be drawn after these, of `least` to `most`?

    Up to `least` always, from `most` on never. Between them, never after a verdict that saw instructions in the
    data. After one verdict: not when a critical criterion has p(yes) below one half; else when the score is within
    `NEAR` of the threshold, or when every criterion has p(yes) above one half, so that an acceptance is confirmed.
    That last not for a judge that is `doubting`: its probabilities have said already how sure it is.
    After two: when one of them alone would accept the answer and the other not.
    """
    if len(drawn) < least or len(drawn) >= most:
        return len(drawn) < least
    if any(judgement.instructions_in_data for judgement in drawn):
        return False
    scores = [score(judgement, rubric) for judgement in drawn]
    if len(drawn) > 1:
        return len({points >= rubric.threshold for points in scores}) > 1
    yes = drawn[0].yes
    if any(yes[criterion.id] < 0.5 for criterion in rubric.criteria if criterion.critical):
        return False
    unconfirmed = not doubting and all(p > 0.5 for p in yes.values())
    return unconfirmed or abs(scores[0] - rubric.threshold) <= NEAR


class Samples:
    """Asks the same judge again, and takes the mean. Trouble with any sample is trouble: a mean of what
    happened to arrive would be another score than the one that was certified."""

    def __init__(self, judge: JudgeBackend, least: int, most: int) -> None:
        self._judge, self._least, self._most = judge, least, most

    async def judge(self, rubric: Rubric, source: str, candidate: str, meter: Meter) -> Judged:
        drawn: list[Judgement] = []
        calls: tuple[ModelCall, ...] = ()
        modes: tuple[str, ...] = ()
        while wants_another(drawn, rubric, self._least, self._most, doubting=bool(_DOUBTING.intersection(modes))):
            judged = await self._judge.judge(rubric, source, candidate, meter)
            calls += judged.calls
            if isinstance(judged.found, Trouble):
                return Judged(judged.found, calls)
            modes += judged.modes
            drawn.append(judged.found)
        return Judged(mean(drawn), calls, modes)
