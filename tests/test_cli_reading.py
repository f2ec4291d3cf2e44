"""Commands that only read take a store that may not be written to, and leave it as it is."""

from __future__ import annotations

import os
import re
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from click.testing import Result
from command_line import call, one_line_error

NOBODY = 65_534
READERS = [
    ("report",),
    ("report", "--json"),
    ("pins", "list"),
    ("pins", "show", "u"),
    ("pins", "export"),
    ("keys", "list"),
    ("store", "export"),
    ("store", "check"),
    ("explain", "0"),
    ("check-tiers", "invoice"),
]
pytestmark = pytest.mark.skipif(not hasattr(os, "setresuid"), reason="there are no users to be")


@contextmanager
def as_nobody() -> Iterator[None]:
    """Root may write to everything, so that for it nothing is read-only."""
    if os.getuid() != 0:
        yield
        return
    os.setresuid(NOBODY, NOBODY, 0)
    try:
        yield
    finally:
        os.setresuid(0, 0, 0)


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A working folder, current, with a store that nobody has open."""
    with tempfile.TemporaryDirectory() as name:
        call("init", name, "--practice")
        monkeypatch.chdir(name)
        assert call("pins", "add", "u").exit_code == 0
        assert not Path("qualityroute.db-wal").exists()
        yield Path(name)
        monkeypatch.undo()


def read(folder: Path, *command: str, locked: str) -> Result:
    """What a command does for somebody who may not write to the file, or to its folder."""
    (folder / "qualityroute.db").chmod(0o444 if locked == "file" else 0o666)
    folder.chmod(0o777 if locked == "file" else 0o555)
    try:
        with as_nobody():
            return call(*command)
    finally:
        folder.chmod(0o777)


@pytest.mark.parametrize("locked", ["file", "folder"])
@pytest.mark.parametrize("command", READERS, ids=" ".join)
def test_who_may_only_read_is_told_the_same_and_leaves_no_trace(
    folder: Path, command: tuple[str, ...], locked: str
) -> None:
    wanted = call(*command)
    before = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    result = read(folder, *command, locked=locked)
    assert (result.exit_code, result.stderr) == (wanted.exit_code, wanted.stderr)
    assert re.sub(r"\d+", "", result.stdout) == re.sub(r"\d+", "", wanted.stdout)  # time goes on
    assert {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()} == before


@pytest.mark.parametrize("command", [("pins", "add", "v"), ("pins", "release", "u"), ("report", "--rebuild")])
def test_who_would_write_is_told_what_is_read_only(folder: Path, command: tuple[str, ...]) -> None:
    result = read(folder, *command, locked="file")
    assert result.exit_code == 3
    assert "qualityroute.db' is read-only" in one_line_error(result)


def test_a_log_that_cannot_be_read_is_told_with_what_to_do(folder: Path) -> None:
    (folder / "qualityroute.db-wal").write_bytes(bytes(100))
    result = read(folder, "pins", "list", locked="folder")
    assert result.exit_code == 3
    assert "'qualityroute.db-wal' holds what is not in it yet" in one_line_error(result)


def test_a_store_that_is_written_meanwhile_is_read_as_it_is_now(folder: Path) -> None:
    with closing(sqlite3.connect(folder / "qualityroute.db")) as writer, writer:
        writer.execute("UPDATE pins SET session = 'now'")
        writer.commit()
        for name in ("qualityroute.db-wal", "qualityroute.db-shm"):
            (folder / name).chmod(0o666)
        assert "now" in read(folder, "pins", "list", locked="folder").stdout


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            "DELETE FROM _sqlite_migrations WHERE rowid = (SELECT MAX(rowid) FROM _sqlite_migrations)",
            "of an older version",
        ),
        ("DROP TABLE _sqlite_migrations", "is no store of qualityroute"),
    ],
)
def test_tables_that_would_have_to_be_changed_first_are_told(folder: Path, change: str, told: str) -> None:
    with closing(sqlite3.connect(folder / "qualityroute.db")) as connection, connection:
        connection.execute(change)
    result = read(folder, "report", locked="file")
    assert result.exit_code == 3
    assert told in one_line_error(result)
