"""What a forecast costs a request: reading the cells, deciding, counting the prompt; nothing for other tasks."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

import anyio

from qualityroute import Config, Engine
from qualityroute.complexity import features, shape_of
from qualityroute.pins import PinKey
from qualityroute.testing import ScriptedClient

TEXT = "Invoice 2041 of Monday, 3 chairs at 12.50, 1 table at 80.00; total due 117.50, payable within 30 days. " * 20
ROUNDS = 1000


def forecast_microseconds() -> dict[str, float]:
    return anyio.run(_measured)


def _config(tier: str) -> Config:
    models = {"efficiency": {"models": ["openai/a"]}, "performance": {"models": ["openai/b"]}}
    return Config.model_validate({"tiers": models, "tasks": {"t": {"tier": tier}}, "routing": {"explore": 0}})


async def _measured() -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        client = ScriptedClient({"efficiency": "yes", "performance": "yes"})
        found: dict[str, float] = {}
        for tier in ("efficiency", "auto"):
            engine = Engine(_config(tier), client=client, store=str(Path(folder, f"{tier}.db")))
            async with engine:
                for _ in range(60):
                    await engine.run("t", TEXT)
                started = time.process_time()
                for _ in range(300):
                    await engine.run("t", TEXT)
                found[f"whole request on {tier}"] = (time.process_time() - started) / 300 * 1e6
                if tier == "auto":
                    found |= await _parts(engine)
        return found


async def _parts(engine: Engine) -> dict[str, float]:
    from qualityroute.asked import request_of  # noqa: PLC0415  (a part of the engine, measured alone)

    setup, learner, store = engine._setup, engine._learner, engine._store
    request: Any = request_of(setup, "t", TEXT, (), None)
    shape, key = shape_of(None), PinKey("default", "user-42")
    return {
        "pin lookup": await _each(lambda: store.pin(key)),
        "forecast": await _each(lambda: learner.forecast(setup, request, "d", certified=False)),
        "of which counting 2,000 characters": await _each(lambda: _plain(features, request.messages, shape)),
    }


async def _plain(work: Any, *arguments: Any) -> Any:
    return work(*arguments)


async def _each(work: Any) -> float:
    started = time.process_time()
    for _ in range(ROUNDS):
        await work()
    return (time.process_time() - started) / ROUNDS * 1e6
