"""JSON of models and in files, read strictly: what is not exactly one JSON value is refused, and it is said where."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, NoReturn

from qualityroute.records import Json


@dataclass(frozen=True, slots=True)
class JsonLimits:
    """How much JSON is read before it is refused."""

    depth: int = 64
    size: int = 4 * 1024 * 1024
    """Characters of text."""
    digits: int = 640
    """Of one integer. Python lets nobody set its own limit for reading integers below 640, so ours is met first."""


@dataclass(frozen=True, slots=True)
class Parsed:
    value: Json
    repaired: bool = False
    """A code fence, prose around a fence, or a byte order mark was taken off."""


class NotJson(ValueError):
    """The text is not strict JSON. The message says where and never quotes more than 40 characters of it."""

    @property
    def finding(self) -> str:
        """To be said of a file or a line: "is not JSON: ...", or of JSON that is refused, "cannot be read: ..."."""
        told = str(self)
        return f"is {told}" if told.startswith("not JSON") else f"cannot be read: {told}"


class _Refused(Exception):
    """What JSON's grammar, or Python's reading of it, lets through and we do not."""

    def __init__(self, problem: str, lexeme: str, *, is_key: bool = False) -> None:
        super().__init__(problem)
        self.problem = problem
        self.lexeme = lexeme
        self.is_key = is_key


_STRING = r'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_BRACKET_OR_STRING = re.compile(rf"{_STRING}|[\[\]{{}}]", re.DOTALL)
_TOKEN = re.compile(rf"({_STRING})(\s*:)?|[\[\]{{}}]|[^\s\[\]{{}}:,\"]+", re.DOTALL)
_PAIR_OR_LONE_SURROGATE = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(\\u[dD][89a-fA-F][0-9a-fA-F]{2})|\\.", re.DOTALL
)
_FENCE_LINE = re.compile(r"^[ \t]*```[ \t]*(?:[A-Za-z][\w+-]*(?=\s))?", re.MULTILINE)
_ONE_FENCE = re.compile(r"\s*```[ \t]*(?:[A-Za-z][\w+-]*(?=\s))?((?:(?!```).)*+)```\s*", re.DOTALL)


def read_json(text: str, *, limits: JsonLimits = JsonLimits()) -> Parsed:
    """The one JSON value a text holds.

        read_json('```json\\n{"total": 12}\\n```')   # Parsed(value={'total': 12}, repaired=True)

    One code fence is taken off; nothing else is mended. Raises `NotJson` for anything that two readers
    could read differently: duplicate keys, NaN, numbers beyond a float, prose, trailing commas, lone surrogates.
    """
    if len(text) > limits.size:
        raise NotJson(f"the answer has {len(text)} characters; at most {limits.size} are read as JSON")
    marked = text.startswith("\ufeff")
    start, end = _span_of_json(text, 1 if marked else 0)
    whole = not text[:start].strip("\ufeff \t\r\n") and not text[end:].strip()
    repaired = marked or not whole or "```" in text[:start]
    return Parsed(_read(text, start, end, limits), repaired)


def _span_of_json(text: str, start: int) -> tuple[int, int]:
    """Where the JSON stands: the content of the one fence, or everything when there is none."""
    if "```" not in text or text[start:].lstrip()[:1] in ("{", "[", '"'):
        return start, len(text)
    only = _ONE_FENCE.fullmatch(text, start)
    if only is not None:
        return only.span(1)
    fences = list(_FENCE_LINE.finditer(text, start))
    if len(fences) > 2:
        raise NotJson(f"several code blocks; one was expected ({_place(text, fences[2].start())})")
    if len(fences) != 2:
        raise NotJson(f"prose around the JSON, or a code block that does not end ({_place(text, start)})")
    return fences[0].end(), fences[1].start()


def _read(text: str, start: int, end: int, limits: JsonLimits) -> Json:
    content = text[start:end]
    _refuse_raw_surrogates(text)
    _refuse_depth(text, start, end, limits.depth)
    try:
        value = _decoder(limits.digits).decode(content)
    except json.JSONDecodeError as error:
        raise NotJson(_explain(error, text, start)) from None
    except _Refused as refusal:
        where = start + _position(content, refusal)
        raise NotJson(f"{refusal.problem} ({_place(text, where)})") from None
    except RecursionError:
        raise NotJson("nested too deep for this Python; a smaller 'depth' limit would say where") from None
    _refuse_escaped_surrogates(text, start, end)
    return value


@lru_cache
def _decoder(digits: int) -> json.JSONDecoder:
    return json.JSONDecoder(
        object_pairs_hook=_object,
        parse_constant=_constant,
        parse_float=_float,
        parse_int=partial(_integer, most=digits),
    )


def _explain(error: json.JSONDecodeError, text: str, start: int) -> str:
    place = _place(text, start + error.pos)
    before = error.doc[: error.pos].strip()
    if error.msg == "Extra data" or (not before and re.search(r"[\[{]", error.doc[error.pos + 1 :])):
        return f"prose around the JSON ({place})"
    return f"not JSON: {error.msg[0].lower()}{error.msg[1:]} ({place})"


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise _Refused(f"the key {_quoted(twice)} stands twice in one object", twice, is_key=True)
    return found


def _constant(name: str) -> NoReturn:
    raise _Refused(f"{name} is no JSON number", name)


def _float(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise _Refused(f"the number {_quoted(digits)} is too large", digits)
    return number


def _integer(digits: str, most: int) -> int:
    if len(digits.lstrip("-")) > most:
        raise _Refused(f"an integer has {len(digits.lstrip('-'))} digits; at most {most} are read", digits)
    return int(digits)


def _refuse_raw_surrogates(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise NotJson(f"half of a surrogate pair ({_place(text, error.start)})") from None


def _refuse_escaped_surrogates(text: str, start: int, end: int) -> None:
    if "\\u" not in text:
        return
    for match in _PAIR_OR_LONE_SURROGATE.finditer(text, start, end):
        if match[1]:
            raise NotJson(f"half of a surrogate pair ({_place(text, match.start())})")


def _refuse_depth(text: str, start: int, end: int, most: int) -> None:
    if text.count("[", start, end) + text.count("{", start, end) <= most:
        return
    depth = 0
    for match in _BRACKET_OR_STRING.finditer(text, start, end):
        bracket = match[0]
        depth += (bracket in "[{") - (bracket in "]}")
        if depth > most:
            raise NotJson(f"nested deeper than {most} levels ({_place(text, match.start())})")


def _position(content: str, refusal: _Refused) -> int:
    """Where the refused thing stands; the decoder's hooks are not told."""
    if refusal.is_key:
        return next(_repeated_keys(content, refusal.lexeme), 0)
    return next((match.start() for match in _TOKEN.finditer(content) if match[0] == refusal.lexeme), 0)


def _repeated_keys(content: str, key: str) -> Iterator[int]:
    seen = [False]
    for match in _TOKEN.finditer(content):
        if match[0] in "[{":
            seen.append(False)
        elif match[0] in "]}":
            seen.pop()
        elif match[2] and json.loads(match[1]) == key:
            if seen[-1]:
                yield match.start()
            seen[-1] = True


def _place(text: str, position: int) -> str:
    line = text.count("\n", 0, position) + 1
    return f"line {line}, column {position - text.rfind(chr(10), 0, position)}"


def _quoted(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:37] + "...")
