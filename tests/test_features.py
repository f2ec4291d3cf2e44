"""What is counted in a request before any model is asked, and how predictions made of it are scored."""

from __future__ import annotations

from math import expm1, log, log1p, sqrt
from typing import Any

import pytest

from qualityroute.complexity import features, score, shape_of
from qualityroute.complexity.features import DEEPEST, NAMES, WINDOW
from qualityroute.complexity.heuristic import MOST, weak_evidence

LOGARITHMS = ("word length", "distinct words", "digits", "longest number", "capitals", "beyond ASCII", "messages",
              "answers so far", "pictures", "depth")  # fmt: skip
"""The features that are no logarithm of a count."""


def of(messages: Any, shape: Any = None) -> dict[str, float]:
    """Features by name, counts as they were counted."""
    if isinstance(messages, str):
        messages = [{"role": "user", "content": messages}]
    found = dict(zip(NAMES, features(messages, shape_of(None) if shape is None else shape), strict=True))
    return {name: value if name in LOGARITHMS else round(expm1(value), 6) for name, value in found.items()}


@pytest.mark.parametrize(
    ("text", "name", "count"),
    [
        ("four words are here", "characters", 19),
        ("four words are here", "words", 4),
        ("four words are here", "word length", 4.0),
        ("a b A c", "distinct words", 0.75),
        ("One. Two! Three? Four.\nFive", "sentences", 4),
        ("a, b; c, d", "commas", 3),
        ("a\nb\nc", "lines", 2),
        ("List:\n- a\n* b\n• c\n1. d\n2. e\n3. f", "list items", 6),
        ("Who? Why?", "questions", 2),
        ("7 of 12, 345", "numbers", 3),
        ("12ab", "digits", 0.5),
        ("7 and 345", "longest number", 3.0),
        ("1" * 60, "longest number", 40.0),
        ("none", "longest number", 0.0),
        ("AbCd", "capitals", 0.5),
        ("äb", "beyond ASCII", 0.5),
        ("\"a\" 'b' “c «d", "quotes", 6),
        ("(a) [b]", "brackets", 2),
        ("{a} <b>", "braces", 2),
        ("1+2*3/4=5^6", "arithmetic", 5),
        ("5 % of $1, €2, £3", "percent or money", 4),
        ("3/2024, 3-2024, 3.2024, in 2024, in 1999", "dates", 5),
        ("http://a https://b", "links", 2),
        ("`a` def f(); g();", "code", 5),
        ("this and that, also then next", "further requests", 4),
        ("what and which, who or when: where? why! how", "question words", 7),
        ("not this, no, never without", "negations", 4),
        ("all of every one must", "bounds", 3),
        ("compare and explain the sum", "reasoning words", 3),
        ("", "words", 0),
        ("", "word length", 0.0),
    ],
)
def test_each_is_counted_as_it_is_called(text: str, name: str, count: float) -> None:
    assert of(text)[name] == pytest.approx(count)


def test_what_is_beyond_the_window_counts_as_length_alone() -> None:
    found, whole = of("x" * WINDOW + " and 17?"), of("x" * WINDOW)
    assert found.pop("characters") == WINDOW + 8 and whole.pop("characters") == WINDOW
    assert found == whole


def test_turns_and_pictures_are_counted_and_an_answer_is_no_question() -> None:
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}
    said = [
        {"role": "system", "content": "Which? What?"},
        {"role": "user", "content": [{"type": "text", "text": "one"}, picture, picture]},
        {"role": "assistant", "content": "two three"},
        {"role": "tool", "content": "four"},
    ]
    found = of(said)
    assert (found["messages"], found["answers so far"], found["pictures"]) == (4, 1, 2)
    assert (found["words"], found["questions"]) == (2, 0)


def test_a_schema_and_tools_are_counted_together() -> None:
    schema = {
        "type": "object",
        "required": ["kind", "lines"],
        "properties": {
            "kind": {"type": "string", "enum": ["a", "b", "c"]},
            "lines": {"type": "array", "items": {"type": "number"}},
            "either": {"anyOf": [{"type": "integer"}, {"type": "string"}]},
        },
    }
    tool = {"type": "function", "function": {"name": "f", "parameters": {"properties": {"x": {"type": "array"}}}}}
    found = of("", shape_of(schema, [tool, {"type": "function"}]))
    wanted = {"tools": 2, "fields": 4, "required": 2, "arrays": 2, "choices": 3, "free texts": 2, "number fields": 2}
    assert {name: found[name] for name in wanted} == wanted
    assert found["depth"] == 4  # properties, either, anyOf's list, its parts


def test_a_schema_is_looked_at_only_so_deep() -> None:
    schema: dict[str, Any] = {"type": "array"}
    for _ in range(3 * DEEPEST):
        schema = {"type": "array", "items": schema}
    found = of("", shape_of(schema))
    assert (found["depth"], found["arrays"]) == (DEEPEST, DEEPEST + 1)


PLAIN = dict.fromkeys(NAMES, 0.0) | {"characters": 6.0}


@pytest.mark.parametrize(
    ("told", "weight", "words"),
    [
        ({}, 0.0, ()),
        ({"characters": 8.31}, 0.4, ("long input",)),
        ({"characters": 8.3}, 0.0, ()),
        ({"characters": 5.29}, -0.5, ("short input",)),
        ({"characters": 5.3}, 0.0, ()),
        ({"characters": 5.29, "sentences": 1.2}, 0.0, ()),
        ({"further requests": log1p(4)}, 0.3, ("seems to ask several things at once",)),
        ({"further requests": log1p(3)}, 0.0, ()),
        ({"arrays": log1p(1)}, 0.3, ("the answer holds lists",)),
        ({"arithmetic": 1.71}, 0.3, ("asks for a calculation or an argument",)),
        ({"reasoning words": 0.61}, 0.3, ("asks for a calculation or an argument",)),
        ({"arithmetic": 1.7, "reasoning words": 0.6}, 0.0, ()),
        ({"tools": 1.71}, 0.2, ("many tools to choose from",)),
        ({"tools": 1.7}, 0.0, ()),
    ],
)
def test_a_sign_moves_the_prior_by_its_weight(told: dict[str, float], weight: float, words: tuple[str, ...]) -> None:
    factor, reasons = weak_evidence(tuple((PLAIN | told).values()))
    assert factor == pytest.approx(MOST**weight)
    assert reasons == tuple(f"{each} (weak evidence)" for each in words)


def test_signs_add_up_to_one_and_no_further() -> None:
    told = PLAIN | {"characters": 9.0, "arrays": 1.0, "tools": 2.0, "arithmetic": 2.0, "further requests": 2.0}
    factor, reasons = weak_evidence(tuple(told.values()))
    assert factor == pytest.approx(MOST)
    assert len(reasons) == 5


def test_the_error_of_the_area_is_that_of_hanley_and_mcneil() -> None:
    predictions, escalated = [0.9, 0.8, 0.4, 0.7, 0.3, 0.2, 0.1], [True, True, True, False, False, False, False]
    found = score(predictions, escalated)
    area = 11 / 12  # of the 3 x 4 pairs, only (.4, .7) is the wrong way round
    one, other = area / (2 - area), 2 * area * area / (1 + area)
    variance = (area * (1 - area) + 2 * (one - area**2) + 3 * (other - area**2)) / 12
    assert (found.outcomes, found.escalated) == (7, 3)
    assert found.auroc == pytest.approx(area)
    assert found.error == pytest.approx(sqrt(variance))


def test_losses_and_gaps_are_means_over_all_outcomes() -> None:
    found = score([0.25, 0.25, 1.0, 0.0], [True, False, True, True])
    assert found.log_loss == pytest.approx(-(log(0.25) + log(0.75) + log(1.0) + log(1e-6)) / 4)
    # In the tenth from .2: .5 foretold, 1 came; in the last: 1 and 1; in the first: 0 and 1.
    assert found.calibration_error == pytest.approx((0.5 + 0 + 1) / 4)
