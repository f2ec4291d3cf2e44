"""Files of JSON lines, and standard input, read one line at a time; what cannot be read is told, not raised."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from qualityroute.records import Json
from qualityroute.strict_json import JsonLimits, NotJson, read_json

STDIN = "-"
BYTES_PER_CHARACTER = 4
DEPTH = 128
"""Levels that a line may be nested, as a request to the gateway may."""
_ESCAPED = 3
"""JSON may write a character in up to three times its bytes."""
_ROOM = 65_536
"""Bytes of a line that are not its input: id, session, brackets."""


class Mistake(Exception):
    """Why one input cannot be read."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line that is not blank, or why it could not be read."""

    number: int
    """From 1; 0 where it is the file that cannot be read."""
    value: Json = None
    mistake: str = ""
    """Such as "is not JSON", to be said of `told_of` it."""


def read_json_lines(name: str, most: int) -> Iterator[Line]:
    """Every line of a file in order; `most` is how many characters an input in it may have."""
    try:
        with opened(name) as stream:
            yield from _lines_of(stream, most)
    except Mistake as mistake:
        yield Line(0, mistake=str(mistake))


def count_lines(name: str) -> int | None:
    """Those that are not blank; `None` where they can be read only once, or not at all."""
    path = Path(name)
    try:
        if name == STDIN or not path.is_file():
            return None
        with path.open("rb") as stream:
            return sum(1 for line in stream if line.strip())
    except (OSError, ValueError):
        return None


def told_of(name: str, number: int) -> str:
    """>>> told_of("inputs.jsonl", 3), told_of("inputs.jsonl", 0)
    ("line 3 of 'inputs.jsonl'", "'inputs.jsonl'")
    """
    return f"line {number} of {called(name)}" if number else called(name)


def called(name: str) -> str:
    return "standard input" if name == STDIN else f"'{name}'"


def opened(name: str) -> AbstractContextManager[IO[bytes]]:
    """Raises `Mistake`."""
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


def decoded(content: bytes) -> str:
    """Raises `Mistake`."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Mistake(f"is not UTF-8 text (byte {error.start})") from None


def too_large(most: int) -> Mistake:
    return Mistake(f"is larger than max_input allows ({most:,} characters)")


def _lines_of(stream: IO[bytes], most: int) -> Iterator[Line]:
    limit = most * BYTES_PER_CHARACTER * _ESCAPED + _ROOM
    number = 0
    while line := _read_line(stream, limit + 1):
        number += 1
        if not line.strip():
            continue
        try:
            if len(line) > limit:
                _skip_rest(stream, line)
                raise too_large(most)
            yield Line(number, _json(decoded(line).strip(), limit))
        except Mistake as mistake:
            yield Line(number, mistake=str(mistake))


def _json(text: str, limit: int) -> Json:
    try:
        found = read_json(text, limits=JsonLimits(depth=DEPTH, size=limit))
    except NotJson as error:
        # The line of the text, which is one line of the file.
        raise Mistake(error.finding.replace("(line 1, ", "(")) from None
    if found.repaired:
        raise Mistake("is not JSON alone: there is a code fence or a byte order mark around it")
    return found.value


def _standard_input() -> AbstractContextManager[IO[bytes]]:
    try:
        # A reader of our own: the interpreter, when it ends, waits for its own if a thread still reads it.
        return open(sys.stdin.fileno(), "rb", closefd=False)
    except (OSError, ValueError):  # no file behind it, as in tests
        return nullcontext(sys.stdin.buffer)


def _read_line(stream: IO[bytes], most: int) -> bytes:
    try:
        return stream.readline(most)
    except OSError as error:
        raise Mistake(f"cannot be read: {error.strerror}") from None


def _skip_rest(stream: IO[bytes], line: bytes) -> None:
    while line and not line.endswith(b"\n"):
        line = _read_line(stream, _ROOM)
