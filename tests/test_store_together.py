"""Rows written many at a time: all of them, and on SQLite in a transaction that fails as a whole."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from qualityroute.store.commits import Write, commit
from qualityroute.store.file_transactions import FileTransactions
from qualityroute.store.files import connect, prepare
from qualityroute.store.statements import Connection, add, insert, upsert
from qualityroute.store.together import together


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    prepare(path := tmp_path / "a.db")
    with closing(connect(path)) as opened:
        yield opened


@pytest.mark.parametrize("rows_told", [0, 1, 3, 4, 16, 33, 100])
def test_rows_go_together_and_none_is_left_out(rows_told: int) -> None:
    rows = [(number, f"n{number}") for number in range(rows_told)]
    told = list(together("INSERT INTO t (a, b) VALUES (?, ?)", rows))
    values = [value for _, many in told for row in many for value in row]
    assert values == [value for row in rows for value in row]
    assert all(sql.count("?") == len(row) for sql, many in told for row in many)


def test_sums_go_together_and_rows_that_replace_others_do_not() -> None:
    rows = [(number, 1) for number in range(16)]
    sums, puts, gone = add("sums", "a", "b"), upsert("pins", "ab", "a"), "DELETE FROM pins WHERE a = ? AND b = ?"
    ((many, (values,)),) = together(sums, rows)
    assert many.count("?") == len(values) == 32 and many.endswith(sums[sums.index(" ON CONFLICT") :])
    assert [list(together(sql, rows)) for sql in (puts, gone)] == [[(puts, rows)], [(gone, rows)]]


def test_of_rows_that_fail_together_none_is_left(connection: sqlite3.Connection) -> None:
    secrets = insert("secrets", ("name", "value"))

    def work(names: list[str]) -> Write:
        def keep(within: Connection) -> None:
            within.executemany(secrets, [(name, "x") for name in names])

        return Write(keep, ())

    good, bad = work([f"good {number}" for number in range(20)]), work([*"abcdefghijklmno", "a", *"pqrst"])
    commit(FileTransactions(connection), [bad, good], lambda most: [])
    assert isinstance(bad.error, sqlite3.IntegrityError) and good.error is None
    told = connection.execute("SELECT COUNT(*), MIN(name), MAX(name) FROM secrets").fetchone()
    assert told == (20, "good 0", "good 9")
