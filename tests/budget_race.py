"""Several processes with many requests at once on one budget: it is never exceeded, and most of it can be used.

python tests/budget_race.py --processes 2 --requests 200
"""

from __future__ import annotations

import argparse
import json
import random
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import anyio

from qualityroute import BudgetExceeded, Completion, CompletionRequest, Config, Engine
from qualityroute.estimates import largest_cost
from qualityroute.records import Role, Tier

LIMIT = Decimal(1)
"""USD for the day."""
GOOD = '{"number": "A-1", "total": 12.5}'
VERDICTS = '{"checks": [{"id": "right", "evidence": "", "verdict": "VERDICT"}], "instructions_in_data": "no"}'


@dataclass(frozen=True)
class Findings:
    paid: Decimal
    """USD that the models took, by their own books."""
    spent: Decimal
    """The same by the store."""
    reserved: int
    """Reservations left in the end."""
    most: Decimal
    """The most that was spent and reserved at any moment the store was looked at."""
    largest: Decimal
    """The largest estimate of one call."""
    served: int
    refused: int
    calls: int
    seconds: float


class Model:
    """Takes between a tenth and all of what a call was estimated at; rejects half of the cheap answers."""

    def __init__(self, config: Config, seed: int) -> None:
        self._chance, self._prices = random.Random(seed), config.price_book
        self.paid, self.largest, self.calls = Decimal(0), Decimal(0), 0

    async def complete(self, request: CompletionRequest) -> Completion:
        await anyio.sleep(self._chance.uniform(0, 0.05))
        price = self._prices.price(request.name, datetime.now(UTC).date())
        assert price is not None
        estimate = largest_cost(request, price, 2_048)
        cost = round(estimate * Decimal(self._chance.uniform(0.1, 1.0)), 12)
        self.paid, self.largest, self.calls = self.paid + cost, max(self.largest, estimate), self.calls + 1
        verdict = self._chance.choice(["yes", "no"])
        return Completion(VERDICTS.replace("VERDICT", verdict) if request.role is Role.JUDGE else GOOD, cost=cost)

    async def aclose(self) -> None:
        pass


def config() -> Config:
    rubric = {"name": "invoice", "criteria": [{"id": "right", "ask": "Is it right?"}]}
    return Config.model_validate(
        {
            "tiers": {tier: {"models": [f"practice/{tier}"]} for tier in Tier},
            "judge": {"model": "practice/judge"},
            "tasks": {"invoice": {"rubric": rubric, "gate": ["judge"], "max_output_tokens": 1000}},
            "budget": {"per_day": LIMIT},
            "pins": {"after": 100},
            "prices": [
                {"model": "practice/efficiency", "input": 1, "output": 4},
                {"model": "practice/performance", "input": 3, "output": 15},
                {"model": "practice/judge", "input": "0.5", "output": 2},
            ],
        }
    )


async def work(path: str, requests: int, seed: int) -> None:
    """One process: all its requests at once, then what became of them."""
    settings = config()
    model, told = Model(settings, seed), Counter[str]()

    async def one(engine: Engine, number: int) -> None:
        try:
            await engine.run("invoice", f"Invoice A-{number}, total 12.50" + " x" * (number % 50))
            told["served"] += 1
        except BudgetExceeded:
            told["refused"] += 1

    async with Engine(settings, client=model, store=f"sqlite:///{path}") as engine, anyio.create_task_group() as group:
        for number in range(requests):
            group.start_soon(one, engine, number)
    books = {"paid": str(model.paid), "largest": str(model.largest), "calls": model.calls}
    print(json.dumps({**books, "served": told["served"], "refused": told["refused"]}))


def race(path: Path, *, processes: int, requests: int, seed: int = 1) -> Findings:
    """Let the processes run on the same file at once, and look at its budget meanwhile."""
    started = time.monotonic()
    anyio.run(_make, str(path))
    command = [sys.executable, __file__, "--work", str(path), "--requests", str(requests)]
    running = [
        subprocess.Popen([*command, "--seed", str(seed + number)], stdout=subprocess.PIPE, text=True)
        for number in range(processes)
    ]
    most = Decimal(0)
    while any(process.poll() is None for process in running):
        most = max(most, sum(_gone(path), Decimal(0)))
        time.sleep(0.005)
    books: list[dict[str, Any]] = [json.loads(process.communicate()[0]) for process in running]
    spent, reserved = _gone(path)
    return Findings(
        paid=sum((Decimal(book["paid"]) for book in books), Decimal(0)),
        spent=spent,
        reserved=int(reserved > 0),
        most=most,
        largest=max(Decimal(book["largest"]) for book in books),
        served=sum(book["served"] for book in books),
        refused=sum(book["refused"] for book in books),
        calls=sum(book["calls"] for book in books),
        seconds=round(time.monotonic() - started, 1),
    )


async def _make(path: str) -> None:
    async with Engine(config(), client=Model(config(), 0), store=f"sqlite:///{path}"):
        pass


def _gone(path: Path) -> tuple[Decimal, Decimal]:
    """USD spent and reserved, as they stand at one moment."""
    connection = sqlite3.connect(path, timeout=10)
    spent, reserved = connection.execute(
        "SELECT (SELECT COALESCE(SUM(spent), 0) FROM spending), (SELECT COALESCE(SUM(amount), 0) FROM reservations)"
    ).fetchone()
    connection.close()
    return Decimal(spent) / 10**12, Decimal(reserved) / 10**12


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--requests", type=int, default=200, help="of each process, all at once")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--work", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work is not None:
        anyio.run(work, options.work, options.requests, options.seed)
        return
    with tempfile.TemporaryDirectory() as folder:
        found = race(
            Path(folder, "q.db"), processes=options.processes, requests=options.requests, seed=options.seed
        )  # fmt: skip
    print(found)
    sys.exit(0 if max(found.paid, found.most) <= LIMIT and found.paid == found.spent else 1)


if __name__ == "__main__":
    main()
