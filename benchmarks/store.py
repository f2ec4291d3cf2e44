"""How fast the store is: pin lookups against a plain prepared SELECT, rows a second, and four processes on one file.

    python benchmarks/store.py [--quick] [--json FILE]

A row is one row of a table. A decision here is seven of them, in one transaction: itself, an attempt, two calls, two
verdicts and a pin; what it adds to the counters of its hour is not counted. In bulk the rows are ready and nobody
waits; as in the store, a thread carries the log over into the file. Awaited, each caller hands in a decision, has it
encoded, and waits for its commit before the next. The bare rows say what this machine's SQLite can do: 15 columns, two
indexes, 1,000 in a transaction, and nothing of ours; their commits carry the log over.

Variants run in turns within one process, so that a busy machine slows all of them alike; the ratios are
what to look at.
"""

from __future__ import annotations

import asyncio
import sqlite3
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from pathlib import Path

from results import Row as Figure
from results import begin, command
from store_processes import measure_processes

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
from qualityroute.store.checkpoints import Checkpoints
from qualityroute.store.commits import Write, commit
from qualityroute.store.file_transactions import FileTransactions
from qualityroute.store.files import connect
from qualityroute.store.ledger import rows_of, write_rows
from qualityroute.store.pin_rows import SELECT_ONE, row_of, write_pin
from qualityroute.store.statements import Connection
from qualityroute.store.tallies import add, count_of

NOW = datetime.now(UTC)


@dataclass(frozen=True)
class Size:
    pins: int
    blocks: int
    lookups: int
    rows: int
    """Decisions in a block."""
    seconds: float
    """That four processes write pins."""


FULL = Size(pins=1_000_000, blocks=15, lookups=5_000, rows=2_000, seconds=3)
QUICK = Size(pins=100_000, blocks=7, lookups=2_000, rows=400, seconds=1)


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
        f"{number:024x}", NOW, "default", session, "invoice", Route.CASCADE, Outcome.FALLBACK, attempts=(attempt,)
    )
    return Entry(decision, PinKey("default", session), Rejected(Reason.JUDGED, "judge"))


ROWS_AN_ENTRY = 7
"""A decision, an attempt, two calls, two verdicts and a pin."""


CALLERS = (1, 16, 500)
"""At once: alone, a usual load, and in bulk."""
PROMISED_ROWS = {16: 50_000}
PROMISED_IN_BULK = 100_000


@dataclass(frozen=True)
class Speed:
    """Of rows that one thread writes."""

    rows_a_second: float
    processor_us: float
    """For one row; the machine's other work does not count."""


@contextmanager
def timed(rows: int, told: list[Speed]) -> Iterator[None]:
    clock, processor = time.perf_counter(), time.thread_time()
    yield
    told.append(Speed(rows / (time.perf_counter() - clock), 1e6 * (time.thread_time() - processor) / rows))


async def record_all(store: SessionStore, numbers: Iterator[int], decisions: int, callers: int) -> Speed:
    """Each caller waits for its commit before the next."""
    entries = iter([an_entry(next(numbers)) for _ in range(decisions)])
    told: list[Speed] = []

    async def caller() -> None:
        for entry in entries:
            await store.record(entry)

    with timed(ROWS_AN_ENTRY * decisions, told):
        await asyncio.gather(*(caller() for _ in range(callers)))
    return told[0]


def rows_in_bulk(
    path: Path, checkpoints: Checkpoints, numbers: Iterator[int], decisions: int, told: list[Speed]
) -> None:
    """Rows with their counters, in the groups that the store makes of a crowd, on a connection like its own."""
    connection = connect(path, checkpoints=False)
    transactions = FileTransactions(connection, committed=checkpoints.note)
    ready = [Write(ready_work(next(numbers)), ()) for _ in range(decisions)]
    with timed(ROWS_AN_ENTRY * decisions, told):
        for at in range(0, decisions, transactions.largest):
            commit(transactions, ready[at : at + transactions.largest], lambda most: [])
    connection.close()
    failed = [write.error for write in ready if write.error is not None]
    if failed:
        raise SystemExit(f"not written: {failed[0]}")


def ready_work(number: int) -> Callable[[Connection], None]:
    """What writes a decision whose rows are ready, and its pin."""
    decision = an_entry(number).decision
    rows, counted, pin = rows_of(decision, {}), count_of(decision, 1), row_of(a_pin(number))

    def work(connection: Connection) -> None:
        write_pin(connection, pin)
        add(connection, counted, session_attempt=write_rows(connection, rows, None), effect=None)

    return work


def bare_rows(path: Path, numbers: Iterator[int], rows: int, told: list[Speed]) -> None:
    """Rows of SQLite alone."""
    at = NOW.isoformat()
    words = ("default", "invoice", "cascade", "fallback", "judged", "performance", "openai/gpt-5-nano", None, "", "{}")
    ready = [
        (f"{n:024x}", at, f"session-{n * 7919 % 10_000_019}", 0.000165, 812.5, *words) for n in take(numbers, rows)
    ]
    connection = connect(path)
    connection.execute(f"CREATE TABLE IF NOT EXISTS bare ({', '.join(f'c{n}' for n in range(15))})")
    for column in ("c0", "c2"):
        connection.execute(f"CREATE INDEX IF NOT EXISTS bare_{column} ON bare ({column})")
    with timed(rows, told):
        for start in range(0, rows, 1000):
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(f"INSERT INTO bare VALUES ({', '.join('?' * 15)})", ready[start : start + 1000])
            connection.execute("COMMIT")
    connection.close()


def take(numbers: Iterator[int], many: int) -> list[int]:
    return [next(numbers) for _ in range(many)]


async def measure_records(path: Path, size: Size) -> list[Figure]:
    store = SQLiteStore(path)
    await store.open()
    numbers, carrier = count(), connect(path, checkpoints=False)
    checkpoints = Checkpoints(carrier)
    awaited: dict[int, list[Speed]] = {callers: [] for callers in CALLERS}
    in_bulk: list[Speed] = []
    bare_ones: list[Speed] = []
    for _ in range(size.blocks):
        for callers, told in awaited.items():
            decisions = size.rows if callers > 1 else size.rows // 4
            told.append(await record_all(store, numbers, decisions, callers))
        await asyncio.to_thread(rows_in_bulk, path, checkpoints, numbers, size.rows, in_bulk)
        await asyncio.to_thread(bare_rows, path.with_name("bare.db"), numbers, 5 * size.rows, bare_ones)
    checkpoints.close()
    carrier.close()
    await store.aclose()
    bulk, bare = ([speed.rows_a_second for speed in speeds] for speeds in (in_bulk, bare_ones))
    bulk_us, bare_us = ([speed.processor_us for speed in speeds] for speeds in (in_bulk, bare_ones))
    return [
        Figure.of("bare rows a second", bare, "/s"),
        Figure.of("rows a second in bulk", bulk, "/s").at_least(PROMISED_IN_BULK),
        Figure.of("bare row: processor", bare_us, "us"),
        Figure.of("row in bulk: processor", bulk_us, "us"),
        Figure.ratio("row in bulk: processor", bulk_us, bare_us, "a bare row"),
        *(rows_a_second(callers, told) for callers, told in awaited.items()),
        *(against_bare(callers, told, bare_ones) for callers, told in awaited.items()),
        *(processor(callers, told, bare_ones) for callers, told in awaited.items()),
    ]


def rows_a_second(callers: int, told: list[Speed]) -> Figure:
    figure = Figure.of(f"rows a second, {callers} waiting", [speed.rows_a_second for speed in told], "/s")
    return figure.at_least(PROMISED_ROWS[callers]) if callers in PROMISED_ROWS else figure


def against_bare(callers: int, told: list[Speed], bare: list[Speed]) -> Figure:
    speeds = ([speed.rows_a_second for speed in those] for those in (told, bare))
    return Figure.ratio(f"rows a second, {callers} waiting", *speeds, "bare rows")


def processor(callers: int, told: list[Speed], bare: list[Speed]) -> Figure:
    """It hardly depends on what else the machine does."""
    times = ([speed.processor_us for speed in those] for those in (told, bare))
    return Figure.ratio(f"row, {callers} waiting: processor", *times, "a bare row")


def growth(empty: list[Figure], full: list[Figure], pins: int) -> Figure:
    """What pins in the file add to a lookup. The medians of two series of blocks, so that it has no quartiles."""
    ratio = full[0].value / empty[0].value
    return Figure(f"lookup without a pin, {pins:,} pins", ratio, "x", "one in an empty file").at_most(2)


async def measure(size: Size) -> list[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        empty = await measure_lookups(Path(folder, "empty.db"), 0, size)
        full = await measure_lookups(Path(folder, "full.db"), size.pins, size)
        records = await measure_records(Path(folder, "ledger.db"), size)
        together = await asyncio.to_thread(measure_processes, Path(folder, "processes.db"), size.seconds)
        return [*empty, *full, growth(empty, full, size.pins), *records, *together]


def main() -> None:
    run = begin("store", command(__doc__, quick="fewer pins, shorter blocks"))
    run.tell(asyncio.run(measure(QUICK if run.options.quick else FULL)))


if __name__ == "__main__":
    main()
