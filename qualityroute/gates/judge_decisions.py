"""From the answers of a decisions endpoint to a judgement. Pure; whatever they hold, it raises nothing but
`UnreadableVerdict`."""

from __future__ import annotations

from collections.abc import Mapping

from qualityroute.gates.judge_prompt import judge_questions
from qualityroute.gates.judge_verdict import Judgement, RefusedVerdict, UnreadableVerdict
from qualityroute.records import Completion, Json
from qualityroute.rubrics import Rubric


def read_decisions(completion: Completion, rubric: Rubric) -> Judgement:
    """Read what `judge_questions` were answered.

    Strict: an answer for each question, in their order and with their names. Raises `RefusedVerdict` where the model
    declined one of them, and `UnreadableVerdict` for anything else that is no probability.
    """
    answers = completion.raw.get("answers") if isinstance(completion.raw, Mapping) else None
    if not isinstance(answers, list):
        raise UnreadableVerdict("it has no decisions; the client or the endpoint knows only completions")
    names = [question.name for question in judge_questions(rubric)]
    if len(answers) != len(names):
        raise UnreadableVerdict(f"{len(answers)} answers to {len(names)} questions")
    *yes, instructions = map(_probability, answers, names)
    return Judgement(yes=dict(zip(names, yes, strict=False)), instructions_in_data=instructions >= 0.5)


def _probability(answer: Json, name: str) -> float:
    """That the answer to the question of this name is yes."""
    if not isinstance(answer, Mapping) or answer.get("name") != name:
        raise UnreadableVerdict(f"no answer named '{name}' in its place")
    if answer.get("type") == "refusal":
        raise RefusedVerdict(f"the model declined the question '{name}'")
    probability = answer.get("probability")
    if answer.get("type") != "predicate" or isinstance(probability, bool) or not isinstance(probability, int | float):
        raise UnreadableVerdict(f"the answer to '{name}' has no probability")
    if not 0 <= probability <= 1:  # which NaN is not either
        raise UnreadableVerdict(f"the probability of '{name}' is not from 0 to 1")
    return float(probability)
