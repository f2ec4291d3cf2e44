"""What the engine adds to a call: its CPU time against `AsyncOpenAI.chat.completions.create`, in one run.

    python benchmarks/overhead.py [--quick] [--peers] [--json FILE]

All variants take turns in short blocks within one process, against one upstream in another, each on a core of its own
where there are two. Each block is compared with the bare block of its own round, so that a busy machine slows both;
the ratios are what to look at. The bare call sends the instructions and the document; the engine's calls carry their
schema too, and the judge's its questions and the answer, so the ratios hold these against us.

The engine is there three times: with the extra `fast`, with its compiled validator alone on the transport that the bare
call has, and as it is without. `--peers` adds LiteLLM's Router and instructor, in an environment that is made for them,
each compared with the `AsyncOpenAI` there.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from importlib.util import find_spec
from pathlib import Path
from unittest import mock

from blocks import Ask, Row, Spread, Variant, compare_all
from openai import AsyncOpenAI
from overhead_task import INSTRUCTIONS, document, schema_of
from results import Row as Figure
from results import begin, command
from upstream import INVOICE, running_upstream

from qualityroute import Config, Engine
from qualityroute.gates.validators import VARIABLE

ONE, TWO = "AsyncOpenAI create", "AsyncOpenAI create, twice"
SESSIONS = 64
PRICE = {"effective_from": "2026-01-01", "input": "0.10", "output": "0.40"}

FULL, QUICK = 3200, 160
"""Requests of each variant at each concurrency."""

LIMITS = {
    "pinned session": 1.08,
    "schema gate (compiled": 1.12,
    "schema gate (pure": 1.65,
    "schema and judge (compiled": 1.08,
}
"""Of processor time, by how a variant's name begins."""


def config_for(base_url: str, folder: Path, transport: str = "auto") -> Config:
    schema = schema_of(INVOICE)
    models = ("upstream/small", "upstream/large", "upstream/judge")
    return Config.model_validate(
        {
            "providers": {"upstream": {"base_url": base_url, "transport": transport}},
            "tiers": {"efficiency": {"models": [models[0]]}, "performance": {"models": [models[1]]}},
            "judge": {"model": models[2]},
            "tasks": {
                "plain": {"instructions": INSTRUCTIONS},
                "schema": {"instructions": INSTRUCTIONS, "schema": schema},
                "judged": {
                    "instructions": INSTRUCTIONS,
                    "schema": schema,
                    "rubric": "extraction",
                    "gate": ["schema", "judge"],
                },
            },
            "store": {"url": f"sqlite:///{folder / 'overhead.db'}"},
            "prices": [{"model": model, **PRICE} for model in models],
        }
    )


def engines_for(base_url: str, folder: Path) -> dict[str, Engine]:
    """By what they are installed with."""
    with mock.patch.dict(os.environ, {VARIABLE: "pure"}):
        engines = {"pure": Engine(config_for(base_url, folder, "httpx"))}
    if find_spec("jsonschema_rs"):
        engines["compiled"] = Engine(config_for(base_url, folder, "httpx"))
    if find_spec("jsonschema_rs") and find_spec("aiohttp"):
        engines["compiled, aiohttp"] = Engine(config_for(base_url, folder))
    return engines


def variants_of(client: AsyncOpenAI, engines: dict[str, Engine]) -> list[Variant]:
    variants = [Variant(ONE, 1, ONE, bare(client, 1)), Variant(TWO, 2, TWO, bare(client, 2))]
    for kind, engine in engines.items():
        pinned = engine_call(engine, "plain", "pinned")
        if kind != "compiled":  # no schema, so that it is as the pure one
            variants.append(Variant(f"pinned session ({kind.replace('pure', 'httpx')})", 1, ONE, pinned))
        variants.append(Variant(f"schema gate ({kind})", 1, ONE, engine_call(engine, "schema", "free")))
        variants.append(Variant(f"schema and judge ({kind})", 2, TWO, engine_call(engine, "judged", "free")))
    return variants


def bare(client: AsyncOpenAI, calls: int) -> Ask:
    text = document()

    async def ask(number: int) -> int:
        for _ in range(calls):
            await client.chat.completions.create(
                model="small",
                messages=[{"role": "system", "content": INSTRUCTIONS}, {"role": "user", "content": text}],
            )
        return calls

    return ask


def engine_call(engine: Engine, task: str, kind: str) -> Ask:
    text = document()

    async def ask(number: int) -> int:
        answer = await engine.run(task, text, session=f"{kind}-{number % SESSIONS}")
        return sum(len(attempt.all_calls) for attempt in answer.decision.attempts)

    return ask


async def pin_sessions(engine: Engine) -> None:
    for number in range(SESSIONS):
        await engine.pins.add(f"pinned-{number}")


async def measure(base_url: str, folder: Path, requests: int) -> list[Row]:
    engines = engines_for(base_url, folder)
    async with AsyncExitStack() as opened:
        client = await opened.enter_async_context(AsyncOpenAI(base_url=base_url, api_key="none"))
        for engine in engines.values():
            await opened.enter_async_context(engine)
        await pin_sessions(engines["pure"])  # they share one store
        return await compare_all(variants_of(client, engines), requests)


def measure_peers(base_url: str, folder: Path, requests: int) -> list[Row]:
    """In an environment of their own, which is made in `folder`."""
    python = str(folder / "peers" / "bin" / "python")
    uv = str(Path(sys.executable).with_name("uv"))
    subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, str(folder / "peers")], check=True)
    subprocess.run([uv, "pip", "install", "--quiet", "--python", python, "litellm", "instructor"], check=True)
    script = str(Path(__file__).with_name("overhead_peers.py"))
    done = subprocess.run([python, script, base_url, str(requests)], check=True, stdout=subprocess.PIPE)
    return [Row.told(row) for row in json.loads(done.stdout)]


def take_a_core() -> int | None:
    """This process on the second core; the first is for the upstream. `None` where there are no two."""
    if not hasattr(os, "sched_setaffinity") or len(cores := sorted(os.sched_getaffinity(0))) < 2:
        return None
    os.sched_setaffinity(0, {cores[1]})
    return cores[0]


def figures(rows: Sequence[Row]) -> Iterator[Figure]:
    for row in rows:
        name = f"{row.variant}, {row.concurrency} at once"
        yield figure(f"{name}: CPU", row.cpu_us, "us")
        yield figure(f"{name}: p50", row.p50_us, "us")
        if row.against != row.variant:
            yield promised(row, figure(f"{name}: CPU", row.cpu_ratio, "x", row.against))


def figure(what: str, found: Spread, unit: str, ratio_to: str | None = None) -> Figure:
    return Figure(what, found.median, unit, ratio_to, found.least, found.most, found.rounds)


def promised(row: Row, figure: Figure) -> Figure:
    """With its limit, if we promise one: peers have none."""
    limits = [limit for words, limit in LIMITS.items() if row.variant.startswith(words)]
    return figure.at_most(limits[0]) if limits else figure


def main() -> None:
    parser = command(__doc__, quick="under 30 seconds: fewer rounds")
    parser.add_argument("--peers", action="store_true", help="LiteLLM and instructor too: installs them for the run")
    run = begin("overhead", parser)
    requests = QUICK if run.options.quick else FULL
    upstream_core = take_a_core()
    with tempfile.TemporaryDirectory() as folder, running_upstream(upstream_core) as base_url:
        rows = asyncio.run(measure(base_url, Path(folder), requests))
        rows += measure_peers(base_url, Path(folder), requests) if run.options.peers else []
    run.tell(list(figures(rows)))


if __name__ == "__main__":
    main()
