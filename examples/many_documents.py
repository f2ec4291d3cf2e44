"""Answer many documents, a few at a time, and see what it came to.

    python examples/many_documents.py [--task contract] [--concurrency 8]

The practice documents of each task go through `engine.map`. You see a line of progress on standard error, the inputs
for which no answer was served, and a report: how often each task fell back, what it cost and what that saved.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence

from practice_models import practice_models

from qualityroute import Config, Engine, Report
from qualityroute.practice import TASKS, Document, PracticeServer, documents, schema_path


async def main() -> None:
    parser = argparse.ArgumentParser(description="Answer the practice documents.")
    parser.add_argument("--task", choices=TASKS, action="append", help="this task only; may be given again")
    parser.add_argument("--concurrency", type=int, default=8, help="requests at once")
    options = parser.parse_args()
    tasks = {name: {"schema": str(schema_path(name)), "rubric": name} for name in options.task or TASKS}
    with PracticeServer() as server:
        config = Config.model_validate({**practice_models(server), "tasks": tasks})
        async with Engine(config, store="sqlite://") as engine:
            for task in tasks:
                await answer_all(engine, task, documents(task), options.concurrency)
            show(await engine.report())


async def answer_all(engine: Engine, task: str, given: Sequence[Document], concurrency: int) -> None:
    inputs = [{"input": document.input, "session": document.session} for document in given]
    failed: list[str] = []
    done = 0
    async for item in engine.map(task, inputs, concurrency=concurrency):
        done += 1
        print(f"\r{task}: {done} of {len(inputs)}", end="", file=sys.stderr, flush=True)
        if item.error is not None:
            failed.append(f"{given[item.index].id}: {item.error}")
    print(file=sys.stderr)
    for line in failed:
        print(f"no answer for {line[:160]}")


def show(report: Report) -> None:
    print(f"\n{'task':10}{'requests':>9}{'tried':>7}{'fell back':>11}{'rate':>6}  {'95 %':10}{'cost':>9}{'saved':>7}")
    for name, task in report.tasks.items():
        rate = task.fallback_rate
        cost = "unknown" if task.cost.total is None else f"${task.cost.total:.4f}"
        counts = f"{task.requests:9}{task.attempts:7}{task.fallbacks:11}"
        shares = f"{percent(rate.rate):>6}  {percent(rate.low) + '-' + percent(rate.high):10}"
        print(f"{name:10}{counts}{shares}{cost:>9}{percent(task.saved.share):>7}")
    print("Tried: efficiency was asked, unpinned, and its answer could be judged. Saved: against performance for all.")
    print(f"{report.pins_active} sessions are pinned to the performance tier now.")


def percent(share: float | None) -> str:
    return "?" if share is None else f"{share:.0%}"


if __name__ == "__main__":
    asyncio.run(main())
