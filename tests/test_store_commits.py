"""Group commit: who goes with whom, and what happens to them when something goes wrong."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import anyio
import anyio.to_thread
import pytest

from qualityroute.store.commits import GroupCommit, Write, commit, wake
from qualityroute.store.file_transactions import LARGEST_BATCH, FileTransactions
from qualityroute.store.files import connect

pytestmark = pytest.mark.anyio

Work = Callable[[sqlite3.Connection], object]
PATIENCE = 0.05


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    opened = connect(tmp_path / "words.db")
    opened.execute("PRAGMA journal_mode = WAL")
    opened.execute("CREATE TABLE words (word TEXT UNIQUE)")
    yield opened
    opened.close()


@pytest.fixture
def commits(connection: sqlite3.Connection) -> Iterator[GroupCommit]:
    opened = GroupCommit(FileTransactions(connection, PATIENCE))
    yield opened
    opened.close()


def word(told: object) -> Work:
    return lambda connection: connection.execute("INSERT INTO words VALUES (?)", (str(told),))


def words(connection: sqlite3.Connection) -> set[str]:
    return {row[0] for row in connection.execute("SELECT word FROM words")}


class Gate:
    """A work that says when it runs and waits to be let through."""

    def __init__(self) -> None:
        self.running = threading.Event()
        self.open = threading.Event()

    def __call__(self, connection: sqlite3.Connection) -> object:
        self.running.set()
        assert self.open.wait(20)
        return word("gate")(connection)


async def until(event: threading.Event) -> None:
    while not event.is_set():
        await anyio.sleep(0.001)


async def test_those_who_come_during_a_commit_share_the_next_one(
    commits: GroupCommit, connection: sqlite3.Connection
) -> None:
    gate = Gate()
    begun: list[str] = []
    connection.set_trace_callback(lambda statement: begun.append(statement) if "BEGIN" in statement else None)
    with anyio.fail_after(20):
        async with anyio.create_task_group() as group:
            group.start_soon(commits.run, gate)
            await until(gate.running)
            for number in range(30):
                group.start_soon(commits.run, word(number))
            await anyio.sleep(0.01)
            gate.open.set()
    connection.set_trace_callback(None)
    assert words(connection) == {"gate", *map(str, range(30))}
    assert len(begun) == 2


async def test_a_crowd_is_written_in_batches_and_nobody_is_forgotten(
    commits: GroupCommit, connection: sqlite3.Connection
) -> None:
    count = 2 * LARGEST_BATCH + 10
    with anyio.fail_after(20):
        async with anyio.create_task_group() as group:
            for number in range(count):
                group.start_soon(commits.run, word(number))
    assert len(words(connection)) == count


async def test_each_caller_gets_its_own_result(commits: GroupCommit) -> None:
    results: dict[int, int] = {}

    async def caller(number: int) -> None:
        results[number] = await commits.run(lambda _: number * number)

    async with anyio.create_task_group() as group:
        for number in range(20):
            group.start_soon(caller, number)
    assert results == {number: number * number for number in range(20)}


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.parametrize("victim", [0, 1, 2])
async def test_whoever_is_cancelled_during_a_commit_the_others_go_on(
    commits: GroupCommit, connection: sqlite3.Connection, victim: int
) -> None:
    gate = Gate()
    tasks = [asyncio.create_task(commits.run(gate))]
    await until(gate.running)
    tasks += [asyncio.create_task(commits.run(word(number))) for number in range(4)]
    await asyncio.sleep(0.01)
    tasks[victim].cancel()
    await asyncio.sleep(0.01)
    assert not tasks[victim].done()
    gate.open.set()
    async with asyncio.timeout(20):
        results = await asyncio.gather(*tasks, return_exceptions=True)
        await commits.run(word("after"))
    assert [isinstance(result, asyncio.CancelledError) for result in results] == [n == victim for n in range(5)]
    assert words(connection) == {"gate", "0", "1", "2", "3", "after"}


async def test_closing_writes_what_was_handed_in(commits: GroupCommit, connection: sqlite3.Connection) -> None:
    gate = Gate()
    async with anyio.create_task_group() as group:
        group.start_soon(commits.run, gate)
        await until(gate.running)
        group.start_soon(commits.run, word("late"))
        await anyio.sleep(0.01)
        threading.Timer(0.05, gate.open.set).start()
        await anyio.to_thread.run_sync(commits.close)
        assert words(connection) == {"gate", "late"}


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_each_event_loop_has_its_own_callers_woken(commits: GroupCommit, connection: sqlite3.Connection) -> None:
    gate = Gate()

    def on_another_loop() -> None:
        anyio.run(commits.run, word("other"), backend="trio")

    async with anyio.create_task_group() as group:
        group.start_soon(commits.run, gate)
        await until(gate.running)
        group.start_soon(anyio.to_thread.run_sync, on_another_loop)
        group.start_soon(commits.run, word("own"))
        await anyio.sleep(0.05)
        gate.open.set()
    assert words(connection) == {"gate", "other", "own"}


async def test_rows_are_written_though_the_loop_of_their_caller_has_ended(
    commits: GroupCommit, connection: sqlite3.Connection
) -> None:
    gone = asyncio.new_event_loop()
    gone.close()
    left = Write(word("left"), None)
    left.call_soon = gone.call_soon_threadsafe
    wake([left])
    commits._handed_in.put(left)
    await commits.run(word("after"))
    assert words(connection) == {"left", "after"}


def writes_of(connection: sqlite3.Connection, works: list[Work]) -> list[Write]:
    writes = [Write(work, None) for work in works]
    commit(FileTransactions(connection, PATIENCE), writes, lambda most: [])
    return writes


async def test_a_bad_work_fails_alone(connection: sqlite3.Connection) -> None:
    one, twice, other = writes_of(connection, [word("one"), word("one"), word("other")])
    assert (one.error, other.error) == (None, None)
    assert isinstance(twice.error, sqlite3.IntegrityError)
    assert words(connection) == {"one", "other"}


async def test_a_work_of_the_wrong_kind_fails_alone(connection: sqlite3.Connection) -> None:
    good, bad = writes_of(connection, [word("good"), lambda _: [][0]])
    assert good.error is None and isinstance(bad.error, IndexError)
    assert words(connection) == {"good"}


async def test_a_lock_lost_half_way_is_waited_for_once(connection: sqlite3.Connection, tmp_path: Path) -> None:
    thief = connect(tmp_path / "words.db")

    class StolenBeforeTheThird(FileTransactions):
        begun = 0

        def begin(self) -> Exception | None:
            self.begun += 1
            if self.begun == 3:
                thief.execute("BEGIN IMMEDIATE")
            return super().begin()

    transactions = StolenBeforeTheThird(connection, PATIENCE)
    writes = [Write(work, None) for work in (word("good"), lambda _: [][0], word("late"), word("later"))]
    commit(transactions, writes, lambda most: [])
    thief.close()
    assert transactions.begun == 3
    assert [type(write.error) for write in writes] == [type(None), *3 * [sqlite3.OperationalError]]
    assert words(connection) == {"good"}


async def test_a_lock_that_is_given_back_is_taken_though_it_was_asked_for_before(
    connection: sqlite3.Connection, tmp_path: Path
) -> None:
    thief = connect(tmp_path / "words.db")
    thief.execute("BEGIN IMMEDIATE")
    giving_back = threading.Timer(0.05, thief.execute, ("ROLLBACK",))
    giving_back.start()
    write = Write(word("late"), None)
    await anyio.to_thread.run_sync(commit, FileTransactions(connection), [write], lambda most: [])
    giving_back.join()
    thief.close()
    assert write.error is None and words(connection) == {"late"}
