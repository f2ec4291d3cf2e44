"""The faults. Each starts workers on a stage, does its worst at some random moment, and ends when they have ended."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from postgres_server import Server

from faults.crew import Crew, Line
from faults.places import end_connections, immutable
from faults.proxy import Proxy
from faults.stage import Stage

Fault = Callable[[Stage], None]


def kill_by_the_clock(stage: Stage) -> None:
    """`kill -9` two workers, one after the other, at any moment; the second goes on in between."""
    first, second = stage.start(2)
    stage.some_answers(first)
    stage.crew.opened(second)
    stage.crew.kill(first)
    stage.crew.ended(first)
    _goes_on_and_is_killed(stage, second)


def kill_in_the_store(stage: Stage) -> None:
    """One worker is killed at some call that the store's code makes or gets; another goes on, and is killed as well."""
    [first] = stage.start(dies_after=stage.chance.randint(1, 3000))
    [second] = stage.start()
    stage.crew.opened(second)
    stage.crew.ended(first)
    _goes_on_and_is_killed(stage, second)


def _goes_on_and_is_killed(stage: Stage, worker: int) -> None:
    stage.goes_on(worker)
    time.sleep(stage.chance.uniform(0, 0.05))
    stage.crew.kill(worker)
    stage.crew.ended(worker)


def frozen_clock(stage: Stage) -> None:
    """One worker's clock stands still from some moment on; the other's does not."""
    _with_clock(stage, {"freezes": True, "after": stage.chance.randint(5, 60)})


def clock_moved_back(stage: Stage) -> None:
    """One worker's clock goes back, by seconds or by an hour; the other's does not."""
    _with_clock(stage, {"jump": -stage.chance.choice([5, 600, 3600]), "after": stage.chance.randint(5, 60)})


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


def _refusals(stage: Stage, worker: int, after: float) -> list[Line]:
    """What the store's trouble came to: requests that failed, or answers that are not recorded."""
    errors = [line for line in stage.told.of("error", worker, after) if line["type"] == "StoreError"]
    return errors or [line for line in stage.told.of("answer", worker, after) if not line["recorded"]]


def read_only_file(stage: Stage) -> None:
    """The file may not be changed from some moment on, by whoever: an open worker is told, a new one is refused."""
    workers = stage.start(2)
    stage.some_answers(*workers)
    now = time.monotonic()
    files = [Path(f"{stage.path}{end}") for end in ("", "-wal")]
    with immutable(files):
        stage.crew.wait(lambda told: all(_refusals(stage, one, now) for one in workers), "requests that are told")
        [late] = stage.start()
        stage.crew.ended(late)
        refused = stage.told.of("refused", late) or _refusals(stage, late, now)
        if not refused:
            raise AssertionError("a worker used a file that may not be changed")
    stage.goes_on(*workers)
    stage.crew.stop(*workers)
    stage.goes_on_anew()


def full_disk(stage: Stage) -> None:
    """The disk of the store fills up under two workers, and is given room again."""
    workers = stage.start(2)
    stage.some_answers(*workers)
    now = time.monotonic()
    ballast = stage.path.parent / "ballast"
    with ballast.open("wb", buffering=0) as file, suppress(OSError):
        while file.write(bytes(1 << 14)):
            pass
    stage.crew.wait(lambda told: all(_refusals(stage, one, now) for one in workers), "requests that are told")
    told = str(_refusals(stage, workers[0], now)[0])
    if "disk" not in told:
        raise AssertionError(f"a full disk is told as {told}")
    ballast.unlink()
    stage.goes_on(*workers)
    stage.crew.stop(*workers)
    stage.goes_on_anew()


def ended_connections(stage: Stage) -> None:
    """The server ends every connection, again and again."""
    workers = stage.start(2)
    stage.some_answers(*workers)
    for _ in range(stage.chance.randint(1, 3)):
        end_connections(stage.url)
        time.sleep(stage.chance.uniform(0, 0.1))
    stage.goes_on(*workers)
    stage.crew.stop(*workers)
    stage.goes_on_anew()


def broken_lines(stage: Stage, proxy: Proxy) -> None:
    """The lines to the server break at any byte, and for a while no new one is let through."""
    workers = stage.start(2)
    stage.some_answers(*workers)
    proxy.open = False
    proxy.cut()
    time.sleep(stage.chance.uniform(0, 0.5))
    proxy.open = True
    stage.goes_on(*workers)
    stage.crew.stop(*workers)
    stage.goes_on_anew()


def silent_lines(stage: Stage, proxy: Proxy) -> None:
    """Nothing comes through any line, until those who wait have been told; nobody waits for ever."""
    workers = stage.start(2)
    stage.some_answers(*workers)
    now = time.monotonic()
    proxy.silent = True
    stage.crew.wait(lambda told: all(_refusals(stage, one, now) for one in workers), "requests that are told")
    proxy.cut()
    proxy.silent = False
    stage.goes_on(*workers)
    stage.crew.stop(*workers)
    stage.goes_on_anew()


def crashed_server(stage: Stage, server: Server) -> None:
    """The server stops at once, as in a crash, and comes back."""
    workers = stage.start(2)
    stage.some_answers(*workers)
    server.stop(crash=True)
    time.sleep(stage.chance.uniform(0, 0.5))
    server.start()
    stage.goes_on(*workers)
    stage.crew.stop(*workers)
    stage.goes_on_anew()


def two_versions(stage: Stage, older: Crew) -> None:
    """A worker of an older version and one of this use one store; where the older may not, it is told so."""
    [new] = stage.start()
    stage.some_answers(new)
    [old] = stage.start(crew=older)
    older.wait(lambda told: told.of("open", old) or told.of("ended", old), "the older version")
    if stage.told.of("open", old):
        older.answers(old, 5)
        stage.goes_on(new)
        older.stop(old)
    elif "newer version" not in str(stage.told.of("refused", old)):
        raise AssertionError(f"the older version ended without a word of why: {stage.told.of('refused', old)}")
    stage.goes_on(new)
    stage.crew.stop(new)


def an_older_version_stays_open(stage: Stage, older: Crew) -> None:
    """The older version makes the store and works on while this one brings it up to date."""
    [old] = stage.start(crew=older)
    older.opened(old)
    older.answers(old, 3)
    [new] = stage.start()
    stage.some_answers(new)
    now = time.monotonic()
    older.answers(old, 3, after=now)
    stage.goes_on(new)
    older.stop(old)
    stage.crew.stop(new)
