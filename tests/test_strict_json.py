"""Strict JSON: what is read, what is refused, and what the refusals say."""

from __future__ import annotations

import json
import re

import pytest
from conftest import bounded_work
from hypothesis import given
from hypothesis import strategies as st

from qualityroute.strict_json import JsonLimits, NotJson, Parsed, read_json

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
leaves = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts
values = st.recursive(leaves, lambda inner: st.lists(inner) | st.dictionaries(texts, inner), max_leaves=20)
layouts = st.sampled_from([{}, {"indent": 2}, {"ensure_ascii": False}, {"separators": (",", ":")}])
prose = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="`"), max_size=40)


def refusal(text: str, limits: JsonLimits | None = None) -> str:
    with pytest.raises(NotJson) as caught:
        read_json(text, limits=limits or JsonLimits())
    return str(caught.value)


@given(values, layouts)
def test_any_value_dumped_then_read_is_equal_and_not_repaired(value: object, layout: dict[str, object]) -> None:
    assert read_json(json.dumps(value, **layout)) == Parsed(value, repaired=False)  # type: ignore[arg-type]


@given(values, layouts, st.sampled_from(["```", "```json", "``` JSON "]), prose, prose)
def test_a_fence_changes_nothing_but_repaired(
    value: object, layout: dict[str, object], fence: str, before: str, after: str
) -> None:
    dumped = json.dumps(value, **layout)  # type: ignore[arg-type]
    assert read_json(f"{fence}\n{dumped}\n```") == Parsed(value, repaired=True)
    if before.lstrip("\ufeff").lstrip()[:1] not in ("{", "[", '"'):
        assert read_json(f"{before}\n{fence}\n{dumped}\n```\n{after}") == Parsed(value, repaired=True)


@given(st.text(max_size=60) | st.text('{}[]":,0123456789truefalsn`\\u \n', max_size=60))
def test_any_text_is_read_or_refused_and_nothing_else(text: str) -> None:
    try:
        value = read_json(text).value
    except NotJson as error:
        assert str(error)
    else:
        assert json.loads(json.dumps(value)) == value


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "-1e999"])
def test_numbers_that_are_none_are_refused_where_they_stand(number: str) -> None:
    message = refusal(f'{{"text": "{number}",\n "a": [1, {number}]}}')
    assert number in message
    assert "line 2, column 11" in message


def test_a_duplicate_key_is_named_with_the_place_of_the_second() -> None:
    text = '{"a": {"total": 1}, "total": 2,\n  "tot\\u0061l": 3}'
    assert refusal(text) == "the key 'total' stands twice in one object (line 2, column 3)"


def test_the_same_key_in_two_objects_is_no_duplicate() -> None:
    assert read_json('[{"a": 1}, {"a": 2, "b": {"a": 3}}]').value == [{"a": 1}, {"a": 2, "b": {"a": 3}}]


def test_depth_is_counted_outside_of_strings() -> None:
    assert read_json("[" * 64 + json.dumps("[" * 100) + "]" * 64).repaired is False
    assert refusal("[" * 65 + "]" * 65) == "nested deeper than 64 levels (line 1, column 65)"
    assert "nested" in refusal("[" * 2_000_000)


def test_many_brackets_in_a_flat_answer_are_not_depth() -> None:
    assert len(read_json(json.dumps([{}] * 1000)).value) == 1000


def test_a_depth_limit_beyond_python_still_ends_in_a_refusal() -> None:
    assert "nested" in refusal("[" * 500_000, JsonLimits(depth=10**6))


def test_a_text_beyond_the_size_limit_is_refused_unread() -> None:
    assert refusal("[1, 2]", JsonLimits(size=5)) == "the answer has 6 characters; at most 5 are read as JSON"
    assert read_json("[1, 2]", limits=JsonLimits(size=6)).value == [1, 2]


@pytest.mark.parametrize("digits", [641, 5000])
def test_an_integer_of_too_many_digits_is_refused_not_an_error_of_python(digits: int) -> None:
    assert read_json("-" + "9" * 640).value == -(10**640 - 1)
    assert refusal("[" + "9" * digits + "]") == (
        f"an integer has {digits} digits; at most 640 are read (line 1, column 2)"
    )


@pytest.mark.parametrize("text", ['"\\ud800"', '"\\uDC00 \\ud83d"', '{"\\ud800": 1}', '"\ud800"', '["\\ud800\\ud800"]'])
def test_half_a_surrogate_pair_is_refused(text: str) -> None:
    assert refusal(text).startswith("half of a surrogate pair (line 1, column ")


def test_whole_pairs_and_escaped_backslashes_are_no_surrogates() -> None:
    assert read_json('["\\ud83d\\ude00", "\\\\ud800"]').value == ["😀", "\\ud800"]


def test_a_byte_order_mark_is_taken_off_and_told() -> None:
    assert read_json('\ufeff{"a": 1}') == Parsed({"a": 1}, repaired=True)
    assert read_json('\ufeff```json\n{"a": 1}\n```') == Parsed({"a": 1}, repaired=True)


@pytest.mark.parametrize(
    "text", ['```json {"a": 1} ```', '```{"a": 1}```', 'Here you are:\n```json\n{"a": 1}\n```\nAnything else?']
)
def test_one_fence_may_stand_on_a_line_or_in_prose(text: str) -> None:
    assert read_json(text) == Parsed({"a": 1}, repaired=True)


def test_several_fences_are_refused() -> None:
    block = '```json\n{"a": 1}\n```\n'
    assert refusal(block + block) == "several code blocks; one was expected (line 4, column 1)"


@pytest.mark.parametrize(
    "text",
    ['Here is it: {"a": 1}', '{"a": 1} Hope this helps!', '{"a": 1}{"b": 2}', '{"a": 1}\n```', '```json\n{"a": 1}'],
)
def test_prose_without_one_whole_fence_is_refused(text: str) -> None:
    assert "prose around the JSON" in refusal(text)


@pytest.mark.parametrize(
    "text", ['{"a": 1,}', "[1,]", "{'a': 1}", "// x\n1", "01", "1.", "+1", "tru", "", '"a\nb"', '{"a": 1', "\xa01"]
)
def test_almost_json_is_refused_with_its_place(text: str) -> None:
    assert re.search(r"\(line \d+, column \d+\)$", refusal(text))


def test_the_place_of_a_mistake_in_a_fence_is_its_place_in_the_answer() -> None:
    assert "(line 3, column 6)" in refusal('Sure.\n```json\n{"a" 1}\n```')


@given(st.text(min_size=41, max_size=80, alphabet="abcdefghij"))
def test_no_message_quotes_more_than_forty_characters(word: str) -> None:
    for text in (f'{{"{word}": 1, "{word}": 2}}', "1" * 60 + "e999", f"{word} {{}}", f"[{word}]", f'"{word}'):
        message = refusal(text)
        assert not any(text[i : i + 41] in message for i in range(len(text) - 40))


@pytest.mark.parametrize("piece", ['"', "```\n", '"\\', "{", '[{"a":', "\\", "`", "[]"])
def test_hostile_text_is_refused_in_linear_time(piece: str) -> None:
    text = (piece * 1_000_000)[:1_000_000]
    with bounded_work():
        refusal(text)
        refusal("x" + text)
