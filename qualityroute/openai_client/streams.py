"""The events of a streamed reply, read from its bytes. Nothing but probing streams."""

from __future__ import annotations

import re
from typing import Any

from qualityroute.openai_client.complaints import parsed

_LINE_END = re.compile(r"\r\n|\r")


def events(content: bytes) -> list[dict[str, Any]]:
    """The JSON object of each event, in order; what is none, such as the `[DONE]` at the end, is left out.

    >>> events(b'data: {"a": 1}\\n\\ndata: [DONE]\\n\\n')
    [{'a': 1}]
    """
    text = _LINE_END.sub("\n", content.decode("utf-8-sig", "replace"))
    read = (parsed(_data(event).encode("utf-8", "replace")) for event in text.split("\n\n"))
    return [value for value in read if isinstance(value, dict)]


def _data(event: str) -> str:
    lines = (line.partition(":") for line in event.split("\n"))
    return "\n".join(value.removeprefix(" ") for name, _, value in lines if name == "data")
