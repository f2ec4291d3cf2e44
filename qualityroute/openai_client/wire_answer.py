"""From an answer by the wire schema to one by the full schema."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from qualityroute.openai_client.wire_schema import Schema, allows_null, forms_of


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
