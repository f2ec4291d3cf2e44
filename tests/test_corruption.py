"""Answers spoiled on purpose: each twin differs, keeps its shape, touches no original, and comes again by its seed."""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qualityroute.corruption import Case, Corruption, Twin, differ, expected_of, twins_of
from qualityroute.corruption.places import leaves
from qualityroute.corruption.stating import states
from qualityroute.gates.schema import JsonSchemaCheck
from qualityroute.practice import documents, schema_path
from qualityroute.rubrics import Criterion, FieldRule, builtin_rubrics, load_rubric

SCALARS = st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    SCALARS | st.text(max_size=20) | st.dates().map(str),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
OBJECTS = st.dictionaries(st.text(min_size=1, max_size=6), VALUES, min_size=1, max_size=4)
CASES = st.lists(st.builds(Case, st.text(max_size=80), OBJECTS), min_size=1, max_size=3)
PROSE = st.lists(st.builds(Case, st.text(max_size=80), st.text(min_size=1, max_size=120)), min_size=1, max_size=3)


def keys(value: Any) -> Any:
    """Objects and arrays alone, with every leaf the same."""
    if isinstance(value, Mapping):
        return {key: keys(item) for key, item in value.items()}
    return [keys(item) for item in value] if isinstance(value, list) else None


@given(CASES | PROSE, st.integers())
def test_a_twin_is_valid_json_and_says_something_else_than_its_original(cases: list[Case], seed: int) -> None:
    for twin in twins_of(cases, seed=seed):
        assert json.loads(json.dumps(twin.answer, allow_nan=False)) == twin.answer
        if twin.corruption is Corruption.INJECTED_SOURCE:
            assert twin.answer == cases[twin.case].answer
            assert twin.source_addition
        else:
            assert differ(twin.answer, cases[twin.case].answer, {})
            assert not twin.source_addition


@given(CASES | PROSE, st.integers())
def test_the_originals_stay_as_they_were_and_a_seed_gives_the_same_twins_again(cases: list[Case], seed: int) -> None:
    before = copy.deepcopy(cases)
    twins = twins_of(cases, seed=seed)
    assert cases == before
    assert twins_of(cases, seed=seed) == twins


@given(CASES, st.integers())
def test_values_change_in_their_places_and_nothing_moves_around_them(cases: list[Case], seed: int) -> None:
    in_place = {Corruption.SWAP, Corruption.DIGIT, Corruption.NEGATE, Corruption.ALL_NULL, Corruption.INJECTED_ANSWER}
    for twin in twins_of(cases, seed=seed):
        original = cases[twin.case].answer
        if twin.corruption in in_place:
            assert keys(twin.answer) == keys(original)
        if twin.corruption is Corruption.ALL_NULL:
            assert all(leaf.value is None for leaf in leaves(twin.answer))
        if twin.corruption is Corruption.DIGIT:
            [changed] = changed_leaves(original, twin.answer)
            assert type(changed[0]) is type(changed[1])
            assert not isinstance(changed[1], float) or math.isfinite(changed[1])
        if twin.corruption is Corruption.SWAP:
            (one, one_now), (other, other_now) = changed_leaves(original, twin.answer)
            assert (one, other) == (other_now, one_now)


def changed_leaves(original: Any, twin: Any) -> list[tuple[Any, Any]]:
    pairs = zip(leaves(original), leaves(twin), strict=True)
    return [(before.value, now.value) for before, now in pairs if repr(before.value) != repr(now.value)]


@given(CASES, st.integers())
def test_there_is_one_twin_at_most_for_each_case_and_corruption(cases: list[Case], seed: int) -> None:
    found = [(twin.case, twin.corruption) for twin in twins_of(cases, seed=seed)]
    assert len(set(found)) == len(found)


def one(corruption: Corruption, *cases: Case, **options: Any) -> Twin | None:
    """The twin of the first case."""
    found = [twin for twin in twins_of(cases, **options) if twin.corruption is corruption and twin.case == 0]
    return found[0] if found else None


@pytest.mark.parametrize(
    ("corruption", "answer"),
    [
        (Corruption.SWAP, {"total": 5}),
        (Corruption.SWAP, {"name": "Ann", "total": 5}),
        (Corruption.SWAP, {"codes": ["a", "b"]}),
        (Corruption.DIGIT, {"name": "Ann", "paid": True}),
        (Corruption.DROP, {"name": None}),
        (Corruption.DROP_RECORD, {"codes": ["a"]}),
        (Corruption.NEGATE, {"name": "Ann"}),
        (Corruption.ALL_NULL, {"name": None}),
        (Corruption.INJECTED_ANSWER, {"total": 5}),
        (Corruption.OTHER_DOCUMENT, {"name": "Ann"}),
        (Corruption.INVENT, {"name": "Ann"}),
    ],
)
def test_a_corruption_that_does_not_apply_gives_no_twin(corruption: Corruption, answer: Any) -> None:
    assert one(corruption, Case("", answer)) is None


def test_what_the_rubric_calls_equal_is_no_twin() -> None:
    cases = Case("", {"total": "5.00 EUR"}), Case("", {"total": "5,00 €"})
    assert one(Corruption.OTHER_DOCUMENT, *cases) is not None
    assert one(Corruption.OTHER_DOCUMENT, *cases, rules={"total": FieldRule(compare="money")}) is None


SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["name", "day"],
    "properties": {
        "name": {"type": "string"},
        "day": {"anyOf": [{"$ref": "#/$defs/Day"}, {"type": "null"}]},
        "paid_on": {"$ref": "#/$defs/Day"},
        "kind": {"enum": ["new", "old"]},
    },
    "additionalProperties": False,
    "$defs": {"Day": {"type": "string", "format": "date"}},
}


@given(st.integers())
def test_what_is_left_out_is_what_the_schema_lets_go(seed: int) -> None:
    answer = {"name": "Ann", "day": "2026-01-02"}
    dropped = one(Corruption.DROP, Case("", answer), schema=SCHEMA, seed=seed)
    assert dropped is not None
    assert dropped.answer == {"name": "Ann", "day": None}
    optional = one(Corruption.DROP, Case("", {**answer, "day": None, "kind": "new"}), schema=SCHEMA, seed=seed)
    assert optional is not None
    assert optional.answer == {"name": "Ann", "day": None}


@given(st.integers())
def test_a_made_up_value_fits_its_field_and_is_not_in_the_source(seed: int) -> None:
    case = Case("Ann, new", {"name": "Ann", "day": None, "kind": "new"})
    other = Case("", {"name": "Bo", "day": "2026-05-06", "kind": "old"})
    twin = one(Corruption.INVENT, case, other, schema=SCHEMA, seed=seed)
    assert twin is not None
    assert not JsonSchemaCheck(SCHEMA).errors(twin.answer)
    [made_up] = [value for value in twin.answer.values() if value not in case.answer.values()]
    assert not states(case.source, made_up)


def test_a_value_that_the_source_states_is_not_made_up() -> None:
    other = Case("", {"name": "Bo", "day": "2026-05-06"})
    schema = {**SCHEMA, "properties": {"name": {"type": "string"}, "day": {"type": ["string", "null"], "pattern": "."}}}
    answer = {"name": "Ann", "day": None}
    assert one(Corruption.INVENT, Case("Ann on 6 May 2026", answer), other, schema=schema) is None
    assert one(Corruption.INVENT, Case("Ann", answer), other, schema=schema) is not None


@given(st.integers())
def test_a_changed_date_is_still_a_date_and_an_enum_keeps_its_digits(seed: int) -> None:
    schema = {"type": "object", "properties": {"day": {"type": "string"}, "kind": {"enum": ["v1", "v2"]}}}
    twin = one(Corruption.DIGIT, Case("", {"day": "2026-02-28", "kind": "v1"}), schema=schema, seed=seed)
    assert twin is not None
    assert twin.answer["kind"] == "v1"
    assert len(twin.answer["day"]) == 10
    assert JsonSchemaCheck({"format": "date"}).errors(twin.answer["day"]) == []


def test_orders_go_into_a_text_that_the_schema_leaves_free() -> None:
    answer = {"kind": "new", "paid_on": "2026-01-01", "name": "Ann"}
    for seed in range(20):
        twin = one(Corruption.INJECTED_ANSWER, Case("", answer), schema=SCHEMA, seed=seed)
        assert twin is not None
        assert twin.answer["name"].startswith("Ann ")


def test_prose_loses_a_sentence_gains_a_not_and_trades_its_numbers() -> None:
    case = Case("", "The rent is 500 euros. It was raised by 40 euros in Dublin.")
    found = twins_of([case, Case("", "The tenant left Cork.")])
    twins = {twin.corruption: twin.answer for twin in found if twin.case == 0}
    assert set(twins) == set(Corruption) - {Corruption.ALL_NULL, Corruption.DROP_RECORD}
    assert twins[Corruption.DROP] in case.answer
    assert twins[Corruption.NEGATE].replace(" not", "", 1) == case.answer
    assert twins[Corruption.SWAP] == "The rent is 40 euros. It was raised by 500 euros in Dublin."
    assert twins[Corruption.INVENT] == f"{case.answer} The tenant left Cork."


def test_a_schema_that_refers_to_itself_has_an_end() -> None:
    schema = {"$ref": "#/$defs/A", "$defs": {"A": {"anyOf": [{"$ref": "#/$defs/A"}, {"type": "object"}]}}}
    assert one(Corruption.DIGIT, Case("", {"total": 5}), schema=schema) is not None


@pytest.mark.parametrize("task", ["invoice", "receipt", "triage", "contract"])
def test_swaps_and_digits_of_real_answers_pass_their_schema(task: str) -> None:
    schema = json.loads(schema_path(task).read_text())
    cases = [Case(document.input, document.expected) for document in documents(task)]
    twins = twins_of(cases, schema=schema, rules=load_rubric(builtin_rubrics()[task]).fields)
    hidden = [twin for twin in twins if twin.corruption in (Corruption.SWAP, Corruption.DIGIT)]
    assert hidden
    assert all(not JsonSchemaCheck(schema).errors(twin.answer) for twin in hidden)


@pytest.mark.parametrize(
    ("rubric", "criterion", "expected"),
    [
        ("extraction", "supported", {"digit", "invent"}),
        ("extraction", "own_record", {"swap"}),
        ("extraction", "complete", {"drop"}),
        ("extraction", "every_record", {"drop_record"}),
        ("extraction", "units", set()),
        ("invoice", "every_line", {"drop_record"}),
        ("summary", "numbers", {"digit", "swap"}),
        ("classification", "fits", {"other_document"}),
    ],
)
def test_the_words_of_a_criterion_say_what_it_should_see(rubric: str, criterion: str, expected: set[str]) -> None:
    [found] = [one for one in load_rubric(builtin_rubrics()[rubric]).criteria if one.id == criterion]
    assert expected_of(found) == expected


def test_a_criterion_in_other_words_should_see_something() -> None:
    assert Corruption.SWAP in expected_of(Criterion(id="ok", ask="Stimmt alles?"))
    assert Corruption.INJECTED_SOURCE not in expected_of(Criterion(id="ok", ask="Stimmt alles?"))
