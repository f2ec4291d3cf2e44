"""The schema that is sent is looser than the one that is asked for, and what comes back loses nothing by that."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic import BaseModel

from qualityroute.openai_client.wire_answer import without_wire_nulls
from qualityroute.openai_client.wire_schema import Flavour, adds_nulls, allows_null, wire_schema
from qualityroute.openai_client.wire_shape import shape_of
from qualityroute.practice import TASKS, schema_path

Pair = tuple[dict[str, Any], Any]
"""A schema and an instance of it."""

NAMES = st.sampled_from(["a", "b", "c", "total"])


def values() -> st.SearchStrategy[Pair]:
    texts = st.text(max_size=4)
    integers = st.integers(-5, 5)
    return st.one_of(
        texts.map(lambda text: ({"type": "string", "minLength": len(text)}, text)),
        integers.map(lambda number: ({"type": "integer", "minimum": number}, number)),
        st.floats(0, 9).map(lambda number: ({"type": "number", "maximum": number, "default": 3}, number)),
        st.sampled_from([True, False]).map(lambda truth: ({"type": "boolean"}, truth)),
        st.none().map(lambda null: ({"type": ["string", "null"]}, null)),
        texts.map(lambda text: ({"enum": [text, "other"]}, text)),
        integers.map(lambda number: ({"const": number}, number)),
        integers.map(lambda number: ({"$ref": "#/$defs/known", "description": "x"}, {"kind": "k"})),
    )


@st.composite
def objects(draw: st.DrawFn, inner: st.SearchStrategy[Pair]) -> Pair:
    parts = draw(st.dictionaries(NAMES, st.tuples(inner, st.booleans(), st.booleans()), min_size=1, max_size=4))
    schema = {
        "type": "object",
        "title": "Thing",
        "properties": {name: part[0] for name, (part, _, _) in parts.items()},
        "required": [name for name, (_, required, _) in parts.items() if required],
        **draw(st.sampled_from([{}, {"additionalProperties": False}, {"minProperties": 0}])),
    }
    kept = {name: part[1] for name, (part, required, there) in parts.items() if required or there}
    return schema, kept


def arrays(inner: st.SearchStrategy[Pair]) -> st.SearchStrategy[Pair]:
    return st.tuples(inner, st.integers(0, 2)).map(
        lambda drawn: ({"type": "array", "items": drawn[0][0], "maxItems": 2}, [drawn[0][1]] * drawn[1])
    )


def choices(inner: st.SearchStrategy[Pair]) -> st.SearchStrategy[Pair]:
    return st.tuples(inner, inner, st.sampled_from(["anyOf", "oneOf"])).map(
        # Of a `oneOf` of two that may both be null, null is no instance, and no strict mode could say so.
        lambda drawn: (
            {"anyOf" if may_be_null(drawn[0]) and may_be_null(drawn[1]) else drawn[2]: [drawn[0][0], drawn[1][0]]},
            drawn[0][1],
        )
    )


def may_be_null(pair: Pair) -> bool:
    return allows_null(pair[0], {"$defs": {"known": KNOWN}})


NESTED = st.recursive(values(), lambda inner: objects(inner) | arrays(inner) | choices(inner), max_leaves=6)
KNOWN = {
    "type": "object",
    "properties": {"kind": {"const": "k"}, "next": {"$ref": "#/$defs/known"}, "note": {"type": "string"}},
    "required": ["kind"],
}
PAIRS = (
    objects(NESTED)
    .map(lambda pair: (pair[0] | {"$defs": {"known": KNOWN}}, pair[1]))
    .filter(
        # Of a `oneOf` both branches may hold by chance; such an instance is none.
        lambda pair: Draft202012Validator(pair[0]).is_valid(pair[1])
    )
)


def by_the_wire(instance: Any, wire: Any, root: dict[str, Any]) -> Any:
    """What a strict model writes for an instance: null for what the instance leaves out."""
    if "$ref" in wire:
        return by_the_wire(instance, root["$defs"]["known"], root)
    for part in wire.get("anyOf", ()):
        written = by_the_wire(instance, part, root)
        if Draft202012Validator(part | {"$defs": root.get("$defs", {})}).is_valid(written):
            return written
    if isinstance(instance, dict) and "properties" in wire:
        return {
            name: by_the_wire(instance[name], part, root) if name in instance else None
            for name, part in wire["properties"].items()
        } | {name: value for name, value in instance.items() if name not in wire["properties"]}
    if isinstance(instance, list) and "items" in wire:
        return [by_the_wire(item, wire["items"], root) for item in instance]
    return instance


@given(PAIRS, st.sampled_from(Flavour))
def test_every_instance_can_be_written_by_the_wire_schema_and_is_valid_when_it_comes_back(
    pair: Pair, flavour: Flavour
) -> None:
    schema, instance = pair
    wire = wire_schema(schema, flavour)
    assert wire is not None
    written = by_the_wire(instance, wire, wire)
    assert Draft202012Validator(wire).is_valid(written)
    assert shape_of(wire)(written)
    back = json.loads(without_wire_nulls(json.dumps(written), schema))
    assert Draft202012Validator(schema).is_valid(back)


@given(PAIRS)
def test_an_answer_by_the_full_schema_is_left_letter_by_letter(pair: Pair) -> None:
    schema, instance = pair
    text = json.dumps(instance)
    assert json.loads(without_wire_nulls(text, schema)) == instance
    if "null" not in text:
        assert without_wire_nulls(text, schema) == text


@given(PAIRS, st.sampled_from(Flavour))
def test_the_wire_schema_is_what_strict_modes_accept(pair: Pair, flavour: Flavour) -> None:
    wire = wire_schema(pair[0], flavour)
    Draft202012Validator.check_schema(wire)
    assert wire is not None
    assert_strict(wire, bare=flavour is Flavour.BARE)


def assert_strict(node: Any, *, bare: bool) -> None:
    if not isinstance(node, dict):
        return
    assert not {"default", "oneOf", "allOf", "not", "minLength", "minProperties", "$schema"} & node.keys()
    if bare:
        assert not {"minimum", "maximum", "maxItems", "pattern", "format", "const"} & node.keys()
    if "$ref" in node:
        assert node.keys() == {"$ref"}
    if node.get("type") == "object":
        assert node["additionalProperties"] is False
        assert node["required"] == list(node["properties"])
        for part in node["properties"].values():
            assert_strict(part, bare=bare)
    for part in [*node.get("anyOf", ()), node.get("items"), *node.get("$defs", {}).values()]:
        assert_strict(part, bare=bare)


def test_an_optional_property_is_required_and_nullable_on_the_wire() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "number"}}, "required": ["a"]}
    assert wire_schema(schema) == {
        "type": "object",
        "properties": {"a": {"type": "string"}, "b": {"anyOf": [{"type": "number"}, {"type": "null"}]}},
        "required": ["a", "b"],
        "additionalProperties": False,
    }


@pytest.mark.parametrize("kind", [{"type": ["string", "null"]}, {"enum": ["x", None]}, {"type": "null"}])
def test_an_optional_property_that_may_be_null_needs_no_second_null(kind: dict[str, Any]) -> None:
    wire = wire_schema({"type": "object", "properties": {"a": kind}})
    assert wire is not None
    assert wire["properties"]["a"] == kind


@pytest.mark.parametrize(
    ("answer", "back"),
    [
        ('{"a": "x", "b": null, "c": null}', '{"a": "x", "c": null}'),
        ('{"a": null, "b": null, "c": 1}', '{"a": null, "c": 1}'),
        ('{"a": "x",  "b": 1.10, "c": null}', '{"a": "x",  "b": 1.10, "c": null}'),
        ('{"a": "é", "b": null, "c": 12345678901234567890.10}', '{"a": "é", "c": 12345678901234567890.10}'),
        ('{"a": "x", "b": null}', '{"a": "x", "b": null}'),
        ('{"a": "x", "b": null, "c": 1, "b": null}', '{"a": "x", "b": null, "c": 1, "b": null}'),
        ("null and void", "null and void"),
        ("null", "null"),
    ],
    ids=["optional", "required stays", "nothing to take", "digits stay", "not all there", "twice", "prose", "null"],
)
def test_only_nulls_that_stand_for_nothing_are_taken_off(answer: str, back: str) -> None:
    schema = {
        "type": "object",
        "properties": {"a": {"type": "string"}, "b": {"type": "number"}, "c": {"type": ["number", "null"]}},
        "required": ["a"],
    }
    assert without_wire_nulls(answer, schema) == back


def test_constants_tell_apart_objects_of_the_same_properties() -> None:
    one = {"type": "object", "properties": {"kind": {"const": "one"}, "x": {"type": "string"}}, "required": ["kind"]}
    two = {"type": "object", "properties": {"kind": {"const": "two"}, "x": {"type": "null"}}, "required": ["kind"]}
    schema = {"type": "object", "properties": {"it": {"anyOf": [one, two]}}, "required": ["it"]}
    assert json.loads(without_wire_nulls('{"it": {"kind": "one", "x": null}}', schema)) == {"it": {"kind": "one"}}
    kept = '{"it": {"kind": "two", "x": null}}'
    assert without_wire_nulls(kept, schema) == kept


@pytest.mark.parametrize(
    "part",
    [
        {},
        True,
        {"type": "object"},
        {"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": {"type": "number"}},
        {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["b"]},
        {"type": "array"},
        {"type": "array", "prefixItems": [{"type": "string"}], "items": {"type": "string"}},
        {"type": ["object", "null"]},
        {"not": {"type": "string"}},
        {"type": "string", "if": {"minLength": 3}, "then": {"pattern": "a"}},
        {"allOf": [{"type": "string"}, {"minLength": 3}]},
        {"anyOf": [{"type": "string"}], "minLength": 3},
        {"$ref": "#/properties/other"},
        {"$ref": "#/$defs/nowhere"},
    ],
)
def test_what_no_strict_mode_can_say_has_no_wire_schema(part: Any) -> None:
    schema = {"type": "object", "properties": {"x": part, "other": {"type": "string"}}}
    assert wire_schema(schema) is None


@pytest.mark.parametrize("schema", [{"type": "array", "items": {"type": "string"}}, {"anyOf": []}, {}])
def test_strict_modes_want_an_object_at_the_top(schema: dict[str, Any]) -> None:
    assert wire_schema(schema) is None


def test_definitions_that_nothing_refers_to_are_left_out() -> None:
    used = {"type": "object", "properties": {"a": {"$ref": "#/definitions/used"}}, "required": ["a"]}
    schema = {**used, "definitions": {"used": {"type": "string"}, "free": {"type": "object"}}}
    wire = wire_schema(schema)
    assert wire is not None
    assert wire["definitions"] == {"used": {"type": "string"}}


def test_a_schema_that_refers_to_itself_is_kept_as_it_is() -> None:
    schema = {"type": "object", "properties": {"child": {"$ref": "#"}, "name": {"type": "string"}}}
    wire = wire_schema(schema)
    assert wire is not None
    assert wire["properties"]["child"] == {"anyOf": [{"$ref": "#"}, {"type": "null"}]}
    back = without_wire_nulls('{"child": {"child": null, "name": "b"}, "name": null}', schema)
    assert json.loads(back) == {"child": {"name": "b"}}


@pytest.mark.parametrize("task", TASKS)
def test_the_practice_schemas_have_a_wire_form(task: str) -> None:
    assert wire_schema(json.loads(schema_path(task).read_text(encoding="utf-8"))) is not None


def test_a_pydantic_model_has_a_wire_form() -> None:
    class Line(BaseModel):
        text: str
        amount: float | None = None

    class Invoice(BaseModel):
        lines: list[Line] = []
        note: str = ""

    wire = wire_schema(Invoice.model_json_schema())
    assert wire is not None
    assert_strict(wire, bare=False)
    assert json.loads(
        without_wire_nulls('{"lines": [{"text": "a", "amount": null}], "note": null}', Invoice.model_json_schema())
    ) == {"lines": [{"text": "a", "amount": None}]}


@pytest.mark.parametrize(
    "value",
    ["prose", [], {"a": 1}, {"a": 1, "b": "x", "more": 1}, {"a": "1", "b": "x"}, {"a": True, "b": "x"},
     {"a": 1, "b": "z"}],
)  # fmt: skip
def test_an_answer_of_another_shape_does_not_follow(value: Any) -> None:
    wire = {
        "type": "object",
        "properties": {"a": {"type": "integer", "maximum": 0}, "b": {"enum": ["x", "y"]}},
        "required": ["a", "b"],
        "additionalProperties": False,
    }
    assert not shape_of(wire)(value)
    assert shape_of(wire)({"a": 1.0, "b": "y"})  # bounds are not the endpoint's to keep


def test_the_shape_of_a_schema_that_refers_to_itself_is_looked_at_all_the_way_down() -> None:
    wire = wire_schema(KNOWN | {"$defs": {"known": KNOWN}})
    assert wire is not None
    inner: Any = {"kind": "k", "next": None, "note": "x"}
    for _ in range(40):
        inner = {"kind": "k", "next": inner, "note": None}
    assert shape_of(wire)(inner)
    assert not shape_of(wire)(json.loads(json.dumps(inner).replace('"x"', "0")))


@pytest.mark.parametrize(
    ("part", "adds"),
    [({"type": "string"}, True), ({"type": ["string", "null"]}, False), ({"anyOf": [{"type": "null"}]}, False)],
)
def test_nulls_are_added_for_optional_properties_that_may_not_be_null(part: Any, adds: bool) -> None:
    inner = {"type": "object", "properties": {"a": part}}
    assert adds_nulls({"type": "object", "properties": {"list": {"type": "array", "items": inner}}}) is True
    assert adds_nulls({"type": "object", "properties": {"in": inner}, "required": ["in"]}) is adds
    assert adds_nulls(inner | {"required": ["a"]}) is False
    assert adds_nulls(inner | {"not": {}}) is False, "there is no wire schema to add them to"
