"""What there is to tell of a decision, in words without a look; for the terminal and for pages. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal

from qualityroute.labels import Label, Origin
from qualityroute.quantities import counted
from qualityroute.records import Attempt, Decision, ModelCall, Outcome, Role, Tier, Verdict, total_cost
from qualityroute.render.words import UNKNOWN, outcome_words


def outcome_told(decision: Decision) -> str:
    """What the caller got; where there is no caller, nothing of him."""
    words = outcome_words(decision.outcome)
    return words if decision.route.served else words.partition(";")[0]


def untold_message(decision: Decision) -> str:
    """What a verdict or call has told already is not told again."""
    told = {verdict.message for attempt in decision.attempts for verdict in attempt.verdicts}
    told |= {call.message for call in all_calls(decision)}
    return "" if decision.message in told else decision.message


def score_words(verdict: Verdict) -> str:
    """The score, the threshold of its day, and whether that was proven on labels; empty without a score."""
    if verdict.score is None:
        return ""
    threshold = verdict.details.get("threshold")
    if not isinstance(threshold, float | int):
        return f"score {verdict.score:.2f}"
    certified = "" if verdict.details.get("certified") else ", uncertified"
    return f"score {verdict.score:.2f}, {threshold:.2f} needed{certified}"


def tokens_words(call: ModelCall) -> str:
    return f"{_count(call.usage.input_tokens)} tokens in, {_count(call.usage.output_tokens)} out"


def label_words(label: Label) -> tuple[str, str, str]:
    """What the efficiency answer was held against, what came of it, and where the two differ."""
    word = "a person's word" if label.origin is Origin.PERSON else "the performance tier's answer"
    if label.bad is None:
        return word, "could not be compared", ""
    return (word, "differs", "; ".join(label.differences)) if label.bad else (word, "good", "")


def calls_words(decision: Decision) -> str:
    return counted(len(all_calls(decision)), "model call")


def all_calls(decision: Decision) -> list[ModelCall]:
    return [call for attempt in decision.all_attempts for call in attempt.all_calls]


def parts_of_cost(calls: Iterable[ModelCall]) -> dict[str, Decimal | None]:
    """USD of each tier and of the judge."""
    costs: defaultdict[str, list[Decimal | None]] = defaultdict(list)
    for call in calls:
        judging = call.role is Role.JUDGE or call.tier is None
        part = "likening" if call.role is Role.EMBEDDING else "judge" if judging or call.tier is None else call.tier
        costs[str(part)].append(call.cost)
    return {name: total_cost(found) for name, found in costs.items()}


def begun_words(decision: Decision, attempt: Attempt) -> str:
    """Whether an attempt had waited for the one before it; empty where it had."""
    if attempt is decision.spare:
        return "begun early and not needed"
    return "begun early" if attempt.early else ""


LIKENING = "Likened to earlier questions"
"""In place of an attempt's number and tier: what was looked for is no answer of a model."""


def cost_of_trying(decision: Decision) -> Decimal | None:
    """Of a fallback: everything but its performance answer."""
    if decision.outcome is not Outcome.FALLBACK:
        return None
    tries = [attempt.cost for attempt in decision.attempts if attempt.tier is Tier.EFFICIENCY]
    return total_cost(tries) if tries else None


def _count(tokens: int | None) -> str:
    return UNKNOWN if tokens is None else f"{tokens:,}"
