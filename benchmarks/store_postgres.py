"""How fast the store is on PostgreSQL: a pin looked up, and decisions written by callers that wait for their commit.

    python benchmarks/store_postgres.py [--quick] [--json FILE]

It starts a server of its own on this machine, with every commit flushed to the disk, and shares the processors
with it. Over a network each way to the server and back is added: one for a look-up, about five for a decision that
comes alone.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import sys
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ProcessPoolExecutor
from datetime import timedelta
from itertools import count
from pathlib import Path

import psycopg
from results import Row as Figure
from results import begin, command
from store import NOW, QUICK, ROWS_AN_ENTRY, Size, a_pin, record_all

from qualityroute.pins import PinKey
from qualityroute.retention import prune
from qualityroute.store import SessionStore, open_store
from qualityroute.store.columns import moment
from qualityroute.store.pin_rows import SELECT_ONE

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from postgres_server import Server, new_server

FULL = Size(pins=1_000_000, blocks=9, lookups=1_000, rows=1_000, seconds=0)
SMALL = Size(pins=10_000, blocks=QUICK.blocks, lookups=200, rows=200, seconds=0)
DURABLE = {"fsync": "on", "full_page_writes": "on", "synchronous_commit": "on", "autovacuum": "on"}
CALLERS = (1, 16, 128)
PROCESSES = 4


def fill(url: str, pins: int) -> None:
    """Pins made by the server itself, like one that is there."""
    pin = a_pin(0)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            """
            INSERT INTO pins (
              session, tenant, task, state, reason, "check", message, since, until, last_used, model, decision_id,
              served, failed_probes, strikes, held, hold, remaining, passed_probes
            )
            SELECT 'session-' || (number * 7919 %% 10000019), 'default', '', 'held', 'judged', 'judge', 'supported: no',
              %s, %s, %s, 'openai/gpt-5-nano', 'd' || number, 0, 0, 1, 1, 2, 2, 0
            FROM generate_series(1::bigint, %s) AS number
            """,
            (moment(pin.since), moment(pin.until), moment(pin.since), pins),
        )
        connection.execute("ANALYZE pins")


async def measure_lookups(store: SessionStore, url: str, size: Size) -> list[Figure]:
    """Against the same statement, prepared, on a connection of its own and without a thread."""
    keys = [a_pin(1 + number * 31 % size.pins).key for number in range(size.lookups)]
    plain_sql = SELECT_ONE.replace("?", "%s")
    times: dict[str, list[float]] = {"ours": [], "plain": [], "16 at once": []}
    with psycopg.connect(url, autocommit=True) as connection:

        async def plain(key: PinKey) -> object:
            return connection.execute(plain_sql, (key.tenant, key.session, key.task), prepare=True).fetchone()

        for _ in range(size.blocks):
            times["ours"].append(await seconds(store.pin, keys, 1))
            times["plain"].append(await seconds(plain, keys, 1))
            times["16 at once"].append(await seconds(store.pin, keys, 16))
    name = f"lookup, {size.pins:,} pins"
    return [
        Figure.of(name, [1e6 * value for value in times["ours"]], "us"),
        Figure.of(f"{name}: plain SELECT", [1e6 * value for value in times["plain"]], "us"),
        Figure.ratio(name, times["ours"], times["plain"], "plain SELECT"),
        Figure.of(f"{name}: a second, 16 waiting", [1 / value for value in times["16 at once"]], "/s"),
    ]


async def seconds(look: Callable[[PinKey], Awaitable[object]], keys: list[PinKey], callers: int) -> float:
    """For one look-up, by the clock: it waits for the server."""
    waiting = iter(keys)

    async def caller() -> None:
        for key in waiting:
            assert await look(key) is not None

    begin = time.perf_counter()
    await asyncio.gather(*(caller() for _ in range(callers)))
    return (time.perf_counter() - begin) / len(keys)


async def measure_records(store: SessionStore, size: Size) -> list[Figure]:
    numbers = count()
    speeds: dict[int, list[float]] = {callers: [] for callers in CALLERS}
    processor: dict[int, list[float]] = {callers: [] for callers in CALLERS}
    for _ in range(size.blocks):
        for callers in CALLERS:
            rows = size.rows if callers > 1 else size.rows // 4
            began = time.process_time()
            speeds[callers].append((await record_all(store, numbers, rows, callers)).rows_a_second / ROWS_AN_ENTRY)
            processor[callers].append(1e6 * (time.process_time() - began) / rows)
    figures = []
    for callers in CALLERS:
        told = speeds[callers]
        figures += [
            Figure.of(f"decisions a second, {callers} waiting", told, "/s"),
            Figure.of(f"rows a second, {callers} waiting", [ROWS_AN_ENTRY * value for value in told], "/s"),
            Figure.of(f"processor time of a decision here, {callers} waiting", processor[callers], "us"),
        ]
    return figures


async def measure_pruning(url: str) -> Figure:
    """Of all that was written, without pauses; a running engine takes a tenth of the time for it."""
    # Some days later, when the pins that these decisions made are no longer in force.
    store = open_store(url, folder=Path(), now=lambda: NOW + timedelta(days=3))
    await store.open()
    began = time.perf_counter()
    pruned = await prune(store, NOW + timedelta(hours=2), pause=0)
    rate = pruned / (time.perf_counter() - began)
    await store.aclose()
    return Figure("decisions pruned, without pauses", rate, "/s")


async def write_alone(url: str, process: int, rows: int) -> tuple[float, float]:
    """When one of several processes began to write, and when it was done; 16 of its callers wait."""
    store = open_store(url, folder=Path())
    await store.open()
    began = time.time()
    await record_all(store, count(1_000_000 * (process + 1)), rows, 16)
    done = time.time()
    await store.aclose()
    return began, done


def process(url: str, number: int, rows: int) -> tuple[float, float]:
    return asyncio.run(write_alone(url, number, rows))


def measure_processes(url: str, size: Size) -> list[Figure]:
    """Decisions a second of four processes together, and what one takes on the disk."""
    speeds = []
    with ProcessPoolExecutor(PROCESSES, multiprocessing.get_context("spawn")) as pool:
        for block in range(max(2, size.blocks // 2)):
            numbers = [block * PROCESSES + number for number in range(PROCESSES)]
            times = list(pool.map(process, [url] * PROCESSES, numbers, [size.rows] * PROCESSES))
            speeds.append(PROCESSES * size.rows / (max(done for _, done in times) - min(began for began, _ in times)))
    with psycopg.connect(url) as connection:
        sizes = "SUM(pg_total_relation_size(c.oid)) FROM pg_class AS c WHERE relname = ANY(%s)"
        (taken, there) = connection.execute(
            f"SELECT (SELECT {sizes}), (SELECT COUNT(*) FROM decisions)",
            (["decisions", "attempts", "calls", "verdicts"],),
        ).fetchone() or (0, 1)
    bytes_each = float(taken) / there
    return [
        Figure.of(f"decisions a second, {PROCESSES} processes together", speeds, "/s"),
        Figure("a decision on the disk, with its indexes", bytes_each, "bytes"),
    ]


async def measure(server: Server, size: Size) -> list[Figure]:
    url = server.url("postgres")
    store = open_store(url, folder=Path())
    await store.open()
    await asyncio.to_thread(fill, url, size.pins)
    figures = [*await measure_lookups(store, url, size), *await measure_records(store, size)]
    await store.aclose()
    return [*figures, *await asyncio.to_thread(measure_processes, url, size), await measure_pruning(url)]


def main() -> None:
    run = begin("store_postgres", command(__doc__, quick="fewer pins, shorter blocks"))
    try:
        server = new_server()
    except LookupError as error:
        print(f"not measured: {error}")
        return
    try:
        server.settings.update(DURABLE)
        server.make()
        server.start()
        figures = asyncio.run(measure(server, SMALL if run.options.quick else FULL))
    finally:
        server.remove()
    run.tell(figures)


if __name__ == "__main__":
    main()
