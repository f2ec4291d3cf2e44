"""What `run` is given: files and lines, read one at a time, each fit to be asked or with its mistake named."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

from qualityroute.records import Json

STDIN = "-"
_BYTES_PER_CHARACTER = 4
_ESCAPED = 3
"""JSON may write a character in up to three times its bytes."""
_ROOM = 65_536
"""Bytes of a line that are not its input: id, session, brackets."""


@dataclass(frozen=True, slots=True)
class Given:
    """One input, or why it cannot be asked."""

    index: int
    id: str
    """The caller's, or where it stands; made unique by `#2` and so on."""
    file: str | None
    input: Any = None
    session: str | None = None
    mistake: str = ""


class Mistake(Exception):
    """Why one input cannot be read."""


def read_inputs(files: tuple[str, ...], form: str, most: int, session: str | None) -> Iterator[Given]:
    """Every input in order; `most` is how many characters one may have."""
    seen: Counter[str] = Counter()
    parts = _lines(files, most) if form == "jsonl" else _texts(files, most)
    for index, given in enumerate(parts):
        seen[given.id] += 1
        name = given.id if seen[given.id] == 1 else f"{given.id}#{seen[given.id]}"
        yield replace(given, index=index, id=name, session=given.session or session)


def _texts(files: tuple[str, ...], most: int) -> Iterator[Given]:
    for name in files:
        file = None if name == STDIN else name
        try:
            yield Given(0, name, file, _text(name, most))
        except Mistake as mistake:
            yield Given(0, name, file, mistake=f"{_called(name)} {mistake}")


def _text(name: str, most: int) -> str:
    limit = most * _BYTES_PER_CHARACTER
    with _opened(name) as stream:
        content = _read(stream, limit + 1)
    if len(content) > limit:
        raise Mistake(f"is larger than max_input allows ({most:,} characters)")
    text = _decoded(content)
    if not text.strip():
        raise Mistake("is empty")
    return text


def _lines(files: tuple[str, ...], most: int) -> Iterator[Given]:
    for name in files:
        file = None if name == STDIN else name
        try:
            with _opened(name) as stream:
                yield from _lines_of(stream, name, file, most)
        except Mistake as mistake:
            yield Given(0, name, file, mistake=f"{_called(name)} {mistake}")


def _lines_of(stream: IO[bytes], name: str, file: str | None, most: int) -> Iterator[Given]:
    limit = most * _BYTES_PER_CHARACTER * _ESCAPED + _ROOM
    number = 0
    while line := _read_line(stream, limit + 1):
        number += 1
        if not line.strip():
            continue
        where = f"{name}:{number}"
        try:
            if len(line) > limit:
                _skip_rest(stream, line)
                raise Mistake(f"is larger than max_input allows ({most:,} characters)")
            yield _line(line, where, file)
        except Mistake as mistake:
            yield Given(0, where, file, mistake=f"line {number} of {_called(name)} {mistake}")


def _line(line: bytes, where: str, file: str | None) -> Given:
    value = _json(_decoded(line))
    if not isinstance(value, dict) or value.get("input") is None:
        raise Mistake('has no "input"; a line is {"input": ..., "id"?: ..., "session"?: ...}')
    name, session = value.get("id"), value.get("session")
    if not isinstance(name, str | int | None) or not isinstance(session, str | None):
        raise Mistake("has an id or session that is no text")
    return Given(0, where if name is None else str(name), file, value["input"], session)


def _json(text: str) -> Json:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Mistake(f"is not JSON: {error}") from None


def _decoded(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Mistake(f"is not UTF-8 text (byte {error.start})") from None


def _opened(name: str) -> AbstractContextManager[IO[bytes]]:
    if name == STDIN:
        return _standard_input()
    try:
        return Path(name).open("rb")
    except IsADirectoryError:
        raise Mistake("is a directory; name the files in it") from None
    except FileNotFoundError:
        raise Mistake("does not exist") from None
    except (OSError, ValueError) as error:
        raise Mistake(f"cannot be read: {getattr(error, 'strerror', None) or error}") from None


def _standard_input() -> AbstractContextManager[IO[bytes]]:
    try:
        # A reader of our own: the interpreter, when it ends, waits for its own if a thread still reads it.
        return open(sys.stdin.fileno(), "rb", closefd=False)
    except (OSError, ValueError):  # no file behind it, as in tests
        return nullcontext(sys.stdin.buffer)


def _read(stream: IO[bytes], most: int) -> bytes:
    try:
        return stream.read(most)
    except OSError as error:
        raise Mistake(f"cannot be read: {error.strerror}") from None


def _read_line(stream: IO[bytes], most: int) -> bytes:
    try:
        return stream.readline(most)
    except OSError as error:
        raise Mistake(f"cannot be read: {error.strerror}") from None


def _skip_rest(stream: IO[bytes], line: bytes) -> None:
    while line and not line.endswith(b"\n"):
        line = _read_line(stream, _ROOM)


def _called(name: str) -> str:
    return "standard input" if name == STDIN else f"'{name}'"
