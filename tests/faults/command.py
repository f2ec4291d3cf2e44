"""The long form: so many kills on one store, then each other fault some times on stores of its own, as a table."""

from __future__ import annotations

import argparse
import random
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from pathlib import Path

from postgres_server import Server, new_server

from faults import hosts, kinds
from faults.crew import Crew
from faults.places import NotHere, check_immutable, older_version, small_disk
from faults.proxy import Proxy
from faults.stage import Stage

SAME_TABLES, FEWER_TABLES = "ae9d79e", "f3d4ea1"
"""Commits: one with the tables of today, and one with three migrations less."""
Fault = Callable[[Stage], None]


@dataclass
class Score:
    """What came of one fault, tried some times."""

    name: str
    trials: int = 0
    requests: int = 0
    answers: int = 0
    refused: int = 0
    """With `StoreError`, or answered without being recorded."""
    seconds: float = 0.0
    slowest: float = 0.0
    """Seconds that a request took until it was told of the store's trouble."""
    wrong: list[str] = field(default_factory=list)
    left_out: str = ""

    def count(self, stage: Stage, after: float) -> None:
        """What was said on a stage from some moment on."""
        errors, answers = (stage.told.of(word, after=after) for word in ("error", "answer"))
        self.answers += len(answers)
        self.requests += len(answers) + len(errors)
        stores = [line["seconds"] for line in errors if line["type"] == "StoreError"]
        stores += [line["seconds"] for line in answers if not line["recorded"]]
        self.refused += len(stores)
        self.slowest = max([self.slowest, *stores])

    def __str__(self) -> str:
        if self.left_out:
            return f"{self.name:28} left out: {self.left_out}"
        return (
            f"{self.name:28} {self.trials:6} {self.requests:9} {self.answers:8} {self.refused:12} {self.slowest:8.1f}"
            f" {self.seconds:8.1f} {len(self.wrong):11}"
        )


HEAD = (
    f"{'fault':28} {'trials':>6} {'requests':>9} {'answers':>8} {'store errors':>12} {'slowest':>8} {'seconds':>8}"
    f" {'violations':>11}"
)


class Bench:
    """Makes a stage of one kind of store for each fault."""

    def __init__(self, store: str, folder: Path, resources: ExitStack, chance: random.Random) -> None:
        self.store, self.folder, self.chance = store, folder, chance
        self._resources, self._numbers = resources, count(1)
        self.crew = resources.enter_context(Crew())
        self._older: dict[str, Crew] = {}
        self.server: Server | None = None
        if store == "postgres":
            self.server = new_server()
            self.server.settings["synchronous_commit"] = "on"  # what it said is committed outlives its own crash
            resources.callback(self.server.remove)
            self.server.make()
            self.server.start()

    @contextmanager
    def stage(self, folder: Path | None = None, **more: str) -> Iterator[Stage]:
        name = f"faults_{next(self._numbers)}"
        url = f"sqlite:///{folder or self.folder}/{name}.db" if self.server is None else self._database(name)
        stage = Stage(self.crew, url, random.Random(self.chance.random()), **more)
        try:
            yield stage
        finally:
            stage.close()

    @contextmanager
    def behind_a_proxy(self, **more: str) -> Iterator[tuple[Stage, Proxy]]:
        assert self.server is not None
        with Proxy(("127.0.0.1", self.server.port)) as proxy, self.stage(**more) as stage:
            stage.reach = stage.url.replace(f":{self.server.port}/", f":{proxy.port}/")
            yield stage, proxy

    def older(self, commit: str) -> Crew:
        if commit not in self._older:
            code = older_version(commit, self.folder / f"at-{len(self._older)}")
            first = 1_000_000 * (len(self._older) + 1)
            self._older[commit] = self._resources.enter_context(Crew(code, first=first))
        return self._older[commit]

    def _database(self, name: str) -> str:
        import psycopg

        assert self.server is not None
        with psycopg.connect(self.server.url("postgres"), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"'.encode())
        return self.server.url(name)


def tried(score: Score, stage: Stage, fault: Fault, trials: int) -> None:
    """Try a fault on a stage, and audit it after each time."""
    began = time.monotonic()
    for _ in range(trials):
        try:
            fault(stage)
        except AssertionError as error:
            score.wrong.append(str(error))
            stage.clear()
        score.wrong += [found for found in stage.audit() if found not in score.wrong]
        score.trials += 1
    score.seconds += time.monotonic() - began
    score.count(stage, began)


def kills(bench: Bench, number: int) -> Iterator[Score]:
    """All on one store, which every new worker goes on with; told now and then."""
    with bench.stage() as stage:
        score = Score("kill -9")
        while score.trials < number:
            for _ in range(TOLD_EVERY // 2):  # each trial kills two
                tried(score, stage, bench.chance.choice(KILLS), 1)
            score.trials = sum(line["status"] == -signal.SIGKILL for line in stage.told.of("ended"))
            yield score
        stage.goes_on_anew()
        tried(score, stage, lambda stage: None, 1)
        score.trials -= 1


TOLD_EVERY = 20
KILLS = (kinds.kill_by_the_clock, kinds.kill_in_the_store)


def others(bench: Bench, trials: int) -> Iterator[Score]:
    """Every other fault, each on stores of its own."""
    for name, attempt in plays(bench).items():
        score = Score(name)
        try:
            attempt(score, trials)
        except NotHere as reason:
            score.left_out = str(reason)
        yield score


def plays(bench: Bench) -> dict[str, Callable[[Score, int], None]]:
    """The faults that a kind of store can meet, by name."""

    def alone(fault: Fault, **more: str) -> Callable[[Score, int], None]:
        def play(score: Score, trials: int) -> None:
            with bench.stage(**more) as stage:
                tried(score, stage, fault, trials)

        return play

    def with_older(fault: Callable[[Stage, Crew], None], commit: str) -> Callable[[Score, int], None]:
        def play(score: Score, trials: int) -> None:
            older = bench.older(commit)
            for _ in range(trials):
                with bench.stage() as stage:
                    tried(score, stage, partial(fault, older=older), 1)

        return play

    found = {
        "clock frozen": alone(kinds.frozen_clock),
        "clock moved back": alone(kinds.clock_moved_back),
        "an older version, same tables": with_older(kinds.two_versions, SAME_TABLES),
        "an older version, fewer": with_older(kinds.two_versions, FEWER_TABLES),
        "an older version open before": with_older(kinds.an_older_version_stays_open, FEWER_TABLES),
    }
    return {**found, **(of_files(bench, alone) if bench.server is None else of_servers(bench, bench.server, alone))}


Alone = Callable[..., Callable[[Score, int], None]]
"""Plays a fault on a stage of its own, made with the arguments that follow it."""


def of_files(bench: Bench, alone: Alone) -> dict[str, Callable[[Score, int], None]]:
    def on_a_small_disk(score: Score, trials: int) -> None:
        for _ in range(trials):
            with small_disk(bench.folder / "small") as disk, bench.stage(disk) as stage:
                tried(score, stage, kinds.full_disk, 1)

    def read_only(score: Score, trials: int) -> None:
        check_immutable(bench.folder)
        alone(kinds.read_only_file)(score, trials)

    return {
        "writes fail": alone(kinds.failing_writes),
        "writes fail, warned of": alone(kinds.failing_writes, on_store_error="warn"),
        "disk full": on_a_small_disk,
        "file read-only": read_only,
    }


def of_servers(bench: Bench, server: Server, alone: Alone) -> dict[str, Callable[[Score, int], None]]:
    def on_lines(fault: Callable[[Stage, Proxy], None], **more: str) -> Callable[[Score, int], None]:
        def play(score: Score, trials: int) -> None:
            with bench.behind_a_proxy(**more) as (stage, proxy):
                tried(score, stage, partial(fault, proxy=proxy), trials)

        return play

    return {
        "connections ended": alone(kinds.ended_connections),
        "lines break": on_lines(kinds.broken_lines),
        "lines fall silent": on_lines(kinds.silent_lines),
        "silent, warned of": on_lines(kinds.silent_lines, on_store_error="warn"),
        "server crashes": alone(partial(kinds.crashed_server, server=server)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--store", choices=["sqlite", "postgres"], default="sqlite")
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--others", type=int, default=5, help="how often each other fault")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("what", nargs="?", choices=["stores", "hosts"], default="stores")
    options = parser.parse_args()
    if options.what == "hosts":
        hosts.main()
        return
    wrong = 0
    with tempfile.TemporaryDirectory() as folder, ExitStack() as resources:
        bench = Bench(options.store, Path(folder), resources, random.Random(options.seed))
        print(f"{options.store}, seed {options.seed}\n{HEAD}", flush=True)
        for scores in (kills(bench, options.kills), others(bench, options.others)):
            for score in scores:
                print(score, flush=True)
                for found in score.wrong[:5]:
                    print(f"    {found}", flush=True)
                wrong += len(score.wrong)
    sys.exit(1 if wrong else 0)
