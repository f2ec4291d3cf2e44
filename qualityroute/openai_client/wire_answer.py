"""From an answer by the wire schema to one by the full schema; and whether an answer follows the wire schema at all."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from qualityroute.openai_client.wire_schema import Schema, allows_null, forms_of
from qualityroute.records import Json


def without_wire_nulls(text: str, schema: Schema) -> str:
    """The answer without the nulls that stand for properties left out.

    Taken off is a null where the full `schema` has an optional property that may not be null, in an object with all
    its properties, as the wire schema asks. All else stays letter by letter, numbers too; a text that is no JSON,
    or has a key twice, stays as it is for the gate to refuse.
    """
    if "null" not in text:
        return text
    try:
        value = json.loads(text, object_pairs_hook=_object, parse_float=_Digits, parse_int=_Digits)
        restored = _restored(value, [schema], schema)
    except (ValueError, RecursionError):
        return text
    return text if restored == value else _written(restored)


def follows(value: Json, wire: Schema) -> bool:
    """Is `value` of the shape that `wire` asks for: types, properties, items, enumerations?

    Bounds and patterns are not looked at: servers are known to enforce shapes and not those.
    """
    return _fits(value, wire, wire)


class _Digits(str):
    """A number as it was written, which no float could give back."""


def _object(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice")
    return found


def _restored(value: Any, schemas: Sequence[Any], root: Schema) -> Any:
    """`schemas` are the alternatives that could have been meant."""
    forms = [form for schema in schemas for form in forms_of(schema, root) if isinstance(form, Mapping)]
    if isinstance(value, list):
        items = [form["items"] for form in forms if "items" in form]
        return [_restored(item, items, root) for item in value] if items else value
    if not isinstance(value, dict):
        return value
    meant = [form for form in forms if _is_meant(value, form, root)]
    return {
        name: _restored(item, [form["properties"][name] for form in meant], root)
        for name, item in value.items()
        if not (meant and item is None and _stands_for_nothing(name, meant, root))
    }


def _is_meant(value: Mapping[str, Any], form: Schema, root: Schema) -> bool:
    """On the wire an object has all the properties of its schema; constants tell like ones apart."""
    properties = form.get("properties")
    if not properties or value.keys() != properties.keys():
        return False
    return all(
        any(_may_be(value[name], part) for part in forms_of(schema, root)) for name, schema in properties.items()
    )


def _may_be(value: Any, form: Any) -> bool:
    if value is None or not isinstance(form, Mapping):
        return True
    if "const" in form:
        return bool(_plain(value) == form["const"])
    return "enum" not in form or _plain(value) in form["enum"]


def _stands_for_nothing(name: str, meant: Sequence[Schema], root: Schema) -> bool:
    optional = any(name not in form.get("required", ()) for form in meant)
    return optional and not any(allows_null(form["properties"][name], root) for form in meant)


def _plain(value: Any) -> Any:
    return json.loads(value) if isinstance(value, _Digits) else value


def _written(value: Any) -> str:
    if isinstance(value, _Digits):
        return str(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_quoted(name)}: {_written(item)}" for name, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_written(item) for item in value) + "]"
    return _quoted(value)


def _quoted(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _fits(value: Any, schema: Any, wire: Schema) -> bool:
    return any(_has_form(value, form, wire) for form in forms_of(schema, wire))


def _has_form(value: Any, form: Any, wire: Schema) -> bool:
    if not isinstance(form, Mapping):
        return bool(form)
    if "enum" in form and value not in form["enum"]:
        return False
    if "const" in form and value != form["const"]:
        return False
    kinds = form.get("type")
    if kinds is not None and not any(_KINDS[kind](value) for kind in ([kinds] if isinstance(kinds, str) else kinds)):
        return False
    if isinstance(value, Mapping) and "properties" in form:
        properties = form["properties"]
        return value.keys() == properties.keys() and all(
            _fits(item, properties[name], wire) for name, item in value.items()
        )
    if isinstance(value, list) and "items" in form:
        return all(_fits(item, form["items"], wire) for item in value)
    return True


_KINDS: Mapping[str, Callable[[Any], bool]] = {
    "null": lambda value: value is None,
    "boolean": lambda value: isinstance(value, bool),
    "integer": lambda value: _is_number(value) and (isinstance(value, int) or value.is_integer()),
    "number": lambda value: _is_number(value),
    "string": lambda value: isinstance(value, str),
    "array": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, Mapping),
}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
