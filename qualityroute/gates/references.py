"""The parts of a JSON Schema, and where its references lead: never out of it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urljoin

from qualityroute.errors import ConfigError
from qualityroute.gates.plain import plain

_LITERAL_KEYWORDS = frozenset({"const", "enum", "default", "examples"})
_NAMING_KEYWORDS = frozenset({"properties", "patternProperties", "$defs", "definitions", "dependentSchemas"})
_NOT_MET = _LITERAL_KEYWORDS | {"$defs", "definitions"}
_REFERRING = ("$ref", "$dynamicRef")


def references_end(schema: Mapping[str, Any], where: str) -> bool:
    """Do all references end at something else than a reference? Raises `ConfigError` for one that leads nowhere."""
    from referencing.exceptions import Unresolvable  # noqa: PLC0415  (comes with jsonschema)

    references = list(_references(schema))
    registry: Any = registry_of(schema) if references else None
    ends = True
    for base, reference in references:
        try:
            ends &= _ends(registry.resolver(base), reference, len(references))
        except Unresolvable:
            local = reference.startswith("#")
            kind = "names nothing in the schema" if local else "leaves the schema; only local references are followed"
            raise ConfigError(f"{where}: $ref '{plain(reference)}' {kind}; put it under $defs") from None
    return ends


def _ends(resolver: Any, reference: object, steps: int) -> bool:
    while isinstance(reference, str) and steps >= 0:
        found = resolver.lookup(reference)
        resolver, steps = found.resolver, steps - 1
        reference = found.contents.get("$ref") if isinstance(found.contents, Mapping) else None
    return not isinstance(reference, str)


def registry_of(schema: Mapping[str, Any]) -> Any:
    """An empty one fetches nothing: a reference that leaves the schema has nowhere to go."""
    from referencing import Registry  # noqa: PLC0415
    from referencing.jsonschema import DRAFT202012  # noqa: PLC0415

    return Registry().with_resource("", DRAFT202012.create_resource(schema)).crawl()


def has_patterns(schema: Mapping[str, Any]) -> bool:
    """Is there a pattern, which Python's `re` may take for ever to compare with a text?"""
    return any("pattern" in part or "patternProperties" in part for _, part in subschemas(schema, ""))


def parts_met(schema: Mapping[str, Any], *, cycles: bool) -> float:
    """How many parts a validator meets that follows each reference anew: with every step that refers twice to the
    next, twice as many. Infinite where a part leads back to itself, unless `cycles` are followed once. A reference that
    leads nowhere does not count."""
    try:
        return _Parts(registry_of(schema), math.inf if not cycles else 0).met(schema, "")
    except RecursionError:
        return math.inf


class _Parts:
    def __init__(self, registry: Any, again: float) -> None:
        self._registry, self._again = registry, again
        self._met: dict[int, float] = {}
        """By the identity of a part, which lives as long as the schema; of those not yet counted, what they add."""

    def met(self, node: Any, base: str) -> float:
        if isinstance(node, list):
            return sum(self.met(item, base) for item in node)
        if not isinstance(node, Mapping):
            return 0
        if id(node) not in self._met:
            self._met[id(node)] = self._again
            self._met[id(node)] = 1 + self._below(node, base)
        return self._met[id(node)]

    def _below(self, node: Mapping[str, Any], base: str) -> float:
        if isinstance(node.get("$id"), str):
            base = urljoin(base, node["$id"])
        below = sum(self.met(value, base) for key, value in node.items() if key not in _NOT_MET)
        return below + sum(self._referred(node[word], base) for word in _REFERRING if isinstance(node.get(word), str))

    def _referred(self, reference: str, base: str) -> float:
        from referencing.exceptions import Unresolvable  # noqa: PLC0415  (comes with jsonschema)

        try:
            return self.met(self._registry.resolver(base).lookup(reference).contents, base)
        except Unresolvable:
            return 0


def _references(schema: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Every `$ref` with the base it is relative to."""
    for base, part in subschemas(schema, ""):
        for keyword in _REFERRING:
            if isinstance(part.get(keyword), str):
                yield base, part[keyword]


def subschemas(node: Any, base: str, *, names: bool = False) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every part that may be a schema, with its base; data inside `const` and the like is none."""
    if isinstance(node, Mapping):
        if not names:
            if isinstance(node.get("$id"), str):
                base = urljoin(base, node["$id"])
            yield base, node
        for key, value in node.items():
            if names or key not in _LITERAL_KEYWORDS:
                yield from subschemas(value, base, names=not names and key in _NAMING_KEYWORDS)
    elif isinstance(node, list):
        for item in node:
            yield from subschemas(item, base)
