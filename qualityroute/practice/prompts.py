"""What a practice model is asked, taken out of the chat messages."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from qualityroute.records import source_text

_CHECK = re.compile(r"^- (?P<id>[^\s:()]+)(?: \((?P<note>[^)]*)\))?: (?P<ask>.+)$", re.MULTILINE)
_OPENING = re.compile(r"^\s*\{", re.MULTILINE)
_BLOCK = re.compile(r"^-----BEGIN (?P<name>[A-Z]+) (?P<tag>\S+)-----\n(?P<data>.*)\n-----END \1 \2-----$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Prompt:
    """Instructions, the schema to fill, and the document they are about."""

    instructions: str
    schema: Mapping[str, Any] | None
    document: str

    @classmethod
    def of(cls, messages: Sequence[Mapping[str, Any]], schema: Mapping[str, Any] | None) -> Prompt:
        """The response format's schema wins; else the one written into the system message is used."""
        system = source_text([message for message in messages if message["role"] in ("system", "developer")])
        user = source_text([message for message in messages if message["role"] not in ("system", "developer")])
        return cls(system, schema if schema is not None else schema_in(system), user)


@dataclass(frozen=True, slots=True)
class Check:
    id: str
    ask: str


@dataclass(frozen=True, slots=True)
class JudgePrompt:
    """A judge's request: its checks, and the two blocks of data from strangers."""

    purpose: str
    checks: tuple[Check, ...]
    source: str
    candidate: str


def schema_in(text: str) -> Mapping[str, Any] | None:
    """The JSON Schema in a system message: the first that says which properties there are, or else the first."""
    found = [value for value in _objects_in(text) if value.keys() & {"type", "properties", "$ref"}]
    return next((value for value in found if "properties" in value), found[0] if found else None)


def _objects_in(text: str) -> Iterator[Mapping[str, Any]]:
    """Each JSON object that begins a line, whole."""
    end = 0
    for match in _OPENING.finditer(text):
        if match.start() < end:
            continue  # a part of the last one
        try:
            value, end = json.JSONDecoder().raw_decode(text, match.end() - 1)
        except (ValueError, RecursionError):
            continue
        yield value


def judge_prompt(text: str) -> JudgePrompt | None:
    """Reads a judge's request; `None` when the text is something else.

    The checks are read only above the first block: nothing inside a block can add one.
    """
    blocks = {match["name"]: _literal(match["data"]) for match in _BLOCK.finditer(text)}
    if "SOURCE" not in blocks or "CANDIDATE" not in blocks:
        return None
    head = text[: text.index("-----BEGIN ")]
    listed = head[head.rfind("\nChecks") :]
    checks = tuple(Check(match["id"], match["ask"]) for match in _CHECK.finditer(listed))
    return JudgePrompt(head.strip().splitlines()[0] if head.strip() else "", checks, *_pair(blocks))


def _pair(blocks: Mapping[str, str]) -> tuple[str, str]:
    return blocks["SOURCE"], blocks["CANDIDATE"]


def _literal(data: str) -> str:
    try:
        value = json.loads(data)
    except ValueError:
        return data
    return value if isinstance(value, str) else data
