"""A report over many decisions: seconds and memory, against one over a tenth of them.

    python benchmarks/report.py [--quick] [--decisions N] [--keep FILE] [--json FILE]

The two take turns, each in a process of its own; the seconds are of processor time.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import anyio
from results import Row, begin, command

from qualityroute.config import Pins
from qualityroute.pins import PinKey, pin_after
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
from qualityroute.store import Entry, open_store

START = datetime(2026, 10, 24, tzinfo=UTC)
TASKS = {f"task-{n}": 0.05 + 0.08 * n for n in range(10)}
MONTH = timedelta(days=30)
ROUNDS = 5

REPORT = """
import json, resource, sys, time
from datetime import UTC, datetime
from pathlib import Path
import anyio
from qualityroute.config import Config
from qualityroute.report import build_report
from qualityroute.store import open_store

async def main():
    models = {"models": ["p/m"]}
    config = Config.model_validate({
        "tiers": {"efficiency": models, "performance": models},
        "tasks": {f"task-{n}": {} for n in range(10)},
    })
    store = open_store(sys.argv[1], folder=Path())
    await store.open()
    started = time.process_time()
    report = await build_report(store, config, pipelines={}, now=datetime(2026, 12, 1, tzinfo=UTC))
    seconds = time.process_time() - started
    await store.aclose()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    states = {name: task.state for name, task in report.tasks.items()}
    print(json.dumps({
        "seconds": seconds, "peak_mib": peak, "states": states,
        "requests": sum(task.requests for task in report.tasks.values()),
    }))

anyio.run(main)
"""


def entries(count: int, span: timedelta = MONTH, seed: int = 1) -> Iterator[Entry]:
    """Sessions of about four requests, over ten tasks that fail more and more."""
    chance = random.Random(seed)
    for number in range(count):
        task = f"task-{chance.randrange(10)}"
        failed = chance.random() < TASKS[task]
        yield _entry(number, START + number * span / count, task, f"s{chance.randrange(count // 4)}", failed, chance)


def _entry(number: int, at: datetime, task: str, session: str, failed: bool, chance: random.Random) -> Entry:
    tokens = chance.randrange(200, 2000)
    cheap = ModelCall(
        Role.ANSWER, Tier.EFFICIENCY, "p", "small", Usage(tokens, 0, 200), Decimal(tokens) * Decimal("1.5e-7")
    )
    dear = ModelCall(
        Role.ANSWER, Tier.PERFORMANCE, "p", "large", Usage(tokens, 0, 200), Decimal(tokens) * Decimal("3e-6")
    )
    judge = ModelCall(Role.JUDGE, None, "p", "judge", Usage(tokens, 0, 40), Decimal(tokens) * Decimal("1e-7"))
    ruling, reason = (Ruling.REJECTED, Reason.JUDGED) if failed else (Ruling.ACCEPTED, None)
    attempts = [
        Attempt(
            Tier.EFFICIENCY, ruling, reason, (cheap,), (Verdict("judge", ruling, reason, score=0.5, calls=(judge,)),)
        )
    ]
    if failed:
        attempts.append(Attempt(Tier.PERFORMANCE, Ruling.ACCEPTED, None, (dear,)))
    decision = Decision(
        f"{number:024x}", at, "default", session, task, Route.CASCADE,
        Outcome.FALLBACK if failed else Outcome.ACCEPTED, reason, attempts=tuple(attempts),
        cost=sum((call.cost or Decimal(0) for attempt in attempts for call in attempt.all_calls), Decimal(0)),
        latency=timedelta(milliseconds=chance.lognormvariate(6, 0.6)),
    )  # fmt: skip
    event = pin_after(decision.route, attempts)
    return Entry(decision, PinKey("default", session), event, Pins())


async def fill(path: Path, count: int, span: timedelta = MONTH) -> float:
    store = open_store(str(path), folder=Path())
    await store.open()
    source, started = entries(count, span), time.perf_counter()

    async def writer() -> None:
        for entry in source:
            await store.record(entry)

    async with anyio.create_task_group() as writers:
        for _ in range(256):
            writers.start_soon(writer)
    await store.aclose()
    return time.perf_counter() - started


def report(path: Path) -> dict[str, float]:
    """What one report took, in a process of its own."""
    return json.loads(subprocess.run([sys.executable, "-c", REPORT, str(path)], check=True, capture_output=True).stdout)


def measure(path: Path, count: int, folder: Path) -> Iterator[Row]:
    if not path.exists():
        wrote = anyio.run(fill, path, count)
        yield Row("decisions written, 256 callers", count / wrote, "/s")
    yield Row("file for a decision", path.stat().st_size / count, "bytes")
    tenth = folder / "tenth.db"
    anyio.run(fill, tenth, count // 10)
    whole, part = zip(*((report(path), report(tenth)) for _ in range(ROUNDS)), strict=True)
    seconds, fewer = ([told["seconds"] for told in told_all] for told_all in (whole, part))
    yield Row.of(f"report over {count:,} decisions", seconds, "s").at_most(2)
    yield Row.ratio(f"report over {count:,} decisions", seconds, fewer, f"one over {count // 10:,}")
    yield Row.of("peak memory of its process", [told["peak_mib"] for told in whole], "MiB")


def main() -> None:
    parser = command(__doc__, quick="50,000 decisions instead of 1,000,000")
    parser.add_argument("--decisions", type=int, default=None)
    parser.add_argument("--keep", type=Path, default=None, help="write the file here and keep it")
    run = begin("report", parser)
    count = run.options.decisions or (50_000 if run.options.quick else 1_000_000)
    with tempfile.TemporaryDirectory() as folder:
        path = run.options.keep or Path(folder, "ledger.db")
        run.tell(list(measure(path, count, Path(folder))))


if __name__ == "__main__":
    main()
