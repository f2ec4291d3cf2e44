"""Several judges of one answer: each asked on its own, their probabilities averaged."""

from __future__ import annotations

from collections.abc import Sequence

from qualityroute.gates.judge_backend import JudgeBackend, Judged, Trouble, mean
from qualityroute.gates.judge_verdict import Judgement
from qualityroute.metering import Meter
from qualityroute.records import ModelCall
from qualityroute.rubrics import Rubric


class Panel:
    """Judges asked one after the other. With fewer than `quorum` judgements, the first trouble is the panel's."""

    def __init__(self, judges: Sequence[JudgeBackend], quorum: int) -> None:
        self._judges, self._quorum = tuple(judges), quorum

    async def judge(self, rubric: Rubric, source: str, candidate: str, meter: Meter) -> Judged:
        found: list[Judgement] = []
        troubles: list[Trouble] = []
        calls: tuple[ModelCall, ...] = ()
        modes: tuple[str, ...] = ()
        for member in self._judges:
            judged = await member.judge(rubric, source, candidate, meter)
            calls += judged.calls
            if isinstance(judged.found, Judgement):
                found.append(judged.found)
                modes += judged.modes
                continue
            troubles.append(judged.found)
            if len(troubles) > len(self._judges) - self._quorum:  # the others could not make up the quorum
                return Judged(troubles[0], calls)
        return Judged(mean(found), calls, modes)
