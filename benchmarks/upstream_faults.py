"""The upstream on a bad day: one call of ten fails in one of many ways, answers are late, and streams break off.

    with running_upstream(exchange=Misbehaving) as base_url: ...

`GET /faults` tells how often each fault was played.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from upstream import INVOICE, Exchange, reply_to

FAULTY = 0.10
LATE, LATEST = 0.05, 1.0
"""Share of good answers that take their time, and seconds that they take at most."""
PIECE = 400
"""Characters in a piece of a stream."""

Fault: TypeAlias = Callable[["Misbehaving", bytes], None]
_COUNTS: Counter[str] = Counter()
_CHANCE = random.Random(7)


class Misbehaving(Exchange):
    """One connection to it."""

    def answer(self, request: bytes) -> None:
        if request.startswith(b"GET /faults"):
            self.transport.write(_http(200, _COUNTS))
            return
        if _CHANCE.random() < FAULTY:
            name = _CHANCE.choice(list(FAULTS))
            _COUNTS[name] += 1
            FAULTS[name](self, request)
            return
        late = _CHANCE.random() * LATEST if _CHANCE.random() < LATE else _CHANCE.random() * 0.01
        self.later(late, _stream() if _streams(request) else reply_to(request))

    def later(self, seconds: float, reply: bytes, *, then_end: bool = False) -> None:
        def write() -> None:
            if not self.transport.is_closing():
                self.transport.write(reply)
                if then_end:
                    self.transport.close()

        asyncio.get_running_loop().call_later(seconds, write)

    def cut(self, request: bytes) -> None:
        """Half of an answer, then the end of the connection."""
        whole = _stream() if _streams(request) else reply_to(request)
        self.later(0, whole[: len(whole) // 2], then_end=True)

    def half_and_hang(self, request: bytes) -> None:
        whole = _stream() if _streams(request) else reply_to(request)
        self.later(0, whole[: len(whole) // 2])


def _http(status: int, body: Mapping[str, Any] | str | bytes, **headers: str) -> bytes:
    content = body if isinstance(body, bytes) else (body if isinstance(body, str) else json.dumps(body)).encode()
    lines = [f"HTTP/1.1 {status} Status", "content-type: application/json", f"content-length: {len(content)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + content


def _stream(pieces: Sequence[str] | None = None) -> bytes:
    text = json.dumps(INVOICE)
    pieces = pieces or [text[start : start + PIECE] for start in range(0, len(text), PIECE)]
    events = [_event({"content": piece}) for piece in pieces]
    events += [_event({}, "stop"), _event(usage={"prompt_tokens": 412, "completion_tokens": 530, "total_tokens": 942})]
    body = b"".join(b"%x\r\n%b\r\n" % (len(event), event) for event in (*events, b"data: [DONE]\n\n"))
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
    return head + body + b"0\r\n\r\n"


def _event(delta: Mapping[str, Any] | None = None, finish: str | None = None, **fields: Any) -> bytes:
    choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": finish}]
    chunk = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "fixed", "choices": choices}
    return f"data: {json.dumps({**chunk, **fields})}\n\n".encode()


def _streams(request: bytes) -> bool:
    return b'"stream":true' in request or b'"stream": true' in request


def _completion(content: str | None, finish: str = "stop", **message: Any) -> bytes:
    choice = {"index": 0, "finish_reason": finish, "message": {"role": "assistant", "content": content, **message}}
    usage = {"prompt_tokens": 412, "completion_tokens": 9, "total_tokens": 421}
    return _http(
        200,
        {"id": "c", "object": "chat.completion", "created": 1, "model": "fixed", "choices": [choice], "usage": usage},
    )


def _plays(reply: bytes) -> Fault:
    """The same reply to whatever was asked, a stream included."""
    return lambda exchange, request: exchange.later(0, reply)


_REPLY = json.dumps({"error": {"message": "no"}})
FAULTS: Mapping[str, Fault] = {
    "500": _plays(_http(500, _REPLY)),
    "503": _plays(_http(503, _REPLY)),
    "429": _plays(_http(429, _REPLY)),
    "429 with Retry-After": _plays(_http(429, _REPLY, retry_after="0.05")),
    "no answer": lambda exchange, request: exchange.transport.close(),
    "cut": Misbehaving.cut,
    "hang": lambda exchange, request: None,
    "half, then hang": Misbehaving.half_and_hang,
    "not JSON": _plays(_http(200, '{"id": "c", "choi')),
    "not UTF-8": _plays(_http(200, b'{"id": "\xff\xfe"}')),
    "HTML": _plays(_http(200, "<html>Bad gateway</html>")),
    "error in a 200": _plays(_http(200, {"error": {"code": 502, "message": "upstream"}})),
    "no choices": _plays(_http(200, {"id": "c", "object": "chat.completion", "choices": []})),
    "against the schema": _plays(_completion('{"number": 7}')),
    "cut off by length": _plays(_completion('{"number": "20', "length")),
    "refusal": _plays(_completion(None, refusal="I can't help with that.")),
    "very long": _plays(_completion(json.dumps({**INVOICE, "note": "x" * 300_000}))),
}
