"""An OpenAI-compatible upstream that answers at once, always the same: what is measured is the client before it.

It runs in a process of its own, on another core, so that its work is in nobody's CPU time:

    with running_upstream(core=0) as base_url: ...

It can be given answers, for requests that say in their text which one they want ("case-7: ..."); below the path `/slow`
every answer takes 50 ms. `exchange` may be one that behaves worse, such as `upstream_faults.Misbehaving`.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from multiprocessing.connection import Connection
from typing import Any

ITEMS = (
    ("HX-2040", "Plate heat exchanger, 40 plates", 1, 1890.0),
    ("PU-0312", "Circulation pump, 25-60 180", 2, 214.5),
    ("VA-1108", "Ball valve, brass, 1 inch", 12, 11.35),
    ("EV-0077", "Expansion vessel, 35 litres", 1, 78.9),
    ("IN-5521", "Pipe insulation, 28 mm, per metre", 46, 3.2),
    ("SE-0415", "Safety valve set, 3 bar, with manometer", 1, 61.8),
    ("LA-0001", "Labour, fitting and test, per hour", 9, 64.0),
)
INVOICE: dict[str, Any] = {
    "number": "2026-10-0417",
    "date": "2026-10-19",
    "due": "2026-11-18",
    "currency": "EUR",
    "seller": {
        "name": "Tiefenbach Heating Works",
        "street": "Quarry Lane 8",
        "city": "Altmoor",
        "tax_id": "DE814570029",
    },
    "buyer": {"name": "Marwick Dairy Cooperative", "street": "Mill Road 112", "city": "Nordfelde", "tax_id": None},
    "lines": [
        {"code": code, "text": text, "quantity": quantity, "unit_price": price, "amount": round(quantity * price, 2)}
        for code, text, quantity, price in ITEMS
    ],
    "net": 3319.1,
    "tax_rate": 19.0,
    "tax": 630.63,
    "total": 3949.73,
    "paid": False,
    "iban": "DE02 1203 0000 0000 2020 51",
    "note": "Delivered and fitted on 14 October; the old exchanger was taken back for scrap.",
}
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)
_CASE = re.compile(rb"case-(\d+):")
_SLOW = b"POST /slow/"
SLOWNESS = 0.05
_INVOICE = json.dumps(INVOICE, ensure_ascii=False)
_RIVALS_JUDGE = b"<<<BEGIN_CANDIDATE"
"""firstpass asks its own way."""
_JUDGE_ONLY = b"instructions_in_data"
_CRITERIA = re.compile(rb'id\\*": *{[^{}]*"enum\\*": *\[([^]]*)\]')
"""In the judge's schema, which a request has as its own or, on a lower rung of the ladder, in its prompt."""
_WORD = re.compile(rb"[\w.-]+")


@contextmanager
def running_upstream(
    core: int | None = None, answers: Sequence[str] = (), exchange: type[Exchange] | None = None
) -> Iterator[str]:
    """Its `base_url`; it ends with the block, or with this process. `answers` stand in place of the invoice."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, core, tuple(answers), exchange or Exchange), daemon=True)
    process.start()
    theirs.close()
    try:
        yield f"http://127.0.0.1:{ours.recv()}/v1"
    finally:
        ours.close()
        process.join()


def _serve(parent: Connection, core: int | None, answers: tuple[str, ...], exchange: type[Exchange]) -> None:
    if core is not None:
        os.sched_setaffinity(0, {core})
    asyncio.run(_serve_until_closed(parent, lambda: exchange(answers)))


async def _serve_until_closed(parent: Connection, exchange: Callable[[], Exchange]) -> None:
    loop = asyncio.get_running_loop()
    closed = asyncio.Event()
    loop.add_reader(parent.fileno(), closed.set)
    server = await loop.create_server(exchange, "127.0.0.1", 0)
    parent.send(server.sockets[0].getsockname()[1])
    await closed.wait()
    loop.remove_reader(parent.fileno())
    server.close()


class Exchange(asyncio.Protocol):
    """One connection, kept open: requests in, replies out."""

    def __init__(self, answers: Sequence[str]) -> None:
        self._answers, self._received = answers, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        while (size := _size(self._received)) is not None and len(self._received) >= size:
            request, self._received = self._received[:size], self._received[size:]
            self.answer(request)

    def answer(self, request: bytes) -> None:
        reply = reply_to(request, self._answers)
        if request.startswith(_SLOW):
            asyncio.get_running_loop().call_later(SLOWNESS, self.transport.write, reply)
        else:
            self.transport.write(reply)


def _size(received: bytes) -> int | None:
    """Of the first request with its body, once its head is there."""
    end = received.find(b"\r\n\r\n")
    if end < 0:
        return None
    length = _LENGTH.search(received, 0, end + 2)
    return end + 4 + (int(length[1]) if length else 0)


def reply_to(request: bytes, answers: Sequence[str] = ()) -> bytes:
    """The invoice, or the answer asked for; to a judge's request the verdict that all is well."""
    if _RIVALS_JUDGE in request:
        return _reply('{"score": 1.0, "pass": true}')
    if _JUDGE_ONLY not in request:
        case = _CASE.search(request) if answers else None
        return _reply(answers[int(case[1])] if case else _INVOICE)
    found = _CRITERIA.search(request)
    assert found is not None, "a judge's request without its criteria"
    return _verdict(tuple(name.decode() for name in _WORD.findall(found[1])))


@lru_cache
def _verdict(ids: tuple[str, ...]) -> bytes:
    checks = [{"id": name, "evidence": "Invoice 2026-10-0417", "verdict": "yes"} for name in ids]
    return _reply(json.dumps({"checks": checks, "instructions_in_data": "no"}))


@lru_cache(1024)
def _reply(content: str) -> bytes:
    body = json.dumps(
        {
            "id": "chatcmpl-0417",
            "object": "chat.completion",
            "created": 1_790_000_000,
            "model": "fixed",
            "choices": [
                {
                    "index": 0,
                    "message": {"role": "assistant", "content": content, "refusal": None, "annotations": []},
                    "logprobs": None,
                    "finish_reason": "stop",
                }
            ],
            "usage": {
                "prompt_tokens": 412,
                "completion_tokens": 530,
                "total_tokens": 942,
                "prompt_tokens_details": {"cached_tokens": 128, "audio_tokens": 0},
                "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
            },
            "service_tier": "default",
            "system_fingerprint": "fp_fixed",
        }
    ).encode()
    head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    return head.encode() + body
