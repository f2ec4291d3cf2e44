"""Where a fault is tried: one store, the models, and workers that ask them."""

from __future__ import annotations

import random
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fault_server import FaultServer

from faults.books import read_books
from faults.crew import Crew, Told
from faults.invariants import violations
from faults.upstream import Upstream, configuration

CONCURRENCY = 6
"""Requests that one worker has under way."""


@dataclass
class Stage:
    """One store's life. `reach`: how workers get to it, where that is not how it is read in the end."""

    crew: Crew
    url: str
    chance: random.Random
    reach: str = ""
    on_store_error: str = "raise"
    deadline: str = "30s"
    told: Told = field(default_factory=Told)
    """By the workers of this stage, of whatever crew."""
    _oldest: int = 0

    def __post_init__(self) -> None:
        self.upstream = Upstream(random.Random(self.chance.random()))
        self._server = FaultServer(self.upstream)
        self._open = ExitStack()
        self._open.enter_context(self._server)

    @property
    def path(self) -> Path:
        """Of a store in a file."""
        return Path(self.url.removeprefix("sqlite:///"))

    def close(self) -> None:
        self._open.close()

    def start(self, number: int = 1, *, crew: Crew | None = None, **plan: Any) -> list[int]:
        """Start workers on the present sessions, and wait until they are open."""
        crew = crew or self.crew
        crew.told = self.told
        config = configuration(self._server.url, on_store_error=self.on_store_error, deadline=self.deadline)
        whole = {"config": config, "store": self.reach or self.url, "concurrency": CONCURRENCY, **plan}
        return [
            crew.start({"oldest": self._oldest, "seed": self.chance.random(), **whole}) for _ in range(number)
        ]  # fmt: skip

    def _next_sessions(self) -> None:
        """Some that were there already, and new ones."""
        self._oldest = max((int(call.session[1:]) for call in self.upstream.calls[-100:]), default=3) - 3

    def some_answers(self, *workers: int) -> None:
        """Let each get some way, never equally far."""
        for worker in workers:
            self.crew.opened(worker)
        for worker in workers:
            self.crew.answers(worker, self.chance.randint(1, 8))
        time.sleep(self.chance.uniform(0, 0.05))

    def goes_on(self, *workers: int, answers: int = 2) -> None:
        """Wait until each of them, which were never started anew, returns answers again."""
        now = time.monotonic()
        for worker in workers:
            self.crew.answers(worker, answers, after=now)
            if self.told.of("ended", worker):
                raise AssertionError(f"worker {worker} has ended: {self.told.of('ended', worker)}")

    def clear(self) -> None:
        """End whoever a fault that went wrong has left behind."""
        ended = {line["worker"] for line in self.told.of("ended")}
        for line in self.told.of("born"):
            if line["worker"] not in ended:
                self.crew.kill(line["worker"])
                self.crew.ended(line["worker"])

    def goes_on_anew(self) -> None:
        """A new worker opens the same store and returns answers."""
        [worker] = self.start()
        self.crew.opened(worker)
        self.crew.answers(worker, 2)
        self.crew.stop(worker)

    def audit(self) -> list[str]:
        """What is wrong with the store, now that every worker has ended."""
        self._next_sessions()
        refused = [line for line in self.told.of("error") if line["type"] == "StoreError"]
        found = [f"refused, and not only warned of: {line}" for line in refused if self.on_store_error == "warn"]
        return found + violations(read_books(self.url), self.told, self.upstream, CONCURRENCY)
