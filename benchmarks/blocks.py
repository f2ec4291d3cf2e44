"""Variants that take turns in short blocks within one process, each compared with another one of its own round.

So a busy machine slows both, and the ratios hold. Nothing but the standard library, so that peers can be measured in
environments of their own.
"""

from __future__ import annotations

import asyncio
import random
import statistics
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

CONCURRENCIES = (1, 16)

Ask: TypeAlias = Callable[[int], Awaitable[int]]
"""Serves one request, by its number, and says how many calls it made of the upstream."""


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
class Spread:
    """Over the rounds."""

    least: float
    median: float
    most: float
    rounds: int

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        return cls(min(values), statistics.median(values), max(values), len(values))


@dataclass(frozen=True)
class Row:
    variant: str
    calls: int
    against: str
    concurrency: int
    cpu_us: Spread
    """For one request."""
    p50_us: Spread
    cpu_ratio: Spread
    """To the variant it is compared with."""

    @classmethod
    def told(cls, figures: dict[str, Any]) -> Row:
        """From what `dataclasses.asdict` made of one."""
        return cls(**{name: Spread(**part) if isinstance(part, dict) else part for name, part in figures.items()})


async def compare_all(variants: Sequence[Variant], requests: int) -> list[Row]:
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
        variant.name,
        variant.calls,
        variant.against,
        concurrency,
        cpu_us=Spread.of([1e6 * block.cpu for block in blocks]),
        p50_us=Spread.of([1e6 * block.p50 for block in blocks]),
        cpu_ratio=Spread.of([block.cpu / other.cpu for block, other in zip(blocks, reference, strict=True)]),
    )
