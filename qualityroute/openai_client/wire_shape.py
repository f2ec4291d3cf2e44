"""Is an answer of the shape that a wire schema asks for: types, properties, items, enumerations?

Bounds and patterns are not looked at: servers are known to enforce shapes and not those. Every answer by a wire schema
is looked at, so the schema is turned into functions once, which takes a tenth of the time of reading it each time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from qualityroute.openai_client.wire_schema import Schema, forms_of
from qualityroute.records import Json

Test: TypeAlias = Callable[[Json], bool]


def shape_of(wire: Schema) -> Test:
    """Whether a value follows the shape of `wire`, which must not change afterwards.

    >>> shape_of({"type": "array", "items": {"type": "integer"}})([1, 2.0])
    True
    """
    return _Shapes(wire).of(wire)


class _Shapes:
    """The tests of one schema's parts. A part that refers to itself is made once, and its test calls itself."""

    def __init__(self, wire: Schema) -> None:
        self._wire = wire
        self._made: dict[int, Test] = {}
        """By the part's identity; the schema holds them all."""

    def of(self, part: Any) -> Test:
        at = id(part)
        if at not in self._made:
            self._made[at] = lambda value: self._made[at](value)  # until it is made, for those it is made of
            self._made[at] = _any_of([self._form(form) for form in forms_of(part, self._wire)])
        return self._made[at]

    def _form(self, form: Any) -> Test:
        if not isinstance(form, Mapping):
            return lambda value: bool(form)
        tests: list[Test] = []
        if "type" in form:
            tests.append(_of_types([form["type"]] if isinstance(form["type"], str) else form["type"]))
        if "enum" in form:
            tests.append(lambda value: value in form["enum"])
        if "const" in form:
            tests.append(lambda value: bool(value == form["const"]))
        if "properties" in form:
            tests.append(_properties({name: self.of(part) for name, part in form["properties"].items()}))
        if "items" in form:
            tests.append(_items(self.of(form["items"])))
        return _all_of(tests)


def _all_of(tests: Sequence[Test]) -> Test:
    if len(tests) < 2:
        return tests[0] if tests else lambda value: True
    first, others = tests[0], _all_of(tests[1:])
    return lambda value: first(value) and others(value)


def _any_of(tests: Sequence[Test]) -> Test:
    if len(tests) < 2:
        return tests[0] if tests else lambda value: False
    first, others = tests[0], _any_of(tests[1:])
    return lambda value: first(value) or others(value)


def _of_types(kinds: Sequence[str]) -> Test:
    """By the types that `json` gives; 1.0 is an integer too."""
    types = frozenset(one for kind in kinds for one in _TYPES[kind])
    if "integer" in kinds and "number" not in kinds:
        return lambda value: type(value) in types or (type(value) is float and value.is_integer())
    return lambda value: type(value) in types


def _properties(tests: Mapping[str, Test]) -> Test:
    """All of them and no others, as every wire schema wants."""
    names = tests.keys()

    def fits(value: Json) -> bool:
        if type(value) is not dict:
            return True
        return value.keys() == names and all(test(value[name]) for name, test in tests.items())

    return fits


def _items(test: Test) -> Test:
    return lambda value: type(value) is not list or all(map(test, value))


_TYPES: Mapping[str, tuple[type, ...]] = {
    "null": (type(None),),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
    "string": (str,),
    "array": (list,),
    "object": (dict,),
}
