"""From a line of verdict letters and their log probabilities to a judgement. Pure; never raises for hostile data
anything but `UnreadableVerdict`."""

from __future__ import annotations

import math
import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from itertools import accumulate
from typing import Any

from qualityroute.gates.judge_verdict import Judgement, UnreadableVerdict
from qualityroute.records import Completion, Json
from qualityroute.rubrics import Criterion, Rubric

INJECTED = "inj"
_LETTERS = {"y": "y", "yes": "y", "n": "n", "no": "n", "u": "u", "unsure": "u"}
_ENTRY = re.compile(r"([a-z][a-z0-9]{0,9})=([ynu])(?=\s|$)", re.ASCII | re.IGNORECASE)


class NoLogprobs(UnreadableVerdict):
    """The endpoint gave no log probabilities, or none that belong to the line."""


def lettered(rubric: Rubric) -> Rubric:
    """The rubric with its criteria named c1, c2, …, critical ones first: short, and none can be called `inj`."""
    renamed = (c.model_copy(update={"id": f"c{number}"}) for number, c in enumerate(_in_order(rubric), 1))
    return rubric.model_copy(update={"criteria": tuple(renamed)})


def read_letters(completion: Completion, rubric: Rubric) -> Judgement:
    """Read a judge's answer in logprob mode.

    Strict: one line, every check exactly once, then `inj`. Raises `NoLogprobs` where the endpoint gave none, or
    none that belong to a good line, and `UnreadableVerdict` for any other text.
    """
    tokens = list(_tokens(completion.raw))
    if not tokens:
        raise NoLogprobs("the answer came without log probabilities")
    line = (completion.content or "").strip()
    criteria = _in_order(rubric)
    letters = _letters(line, [*(f"c{number}" for number in range(1, len(criteria) + 1)), INJECTED])
    if letters[-1][0] == "u":
        raise UnreadableVerdict(f"'{INJECTED}' is neither Y nor N")
    start = "".join(text for text, _ in tokens).rfind(line)  # thoughts may stand before it, an end mark after
    if start < 0:
        raise NoLogprobs("the answer has no log probabilities that belong to its text")
    yes = [_probability(tokens, start + position) for _, position in letters]
    return Judgement(
        yes={criterion.id: p for criterion, p in zip(criteria, yes, strict=False)},
        # Said or thought: either is reason enough not to trust the verdict.
        instructions_in_data=letters[-1][0] == "y" or yes[-1] >= 0.5,
        evidence={},
    )


def _in_order(rubric: Rubric) -> list[Criterion]:
    return sorted(rubric.criteria, key=lambda criterion: not criterion.critical)


def _letters(line: str, names: list[str]) -> list[tuple[str, int]]:
    """Each verdict letter in lower case with its position in the line."""
    entries = list(_ENTRY.finditer(line))
    if len(line.split()) != len(entries) or [entry[1].lower() for entry in entries] != names:
        raise UnreadableVerdict(f"not one line of {names[0]}=Y … {INJECTED}=N with every check once, in order")
    return [(entry[2].lower(), entry.start(2)) for entry in entries]


def _tokens(raw: Mapping[str, Any] | None) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The tokens of the first choice with what is known of each; none where the reply has another shape."""
    content: Json = raw
    for step in ("choices", 0, "logprobs", "content"):
        content = _within(content, step)
    for token in content if isinstance(content, list) else ():
        if isinstance(token, Mapping) and isinstance(token.get("token"), str):
            yield token["token"], token


def _within(value: Json, step: str | int) -> Json:
    if isinstance(step, int):
        return value[step] if isinstance(value, list) and len(value) > step else None
    return value.get(step) if isinstance(value, Mapping) else None


def _probability(tokens: list[tuple[str, Mapping[str, Any]]], position: int) -> float:
    """p(Y) / (p(Y) + p(N) + p(U)) at the token that holds the letter at `position`."""
    ends = list(accumulate(len(text) for text, _ in tokens))
    index = bisect_right(ends, position)
    text, token = tokens[index]
    within = position - (ends[index] - len(text))
    return _share_of_yes(text, _alternatives(token), before=text[:within].strip())


def _alternatives(token: Mapping[str, Any]) -> dict[str, float]:
    """The probability of each text that could have stood here, the one that does among them."""
    listed = token.get("top_logprobs")
    found: dict[str, float] = {}
    for other in [*(listed if isinstance(listed, list) else ()), token]:
        text = other.get("token") if isinstance(other, Mapping) else None
        probability = _from_log(other.get("logprob")) if isinstance(text, str) else None
        if isinstance(text, str) and probability is not None:
            found[text] = probability
    return found


def _from_log(value: Json) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value:
        return None
    # Bounded first, since JSON's integers have no bound; e to the -1000 is 0 in any case.
    return math.exp(max(-1000, min(0, value)))


def _share_of_yes(said: str, alternatives: Mapping[str, float], *, before: str) -> float:
    """Cases and spaces are summed; `before` is what the tokeniser put into one token with the letter, as in `=Y`."""
    mass = {"y": 0.0, "n": 0.0, "u": 0.0}
    for text, probability in alternatives.items():
        letter = _letter(text, before)
        if letter is not None:
            mass[letter] += probability
    total = sum(mass.values())
    # Without what was said in it, the sum would be of the unlikely alternatives alone.
    if total <= 0 or said not in alternatives or _letter(said, before) is None:
        raise NoLogprobs("the verdict's token has no probability")
    return mass["y"] / total


def _letter(text: str, before: str) -> str | None:
    text = text.strip()
    return _LETTERS.get(text.removeprefix(before).strip().lower()) if text.startswith(before) else None
