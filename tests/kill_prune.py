"""Kills `store prune` again and again while another process records: only whole decisions are left, no lock in the way.

python tests/kill_prune.py [--decisions 2000] [--kills 10]
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import anyio
from test_store_check import fallback

from qualityroute.store import open_store

WRITER = "import sys, anyio, kill_prune; anyio.run(kill_prune.write, sys.argv[1])"


async def fill(url: str, decisions: int) -> None:
    """Half of them long ago."""
    now = datetime.now(UTC)
    store = open_store(url, folder=Path())
    await store.open()
    for start in range(0, decisions, 200):
        async with anyio.create_task_group() as group:
            for number in range(start, min(decisions, start + 200)):
                age = timedelta(days=200 if number % 2 else 0)
                group.start_soon(store.record, replace(fallback(f"a{number}", at=now - age), event=None))
    await store.aclose()


async def write(url: str) -> None:
    """Record until killed; says the longest wait in milliseconds whenever it grows."""
    store = open_store(url, folder=Path())
    await store.open()
    longest, number = 0.0, 0
    while True:
        began, number = time.perf_counter(), number + 1
        await store.record(fallback(f"w{time.time_ns()}-{number}", at=datetime.now(UTC)))
        if (took := time.perf_counter() - began) > longest:
            longest = took
            print(f"{longest * 1000:.1f} ms", flush=True)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--decisions", type=int, default=2000)
    arguments.add_argument("--kills", type=int, default=10)
    told = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/q.db"
        anyio.run(fill, path, told.decisions)
        waits = Path(folder, "waits")
        with waits.open("w") as output:
            writer = subprocess.Popen([sys.executable, "-c", WRITER, path], cwd=Path(__file__).parent, stdout=output)
        program = [sys.executable, "-m", "qualityroute", "store"]
        prune = [*program, "prune", "--keep", "30d", "--db", path]
        try:
            for _ in range(told.kills):
                killed = subprocess.Popen(prune, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                time.sleep(random.uniform(0.6, 1.6))
                killed.kill()
                print("killed" if killed.wait() else "too late to kill", flush=True)
                subprocess.run([*program, "check", "--db", path], check=True)
            subprocess.run(prune, check=True)
            assert writer.poll() is None, "the writer was refused"
        finally:
            writer.kill()
            writer.wait()
        subprocess.run([*program, "check", "--db", path], check=True)
        print("the writer's longest wait:", waits.read_text().split("\n")[-2])


if __name__ == "__main__":
    main()
