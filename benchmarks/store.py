"""How fast the store is: pin lookups against a plain prepared SELECT, and awaited rows a second.

    python benchmarks/store.py [--quick] [--json FILE]

Variants run in turns within one process, so that a busy machine slows all of them alike; the ratios are
what to look at.
"""

from __future__ import annotations

import asyncio
import sqlite3
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from pathlib import Path

from results import Row as Figure
from results import begin, command

from qualityroute.pins import Pin, PinKey, Rejected
from qualityroute.records import (
    Attempt,
    Decision,
    ModelCall,
    Outcome,
    Reason,
    Role,
    Route,
    Ruling,
    Tier,
    Usage,
    Verdict,
)
from qualityroute.store import Entry, SessionStore, SQLiteStore
from qualityroute.store.files import connect
from qualityroute.store.ledger import rows_of, write_rows
from qualityroute.store.pin_rows import SELECT_ONE, row_of, write_pin

NOW = datetime.now(UTC)


@dataclass(frozen=True)
class Size:
    pins: int
    blocks: int
    lookups: int
    rows: int


FULL = Size(pins=1_000_000, blocks=15, lookups=5_000, rows=2_000)
QUICK = Size(pins=100_000, blocks=7, lookups=2_000, rows=400)


def a_pin(number: int) -> Pin:
    key = PinKey("default", f"session-{number * 7919 % 10_000_019}")
    until = NOW + timedelta(hours=1)
    return Pin(key, Reason.JUDGED, NOW, NOW, until, "judge", "supported: no", f"d{number}", "openai/gpt-5-nano")


def fill(path: Path, pins: int) -> None:
    connection = connect(path)
    connection.execute("BEGIN IMMEDIATE")
    for number in range(pins):
        write_pin(connection, row_of(a_pin(number)))
    connection.execute("COMMIT")
    connection.close()


Lookup = Callable[[PinKey], Awaitable[object]]


async def seconds_for(lookup: Lookup, keys: list[PinKey]) -> float:
    """Of processor time: a lookup never waits, so whatever else the machine does need not count."""
    begin = time.process_time()
    for key in keys:
        await lookup(key)
    return (time.process_time() - begin) / len(keys)


def plain_select(path: Path) -> tuple[sqlite3.Connection, Lookup]:
    connection = connect(path)

    async def lookup(key: PinKey) -> object:
        return connection.execute(SELECT_ONE, (key.tenant, key.session, key.task)).fetchone()

    return connection, lookup


async def measure_lookups(path: Path, pins: int, size: Size) -> list[Figure]:
    """Of sessions without a pin, and of pinned ones when there are any."""
    store = SQLiteStore(path)
    await store.open()
    await asyncio.to_thread(fill, path, pins)
    connection, plain = plain_select(path)
    strangers = [PinKey("default", f"stranger-{number}") for number in range(size.lookups)]
    pinned = [a_pin(number * 31 % pins).key for number in range(size.lookups)] if pins else []
    figures: list[Figure] = []
    for kind, keys in (("without a pin", strangers), ("pinned", pinned)):
        if keys:
            figures += await compare(f"lookup {kind}, {pins:,} pins", store.pin, plain, keys, size.blocks)
    connection.close()
    await store.aclose()
    return figures


async def compare(name: str, ours: Lookup, plain: Lookup, keys: list[PinKey], blocks: int) -> list[Figure]:
    times: tuple[list[float], list[float]] = ([], [])
    for block in range(2 * blocks):
        times[block % 2].append(await seconds_for((ours, plain)[block % 2], keys))
    return [
        Figure.of(name, [1e6 * value for value in times[0]], "us"),
        Figure.of(f"{name}: plain SELECT", [1e6 * value for value in times[1]], "us"),
        Figure.ratio(name, *times, "plain SELECT").at_most(1.5),
    ]


def an_entry(number: int) -> Entry:
    usage = Usage(900, 100, 300)
    answer = ModelCall(Role.ANSWER, Tier.EFFICIENCY, "openai", "gpt-5-nano", usage, Decimal("0.000165"))
    judge = ModelCall(Role.JUDGE, None, "openai", "gpt-5-nano", usage, Decimal("0.0001"))
    verdicts = (
        Verdict("schema", Ruling.ACCEPTED),
        Verdict("judge", Ruling.REJECTED, Reason.JUDGED, "supported: no", 0.2, (judge,)),
    )
    attempt = Attempt(Tier.EFFICIENCY, Ruling.REJECTED, Reason.JUDGED, (answer,), verdicts)
    session = f"session-{number}"
    decision = Decision(
        f"d{number}", NOW, "default", session, "invoice", Route.CASCADE, Outcome.FALLBACK, attempts=(attempt,)
    )
    return Entry(decision, PinKey("default", session), Rejected(Reason.JUDGED, "judge"))


ROWS_AN_ENTRY = 7
"""A decision, an attempt, two calls, two verdicts and a pin."""


async def record_all(store: SessionStore, numbers: Iterator[int], rows: int, callers: int) -> float:
    """Decisions a second; each caller waits for its commit before the next."""
    entries = iter([an_entry(next(numbers)) for _ in range(rows)])

    async def caller() -> None:
        for entry in entries:
            await store.record(entry)

    begin = time.perf_counter()
    await asyncio.gather(*(caller() for _ in range(callers)))
    return rows / (time.perf_counter() - begin)


CALLERS = (1, 16, 500)
"""At once: alone, a usual load, and in bulk."""
PROMISED_ROWS = {16: 50_000, 500: 100_000}


def plain_rows(path: Path, numbers: Iterator[int], decisions: int) -> float:
    """Rows a second that SQLite takes when they are ready, nobody waits, and there is one transaction."""
    ready = [rows_of(an_entry(next(numbers)).decision, {}) for _ in range(decisions)]
    pins = [row_of(a_pin(next(numbers))) for _ in range(decisions)]
    connection = connect(path)
    begin = time.perf_counter()
    connection.execute("BEGIN IMMEDIATE")
    for rows, pin in zip(ready, pins, strict=True):
        write_pin(connection, pin)
        write_rows(connection, rows, None)
    connection.execute("COMMIT")
    taken = time.perf_counter() - begin
    connection.close()
    return ROWS_AN_ENTRY * decisions / taken


async def measure_records(path: Path, size: Size) -> list[Figure]:
    store = SQLiteStore(path)
    await store.open()
    numbers = count()
    speeds: dict[int, list[float]] = {callers: [] for callers in CALLERS}
    plain: list[float] = []
    for _ in range(size.blocks):
        for callers, told in speeds.items():
            told.append(await record_all(store, numbers, size.rows if callers > 1 else size.rows // 4, callers))
        plain.append(await asyncio.to_thread(plain_rows, path, numbers, size.rows))
    await store.aclose()
    rows = {callers: [ROWS_AN_ENTRY * value for value in told] for callers, told in speeds.items()}
    decisions = [Figure.of(f"decisions a second, {callers} waiting", told, "/s") for callers, told in speeds.items()]
    return [
        *decisions,
        *(rows_a_second(callers, told) for callers, told in rows.items()),
        Figure.of("rows a second, ready and unawaited", plain, "/s"),
        *(
            Figure.ratio(f"rows a second, {callers} waiting", told, plain, "ready and unawaited")
            for callers, told in rows.items()
        ),
    ]


def rows_a_second(callers: int, told: list[float]) -> Figure:
    figure = Figure.of(f"rows a second, {callers} waiting", told, "/s")
    return figure.at_least(PROMISED_ROWS[callers]) if callers in PROMISED_ROWS else figure


def growth(empty: list[Figure], full: list[Figure], pins: int) -> Figure:
    """What pins in the file add to a lookup. The medians of two series of blocks, so that it has no quartiles."""
    ratio = full[0].value / empty[0].value
    return Figure(f"lookup without a pin, {pins:,} pins", ratio, "x", "one in an empty file").at_most(2)


async def measure(size: Size) -> list[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        empty = await measure_lookups(Path(folder, "empty.db"), 0, size)
        full = await measure_lookups(Path(folder, "full.db"), size.pins, size)
        records = await measure_records(Path(folder, "ledger.db"), size)
        return [*empty, *full, growth(empty, full, size.pins), *records]


def main() -> None:
    run = begin("store", command(__doc__, quick="fewer pins, shorter blocks"))
    run.tell(asyncio.run(measure(QUICK if run.options.quick else FULL)))


if __name__ == "__main__":
    main()
