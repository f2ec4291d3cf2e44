"""Short works without a thread: who goes with whom, and when they are left to one."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import anyio
import anyio.to_thread
import pytest

from qualityroute.store.at_once import AtOnce
from qualityroute.store.commits import GroupCommit
from qualityroute.store.file_transactions import FileTransactions
from qualityroute.store.files import connect, prepare
from qualityroute.store.statements import Connection

pytestmark = pytest.mark.anyio

Work = Callable[[Connection], int]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    prepare(path := tmp_path / "a.db")
    return path


@pytest.fixture
def here(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(connect(path, patience=0)) as connection:
        yield connection


@pytest.fixture
def at_once(path: Path, here: sqlite3.Connection) -> Iterator[AtOnce]:
    with closing(connect(path)) as writer:
        commits = GroupCommit(FileTransactions(writer))
        yield AtOnce(FileTransactions(here, 0), commits)
        commits.close()


def keep(name: str) -> Work:
    """Gives the thread it was done in; a name can be kept once."""

    def work(connection: Connection) -> int:
        connection.execute("INSERT INTO secrets (name, value) VALUES (?, 'b')", (name,))
        return threading.get_ident()

    return work


def kept(path: Path) -> list[str]:
    with closing(connect(path)) as reader:
        return [row[0] for row in reader.execute("SELECT name FROM secrets ORDER BY name")]


def begun(connection: sqlite3.Connection) -> list[str]:
    """Grows with each transaction on a connection."""
    told: list[str] = []
    connection.set_trace_callback(lambda statement: told.append(statement) if "BEGIN" in statement else None)
    return told


async def test_a_work_is_done_here_and_committed_when_it_returns(at_once: AtOnce, path: Path) -> None:
    assert await at_once.run(keep("a")) == threading.get_ident()
    assert kept(path) == ["a"]


async def test_those_of_one_turn_share_a_transaction_and_each_has_its_own_result(
    at_once: AtOnce, here: sqlite3.Connection
) -> None:
    transactions, results = begun(here), dict[int, int]()

    async def caller(number: int) -> None:
        for _ in range(3):
            results[number] = await at_once.run(lambda _: number * number)

    async with anyio.create_task_group() as group:
        for number in range(20):
            group.start_soon(caller, number)
    assert results == {number: number * number for number in range(20)}
    assert len(transactions) < 20  # of 60; one a round but for trio, which has no order in a turn


async def test_a_locked_file_is_left_to_a_thread_that_can_wait(at_once: AtOnce, path: Path) -> None:
    done: list[int] = []

    async def caller(name: str) -> None:
        done.append(await at_once.run(keep(name)))

    with closing(connect(path)) as other, anyio.fail_after(20):
        other.execute("BEGIN IMMEDIATE")
        async with anyio.create_task_group() as group:
            for name in "abc":
                group.start_soon(caller, name)
            await anyio.sleep(0.05)  # the event loop goes on meanwhile
            assert done == []
            other.execute("ROLLBACK")
    assert len(set(done)) == 1 and done[0] != threading.get_ident()
    assert await at_once.run(keep("d")) == threading.get_ident()
    assert kept(path) == ["a", "b", "c", "d"]


async def test_a_work_that_fails_fails_alone_and_leaves_no_lock(at_once: AtOnce, path: Path) -> None:
    errors: dict[str, type[Exception]] = {}

    async def caller(name: str, kept_as: str) -> None:
        try:
            await at_once.run(keep(kept_as))
        except sqlite3.IntegrityError as error:
            errors[name] = type(error)

    async with anyio.create_task_group() as group:
        for name, kept_as in (("first", "a"), ("second", "a"), ("third", "c")):
            group.start_soon(caller, name, kept_as)
    assert len(errors) == 1 and "third" not in errors
    assert kept(path) == ["a", "c"]
    await at_once.run(keep("d"))


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.parametrize("locked", [False, True])
@pytest.mark.parametrize("victim", [0, 1, 2])
async def test_whoever_is_cancelled_what_was_handed_in_is_written(
    at_once: AtOnce, path: Path, victim: int, locked: bool
) -> None:
    with closing(connect(path)) as other:
        if locked:
            other.execute("BEGIN IMMEDIATE")
        tasks = [asyncio.create_task(at_once.run(keep(name))) for name in "abc"]
        asyncio.get_running_loop().call_soon(tasks[victim].cancel)  # all have handed in by then
        if locked:
            await asyncio.sleep(0.05)
            assert not any(task.done() for task in tasks)
            other.execute("ROLLBACK")
        async with asyncio.timeout(20):
            results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [isinstance(result, asyncio.CancelledError) for result in results] == [n == victim for n in range(3)]
    assert kept(path) == ["a", "b", "c"]


async def test_a_cancelled_scope_ends_after_what_was_handed_in_is_written(at_once: AtOnce, path: Path) -> None:
    async def caller(name: str) -> None:
        with anyio.CancelScope() as scope:
            scope.cancel()
            await at_once.run(keep(name))
            await anyio.sleep(20)
        assert name in kept(path)

    with anyio.fail_after(20):
        async with anyio.create_task_group() as group:
            for name in "abc":
                group.start_soon(caller, name)
    assert kept(path) == ["a", "b", "c"]


async def test_two_event_loops_do_not_wait_for_each_others_turn(at_once: AtOnce, path: Path) -> None:
    def on_another_loop() -> None:
        anyio.run(at_once.run, keep("other"), backend="trio")

    async with anyio.create_task_group() as group:
        group.start_soon(anyio.to_thread.run_sync, on_another_loop)
        for name in "abc":
            group.start_soon(at_once.run, keep(name))
    assert kept(path) == ["a", "b", "c", "other"]
