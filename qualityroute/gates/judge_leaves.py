"""The judge on the values that models disagree about, and on nothing else of an answer."""

from __future__ import annotations

import json
from collections.abc import Sequence

from qualityroute.comparison import Difference
from qualityroute.gates.judge_backend import JudgeBackend
from qualityroute.gates.judge_ruling import verdict_of
from qualityroute.metering import Meter
from qualityroute.records import Verdict
from qualityroute.rubrics import Criterion, Rubric

MOST_VALUES = 12
"""An answer that differs in more of them is not worth a judge's time."""
_SHOWN = "Shown are only some values of the answer: those that models disagree about, each with its number and field."
_ASK = "Is value {number} of the candidate what the source states for its field, or null where the source states none?"
_ALONE = Rubric(criteria=(Criterion(id="v1", ask=_ASK.format(number=1)),))


class LeafJudge:
    """Asks the judge to confirm differing values, with one critical question for each.

    The questions name values by number alone: fields and values come from models, and stay in the data.
    """

    def __init__(self, backend: JudgeBackend, rubric: Rubric | None) -> None:
        """`rubric`: the task's, for its purpose and its threshold."""
        self._backend, self._task_rubric = backend, rubric or _ALONE

    async def verdict(self, differences: Sequence[Difference], source: str, meter: Meter) -> Verdict | None:
        """The judge's word on the left side's values; none where they are too many, or some of them are not there.

        What an answer leaves out of an array could not be shown: neither its place nor that anything is missing.
        """
        values = {difference.path: difference.left for difference in differences}
        absent = any(difference.left is None and "[" in difference.path for difference in differences)
        if absent or not 0 < len(values) <= MOST_VALUES:
            return None
        shown = [
            {"number": number, "field": path or "the answer", "value": value}
            for number, (path, value) in enumerate(values.items(), 1)
        ]
        rubric = self._rubric(len(values))
        judged = await self._backend.judge(rubric, source, json.dumps(shown, ensure_ascii=False, default=str), meter)
        return verdict_of(judged, rubric, "agreement")

    def _rubric(self, count: int) -> Rubric:
        criteria = (
            Criterion(id=f"v{number}", ask=_ASK.format(number=number), critical=True) for number in range(1, count + 1)
        )
        purpose = f"{self._task_rubric.purpose} {_SHOWN}".strip()
        return Rubric(purpose=purpose, threshold=self._task_rubric.threshold, criteria=tuple(criteria))
