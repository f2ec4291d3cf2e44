"""The faults. Each starts workers on a stage, does its worst at some random moment, and ends when they have ended."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable

from faults.stage import Stage

Fault = Callable[[Stage], None]
HOUR = 3600.0


def kill_by_the_clock(stage: Stage) -> None:
    """`kill -9` one of two workers at any moment; the other goes on."""
    killed, other = stage.start(2)
    stage.some_answers(killed)
    stage.crew.opened(other)
    stage.crew.kill(killed)
    stage.crew.ended(killed)
    stage.goes_on(other)
    stage.crew.stop(other)


def kill_in_the_store(stage: Stage) -> None:
    """One of two workers is killed at some call that the store's code makes or gets; the other goes on."""
    [killed] = stage.start(dies_after=stage.chance.randint(1, 4000))
    [other] = stage.start()
    stage.crew.opened(other)
    stage.crew.ended(killed)
    stage.goes_on(other)
    stage.crew.stop(other)


def frozen_clock(stage: Stage) -> None:
    """One worker's clock stands still from some moment on; the other's does not."""
    _with_clock(stage, {"freezes": True, "after": stage.chance.randint(5, 60)})


def clock_moved_back(stage: Stage) -> None:
    """One worker's clock goes back by an hour; the other's does not."""
    _with_clock(stage, {"jump": -HOUR, "after": stage.chance.randint(5, 60)})


def _with_clock(stage: Stage, clock: dict[str, object]) -> None:
    [wrong] = stage.start(clock=clock)
    [right] = stage.start()
    stage.crew.opened(wrong, right)
    stage.crew.answers(wrong, 15)
    stage.crew.answers(right, 15)
    stage.crew.stop(wrong, right)
    stage.goes_on_anew()


def failing_writes(stage: Stage) -> None:
    """Whatever one worker writes to a file fails, until it does not; the other's does not fail."""
    failing, other = stage.start(2)
    stage.some_answers(failing, other)
    pid = stage.told.of("born", failing)[0]["pid"]
    before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    now = time.monotonic()
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (1, before[1]))
    stage.crew.wait(lambda told: _refusals(stage, failing, now), "a request that is told of the disk")
    resource.prlimit(pid, resource.RLIMIT_FSIZE, before)
    stage.goes_on(failing, other)
    stage.crew.stop(failing, other)
    stage.goes_on_anew()


def _refusals(stage: Stage, worker: int, after: float) -> list[object]:
    """Requests that failed with `StoreError`."""
    return [line for line in stage.told.of("error", worker, after) if line["type"] == "StoreError"]
