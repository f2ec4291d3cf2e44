"""What the engine adds to a call: its CPU time against `AsyncOpenAI.chat.completions.create`, in one run.

    python benchmarks/overhead.py [--quick] [--json FILE]

All variants take turns in short blocks within one process, against one upstream in another, each on a core of its own
where there are two. Each block is compared with the bare block of its own round, so that a busy machine slows both;
the ratios are what to look at. The bare call sends the instructions and the document; the engine's calls carry their
schema too, and the judge's its questions and the answer, so the ratios hold these against us.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import random
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeAlias

from openai import AsyncOpenAI
from rich.console import Console
from rich.table import Table
from upstream import INVOICE, ITEMS, running_upstream

from qualityroute import Config, Engine

SESSIONS = 64
CONCURRENCIES = (1, 16)
INSTRUCTIONS = "Extract the invoice's fields as JSON."
PRICE = {"effective_from": "2026-01-01", "input": "0.10", "output": "0.40"}

Ask: TypeAlias = Callable[[int], Awaitable[int]]
"""Serves one request, by its number, and says how many calls it made of the upstream."""

FULL, QUICK = 3200, 160
"""Requests of each variant at each concurrency."""


@dataclass(frozen=True)
class Variant:
    name: str
    calls: int
    against: str
    """The variant it is compared with."""
    ask: Ask


@dataclass(frozen=True)
class Block:
    cpu: float
    """Seconds of CPU time for one request."""
    p50: float
    """Seconds from request to answer."""


@dataclass(frozen=True)
class Quartiles:
    low: float
    median: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Quartiles:
        return cls(*statistics.quantiles(values, n=4))

    def __str__(self) -> str:
        digits = 2 if self.median < 100 else 0
        return f"{self.median:.{digits}f} [{self.low:.{digits}f}-{self.high:.{digits}f}]"


@dataclass(frozen=True)
class Row:
    variant: Variant
    concurrency: int
    cpu: Quartiles
    """Microseconds for one request."""
    p50: Quartiles
    """Microseconds."""
    ratio: Quartiles
    """Of CPU time, to the variant it is compared with."""


def schema_of(value: Any) -> dict[str, Any]:
    """The schema somebody would write for a value such as this."""
    match value:
        case dict():
            properties = {name: schema_of(part) for name, part in value.items()}
            return {
                "type": "object",
                "properties": properties,
                "required": list(properties),
                "additionalProperties": False,
            }
        case list():
            return {"type": "array", "items": schema_of(value[0]), "minItems": 1}
        case bool():
            return {"type": "boolean"}
        case int() | float():
            return {"type": "number", "minimum": 0}
        case _:
            return {"type": ["string", "null"], "maxLength": 200}


def document() -> str:
    """The invoice as its reader sees it."""
    seller, buyer = INVOICE["seller"], INVOICE["buyer"]
    lines = "\n".join(
        f"{code}  {text:<42} {quantity:>3} x {price:>8.2f} = {quantity * price:>8.2f}"
        for code, text, quantity, price in ITEMS
    )
    return (
        f"{seller['name']}, {seller['street']}, {seller['city']}, {seller['tax_id']}\n"
        f"To: {buyer['name']}, {buyer['street']}, {buyer['city']}\n\n"
        f"Invoice {INVOICE['number']} of {INVOICE['date']}, due {INVOICE['due']}\n\n{lines}\n\n"
        f"Net {INVOICE['net']} EUR, tax 19 % {INVOICE['tax']} EUR, total {INVOICE['total']} EUR\n"
        f"IBAN {INVOICE['iban']}\n{INVOICE['note']}\n"
    )


def config_for(base_url: str, folder: Path) -> Config:
    schema = schema_of(INVOICE)
    models = ("upstream/small", "upstream/large", "upstream/judge")
    return Config.model_validate(
        {
            "providers": {"upstream": {"base_url": base_url}},
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


def variants_of(client: AsyncOpenAI, engine: Engine) -> tuple[Variant, ...]:
    one, two = bare(client, 1), bare(client, 2)
    return (
        Variant("AsyncOpenAI create", 1, "AsyncOpenAI create", one),
        Variant("AsyncOpenAI create, twice", 2, "AsyncOpenAI create, twice", two),
        Variant("engine, pinned session", 1, "AsyncOpenAI create", engine_call(engine, "plain", "pinned")),
        Variant("engine, schema gate", 1, "AsyncOpenAI create", engine_call(engine, "schema", "free")),
        Variant("engine, schema and judge", 2, "AsyncOpenAI create, twice", engine_call(engine, "judged", "free")),
    )


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
    config = config_for(base_url, folder)
    async with AsyncOpenAI(base_url=base_url, api_key="none") as client, Engine(config) as engine:
        await pin_sessions(engine)
        variants = variants_of(client, engine)
        return [row for concurrency in CONCURRENCIES for row in await compare(variants, concurrency, requests)]


async def compare(variants: Sequence[Variant], concurrency: int, requests: int) -> list[Row]:
    # As short as can be: on a shared machine the noise comes in bursts, which then hit few rounds.
    size = max(8, 2 * concurrency)
    blocks: dict[str, list[Block]] = {variant.name: [] for variant in variants}
    for variant in variants:
        await run_block(variant, size, concurrency)  # fills pools and caches, and is not counted
    chance = random.Random(1)
    for _ in range(requests // size):
        # Shuffled, not only rotated: next to the same one each time, a variant pays for the caches that one left cold.
        for variant in chance.sample(variants, len(variants)):
            blocks[variant.name].append(await run_block(variant, size, concurrency))
    return [row_of(variant, concurrency, blocks[variant.name], blocks[variant.against]) for variant in variants]


async def run_block(variant: Variant, requests: int, concurrency: int) -> Block:
    numbers = iter(range(requests))
    taken: list[float] = []
    calls: list[int] = []

    async def worker() -> None:
        for number in numbers:
            begin = time.perf_counter()
            calls.append(await variant.ask(number))
            taken.append(time.perf_counter() - begin)

    begin = time.process_time()
    await asyncio.gather(*(worker() for _ in range(concurrency)))
    cpu = time.process_time() - begin
    if set(calls) != {variant.calls}:
        raise SystemExit(f"'{variant.name}' made {set(calls)} calls for a request; right is {variant.calls}")
    return Block(cpu / requests, statistics.median(taken))


def row_of(variant: Variant, concurrency: int, blocks: Sequence[Block], reference: Sequence[Block]) -> Row:
    return Row(
        variant,
        concurrency,
        cpu=Quartiles.of([1e6 * block.cpu for block in blocks]),
        p50=Quartiles.of([1e6 * block.p50 for block in blocks]),
        ratio=Quartiles.of([block.cpu / other.cpu for block, other in zip(blocks, reference, strict=True)]),
    )


def take_a_core() -> int | None:
    """This process on the second core; the first is for the upstream. `None` where there are no two."""
    if not hasattr(os, "sched_setaffinity") or len(cores := sorted(os.sched_getaffinity(0))) < 2:
        return None
    os.sched_setaffinity(0, {cores[1]})
    return cores[0]


def machine(cores: int, *, apart: bool) -> dict[str, str]:
    http = "httpx2" if int(version("openai").split(".")[0]) >= 3 else "httpx"
    versions = ", ".join(f"{name} {version(name)}" for name in ("openai", http, "jsonschema", "pydantic"))
    return {
        "machine": f"{processor()}, {cores} cores, {platform.system()} {platform.release()}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "packages": f"{versions}, SQLite {sqlite3.sqlite_version}",
        "cores": "upstream and client on one each" if apart else "shared by upstream and client",
        "load": " ".join(f"{load:.1f}" for load in os.getloadavg()) + " before the run",
    }


def processor() -> str:
    try:
        told = Path("/proc/cpuinfo").read_text()
    except OSError:
        told = ""
    names = [line.partition(":")[2].strip() for line in told.splitlines() if line.startswith("model name")]
    return names[0] if names else platform.machine()


def print_rows(rows: Sequence[Row]) -> None:
    table = Table("variant", "at once", "calls", "CPU us a request", "p50 us", "CPU ratio", "to")
    for row in rows:
        name, calls, against = row.variant.name, str(row.variant.calls), row.variant.against
        compared = (str(row.ratio), against) if against != name else ("1", "")
        table.add_row(name, str(row.concurrency), calls, str(row.cpu), str(row.p50), *compared)
    Console(width=None if Console().is_terminal else 160).print(table)


def told(row: Row) -> dict[str, Any]:
    return {
        "variant": row.variant.name,
        "calls": row.variant.calls,
        "concurrency": row.concurrency,
        "cpu_us": vars(row.cpu),
        "p50_us": vars(row.p50),
        "against": row.variant.against,
        "cpu_ratio": vars(row.ratio),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="under 25 seconds: fewer rounds")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures there")
    options = parser.parse_args()
    requests = QUICK if options.quick else FULL
    cores, upstream_core = os.cpu_count() or 1, take_a_core()
    described = machine(cores, apart=upstream_core is not None)
    with tempfile.TemporaryDirectory() as folder, running_upstream(upstream_core) as base_url:
        rows = asyncio.run(measure(base_url, Path(folder), requests))
    print_rows(rows)
    print(f"median [quartiles] over short blocks, {requests} requests of each variant")
    print("\n".join(f"{name}: {value}" for name, value in described.items()))
    if options.json is not None:
        figures = {**described, "requests": requests, "rows": [told(row) for row in rows]}
        options.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
