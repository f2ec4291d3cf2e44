"""A steady mixture of clients: good ones, streams, ones that leave, ones that ask nonsense; each time the same."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from overhead_task import INSTRUCTIONS, document

RETURNING, SESSIONS = 0.5, 500
"""Share of requests of sessions that come again, and how many such sessions there are; all others come once."""
MOST_AT_ONCE = 200
KINDS: Mapping[str, int] = {
    "smart": 40,
    "smart stream": 15,
    "performance": 10,
    "performance stream": 10,
    "efficiency": 5,
    "own schema": 6,
    "leaves early": 4,
    "leaves midway": 4,
    "unknown model": 2,
    "not JSON": 2,
    "nowhere": 2,
}
"""What is asked, out of a hundred."""


@dataclass
class Window:
    """What happened since it was last taken."""

    seconds: list[float] = field(default_factory=list)
    """From request to end, of those that were answered with 200."""
    outcomes: Counter[str] = field(default_factory=Counter)


class Clients:
    """All of them, on one pool of connections."""

    def __init__(self, url: str, rate: float, seed: int = 7) -> None:
        self._url, self._rate, self._chance = url, rate, random.Random(seed)
        self._text, self._number = document(), 0
        self.asked = 0
        self._window = Window()

    def take(self) -> Window:
        window, self._window = self._window, Window()
        return window

    async def run(self, until: Callable[[], bool]) -> None:
        """Requests come by chance, `rate` a second on average, whether or not those before them have ended."""
        timeout, pool = aiohttp.ClientTimeout(total=60), aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(timeout=timeout, connector=pool) as http, asyncio.TaskGroup() as group:
            gate, due = asyncio.Semaphore(MOST_AT_ONCE), time.monotonic()
            while not until():
                due += self._chance.expovariate(self._rate)
                await asyncio.sleep(max(0.0, due - time.monotonic()))
                await gate.acquire()
                group.create_task(self._one(http)).add_done_callback(lambda _: gate.release())

    async def _one(self, http: aiohttp.ClientSession) -> None:
        kind = self._chance.choices(list(KINDS), list(KINDS.values()))[0]
        self.asked += 1
        begin = time.monotonic()
        try:
            outcome = await self._ask(http, kind)
        except aiohttp.ClientError as error:
            outcome = type(error).__name__
        except TimeoutError:
            outcome = "client's own timeout"
        self._window.outcomes[outcome] += 1
        if outcome in ("200", "200 [DONE]"):
            self._window.seconds.append(time.monotonic() - begin)

    async def _ask(self, http: aiohttp.ClientSession, kind: str) -> str:
        data, headers = self._body(kind), {"content-type": "application/json", "x-session-id": self._session()}
        path = "/v1/nowhere" if kind == "nowhere" else "/v1/chat/completions"
        if kind == "leaves early":
            with suppress(TimeoutError):
                async with asyncio.timeout(self._chance.random() * 0.05):
                    await (await http.post(self._url + path, data=data, headers=headers)).read()
            return "left"
        async with http.post(self._url + path, data=data, headers=headers) as reply:
            if kind == "leaves midway":
                await reply.content.read(1)
                reply.close()
                return "left"
            said = await reply.read()
        if reply.content_type == "text/event-stream":
            return f"200 {'[DONE]' if b'data: [DONE]' in said else _code(said.rpartition(b'data: ')[2])}"
        return "200" if reply.status == 200 else f"{reply.status} {_code(said)}"

    def _session(self) -> str:
        self._number += 1
        again = self._chance.random() < RETURNING
        return f"again-{self._chance.randrange(SESSIONS)}" if again else f"once-{self._number}"

    def _body(self, kind: str) -> bytes:
        if kind == "not JSON":
            return b'{"model": "smart-sel'
        model = kind.split()[0] if kind.split()[0] in ("performance", "efficiency") else "smart"
        name = {"smart": "smart-select/invoice", "performance": "performance-model", "efficiency": "efficiency-model"}
        text = f"{INSTRUCTIONS} Request {self._number}.\n{self._text}"
        body: dict[str, Any] = {"model": name[model], "messages": [{"role": "user", "content": text}]}
        body["stream"] = kind.endswith("stream") or kind == "leaves midway"
        if kind == "unknown model":
            body["model"] = f"model-{self._number}"
        if kind == "own schema":
            schema = {"type": "object", "required": ["number"], "description": f"Schema {self._number}"}
            body["response_format"] = {"type": "json_schema", "json_schema": {"name": "own", "schema": schema}}
        return json.dumps(body).encode()


def _code(said: bytes) -> str:
    """The error's code, which is its class."""
    try:
        error = json.loads(said)["error"]
        return str(error["code"] or error["type"])
    except (ValueError, KeyError, TypeError):
        return "without an end"
