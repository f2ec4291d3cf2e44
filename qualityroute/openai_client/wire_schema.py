"""From the schema an answer must follow to the one that is sent: what strict modes accept, and no more than that.

Strict modes want every property required, no others, and know few keywords. So the wire schema is the full one made
looser: optional properties may be null in place of being left out, and rules the modes refuse are dropped. The
full schema is what the answer is checked by (`gates/schema.py`); `wire_answer.py` takes the nulls off again, and
`wire_shape.py` says whether an answer follows the wire schema at all.
Where a schema says what no strict mode can, there is no wire schema, and the full one goes out unstrict.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, TypeAlias

Schema: TypeAlias = Mapping[str, Any]

NULL: Schema = {"type": "null"}
DEFINITIONS = ("$defs", "definitions")

_WORDS = frozenset({"title", "description"})
_RULES = frozenset(
    {
        "type", "enum", "const", "pattern", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum",
        "multipleOf", "minItems", "maxItems",
    }
)  # fmt: skip
_BARE_RULES = frozenset({"type", "enum", "const"})
_FORMATS = frozenset({"date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"})
"""Those that OpenAI's strict mode knows."""
_TOO_MUCH = frozenset(
    {
        "not", "if", "then", "else", "dependentRequired", "dependentSchemas", "dependencies", "patternProperties",
        "prefixItems", "$dynamicRef", "$anchor", "$dynamicAnchor", "$id",
    }
)  # fmt: skip
"""Dropping one of these would make another schema of it, not a looser one that still guides the model."""
_ANNOTATIONS = frozenset({"title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly"})


class Flavour(StrEnum):
    """How much of a schema is sent."""

    RULES = "rules"
    """With the bounds, patterns and formats that OpenAI's strict mode accepts."""
    BARE = "bare"
    """Types and names alone, as for modes that refuse bounds."""


class _Inexpressible(Exception):
    """This schema has no strict form."""


def wire_schema(schema: Schema, flavour: Flavour = Flavour.RULES) -> dict[str, Any] | None:
    """The schema to send with `strict`; `None` where there is no strict form of it."""
    return _written(_Writer(schema, flavour))


def adds_nulls(schema: Schema) -> bool:
    """Does its wire schema allow a null, in place of a property left out, where `schema` allows none?"""
    writer = _Writer(schema, Flavour.BARE)
    return _written(writer) is not None and writer.adds_nulls


def allows_null(schema: Any, root: Schema) -> bool:
    """Could `null` be an instance? Rules that strict modes do not know are not looked at."""
    return any(_admits_null(form) for form in forms_of(schema, root))


def forms_of(schema: Any, root: Schema) -> list[Any]:
    """A schema's alternatives, with references followed and `anyOf`, `oneOf` and an `allOf` of one opened."""
    forms: list[Any] = []
    waiting, seen = [schema], 0
    while waiting and seen < 1_000:  # a schema that is nothing but a reference to itself has no forms
        seen += 1
        form = waiting.pop(0)
        inner = _opened(form, root)
        if inner is None:
            forms.append(form)
        else:
            waiting.extend(inner)
    return forms


def resolved(reference: str, root: Schema) -> Any:
    """What a local reference names. Raises `LookupError`."""
    target: Any = root
    for step in reference.removeprefix("#").lstrip("/").split("/") if reference != "#" else ():
        target = target[step.replace("~1", "/").replace("~0", "~")]
    return target


def _opened(schema: Any, root: Schema) -> list[Any] | None:
    if not isinstance(schema, Mapping):
        return None
    if isinstance(schema.get("$ref"), str):
        return [resolved(schema["$ref"], root)]
    for keyword in ("anyOf", "oneOf"):
        if keyword in schema:
            return list(schema[keyword])
    return list(schema["allOf"]) if len(schema.get("allOf", ())) == 1 else None


def _admits_null(form: Any) -> bool:
    if not isinstance(form, Mapping):
        return bool(form)
    if "const" in form:
        return form["const"] is None
    if "enum" in form:
        return None in form["enum"]
    kinds = form.get("type")
    return kinds is None or "null" in ([kinds] if isinstance(kinds, str) else kinds)


def _written(writer: _Writer) -> dict[str, Any] | None:
    try:
        return writer.root()
    except (_Inexpressible, RecursionError, LookupError, TypeError):  # the last two: a reference to nowhere
        return None


class _Writer:
    """Writes one schema anew. Definitions keep their place, so that references stay true."""

    def __init__(self, full: Schema, flavour: Flavour) -> None:
        self._full = full
        self._rules = _RULES if flavour is Flavour.RULES else _BARE_RULES
        self._bare = flavour is Flavour.BARE
        self._wanted: dict[tuple[str, str], dict[str, Any] | None] = {}
        """Definitions that something refers to, as far as they are written."""
        self.adds_nulls = False

    def root(self) -> dict[str, Any]:
        """The whole of it. Strict modes want an object at the top."""
        written = self._object(self._full) if self._full.get("type") == "object" else self._refuse()
        while (wanted := next((at for at, text in self._wanted.items() if text is None), None)) is not None:
            self._wanted[wanted] = {}
            self._wanted[wanted] = self._schema(self._full[wanted[0]][wanted[1]])
        for (place, name), text in self._wanted.items():
            written.setdefault(place, {})[name] = text
        return written

    def _schema(self, schema: Any) -> dict[str, Any]:
        if not isinstance(schema, Mapping) or _TOO_MUCH & schema.keys():
            self._refuse()
        if "$ref" in schema:
            return self._reference(schema)
        for keyword in ("anyOf", "oneOf"):
            if keyword in schema:
                return self._only(schema, keyword) | {"anyOf": [self._schema(part) for part in schema[keyword]]}
        if "allOf" in schema:
            return self._only(schema, "allOf") | self._schema(self._single(schema["allOf"]))
        if schema.get("type") == "object":
            return self._object(schema)
        return self._array(schema) if schema.get("type") == "array" else self._value(schema)

    def _reference(self, schema: Schema) -> dict[str, Any]:
        # Beside a reference strict modes allow nothing; annotations are no loss.
        self._only(schema, "$ref")
        reference = schema["$ref"]
        place, _, name = reference.removeprefix("#/").partition("/")
        if reference != "#" and (place not in DEFINITIONS or not name or "/" in name):
            self._refuse()
        if reference != "#":
            self._wanted.setdefault((place, name), None)
        return {"$ref": reference}

    def _only(self, schema: Schema, keyword: str) -> dict[str, Any]:
        """The words beside a keyword that says it all; rules beside it would have to hold as well."""
        if schema.keys() - _ANNOTATIONS - {keyword, "discriminator"}:
            self._refuse()
        return {name: schema[name] for name in schema if name in _WORDS}

    def _single(self, schemas: Sequence[Any]) -> Any:
        return schemas[0] if len(schemas) == 1 else self._refuse()

    def _object(self, schema: Schema) -> dict[str, Any]:
        properties = schema.get("properties", {})
        required = schema.get("required", ())
        closed = schema.get("additionalProperties") is False or (
            bool(properties) and "additionalProperties" not in schema
        )
        too_much = _TOO_MUCH & schema.keys() or {"anyOf", "oneOf", "allOf", "$ref", "enum", "const"} & schema.keys()
        if too_much or not closed or not set(required) <= properties.keys():
            self._refuse()
        return self._words(schema) | {
            "type": "object",
            "properties": {name: self._property(part, name in required) for name, part in properties.items()},
            "required": list(properties),
            "additionalProperties": False,
        }

    def _property(self, schema: Any, required: bool) -> dict[str, Any]:
        written = self._schema(schema)
        if required or allows_null(schema, self._full):
            return written
        self.adds_nulls = True
        return {"anyOf": [written, dict(NULL)]}

    def _array(self, schema: Schema) -> dict[str, Any]:
        return self._value(schema) | {"items": self._schema(schema.get("items"))}

    def _value(self, schema: Schema) -> dict[str, Any]:
        kinds = schema.get("type")
        if kinds is None and not {"enum", "const"} & schema.keys():
            self._refuse()
        if not isinstance(kinds, str | None) and {"object", "array"} & set(kinds):
            self._refuse()
        written = self._words(schema) | {name: schema[name] for name in schema if name in self._rules}
        if not self._bare and schema.get("format") in _FORMATS:
            written["format"] = schema["format"]
        if self._bare and "const" in written:
            written["enum"] = [written.pop("const")]
        return written

    def _words(self, schema: Schema) -> dict[str, Any]:
        return {name: schema[name] for name in schema if name in _WORDS}

    def _refuse(self) -> Any:
        raise _Inexpressible
