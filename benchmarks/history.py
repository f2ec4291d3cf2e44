"""Does a request cost more when the file holds ten million decisions? CPU time against the same request with none.

    python benchmarks/history.py [--quick] [--decisions N] [--keep FILE] [--json FILE]

The requests are those of `overhead.py`, on the same upstream, of sessions that are in the file already, chosen at
random. Two engines take turns in short blocks within one process, one on an empty file; each block is compared with
the empty file's of its own round. What is needed of the disk is 1.2 KB for a decision, at `--keep` or in the temporary
folder; to fill a file with ten million takes minutes, and `--keep` uses again what is there.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import sqlite3
import tempfile
import time
from contextlib import AsyncExitStack
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path

import report
from blocks import Ask, Row, Variant, compare_all
from overhead import config_for, machine, print_rows, take_a_core
from overhead_task import document
from upstream import running_upstream

from qualityroute import Engine
from qualityroute.store.files import connect

BASE, BASE_SPAN = 100_000, timedelta(days=3)
"""Decisions that the store itself writes; the others are copies of them, each time three days later."""
FULL, QUICK = 10_000_000, 300_000
REQUESTS, QUICK_REQUESTS = 1600, 160

_LATER = "date(substr({column}, 1, 10), :days) || substr({column}, 11)"
_COPIED = {
    "id": "printf('%012x', :copy) || substr(id, 13)",
    "decision_id": "printf('%012x', :copy) || substr(decision_id, 13)",
    "session": "session || '-' || :copy",
    **{name: _LATER.format(column=name) for name in ("at", "hour", "session_started", "since", "until", "last_used")},
}
"""What a copy has instead of the same."""
_TABLES = ("decisions", "attempts", "calls", "verdicts", "pins", "tallies", "latencies")


def fill(path: Path, decisions: int) -> float:
    """Make a file with so many decisions; seconds."""
    began = time.perf_counter()
    asyncio.run(report.fill(path, min(BASE, decisions), BASE_SPAN))
    connection = connect(path)
    connection.execute("PRAGMA journal_mode = OFF")
    connection.execute("PRAGMA cache_size = -1000000")
    multiply(connection, decisions // BASE)
    connection.execute("PRAGMA journal_mode = WAL").fetchone()
    connection.close()
    return time.perf_counter() - began


def multiply(connection: sqlite3.Connection, times: int) -> None:
    """Copy all there is, so that it is there so many times; indexes are made anew, since that is quicker."""
    indexes = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL")
    dropped = dict(indexes.fetchall())
    for name in dropped:
        connection.execute(f"DROP INDEX {name}")
    for table in _TABLES:
        connection.execute(f"CREATE TEMP TABLE base_{table} AS SELECT * FROM main.{table}")
    for copy in range(1, times):
        connection.execute("BEGIN")
        for table in _TABLES:
            columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
            values = ", ".join(_COPIED.get(column, f'"{column}"') for column in columns)
            bound = {"copy": copy, "days": f"{copy * BASE_SPAN.days} days"}
            connection.execute(f"INSERT INTO main.{table} SELECT {values} FROM base_{table}", bound)
        connection.execute("COMMIT")
    for statement in dropped.values():
        connection.execute(statement)


def asking(engine: Engine, task: str, calls: int, sessions: list[str]) -> Ask:
    text, chance = document(), random.Random(7)

    async def ask(number: int) -> int:
        answer = await engine.run(task, text, session=chance.choice(sessions))
        return sum(len(attempt.all_calls) for attempt in answer.decision.attempts)

    return ask


def unpinned_sessions(path: Path, most: int) -> list[str]:
    """Names of sessions in the file that are not pinned, from all over it."""
    connection = connect(path)
    (last,) = connection.execute("SELECT MAX(rowid) FROM decisions").fetchone()
    chance, found = random.Random(3), set[str]()
    query = """SELECT session FROM decisions WHERE rowid = ?
               AND NOT EXISTS (SELECT 1 FROM pins WHERE pins.session = decisions.session AND pins.tenant = 'default')"""
    while len(found) < most:
        found.update(row[0] for row in connection.execute(query, (chance.randint(1, last),)))
    connection.close()
    return sorted(found)


async def measure(base_url: str, folder: Path, path: Path, requests: int) -> list[Row]:
    sessions = unpinned_sessions(path, 5_000)
    config = config_for(base_url, folder)
    async with AsyncExitStack() as opened:
        none = await opened.enter_async_context(Engine(config, store=str(folder / "none.db")))
        many = await opened.enter_async_context(Engine(config, store=str(path)))
        variants = []
        for task, calls in (("plain", 1), ("judged", 2)):
            empty = f"{task}, empty file"
            variants += [
                Variant(empty, calls, empty, asking(none, task, calls, sessions)),
                Variant(f"{task}, full file", calls, empty, asking(many, task, calls, sessions)),
            ]
        return await compare_all(variants, requests)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help=f"{QUICK:,} decisions and fewer rounds")
    parser.add_argument("--decisions", type=int, metavar="N", help=f"in the full file; else {FULL:,}")
    parser.add_argument("--keep", type=Path, metavar="FILE", help="the full file, made when it is not there")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures there")
    options = parser.parse_args()
    decisions = options.decisions or (QUICK if options.quick else FULL)
    with tempfile.TemporaryDirectory() as folder:
        path = options.keep or Path(folder, "many.db")
        filled = 0.0 if path.exists() else fill(path, decisions)
        cores, upstream_core = os.cpu_count() or 1, take_a_core()
        described = machine(cores, apart=upstream_core is not None)
        with running_upstream(upstream_core) as base_url:
            requests = QUICK_REQUESTS if options.quick else REQUESTS
            rows = asyncio.run(measure(base_url, Path(folder), path, requests))
        size = path.stat().st_size / 2**20
    print_rows(rows)
    described |= {"decisions": f"{decisions:,}", "file": f"{size:,.0f} MiB", "filled in": f"{filled:.0f} s"}
    print("\n".join(f"{name}: {value}" for name, value in described.items()))
    if options.json is not None:
        figures = {**described, "requests": requests, "rows": [asdict(row) for row in rows]}
        options.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
