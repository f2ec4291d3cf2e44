"""Requests without a task are given one by the user's own rules, or none."""

from __future__ import annotations

import re
from typing import Any

import pytest
from conftest import INVOICE_SCHEMA, bounded_work, config_with
from hypothesis import given
from hypothesis import strategies as st

from qualityroute import Config, ConfigError
from qualityroute.complexity import Rules, classify, rules_of
from qualityroute.config import Match
from qualityroute.config.patterns import WINDOW, safe_pattern

SUPPORT = ("My parcel has not arrived yet, where is it?", "The package is late, when will it arrive?")
LEGAL = ("Does this contract allow termination without notice?", "Which clause of the contract limits liability?")


def rules(schemas: dict[str, Any] | None = None, **tasks: dict[str, Any] | None) -> Rules:
    matches = {name: Match.model_validate(match) if match else None for name, match in tasks.items()}
    return rules_of(matches, {name: (schemas or {}).get(name) for name in tasks})


def test_a_pattern_a_keyword_and_a_schema_each_name_the_task() -> None:
    told = rules(
        {"invoice": INVOICE_SCHEMA},
        invoice={"regex": [r"invoice no\. ?\d{1,9}"]}, legal={"keywords": ["terms of use"]},
    )  # fmt: skip
    assert classify("INVOICE No. 17 of Monday", told) == "invoice"
    assert classify("Our Terms\nof use have changed", told) == "legal"
    assert classify("anything", told, schema=dict(INVOICE_SCHEMA)) == "invoice"
    assert classify("anything", told, schema={"type": "string"}) is None
    assert classify("long-term use", told) is None


def test_what_two_tasks_claim_belongs_to_neither() -> None:
    told = rules(one={"keywords": ["order"]}, other={"keywords": ["bill"]})
    assert classify("order and bill", told) is None
    assert classify("order", told) == "one"


def test_the_nearest_examples_decide_where_no_rule_does_and_far_from_all_is_unknown() -> None:
    told = rules(support={"examples": SUPPORT}, legal={"examples": LEGAL})
    assert classify("Where is my parcel? It has not arrived.", told) == "support"
    assert classify("Which clause of this contract allows termination?", told) == "legal"
    assert classify("Write a poem on autumn leaves", told) is None
    assert classify("", told) is None


def test_without_any_rule_every_request_is_unknown() -> None:
    assert classify("Invoice 17", rules(invoice=None)) is None


SLOW = [
    r"(a+)+$",
    r"(a|aa)+b",
    r"a*a*a*b",
    r"(.*a){12}",
    r"(\w+\s?)*!",
    r"(\w)\1+",
    r"^(([a-z])+.)+[A-Z]$",
    r"(a?){30}b",
]


@pytest.mark.parametrize("pattern", SLOW)
def test_a_pattern_that_backtracks_without_end_is_refused_when_it_is_read(pattern: str) -> None:
    with pytest.raises(ConfigError, match=r"tasks\.invoice\.match\.regex: .*very long"):
        config_with({"match": {"regex": [pattern]}})


@pytest.mark.parametrize(
    ("match", "message"),
    [
        ({"regex": ["(((a"]}, "no regular expression"),
        ({"regex": ["a" * 501]}, "at most 500"),
        ({"regex": ["x?"]}, "matches every text"),
        ({"keywords": [" "]}, "matches nothing"),
        ({}, "names nothing to match by"),
    ],
)
def test_a_rule_that_cannot_be_used_is_named(match: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        config_with({"match": match})


ALLOWED = [
    r"\binvoice\b.*total", r"[A-Z]{2}\d{1,20}", r"(?:rechnung|invoice)\s{0,3}(?:nr|no)\.?", r"\s+$", r"(?=.*a)b",
    r"(a|b){1,5}c", r"(?>a+)b", r"a++b",
]  # fmt: skip
HOSTILE = [
    "a" * WINDOW,
    " " * WINDOW + "x",
    "ab" * WINDOW,
    "invoice " * WINDOW,
    "A" * WINDOW + "1" * WINDOW,
    "\n" * WINDOW,
]


@pytest.mark.parametrize("pattern", ALLOWED)
def test_a_pattern_that_is_allowed_is_fast_on_text_made_to_slow_it_down(pattern: str) -> None:
    told = rules(invoice={"regex": [pattern]})
    with bounded_work(10):
        for text in HOSTILE:
            classify(text * 50, told)


@given(st.from_regex(r"[ab(|)*+?.{}0-9,\[\]\\^$]{1,14}", fullmatch=True))
def test_whatever_passes_the_guard_takes_bounded_work(pattern: str) -> None:
    try:
        compiled = safe_pattern(pattern)
    except ValueError:
        return
    with bounded_work(5):
        for text in ("a" * WINDOW, "ab" * (WINDOW // 2), "b" * (WINDOW - 1) + "a"):
            compiled.search(text)


def test_a_pattern_sees_both_ends_of_a_long_text() -> None:
    told = rules(invoice={"regex": ["total due"]})
    assert classify("x" * 50_000 + "\ntotal due: 17", told) == "invoice"
    assert classify("Total due: 17\n" + "x" * 50_000, told) == "invoice"


def test_the_guard_keeps_what_python_makes_of_a_pattern() -> None:
    assert safe_pattern(r"total: \d{1,9}").pattern == r"total: \d{1,9}"
    assert safe_pattern("INVOICE").flags & re.IGNORECASE


def test_a_match_in_a_file_reaches_the_engine(tmp_path: Any) -> None:
    from qualityroute import Engine
    from qualityroute.testing import ScriptedClient

    config = Config.model_validate(
        {
            "tiers": {"efficiency": {"models": ["openai/a"]}, "performance": {"models": ["openai/b"]}},
            "tasks": {"invoice": {"match": {"keywords": ["invoice"]}}, "legal": {"match": {"keywords": ["contract"]}}},
        }
    )
    engine = Engine(config, client=ScriptedClient({}), store=str(tmp_path / "q.db"))
    assert engine.classify("An invoice of May") == "invoice"
    assert engine.classify([{"role": "user", "content": "A contract"}]) == "legal"
    assert engine.classify("Good morning") is None
