"""Short transactions without a thread, and when they are left to one."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from qualityroute.store import SQLiteStore
from qualityroute.store.at_once import IN_A_ROW, AtOnce
from qualityroute.store.files import WAL_PAGES, connect, prepare
from qualityroute.store.statements import Connection


@pytest.fixture
def path(tmp_path: Path) -> Path:
    prepare(path := tmp_path / "a.db")
    return path


@pytest.fixture
def at_once(path: Path) -> Iterator[AtOnce]:
    with closing(connect(path, patience=0)) as connection:
        yield AtOnce(connection)


def keep(connection: Connection) -> int:
    connection.execute("INSERT INTO secrets (name, value) VALUES ('a', 'b')")
    return threading.get_ident()


def kept(path: Path) -> int:
    with closing(connect(path)) as reader:
        return int(reader.execute("SELECT count(*) FROM secrets").fetchone()[0])


def test_a_work_is_done_here_and_committed_when_it_returns(at_once: AtOnce, path: Path) -> None:
    assert at_once.run(keep) == (threading.get_ident(),)
    assert kept(path) == 1


def test_a_locked_file_is_not_waited_for(at_once: AtOnce, path: Path) -> None:
    with closing(connect(path)) as other:
        other.execute("BEGIN IMMEDIATE")
        leaving = threading.Timer(1, other.execute, ["ROLLBACK"])
        leaving.start()
        assert at_once.run(keep) is None  # who waits finds it free
        leaving.join()
    assert at_once.run(keep) is not None
    assert kept(path) == 1


def test_a_work_that_fails_leaves_nothing_and_no_lock(at_once: AtOnce, path: Path) -> None:
    def fail(connection: Connection) -> None:
        keep(connection)
        connection.execute("INSERT INTO secrets (name, value) VALUES ('a', 'c')")

    with pytest.raises(sqlite3.IntegrityError):
        at_once.run(fail)
    assert kept(path) == 0
    assert at_once.run(keep) is not None


def test_now_and_then_one_is_left_to_who_has_time_to_empty_the_log(at_once: AtOnce) -> None:
    done = [at_once.run(lambda connection: None) is not None for _ in range(2 * IN_A_ROW + 2)]
    assert [number for number, here in enumerate(done) if not here] == [IN_A_ROW, 2 * IN_A_ROW + 1]


@pytest.mark.anyio
async def test_the_log_does_not_grow_with_what_is_written(path: Path) -> None:
    def write(connection: Connection) -> None:
        connection.execute("INSERT INTO secrets (name, value) VALUES ('s', ?) ON CONFLICT DO NOTHING", ("v" * 40_000,))
        connection.execute("UPDATE secrets SET value = value || 'v' WHERE name = 's'")

    store = SQLiteStore(path)
    await store.open()
    try:
        for _ in range(5 * IN_A_ROW):
            await store._write("write a page or ten", write, brief=True)
        assert path.with_name("a.db-wal").stat().st_size < (WAL_PAGES + 2 * IN_A_ROW * 11) * 4200
    finally:
        await store.aclose()
