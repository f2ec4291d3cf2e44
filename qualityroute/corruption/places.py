"""The places in a JSON value, and copies of it with one of them changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from qualityroute.records import Json

Path: TypeAlias = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Place:
    path: Path
    value: Json


def leaves(value: Json, path: Path = ()) -> Iterator[Place]:
    """Every value that is neither object nor array, in the answer's order."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from leaves(item, (*path, key))
    elif isinstance(value, list):
        for position, item in enumerate(value):
            yield from leaves(item, (*path, position))
    else:
        yield Place(path, value)


def branches(value: Json, path: Path = ()) -> Iterator[Place]:
    """Every object and array, the outermost first."""
    if isinstance(value, dict | list):
        yield Place(path, value)
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from branches(item, (*path, key))


def field_of(path: Path) -> tuple[str, ...]:
    """The path without positions: all items of an array are one field."""
    return tuple(step for step in path if isinstance(step, str))


def put(value: Json, path: Path, new: Json) -> Json:
    """A copy of the value with `new` at a path; an object may gain a key."""
    if not path:
        return new
    step, *rest = path
    inside = value.get(step) if isinstance(value, dict) else value[step]
    return _with(value, step, put(inside, tuple(rest), new))


def remove(value: Json, path: Path) -> Json:
    """A copy of the value without the key or the item at a path."""
    *parents, last = path
    if parents:
        return _with(value, parents[0], remove(value[parents[0]], path[1:]))
    if isinstance(value, dict):
        return {key: item for key, item in value.items() if key != last}
    return [item for position, item in enumerate(value) if position != last]


def each_leaf(value: Json, change: Callable[[Json], Json]) -> Json:
    """A copy of the value with every leaf changed."""
    if isinstance(value, dict):
        return {key: each_leaf(item, change) for key, item in value.items()}
    if isinstance(value, list):
        return [each_leaf(item, change) for item in value]
    return change(value)


def _with(value: Json, step: str | int, new: Json) -> Json:
    if isinstance(value, dict):
        return {**value, step: new}
    return [new if position == step else item for position, item in enumerate(value)]
