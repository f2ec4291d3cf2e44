"""Does the engine's memory grow? What 10,000 requests add to the process, after 2,000 that fill its pools and caches.

    python benchmarks/memory.py [--quick] [--json FILE]

The requests are those of `overhead.py` with a schema, 16 at once, each in a session of its own, so that whatever is
kept of a request or a session would show. The memory is what the process holds (resident set size), after Python's
garbage collector ran and the C library gave back what is free.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
import os
import tempfile
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from overhead import config_for, take_a_core
from overhead_task import document
from results import Row, begin, command
from upstream import running_upstream

from qualityroute import Engine

WARM_UP, MEASURED = 2_000, 10_000
QUICK = 10
"""So many times fewer."""
CONCURRENCY = 16
PARTS = 5
"""The measured requests are told in parts, to see whether growth goes on."""


def resident() -> float:
    """MiB."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


async def serve(engine: Engine, numbers: Iterator[int]) -> None:
    text = document()

    async def caller() -> None:
        for number in numbers:
            await engine.run("schema", text, session=f"session-{number}")

    await asyncio.gather(*(caller() for _ in range(CONCURRENCY)))


async def measure(base_url: str, folder: Path, times_fewer: int) -> list[Row]:
    warm_up, measured = WARM_UP // times_fewer, MEASURED // times_fewer
    async with Engine(config_for(base_url, folder)) as engine:
        await serve(engine, iter(range(warm_up)))
        held = [resident()]
        for part in range(PARTS):
            begin_at = warm_up + part * measured // PARTS
            await serve(engine, iter(range(begin_at, begin_at + measured // PARTS)))
            held.append(resident())
    parts = [after - before for before, after in pairwise(held)]
    return [
        Row("resident after the first requests", held[0], "MiB"),
        Row(f"growth over {measured:,} requests", held[-1] - held[0], "MiB").at_most(1),
        Row.of(f"growth over each {measured // PARTS:,} of them", parts, "MiB"),
    ]


def main() -> None:
    run = begin("memory", command(__doc__, quick="a tenth of the requests"))
    upstream_core = take_a_core()
    with tempfile.TemporaryDirectory() as folder, running_upstream(upstream_core) as base_url:
        run.tell(asyncio.run(measure(base_url, Path(folder), QUICK if run.options.quick else 1)))


if __name__ == "__main__":
    main()
