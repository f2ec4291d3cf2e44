"""What pydantic finds wrong with a file, told to who wrote it: the key, what stands there, what would be right."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

MOST_MISTAKES = 20
"""Told at once."""
_LONGEST = 60
"""Characters of what was written that are told."""
_BOUNDS = {
    "greater_than_equal": ("ge", "is below"),
    "greater_than": ("gt", "is not above"),
    "less_than_equal": ("le", "is above"),
    "less_than": ("lt", "is not below"),
}
"""By pydantic's kind of mistake: under which name it gives the bound, and how the value fails it."""
_KINDS = {"a valid tuple": "a list", "a valid dictionary": "a table of keys", "a valid decimal": "a number"}


def mistakes(error: ValidationError, keys: Iterable[str]) -> list[str]:
    """The findings as `key.path: what is wrong`; of very many the first ones, and how many more there are.

    Args:
        keys: those that somebody may have meant who wrote an unknown one.
    """
    found = error.errors(include_url=False)
    inside = {item["loc"][:end] for item in found for end in range(1, len(item["loc"]))}
    # A list is called too short when its one item is wrong, which is told already.
    found = [item for item in found if not (item["type"] == "too_short" and item["loc"] in inside)]
    known = sorted(keys)
    told = [_mistake(item, known) for item in found[:MOST_MISTAKES]]
    return told if len(found) <= MOST_MISTAKES else [*told, f"and {len(found) - MOST_MISTAKES} more mistakes"]


def _mistake(item: ErrorDetails, keys: list[str]) -> str:
    where = ".".join(str(part) for part in item["loc"] if "[" not in str(part))  # which are pydantic's own
    told = _told(item, keys)
    return f"{where}: {told}" if where else told


def _told(item: ErrorDetails, keys: list[str]) -> str:
    kind, message, context = item["type"], item["msg"].removeprefix("Value error, "), item.get("ctx", {})
    if kind == "extra_forbidden":
        return f"unknown key{_near(str(item['loc'][-1]), keys)}"
    if kind == "too_short":
        return f"it is too short; at least {context['min_length']} is needed"
    if kind == "missing":
        return "it is missing"
    written = _written(item["input"])
    if written is None:
        return _plain(message)
    if kind in _BOUNDS:
        name, fails = _BOUNDS[kind]
        return f"{written} {fails} {str(context[name]).removesuffix('.0')}"
    if kind == "literal_error":
        return f"{written} should be {context['expected']}{_near(str(item['input']), _choices(context['expected']))}"
    if message.startswith("Input should be "):
        return f"{written} should be {_plain(message).removeprefix('Input should be ')}"
    return message


def _written(value: Any) -> str | None:
    """As it stands in a file; `None` for what is more than a word."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float | Decimal):
        return str(value)
    return repr(value) if isinstance(value, str) and len(value) <= _LONGEST else None


def _plain(message: str) -> str:
    message = message.partition(", unable to")[0]
    for technical, plain in _KINDS.items():
        message = re.sub(rf"{technical}( or instance of \w+)?", plain, message)
    return message


def _choices(expected: str) -> list[str]:
    return re.findall(r"'([^']+)'", expected)


def _near(name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean '{close[0]}'?" if close else ""
