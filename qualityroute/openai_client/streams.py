"""The events of a streamed reply, from bytes that come in any pieces. Pure but for a line that is not over yet."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from qualityroute.openai_client.complaints import parsed
from qualityroute.records import Json

_LINE_END = re.compile(rb"\r\n|\r|\n")
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Event:
    """What stands between two empty lines."""

    data: bytes
    name: bytes = b""

    @property
    def is_end(self) -> bool:
        """OpenAI's mark of a stream that is over."""
        return self.data.strip() == b"[DONE]"

    @property
    def value(self) -> Json:
        """Its JSON; `None` where it is none."""
        return parsed(self.data)


class EventReader:
    """Reads server-sent events as they come in, however their bytes are cut.

    >>> reader = EventReader()
    >>> reader.take(b"data: on"), reader.take(b"e\\n\\nda")
    ([], [Event(data=b'one', name=b'')])
    """

    def __init__(self) -> None:
        self._line = bytearray()
        """As far as it has come."""
        self._after_return = False
        """Was the last byte a carriage return, so that a line feed would belong to it?"""
        self._first = True
        self._data: list[bytes] = []
        self._name = b""

    def take(self, piece: bytes) -> list[Event]:
        """The events that end in this piece."""
        if not piece:
            return []
        lines = _LINE_END.split(piece.removeprefix(b"\n") if self._after_return else piece)
        self._after_return = piece.endswith(b"\r")
        found: list[Event] = []
        self._line += lines[0]
        for following in lines[1:]:
            found += self._end_line()
            self._line += following
        return found

    def rest(self) -> list[Event]:
        """At the end of the stream: an event that no empty line has ended."""
        found = self._end_line() if self._line else []
        return [*found, *self._end_line()]

    def _end_line(self) -> list[Event]:
        line = bytes(self._line)
        self._line.clear()
        if self._first:
            self._first, line = False, line.removeprefix(_BYTE_ORDER_MARK)
        if not line:
            return self._end_event()
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"data":
            self._data.append(value)
        elif field == b"event":
            self._name = value
        return []

    def _end_event(self) -> list[Event]:
        found = [Event(b"\n".join(self._data), self._name)] if self._data else []
        self._data, self._name = [], b""
        return found


def events(content: bytes) -> list[dict[str, Any]]:
    """The JSON object of each event, in order; what is none, such as the `[DONE]` at the end, is left out.

    >>> events(b'data: {"a": 1}\\n\\ndata: [DONE]\\n\\n')
    [{'a': 1}]
    """
    reader = EventReader()
    values = (event.value for event in (*reader.take(content), *reader.rest()))
    return [value for value in values if isinstance(value, dict)]
