"""What an exact hit costs: finding an earlier answer, against looking up a pin and against asking a model.

    python benchmarks/cache.py [--quick] [--json FILE]

CPU time, in blocks that take turns, so that a busy machine slows both. A hit is: the key of the question, the look in
the store, the answer in its form. What is promised is promised of a question of up to 5,000 characters of ASCII.
Beside it its floor: encoding the question and one HMAC, without which there is no key.
"""

from __future__ import annotations

import hmac
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import anyio
from results import Row, begin, command

from qualityroute import Config, Engine
from qualityroute.asked import request_of
from qualityroute.attempts import Request
from qualityroute.pins import PinKey, manual_pin
from qualityroute.recall import SECRET, served
from qualityroute.records import Route, Tier
from qualityroute.routing import Plan
from qualityroute.testing import ScriptedClient

SCHEMA = {"type": "object", "properties": {"number": {"type": "string"}, "total": {"type": "number"}}}
ANSWER = '{"number": "2041", "total": 117.5}'
LINE = "Invoice 2041 of Monday, 3 chairs at 12.50, 1 table at 80.00; total due 117.50.\n"
PLAN = Plan(Route.CASCADE, Tier.EFFICIENCY, judged=True, falls_back=True)
EUROS = LINE.replace(" total due", " total due €")
"""With a sign beyond Latin-1, so that its form has to be looked at letter by letter."""
SIZES = ((500, 100, LINE), (5_000, 100, LINE), (50_000, 100, LINE), (5_000, 100, EUROS), (500, 20_000, LINE))
"""Characters of a question, answers kept, and what the question is made of."""
PROMISED = 5_000
MOST = 3.0
"""Times the lookup of a pin."""


def config() -> Config:
    task = {"schema": SCHEMA, "cache": "exact"}
    models = {"efficiency": {"models": ["openai/a"]}, "performance": {"models": ["openai/b"]}}
    return Config.model_validate({"tiers": models, "tasks": {"t": task}})


async def seconds_of(work: Callable[[], Awaitable[Any]], times: int) -> float:
    started = time.process_time()
    for _ in range(times):
        await work()
    return (time.process_time() - started) / times


async def compared(works: dict[str, Callable[[], Awaitable[Any]]], blocks: int, times: int) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(blocks):
        for name, work in works.items():
            found[name].append(await seconds_of(work, times))
    return found


async def measure(length: int, entries: int, line: str, blocks: int, times: int) -> list[Row]:
    text = (line * (length // len(line) + 1))[:length]
    with tempfile.TemporaryDirectory() as folder:
        client = ScriptedClient({"efficiency": ANSWER, "performance": ANSWER})
        async with Engine(config(), client=client, store=str(Path(folder, "q.db"))) as engine:
            for number in range(entries):
                await engine.run("t", f"{text} {number}")
            await engine.run("t", text, session="s")
            setup, store, recall = engine._setup, engine.store, engine._recall
            request: Request = request_of(setup, "t", text, (), None)
            secret = bytes.fromhex(await store.secret(SECRET))
            key, stranger, now = PinKey("default", "pinned"), PinKey("default", "stranger"), engine._now()
            await store.put_pin(manual_pin(key, message="", policy=setup.config.pins, now=now))

            async def hit() -> None:
                turn = await recall.turn(setup, request, PLAN, tenant="default", session="s", now=now)
                assert turn is not None
                assert turn.found is not None
                assert served(turn.found, request.task) is not None

            async def pin() -> None:
                assert await store.pin(key) is not None

            async def no_pin() -> None:
                assert await store.pin(stranger) is None

            async def floor() -> None:
                hmac.digest(secret, text.encode(), "sha256")

            async def again() -> None:
                await engine.run("t", text, session="s")

            found = await compared({"hit": hit, "pin": pin, "no pin": no_pin, "floor": floor}, blocks, times)
            whole = await compared({"request": again}, 3, max(20, times // 20))
    size = f"{length:,} characters{'' if text.isascii() else ', € among them'}"
    what = f"exact hit, {size}, {entries:,} answers kept"
    ratio = Row.ratio(what, found["hit"], found["pin"], "looking up a pin")
    return [
        Row.of(what, in_us(found["hit"]), "us"),
        ratio.at_most(MOST) if length <= PROMISED and text.isascii() else ratio,
        Row.ratio(f"its floor, encoding and one HMAC, {size}", found["floor"], found["pin"], "looking up a pin"),
        Row.ratio(what, found["hit"], found["no pin"], "looking for a pin that is not there"),
        Row.of("whole request that it answers", in_us(whole["request"]), "us"),
    ]


def in_us(seconds: list[float]) -> list[float]:
    return [one * 1e6 for one in seconds]


async def measure_all(quick: bool) -> list[Row]:
    blocks, times = (15, 200) if quick else (41, 1000)
    most = 1_000 if quick else 20_000
    return [
        row for length, entries, line in SIZES for row in await measure(length, min(entries, most), line, blocks, times)
    ]


def main() -> None:
    run = begin("cache", command(__doc__, quick="fewer and shorter blocks"))
    run.tell(anyio.run(measure_all, run.options.quick))


if __name__ == "__main__":
    main()
