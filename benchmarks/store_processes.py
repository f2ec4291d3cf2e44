"""Four processes that write pins to one file at the same time, as `store.py` measures them."""

from __future__ import annotations

import asyncio
import multiprocessing
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

from results import Row

from qualityroute.errors import StoreError
from qualityroute.pins import Pin, PinKey
from qualityroute.records import Reason
from qualityroute.store import SQLiteStore

PROCESSES = 4
CALLERS = 64
"""In each process, each waiting for its commit before the next."""
SESSIONS = 100_000
PROMISED = 20_000


@dataclass(frozen=True)
class Told:
    """What one process saw."""

    written: int
    refused: int
    """Pins that could not be written, whatever the reason; "database is locked" would be one."""
    seconds: float
    longest: float
    """Seconds that one pin took."""


def measure_processes(path: Path, seconds: float) -> list[Row]:
    """Pins written a second by all of them together, how many were refused, and the longest wait."""
    start = time.time() + 2  # by then all have imported what they need
    with ProcessPoolExecutor(PROCESSES, multiprocessing.get_context("spawn")) as pool:
        many = [(path, process, start, seconds) for process in range(PROCESSES)]
        told = list(pool.map(_process, *zip(*many, strict=True)))
    written = sum(one.written for one in told) / max(one.seconds for one in told)
    name = f"pins, {PROCESSES} processes together"
    return [
        Row(f"{name}: written", written, "/s").at_least(PROMISED),
        Row(f"{name}: refused", sum(one.refused for one in told), "").at_most(0),
        Row(f"{name}: longest wait", 1000 * max(one.longest for one in told), "ms"),
    ]


def _process(path: Path, process: int, start: float, seconds: float) -> Told:
    return asyncio.run(_write_pins(path, process, start, seconds))


async def _write_pins(path: Path, process: int, start: float, seconds: float) -> Told:
    store = SQLiteStore(path)
    await store.open()
    await asyncio.sleep(max(0, start - time.time()))
    began, numbers, refused, longest = time.perf_counter(), count(), 0, 0.0

    async def caller() -> None:
        nonlocal refused, longest
        while (asked := time.perf_counter()) < began + seconds:
            try:
                await store.put_pin(_pin(next(numbers) * 7919 % SESSIONS, process))
            except StoreError:
                refused += 1
            longest = max(longest, time.perf_counter() - asked)

    await asyncio.gather(*(caller() for _ in range(CALLERS)))
    taken = time.perf_counter() - began
    await store.aclose()
    return Told(next(numbers) - refused, refused, taken, longest)


def _pin(session: int, process: int) -> Pin:
    now = datetime.now(UTC)
    key = PinKey("default", f"session-{session}")
    return Pin(key, Reason.JUDGED, now, now, now + timedelta(hours=1), "judge", "supported: no", f"d{process}")
