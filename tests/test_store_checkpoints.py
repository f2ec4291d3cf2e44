"""SQLite's log carried over into the file, while others write and read."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import anyio
import anyio.to_thread
import pytest

from qualityroute.store import SQLiteStore, checkpoints
from qualityroute.store.checkpoints import Checkpoints, carry_over
from qualityroute.store.files import connect, prepare
from qualityroute.store.statements import Connection


@pytest.fixture
def path(tmp_path: Path) -> Path:
    prepare(path := tmp_path / "a.db")
    return path


@pytest.fixture
def writer(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(connect(path, checkpoints=False)) as connection:
        yield connection


@pytest.fixture
def carrier(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(connect(path, patience=0, checkpoints=False)) as connection:
        yield connection


def write(connection: Connection) -> None:
    connection.execute("INSERT INTO secrets (name, value) VALUES ('s', ?) ON CONFLICT DO NOTHING", ("v" * 40_000,))
    connection.execute("UPDATE secrets SET value = value || 'v' WHERE name = 's'")


def pages_in_the_log(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()[1])


def log_number(path: Path) -> bytes:
    """Another one whenever the log begins anew."""
    return path.with_name("a.db-wal").read_bytes()[12:24]


def test_a_log_that_nobody_needs_begins_anew_before_the_next_commit(
    path: Path, writer: sqlite3.Connection, carrier: sqlite3.Connection
) -> None:
    write(writer)
    before = log_number(path)
    carry_over(carrier)
    assert log_number(path) != before
    assert pages_in_the_log(carrier) == 1
    write(writer)
    assert writer.execute("SELECT length(value) FROM secrets").fetchone() == (40_002,)


def test_the_number_that_others_may_have_put_into_the_file_stays(
    writer: sqlite3.Connection, carrier: sqlite3.Connection
) -> None:
    writer.execute("PRAGMA user_version = 42")
    carry_over(carrier)
    assert writer.execute("PRAGMA user_version").fetchone() == (42,)


def test_neither_who_writes_nor_who_reads_an_old_state_is_disturbed(
    path: Path, writer: sqlite3.Connection, carrier: sqlite3.Connection
) -> None:
    write(writer)
    before = log_number(path)
    with closing(connect(path)) as reader:
        reader.execute("BEGIN")
        assert reader.execute("SELECT length(value) FROM secrets").fetchone() == (40_001,)
        writer.execute("BEGIN IMMEDIATE")
        write(writer)
        carry_over(carrier)
        writer.execute("COMMIT")
        carry_over(carrier)
        assert reader.execute("SELECT length(value) FROM secrets").fetchone() == (40_001,)
    assert log_number(path) == before
    carry_over(carrier)
    assert log_number(path) != before


def test_a_log_that_has_grown_too_long_is_carried_over_though_somebody_writes(
    path: Path, writer: sqlite3.Connection, carrier: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoints, "LONGEST", 5)
    write(writer)
    before = log_number(path)
    asked: list[str] = []

    def meanwhile(statement: str) -> None:
        if "PASSIVE" in statement:
            asked.append(statement)
            writer.execute("BEGIN IMMEDIATE")
            write(writer)
        elif "FULL" in statement and writer.in_transaction:
            asked.append(statement)
            writer.execute("COMMIT")

    carrier.set_trace_callback(meanwhile)
    carry_over(carrier)
    assert len(asked) == 2
    assert log_number(path) != before


@pytest.mark.anyio
async def test_the_log_of_an_open_store_is_carried_over_without_any_commit_doing_it(path: Path) -> None:
    store = SQLiteStore(path)
    await store.open()
    try:
        await store._write("write a page or ten", write, brief=True)
        before = log_number(path)
        with anyio.fail_after(20):
            while log_number(path) == before:
                await anyio.sleep(0.01)
    finally:
        await store.aclose()


def test_closing_in_the_very_moment_in_which_the_pause_runs_out_ends_it(carrier: sqlite3.Connection) -> None:
    subject = Checkpoints(carrier)
    subject._closing = ClosedAsItRunsOut(subject._due)
    subject.note()
    subject._thread.join(20)
    assert not subject._thread.is_alive()


class ClosedAsItRunsOut(threading.Event):
    """The pause runs out, and before anything else happens another thread closes."""

    def __init__(self, due: threading.Event) -> None:
        super().__init__()
        self._due = due

    def wait(self, timeout: float | None = None) -> bool:
        self.set()
        self._due.set()
        return False
