"""What an exact hit costs: finding an earlier answer, against looking up a pin and against asking a model.

    python benchmarks/cache.py [--quick]

Seconds of CPU time, in blocks that take turns, so that a busy machine slows both; each figure is the median of the
blocks with their quartiles. A hit is: the key of the question, the look in the store, the answer in its form.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import anyio

from qualityroute import Config, Engine
from qualityroute.attempts import Request
from qualityroute.engine import _request
from qualityroute.pins import PinKey, manual_pin
from qualityroute.recall import served
from qualityroute.records import Route, Tier
from qualityroute.routing import Plan
from qualityroute.testing import ScriptedClient

SCHEMA = {"type": "object", "properties": {"number": {"type": "string"}, "total": {"type": "number"}}}
ANSWER = '{"number": "2041", "total": 117.5}'
LINE = "Invoice 2041 of Monday, 3 chairs at 12.50, 1 table at 80.00; total due 117.50.\n"
PLAN = Plan(Route.CASCADE, Tier.EFFICIENCY, judged=True, falls_back=True)
MOST = 3.0
"""Times the lookup of a pin; what was promised, of a document of 500 characters."""


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


async def measure(length: int, blocks: int, times: int, entries: int) -> bool:
    text = (LINE * (length // len(LINE) + 1))[:length]
    with tempfile.TemporaryDirectory() as folder:
        client = ScriptedClient({"efficiency": ANSWER, "performance": ANSWER})
        async with Engine(config(), client=client, store=str(Path(folder, "q.db"))) as engine:
            for number in range(entries):
                await engine.run("t", f"{text} {number}")
            await engine.run("t", text, session="s")
            setup, store, recall = engine._setup, engine.store, engine._recall
            request: Request = _request(setup, "t", text, (), None)
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

            async def again() -> None:
                await engine.run("t", text, session="s")

            found = await compared({"a pin": pin, "no pin": no_pin, "hit": hit}, blocks, times)
            whole = await compared({"whole": again}, 3, max(20, times // 20))
    print(f"{length:,} characters, {entries:,} answers kept: an exact hit takes {told(found['hit'])}")
    ratios = {name: ratio(found["hit"], found[name]) for name in ("a pin", "no pin")}
    for name, (low, median, high) in ratios.items():
        print(f"    {median:.2f} [{low:.2f}-{high:.2f}] x looking up {name} ({told(found[name])})")
    print(f"    of a whole request that is answered so, which takes {told(whole['whole'])}")
    return ratios["a pin"][1] <= MOST


def ratio(these: list[float], those: list[float]) -> tuple[float, float, float]:
    low, median, high = statistics.quantiles([one / other for one, other in zip(these, those, strict=True)], n=4)
    return low, median, high


def told(seconds: list[float]) -> str:
    return f"{statistics.median(seconds) * 1e6:.1f} us"


async def measure_all(quick: bool) -> bool:
    blocks, times = (15, 200) if quick else (41, 1000)
    good = await measure(500, blocks, times, 100)
    for length, entries in ((5_000, 100), (50_000, 100), (500, 1_000 if quick else 20_000)):
        await measure(length, blocks, times, entries)
    return good


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer and shorter blocks")
    if not anyio.run(measure_all, parser.parse_args().quick):
        raise SystemExit(f"an exact hit costs more than {MOST:g} x a pin lookup")


if __name__ == "__main__":
    main()
