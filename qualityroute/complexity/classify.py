"""Which task a request belongs to that names none: by the user's own rules, or by what it is most like. Pure.

In this order: the schema it asks for is one task's; one task's patterns or keywords are in it, and no other's; it is
near one task's examples, and not as near to another's. Else it is of no task that is known, which is an answer too.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from math import log, sqrt
from typing import Any

from qualityroute.config import Match
from qualityroute.config.patterns import WINDOW, safe_pattern

LONGEST = 20_000
"""Characters that keywords and examples are compared with; patterns see less, see `config.patterns`."""
NEAREST = 0.25
"""The least likeness (cosine of weighted words and pairs of words) to an example."""
MARGIN = 0.05
"""By so much the nearest task must be nearer than the next."""
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class TaskRule:
    """One task's rules, compiled."""

    task: str
    patterns: tuple[re.Pattern[str], ...] = ()
    keywords: tuple[str, ...] = ()
    """Words with one blank around and between them, in lower case."""
    schema: str = ""
    """The task's schema in one canonical form; empty where it has none."""
    examples: tuple[Mapping[str, float], ...] = ()
    """Weighted words of each, of length 1."""


@dataclass(frozen=True, slots=True)
class Rules:
    """All tasks' rules, and the weights of words that their examples give."""

    tasks: tuple[TaskRule, ...] = ()
    weights: Mapping[str, float] | None = None
    """Of words, by how few examples hold them."""


def rules_of(matches: Mapping[str, Match | None], schemas: Mapping[str, Mapping[str, Any] | None]) -> Rules:
    """From each task's `match` and schema."""
    told = {task: match for task, match in matches.items() if match is not None}
    weights = _weights([_terms(text) for match in told.values() for text in match.examples])
    rules = [
        TaskRule(
            task,
            tuple(safe_pattern(pattern) for pattern in match.regex) if match is not None else (),
            tuple(_spaced(word) for word in match.keywords) if match is not None else (),
            _canonical(schemas.get(task)),
            tuple(_vector(text, weights) for text in match.examples) if match is not None else (),
        )
        for task, match in matches.items()
    ]
    return Rules(tuple(rules), weights)


def classify(text: str, rules: Rules, *, schema: Mapping[str, Any] | None = None) -> str | None:
    """The task that a request belongs to; `None`: unknown.

    Args:
        text: what the user said; it may be hostile, and takes no longer for that.
        schema: the JSON Schema that the request wants its answer to follow.
    """
    return _by_schema(schema, rules) or _by_words(text, rules) or _by_examples(text, rules)


def _by_schema(schema: Mapping[str, Any] | None, rules: Rules) -> str | None:
    asked = _canonical(schema)
    return _only(rule.task for rule in rules.tasks if asked and rule.schema == asked)


def _by_words(text: str, rules: Rules) -> str | None:
    windows = (text,) if len(text) <= WINDOW else (text[:WINDOW], text[-WINDOW:])
    spaced = _spaced(text[:LONGEST])
    return _only(
        rule.task
        for rule in rules.tasks
        if any(word in spaced for word in rule.keywords)
        or any(pattern.search(window) for pattern in rule.patterns for window in windows)
    )


def _by_examples(text: str, rules: Rules) -> str | None:
    if not rules.weights:
        return None
    asked = _vector(text[:LONGEST], rules.weights)
    told = [rule for rule in rules.tasks if rule.examples]
    likeness = sorted(((max(_cosine(asked, one) for one in rule.examples), rule.task) for rule in told), reverse=True)
    nearest, task = likeness[0]
    next_best = likeness[1][0] if len(likeness) > 1 else 0.0
    return task if nearest >= NEAREST and nearest - next_best >= MARGIN else None


def _only(tasks: Iterable[str]) -> str | None:
    """The one task, if it is one: where rules of several say yes, none of them does."""
    found = list(tasks)
    return found[0] if len(found) == 1 else None


def _spaced(text: str) -> str:
    return f" {' '.join(_WORD.findall(text.lower()))} "


def _terms(text: str) -> Counter[str]:
    words = _WORD.findall(text[:LONGEST].lower())
    return Counter(words) + Counter(f"{one} {other}" for one, other in pairwise(words))


def _weights(examples: list[Counter[str]]) -> dict[str, float]:
    counts = Counter(term for terms in examples for term in terms)
    return {term: log((1 + len(examples)) / (0.5 + count)) for term, count in counts.items()}


def _vector(text: str, weights: Mapping[str, float]) -> Mapping[str, float]:
    """Words that no example holds make a text longer, and so less like any."""
    unseen = max(weights.values(), default=0.0)
    weighed = {term: (1 + log(count)) * weights.get(term, unseen) for term, count in _terms(text).items()}
    length = sqrt(sum(weight * weight for weight in weighed.values()))
    return {term: weight / length for term, weight in weighed.items()} if length else {}


def _cosine(one: Mapping[str, float], other: Mapping[str, float]) -> float:
    few, many = (one, other) if len(one) < len(other) else (other, one)
    return sum(weight * many.get(term, 0.0) for term, weight in few.items())


def _canonical(schema: Mapping[str, Any] | None) -> str:
    return json.dumps(schema, sort_keys=True, default=str) if schema else ""
