"""What a JSON Schema allows at a place of an answer: null, nothing at all, which types, which further fields."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias
from urllib.parse import unquote

from qualityroute.corruption.places import Path
from qualityroute.records import Json

Schema: TypeAlias = Mapping[str, Any]
_DEEPEST = 32
"""Alternatives inside alternatives; a schema that refers to itself has no end."""
_FREE = ("type", "title", "description", "default", "examples", "minLength")


class Shape:
    """A task's schema, asked about paths. Without one nothing is known, and null is allowed everywhere."""

    def __init__(self, schema: Schema | None) -> None:
        self._schema = schema

    def allows_null(self, path: Path) -> bool:
        return self._schema is None or any(_takes_null(shape) for shape in self._at(path))

    def may_lack(self, path: Path) -> bool:
        """May the object at the end of the path do without its last key?"""
        parents = self._at(path[:-1])
        return bool(parents) and all(path[-1] not in shape.get("required", ()) for shape in parents)

    def types(self, path: Path) -> frozenset[str]:
        """The JSON types allowed, without null."""
        return frozenset(name for shape in self._at(path) for name in _types(shape)) - {"null"}

    def choices(self, path: Path) -> tuple[Json, ...]:
        """The values of an `enum`; none where the schema has none."""
        return tuple(value for shape in self._at(path) for value in shape.get("enum", ()) if value is not None)

    def format(self, path: Path) -> str:
        """The `format` of a text."""
        return next((str(shape["format"]) for shape in self._at(path) if "format" in shape), "")

    def is_bound(self, path: Path) -> bool:
        """Is a text here held to more than a length: an enum, a pattern, a format?"""
        return self.bounds(path) != "[]"

    def bounds(self, path: Path) -> str:
        """What narrows the values at a path, written down: two places of the same bounds take each other's values."""
        narrowed = ({key: shape[key] for key in shape if key not in _FREE} for shape in self._at(path))
        return json.dumps([bounds for bounds in narrowed if bounds], sort_keys=True, default=str)

    def fields(self, path: Path) -> tuple[str, ...]:
        """The fields that the schema names for an object."""
        return tuple(dict.fromkeys(key for shape in self._at(path) for key in shape.get("properties", {})))

    def _at(self, path: Path) -> list[Schema]:
        """Every alternative that the schema has for a place."""
        found = list(self._alternatives(self._schema or {}))
        for step in path:
            below = (_below(shape, step) for shape in found)
            found = [shape for part in below if part is not None for shape in self._alternatives(part)]
        return found

    def _alternatives(self, shape: Any, depth: int = 0) -> Iterator[Schema]:
        if not isinstance(shape, Mapping) or depth > _DEEPEST:
            return
        if isinstance(shape.get("$ref"), str):
            yield from self._alternatives(self._referred(shape["$ref"]), depth + 1)
        for keyword in ("anyOf", "oneOf", "allOf"):
            for part in shape.get(keyword, ()):
                yield from self._alternatives(part, depth + 1)
        own = {key: value for key, value in shape.items() if key not in ("$ref", "anyOf", "oneOf", "allOf")}
        if own.keys() - {"title", "description", "default", "$defs"}:
            yield own

    def _referred(self, reference: str) -> Any:
        found: Any = self._schema
        for step in reference.removeprefix("#").split("/")[1:]:
            name = unquote(step).replace("~1", "/").replace("~0", "~")
            found = found.get(name) if isinstance(found, Mapping) else None
        return found


def _below(shape: Schema, step: str | int) -> Any:
    if isinstance(step, str):
        return shape.get("properties", {}).get(step)
    first = shape.get("prefixItems", ())
    return first[step] if step < len(first) else shape.get("items")


def _takes_null(shape: Schema) -> bool:
    types = _types(shape)
    return "null" in types if types else None in shape.get("enum", ())


def _types(shape: Schema) -> tuple[str, ...]:
    named = shape.get("type", ())
    return (named,) if isinstance(named, str) else tuple(named)
