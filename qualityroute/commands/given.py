"""What commands are given: files and lines, read one at a time, each fit to be asked or with its mistake named."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import IO, Any

from qualityroute.commands.json_lines import (
    BYTES_PER_CHARACTER,
    STDIN,
    Line,
    Mistake,
    called,
    decoded,
    opened,
    read_json_lines,
    told_of,
    too_large,
)
from qualityroute.config.near import near
from qualityroute.errors import ConfigError
from qualityroute.inputs import as_messages
from qualityroute.labels import input_key
from qualityroute.records import Json

KEYS = dict.fromkeys(("input", "id", "session"))
FORM = '{"input": ..., "id"?: ..., "session"?: ...}'


@dataclass(frozen=True, slots=True)
class Given:
    """One input, or why it cannot be asked."""

    index: int
    id: str
    """The caller's, or where it stands."""
    file: str | None
    input: Any = None
    session: str | None = None
    mistake: str = ""
    named: bool = False
    """Is the id the caller's?"""
    key: str | None = None
    """The same for the same input; `None` where it is none."""


def is_lines(name: str, form: str | None) -> bool:
    """Whether a file is read as lines of JSON: by its name, unless a `form` is given."""
    return form == "jsonl" if form else name.casefold().endswith((".jsonl", ".ndjson"))


def read_inputs(files: tuple[str, ...], form: str | None, most: int, session: str | None) -> Iterator[Given]:
    """Every input in order, under an id of its own; `most` is how many characters one may have.

    A file that is named twice is told apart (`#2` and so on); lines that name the same id are not.
    """
    seen: dict[str, int] = {}
    parts = ((read_lines if is_lines(file, form) else _texts)(file, most) for file in files)
    for index, given in enumerate(given for part in parts for given in part):
        seen[given.id] = times = seen.get(given.id, 0) + 1
        name = given.id if times == 1 else f"{given.id}#{times}"
        found = replace(given, index=index, id=name, session=given.session or session, key=_key(given, most))
        yield _named_again(found, given) if times > 1 and given.named else found


def read_lines(name: str, most: int) -> Iterator[Given]:
    """Every line of a file in order; its index is the number of its line."""
    for line in read_json_lines(name, most):
        yield _given(line, name)


def _given(line: Line, name: str) -> Given:
    file = None if name == STDIN else name
    where = f"{name}:{line.number}" if line.number else name
    mistake = line.mistake or _mistake_in(line.value)
    if mistake:
        return Given(line.number, where, file, mistake=f"{told_of(name, line.number)} {mistake}")
    own = line.value.get("id")
    identity = where if own is None else str(own)
    return Given(
        line.number, identity, file, line.value["input"], line.value.get("session"), named=own is not None
    )  # fmt: skip


def _named_again(found: Given, given: Given) -> Given:
    where = told_of(given.file or STDIN, given.index)
    told = f"{where} has the id '{given.id:.100}' of an earlier input; give each its own, or leave ids out"
    return replace(found, mistake=told)


def _mistake_in(value: Json) -> str:
    unknown = next((key for key in value if key not in KEYS), None) if isinstance(value, dict) else None
    if unknown is not None:
        return f"has an unknown key '{unknown:.100}'{near(unknown, KEYS)}"
    if not isinstance(value, dict) or value.get("input") is None:
        return f'has no "input"; a line is {FORM}'
    if not isinstance(value.get("id"), str | int | None) or not isinstance(value.get("session"), str | None):
        return "has an id or session that is no text"
    return ""


def _texts(name: str, most: int) -> Iterator[Given]:
    file = None if name == STDIN else name
    try:
        yield Given(0, name, file, _text(name, most))
    except Mistake as mistake:
        yield Given(0, name, file, mistake=f"{called(name)} {mistake}")


def _key(given: Given, most: int) -> str | None:
    try:
        return None if given.mistake else input_key(as_messages(given.input, most))
    except ConfigError:  # which the engine tells
        return None


def _text(name: str, most: int) -> str:
    limit = most * BYTES_PER_CHARACTER
    with opened(name) as stream:
        content = _read(stream, limit + 1)
    if len(content) > limit:
        raise too_large(most)
    text = decoded(content)
    if not text.strip():
        raise Mistake("is empty")
    return text


def _read(stream: IO[bytes], most: int) -> bytes:
    try:
        return stream.read(most)
    except OSError as error:
        raise Mistake(f"cannot be read: {error.strerror}") from None
