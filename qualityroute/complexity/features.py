"""What can be counted in a request without understanding it: numbers for a regression, and for weak evidence.

Counted in the first `WINDOW` characters of what the user said, so that a long document costs no more than a short one;
its length is known all the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from math import log1p
from typing import Any

from qualityroute.records import Message, source_text

WINDOW = 2_000
DEEPEST = 12
_DIGITS = b"0123456789"
_LETTERS = b"abcdefghijklmnopqrstuvwxyz"
# Bytes are translated and split several times as fast as a pattern finds words, and every request waits for it.
_WORDS_ALONE = bytes(byte if byte in _LETTERS or byte > 127 else 32 for byte in range(256))
_DIGITS_ALONE = bytes(byte if byte in _DIGITS else 32 for byte in range(256))
_CAPITALS = bytes(range(ord("A"), ord("Z") + 1))
_LISTED = ("\n- ", "\n* ", "\n• ", "\n1.", "\n2.", "\n3.")
_FURTHER = b"also then and additionally plus next finally und et y".split()
_ASKING = b"what which who when where why how".split()
_NEGATING = b"not no never without except unless neither nor".split()
_BOUNDING = b"all every each only exactly least most between if must".split()
_REASONING = b"calculate compute solve prove compare explain derive estimate sum".split()

NAMES = (
    "characters", "words", "word length", "distinct words", "sentences", "commas", "lines", "list items", "questions",
    "numbers", "digits", "longest number", "capitals", "beyond ASCII", "quotes", "brackets", "braces", "arithmetic",
    "percent or money", "dates", "links", "code", "further requests", "question words", "negations", "bounds",
    "reasoning words", "messages", "answers so far", "pictures",
    "tools", "fields", "required", "arrays", "choices", "depth", "free texts", "number fields",
)  # fmt: skip
"""In the order of `features`."""


def features(messages: Sequence[Message], shape: Sequence[float]) -> tuple[float, ...]:
    """One number for each of `NAMES`; `shape` is `shape_of` what the answer must look like."""
    whole = source_text([message for message in messages if message.get("role") in ("user", "tool")])
    text = whole[:WINDOW]
    words = text.lower().encode("utf-8", "surrogatepass").translate(_WORDS_ALONE).split()
    roles = [message.get("role") for message in messages]
    parts = [part for message in messages for part in _parts(message.get("content"))]
    return (
        log1p(len(whole)),
        *_of_text(text, words),
        *_of_words(Counter(words)),
        float(len(messages)),
        float(roles.count("assistant")),
        float(sum(part.get("type") == "image_url" for part in parts)),
        *shape,
    )


def _of_text(text: str, words: Sequence[bytes]) -> tuple[float, ...]:
    size = len(text) or 1
    encoded = text.encode("utf-8", "surrogatepass")
    numbers = encoded.translate(_DIGITS_ALONE).split()
    return (
        log1p(len(words)),
        sum(map(len, words)) / (len(words) or 1),
        len(set(words)) / (len(words) or 1),
        log1p(sum(map(text.count, (". ", "! ", "? ", "\n")))),
        log1p(text.count(",") + text.count(";")),
        log1p(text.count("\n")),
        log1p(sum(map(text.count, _LISTED))),
        log1p(text.count("?")),
        log1p(len(numbers)),
        sum(map(len, numbers)) / size,
        float(min(40, max(map(len, numbers), default=0))),
        (len(encoded) - len(encoded.translate(None, _CAPITALS))) / size,
        len(encoded) / size - 1,
        log1p(sum(map(text.count, "\"'“«"))),
        log1p(text.count("(") + text.count("[")),
        log1p(text.count("{") + text.count("<")),
        log1p(sum(map(text.count, "+*/=^"))),
        log1p(sum(map(text.count, "%$€£"))),
        log1p(sum(map(text.count, ("/20", "-20", ".20", " 20", " 19")))),
        log1p(text.count("http")),
        log1p(text.count("`") + text.count("def ") + text.count("();")),
    )


def _of_words(counts: Counter[bytes]) -> tuple[float, ...]:
    groups = (_FURTHER, _ASKING, _NEGATING, _BOUNDING, _REASONING)
    return tuple(log1p(sum(counts[word] for word in group)) for group in groups)


def shape_of(schema: Mapping[str, Any] | None, tools: Sequence[Mapping[str, Any]] = ()) -> tuple[float, ...]:
    """What a schema and tools ask for: the last of `NAMES`."""
    nodes = [node for root in _roots(schema, tools) for node in _nodes(root, 0)]
    kinds = [node.get("type") for node, _ in nodes]
    return (
        log1p(len(tools)),
        log1p(sum(_size(node.get("properties")) for node, _ in nodes)),
        log1p(sum(_size(node.get("required")) for node, _ in nodes)),
        log1p(kinds.count("array")),
        log1p(sum(_size(node.get("enum")) for node, _ in nodes)),
        float(max((depth for _, depth in nodes), default=0)),
        log1p(kinds.count("string")),
        log1p(kinds.count("number") + kinds.count("integer")),
    )


def _roots(schema: Mapping[str, Any] | None, tools: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    if schema is not None:
        yield schema
    for tool in tools:
        function = tool.get("function")
        parameters = function.get("parameters") if isinstance(function, Mapping) else None
        if isinstance(parameters, Mapping):
            yield parameters


def _nodes(node: Any, depth: int) -> Iterator[tuple[Mapping[str, Any], int]]:
    """Every schema inside a schema, however it is held."""
    if depth > DEEPEST:
        return
    if isinstance(node, Mapping):
        yield node, depth
        for part in node.values():
            yield from _nodes(part, depth + 1)
    elif isinstance(node, Sequence) and not isinstance(node, str):
        for part in node:
            yield from _nodes(part, depth + 1)


def _parts(content: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(content, Sequence) and not isinstance(content, str):
        yield from (part for part in content if isinstance(part, Mapping))


def _size(value: Any) -> int:
    return len(value) if isinstance(value, Mapping | Sequence) and not isinstance(value, str) else 0
