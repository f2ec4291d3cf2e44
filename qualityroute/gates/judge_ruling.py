"""From what asking a judge came to, to a check's verdict. Pure."""

from __future__ import annotations

from qualityroute.gates.judge_backend import Judged, Trouble
from qualityroute.gates.judge_verdict import Judgement, score
from qualityroute.records import Reason, Ruling, Verdict
from qualityroute.rubrics import Rubric


def verdict_of(judged: Judged, rubric: Rubric, check: str, accept_at: float | None = None) -> Verdict:
    """The verdict of the check of this name: the judge's score against `accept_at`, or else the rubric's threshold.

    Trouble is undecided, and instructions in the data are a rejection of their own.
    """
    calls = judged.calls
    match judged.found:
        case Trouble(cause=cause, message=message):
            details = {"cause": cause.value}
            return Verdict(check, Ruling.UNDECIDED, Reason.JUDGE_ERROR, message, calls=calls, details=details)
        case Judgement() as judgement:
            needed = rubric.threshold if accept_at is None else accept_at
            points, told = score(judgement, rubric), _told(judgement, judged.modes, needed)
            told["certified"] = accept_at is not None
            if judgement.instructions_in_data:
                message = "the judge found text in the data that speaks to it"
                return Verdict(check, Ruling.REJECTED, Reason.INJECTION, message, points, calls, told)
            if points >= needed:
                return Verdict(check, Ruling.ACCEPTED, score=points, calls=calls, details=told)
            why = _why(judgement, rubric)
            return Verdict(check, Ruling.REJECTED, Reason.JUDGED, why, points, calls, told)


def _told(judgement: Judgement, modes: tuple[str, ...], threshold: float) -> dict[str, object]:
    """How many verdicts there were, and in which forms: those that are not counted came in words."""
    return {
        "yes": dict(judgement.yes),
        "threshold": threshold,
        "evidence": dict(judgement.evidence),
        "verdicts": len(modes),
        "with_logprobs": modes.count("logprob"),
        "with_decisions": modes.count("decisions"),
        "own": modes.count("own"),
    }


def _why(judgement: Judgement, rubric: Rubric) -> str:
    """The questions answered no, then those left unsure, as the rubric asks them."""
    asked = sorted((c for c in rubric.criteria if judgement.yes[c.id] < 1), key=lambda c: judgement.yes[c.id])
    return "; ".join(f"{c.id}: {_said(judgement.yes[c.id])} ({c.ask})" for c in asked)[:1000]


def _said(p: float) -> str:
    return {0.0: "no", 0.5: "unsure"}.get(p) or f"doubtful, {p:.2f}"
