"""The two validators behind one door: alike in all that is not listed in `docs/schema-validators.md`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from conftest import bounded_work
from hypothesis import given
from hypothesis import strategies as st

from qualityroute.errors import ConfigError
from qualityroute.gates.schema import JsonSchemaCheck
from qualityroute.gates.validators import VARIABLE, Validator

pytest.importorskip("jsonschema_rs")


def is_compiled(schema: Any) -> bool:
    return Validator(schema, "schema", pure=False)._compiled is not None


def said(schema: Any, value: Any) -> tuple[bool, bool]:
    """Does the value follow the schema, to the compiled validator and to the pure one?"""
    assert is_compiled(schema)
    compiled, pure = (follows(Validator(schema, "schema", pure=pure), value) for pure in (False, True))
    return compiled, pure


def follows(validator: Validator, value: Any) -> bool:
    try:
        return not validator.broken(value)
    except ArithmeticError:  # which a schema check calls an error of the value
        return False


def broken_purely(schema: Any, value: Any) -> list[Any]:
    return Validator(schema, "schema", pure=True).broken(value)


VALUES: list[Any] = [
    None, True, False, 0, 1, -1, 1.0, 1.5, -0.0, 2**53, 2**53 + 1, 2**70, float(2**70), 10**400, 1e300, 19.99, 0.07,
    "", "a", "ab", "1", "é", "😀", "a\u0301", "2026-11-25", "2026-02-30", "12:00:00Z", "2026-11-25T12:00:00Z", "P1D",
    "P", "x@y.z", "x", "127.0.0.1", "::1", "http://x/y", "a b", "#/a", "/a~1b", "[",
    "6f1c2f8e-1111-4222-8333-123456789abc",
    [], [1], [1, 1.0], [1, True], ["a", "b"], [{"a": 1}, {"a": 1.0}], {}, {"a": 1}, {"a": "x"}, {"a": 1, "b": 2},
    {"b": {"a": {"b": {}}}}, {"a": None}, {"": 1}, {"ab": 1, "x": "y"},
]  # fmt: skip
SCHEMAS: list[dict[str, Any]] = [
    {}, {"type": "integer"}, {"type": "number"}, {"type": ["string", "null"]}, {"type": "boolean"}, {"const": 1},
    {"const": 2**53}, {"const": {"a": 1}}, {"enum": [1, None, "a", [1]]}, {"enum": [True]}, {"minimum": 1},
    {"exclusiveMinimum": 1.5}, {"maximum": 2**53}, {"maximum": 1.5}, {"exclusiveMaximum": 1}, {"multipleOf": 2},
    {"multipleOf": 0.01}, {"multipleOf": 1e-8}, {"minLength": 2}, {"maxLength": 1}, {"pattern": "^[a-z]"},
    {"pattern": "[0-9]{4}-"}, {"uniqueItems": True}, {"minItems": 1, "maxItems": 1}, {"items": {"type": "integer"}},
    {"prefixItems": [{"type": "integer"}], "items": False}, {"contains": {"type": "integer"}, "minContains": 2},
    {"required": ["a"]}, {"properties": {"a": {"type": "integer"}}, "additionalProperties": False},
    {"patternProperties": {"^a": {"type": "integer"}}, "additionalProperties": {"type": "string"}},
    {"propertyNames": {"maxLength": 1}}, {"minProperties": 1, "maxProperties": 1}, {"dependentRequired": {"a": ["b"]}},
    {"dependentSchemas": {"a": {"required": ["b"]}}}, {"not": {"type": "object"}},
    {"if": {"type": "integer"}, "then": {"minimum": 1}, "else": {"type": "string"}},
    {"oneOf": [{"type": "integer"}, {"minimum": 1}]}, {"anyOf": [{"type": "null"}, {"required": ["b"]}]},
    {"allOf": [{"properties": {"a": {}}}], "unevaluatedProperties": False}, {"unevaluatedItems": False},
    {"$ref": "#/$defs/n", "$defs": {"n": {"type": ["object", "null"], "additionalProperties": {"$ref": "#/$defs/n"}}}},
    {"$id": "http://here/root", "$ref": "item", "$defs": {"i": {"$id": "item", "type": "string"}}},
    {"$dynamicRef": "#node", "$defs": {"n": {"$dynamicAnchor": "node", "type": "object"}}},
    {"$schema": "http://json-schema.org/draft-07/schema#", "$ref": "#/$defs/a", "$defs": {"a": {}}, "maxLength": 1},
    {"contentEncoding": "base64", "contentMediaType": "application/json"}, {"format": "no such"},
    *({"format": name} for name in (
        "date", "time", "date-time", "duration", "email", "idn-email", "hostname", "idn-hostname", "ipv4", "ipv6",
        "uri", "uri-reference", "iri", "iri-reference", "uuid", "uri-template", "json-pointer",
        "relative-json-pointer", "regex", "color",
    )),
]  # fmt: skip


@pytest.mark.parametrize("schema", SCHEMAS, ids=lambda schema: json.dumps(schema)[:60])
def test_both_say_the_same_of_every_value(schema: dict[str, Any]) -> None:
    for value in VALUES:
        compiled, pure = said(schema, value)
        assert compiled is pure, value


@pytest.mark.parametrize("name", ["localhost", "a", "shop-1.example", "1.2.example", "EXAMPLE.com", f"{'a' * 63}.b"])
def test_a_name_that_a_host_can_have_is_a_hostname(name: str) -> None:
    assert said({"format": "hostname"}, name) == (True, True)


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "a.",
        ".a",
        "a..b",
        "-a",
        "a-",
        "a_b",
        "a b",
        "a\n",
        "٣.example",
        "é.example",
        "a" * 64,
        "a." * 127 + "a",
    ],
)
def test_a_name_that_no_host_can_have_is_no_hostname(name: str) -> None:
    assert said({"format": "hostname"}, name) == (False, False)


NUMBERS = st.integers(-(2**60), 2**60) | st.floats(allow_nan=False, allow_infinity=False)
LEAVES = st.sampled_from([part for part in SCHEMAS if "$ref" not in part and "$dynamicRef" not in part])
NESTED = st.recursive(
    LEAVES,
    lambda inner: (
        st.builds(lambda a, b: {"properties": {"a": a, "b": b}, "items": a}, inner, inner)
        | st.builds(lambda a, b: {"anyOf": [a, b]}, inner, inner)
        | st.builds(lambda a, b: {"allOf": [a, b]}, inner, inner)
    ),
    max_leaves=5,
)
ANYTHING = st.recursive(
    st.sampled_from(VALUES) | NUMBERS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("ab"), inner, max_size=2),
    max_leaves=6,
)


@given(NESTED, ANYTHING)
def test_both_say_the_same_of_what_chance_makes(schema: dict[str, Any], value: Any) -> None:
    if is_compiled(schema):
        compiled, pure = said(schema, value)
        assert compiled is pure


@given(NESTED, ANYTHING)
def test_messages_are_the_same_with_and_without(schema: dict[str, Any], value: Any) -> None:
    with_it, without = (Validator(schema, "schema", pure=pure) for pure in (False, True))
    assert with_it.broken(value) == without.broken(value)


# What follows is the list of `docs/schema-validators.md`.

DIFFERENT: list[tuple[str, str, bool]] = [
    (r"^\d$", "\u0661", False), (r"^\w$", "é", False), (r"^\W$", "é", True), (r"^\s$", "\ufeff", True),
    (r"^a$", "a\n", False), (r"^.$", "\r", False), (r"^.$", "\u2028", False),
]  # fmt: skip


@pytest.mark.parametrize(("pattern", "text", "compiled"), DIFFERENT)
def test_patterns_are_read_as_javascript_by_one_and_as_python_by_the_other(
    pattern: str, text: str, compiled: bool
) -> None:
    assert said({"pattern": pattern}, text) == (compiled, not compiled)


def test_a_rule_that_only_the_compiled_one_sees_broken_is_told_all_the_same() -> None:
    schema = {"properties": {"codes": {"items": {"pattern": r"^\d+$"}}}}
    assert JsonSchemaCheck(schema).errors({"codes": ["1", "\u0661"]}) == ['codes.1: breaks pattern "^\\\\d+$"']
    through = {"properties": {"code": {"$ref": "#/$defs/code"}}, "$defs": {"code": {"pattern": r"^\d+$"}}}
    assert JsonSchemaCheck(through).errors({"code": "\u0661"}) == ['code: breaks pattern "^\\\\d+$"']


def test_a_schema_that_is_nothing_but_itself_holds_to_one_and_breaks_off_in_the_other() -> None:
    schema = {"allOf": [{"$ref": "#"}]}
    assert JsonSchemaCheck(schema).errors(1) == []
    with pytest.raises(RecursionError):
        broken_purely(schema, 1)


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#"},  # without end
        {"properties": {"a": {"$ref": "#/$defs/a"}}, "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}},
        {"dependencies": {"a": ["b"]}},  # of older drafts
        {"pattern": "(?=a)a"},  # what takes more than time in proportion to the text
        {"pattern": r"(a)\1"},
        {"pattern": r"\Aa\Z"},  # Python's
        {"pattern": "^.{0,100000}$"},
    ],
    ids=str,
)  # fmt: skip
def test_some_schemas_are_left_to_the_pure_one(schema: dict[str, Any]) -> None:
    assert not is_compiled(schema)


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "strin"}, {"minimum": "x"}, {"required": "x"}, {"items": [{}]}, {"pattern": "("}, {"$comment": 1},
        {"pattern": r"\p{L}"}, {"patternProperties": {"(?<year>x)": {}}},
        {"$ref": "#/$defs/none"}, {"$defs": {"a": {"$ref": "#/nowhere"}}}, {"$dynamicRef": "#none"},
        {"$ref": "http://127.0.0.1:1/schema"}, {"$ref": "https://json-schema.org/draft/2020-12/schema"},
    ],
    ids=str,
)  # fmt: skip
def test_a_schema_is_refused_in_the_same_words(schema: dict[str, Any]) -> None:
    words = []
    for pure in (True, False):
        with pytest.raises(ConfigError) as refused:
            Validator(schema, "tasks.x.schema", pure=pure)
        words.append(str(refused.value))
    assert words[0] == words[1]


@pytest.mark.parametrize("pure", [True, False])
def test_a_value_that_cannot_be_checked_is_no_crash(pure: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "pure" if pure else "")
    (message,) = JsonSchemaCheck({"multipleOf": 0.01}).errors(10**400)
    assert message == "answer: a value cannot be checked (InvalidOperation)"
    assert JsonSchemaCheck({"minLength": 2}).errors("\ud83d") == ["answer: breaks minLength 2"]
    assert JsonSchemaCheck({"type": "string"}).errors("\ud83d") == []


@pytest.mark.parametrize("pure", [True, False])
def test_an_amount_of_money_is_a_multiple_of_a_cent(pure: bool) -> None:
    cents = Validator({"multipleOf": 0.01}, "schema", pure=pure)
    assert [amount for amount in (19.99, 0.07, 4.02, 3949.73, 12) if cents.broken(amount)] == []
    assert cents.broken(19.995)


def test_a_pattern_that_python_takes_for_ever_over_is_no_trouble_where_it_fits() -> None:
    schema = {"pattern": "^(([a-z])+.)+[A-Z]([a-z])+$"}
    with bounded_work(2.0):
        assert JsonSchemaCheck(schema).errors("a" * 20_000 + "Bb") == []


def test_hostile_patterns_are_compiled_in_little_time_or_not_at_all() -> None:
    with bounded_work():
        for pattern in (r"((\w{100}){100}){100}", "(" * 200 + "a" + ")*" * 200, "|".join(["a.{0,900}"] * 50)):
            JsonSchemaCheck({"pattern": pattern})


def test_the_environment_can_keep_the_compiled_one_out(monkeypatch: pytest.MonkeyPatch) -> None:
    check = {"pattern": r"^\d$"}
    assert JsonSchemaCheck(check).errors("\u0661")
    monkeypatch.setenv(VARIABLE, "pure")
    assert not JsonSchemaCheck(check).errors("\u0661")


def test_the_page_names_every_pattern_that_differs() -> None:
    page = (Path(__file__).parent.parent / "docs" / "schema-validators.md").read_text(encoding="utf-8")
    assert all(f"`{sign}`" in page for sign in (r"\d", r"\w", r"\s", "$", ".", "dependencies"))
