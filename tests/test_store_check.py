"""`store check`, `vacuum` and `export`: what is wrong is found, nothing is changed, nothing is half written."""

from __future__ import annotations

import json
import shutil
import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import anyio
import pytest
from click.testing import Result
from command_line import call, one_line_error, rows
from test_store import NOON, Clock, attempt, decision
from test_store import call as model_call
from worlds import BAD, GOOD, TEXT, client_with

from qualityroute import Engine
from qualityroute.commands import store_export
from qualityroute.commands.exits import Exit
from qualityroute.errors import ProviderError, StoreError
from qualityroute.pins import PinKey, Rejected
from qualityroute.records import Outcome, Reason, Tier
from qualityroute.retention import prune
from qualityroute.store import Entry, SessionStore, open_store
from qualityroute.store.file_upkeep import vacuum

pytestmark = pytest.mark.anyio


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def store(store_url: str, clock: Clock) -> AsyncIterator[SessionStore]:
    opened = open_store(store_url, folder=Path(), now=clock)
    await opened.open()
    yield opened
    await opened.aclose()


def fallback(number: int | str, **more: Any) -> Entry:
    """A whole one, whose cost is that of its calls."""
    told = {"cost": Decimal("0.0022"), "outcome": Outcome.FALLBACK, "tier": Tier.PERFORMANCE, "session": f"s{number}"}
    judged, answered = attempt(reason=Reason.JUDGED, judge=True), attempt(Tier.PERFORMANCE)
    key = PinKey("default", f"s{number}")
    event = Rejected(Reason.JUDGED, "judge", "no", "openai/nano")
    return Entry(decision(number, judged, answered, **{**told, **more}), key, event, payloads={"input": "TEXT"})


async def change(store: SessionStore, *statements: str) -> None:
    def work(connection: Any) -> None:
        for statement in statements:
            connection.execute(statement)

    await store._write("damage", work)  # type: ignore[attr-defined]


async def test_what_an_engine_wrote_is_whole_on_every_store(store: SessionStore, store_url: str, world: Any) -> None:
    config = (await world()).engine.config
    broken = ProviderError("503")
    client = client_with(efficiency=[GOOD, BAD, broken, GOOD], performance=[GOOD, BAD, broken, GOOD])
    async with Engine(config, client=client, store=store_url) as engine:
        for number in range(6):
            try:
                await engine.run("invoice", TEXT, session=f"s{number % 4}")
            except Exception as error:
                assert not isinstance(error, StoreError)
    checked = await store.check()
    assert checked.problems == ()
    assert checked.decisions == 6


async def test_a_store_is_whole_after_pruning(store: SessionStore) -> None:
    await store.record(replace(fallback("old", at=NOON - timedelta(days=100)), event=None))
    await store.record(fallback("new"))
    await prune(store, NOON - timedelta(days=90))
    checked = await store.check()
    assert (checked.problems, checked.decisions, checked.pins) == ((), 1, 1)


DAMAGES = {
    "rows of calls belong to no decision": "DELETE FROM decisions WHERE id = 'd1'",
    "rows of verdicts belong to no attempt": "DELETE FROM attempts WHERE decision_id = 'd1' AND attempt = 1",
    "decisions have lost some of their attempts": "DELETE FROM attempts WHERE decision_id = 'd1' AND attempt = 0",
    "decisions have lost some of their calls": "DELETE FROM calls WHERE role = 'answer' AND decision_id = 'd1'",
    "decisions were answered by a model and have no attempt": "DELETE FROM attempts WHERE decision_id = 'd1'",
    "decisions cost something else than their calls together": "UPDATE calls SET cost = 7 WHERE decision_id = 'd1'",
    "the tallies of 1 hours are not what the ledger adds up to": "UPDATE tallies SET decisions = decisions + 1",
    "the latencies of 1 hours are not what the ledger adds up to": "DELETE FROM latencies",
    "pins have half of a probe's lease": "UPDATE pins SET probe_token = 't' WHERE session = 's1'",
    "pins have a probe's lease that another pin has as well": "UPDATE pins SET probe_token = 't', probe_expires = 'x'",
    "labels belong to no decision": """INSERT INTO labels (decision_id, origin, at, task, pipeline, accepted,
        reference_right, differences) VALUES ('gone', 'person', 'x', 'invoice', 'p', 1, 1, '[]')""",
}


@pytest.mark.parametrize("found", DAMAGES)
async def test_each_damage_is_found_and_told_with_what_to_do(store: SessionStore, found: str) -> None:
    await store.record(fallback(1))
    await store.record(fallback(2))
    await change(store, DAMAGES[found])
    told = [problem for problem in (await store.check()).problems if found in problem.what]
    assert len(told) == 1
    assert told[0].remedy
    assert told[0].examples[0] in ("d1", "s1", "gone", "2026-11-23T12")


async def test_an_unknown_cost_must_be_unknown_in_the_decision_too(store: SessionStore) -> None:
    unknown = attempt(calls=(model_call(cost=None),))
    await store.record(Entry(decision(1, unknown, cost=None)))
    assert (await store.check()).problems == ()
    await store.record(Entry(decision(2, unknown, cost=Decimal("0.001"))))
    assert [problem.examples for problem in (await store.check()).problems] == [("d2",)]


async def test_counting_anew_mends_the_counters(store: SessionStore) -> None:
    await store.record(fallback(1))
    await change(store, "UPDATE tallies SET judge_cost = judge_cost + 1")
    [problem] = (await store.check()).problems
    assert "report --rebuild" in problem.remedy
    await store.rebuild()
    assert (await store.check()).problems == ()


async def test_vacuuming_loses_nothing_while_others_write(store: SessionStore) -> None:
    async with anyio.create_task_group() as group:
        group.start_soon(store.vacuum)
        for number in range(20):
            group.start_soon(store.record, fallback(number))
    assert (await store.check()).decisions == 20


# --- files -------------------------------------------------------------------------------------------------------


def run(*arguments: object) -> Result:
    return call("store", *arguments)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "q.db"
    anyio.run(fill, path)
    return path


async def fill(path: Path) -> None:
    opened = open_store(str(path), folder=Path(), now=Clock())
    await opened.open()
    for number in range(5):
        hour = NOON + timedelta(hours=number)
        await opened.record(fallback(number, at=hour, task="invoice" if number else "=cmd()", message="\x1b[31m"))
    await opened.aclose()


def test_a_check_changes_nothing_and_exits_with_0(file: Path) -> None:
    before = file.read_bytes()
    result = run("check", "--db", file)
    assert (result.exit_code, result.output) == (0, "The store is whole: 5 decisions, 5 pins.\n")
    assert json.loads((run("check", "--db", file, "--json")).output)["problems"] == []
    assert file.read_bytes() == before


def test_problems_exit_with_1_and_are_shown_without_control_characters(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("UPDATE pins SET session = session || char(27), probe_token = session")
    result = run("check", "--db", file)
    assert result.exit_code == Exit.REJECTED
    assert "5 pins have half of a probe's lease: s0␛, s1␛, s2␛\n  release them" in result.output
    [problem] = json.loads((run("check", "--db", file, "--json")).output)["problems"]
    assert problem["examples"][0] == "s0\x1b"


def test_a_file_that_is_no_store_cannot_be_checked(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no database" * 100)
    with closing(sqlite3.connect(tmp_path / "other.db")) as connection, connection:
        connection.execute("CREATE TABLE mine (a)")
    for name, said in (
        ("text", "it is not a SQLite database"),
        ("other.db", "is no store of qualityroute"),
        ("none.db", "there is no database"),
    ):
        result = run("check", "--db", tmp_path / name)
        assert result.exit_code == Exit.DOWN
        assert said in one_line_error(result)
    assert not (tmp_path / "none.db").exists()


def test_damaged_pages_are_found(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
        (root,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'decisions_at'").fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    with file.open("r+b") as pages:
        pages.seek(root * size - 100)
        pages.write(b"\xff" * 100)
    result = run("check", "--db", file)
    assert result.exit_code == Exit.REJECTED, result.output
    assert "the file is damaged: " in result.output
    assert "restore a backup" in result.output


def test_tables_of_an_earlier_version_are_told_and_not_changed(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("DELETE FROM _sqlite_migrations WHERE name = 'learned_routing'")
    before = file.read_bytes()
    result = run("check", "--db", file)
    assert result.exit_code == Exit.REJECTED
    assert "the tables are of an earlier version" in result.output
    assert file.read_bytes() == before


def test_vacuuming_gives_back_the_space_of_what_was_pruned(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("UPDATE payloads SET content = ?", ("x" * 300_000,))
        connection.execute("DELETE FROM payloads")
    space = json.loads((run("vacuum", "--db", file, "--json")).output)
    assert space["after"] < space["before"] / 3
    assert space["after"] == file.stat().st_size
    assert "The store takes" in (run("vacuum", "--db", file)).output


def test_a_disk_without_room_for_a_copy_is_told_before_it_is_full(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=1000))
    with pytest.raises(StoreError, match="MiB free in"):
        vacuum(file)


# --- exports -----------------------------------------------------------------------------------------------------


def test_an_export_has_a_line_for_each_decision_oldest_first(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_export, "PAGE", 2)
    exported = rows((run("export", "--db", file)).stdout)
    assert [row["id"] for row in exported] == [f"d{number}" for number in range(5)]
    assert exported[1]["cost"] == "0.0022"
    assert [len(one["calls"]) for one in exported[1]["attempts"]] == [1, 1]
    assert exported[1]["attempts"][0]["verdicts"][0]["calls"][0]["role"] == "judge"
    assert "payloads" not in exported[1]


def test_an_export_can_be_narrowed_and_have_the_payloads(file: Path) -> None:
    since = (NOON + timedelta(hours=3)).isoformat()
    exported = rows((run("export", "--db", file, "--since", since, "--payloads")).stdout)
    assert [row["id"] for row in exported] == ["d3", "d4"]
    assert exported[0]["payloads"] == {"input": "TEXT"}
    assert len(rows((run("export", "--db", file, "--task", "=cmd()")).stdout)) == 1


def test_hostile_text_moves_no_cursor_and_comes_out_as_it_went_in(file: Path) -> None:
    result = run("export", "--db", file)
    assert "\x1b" not in result.stdout
    assert rows(result.stdout)[0]["message"] == "\x1b[31m"


@pytest.mark.parametrize("form", ["jsonl", "parquet"])
def test_an_export_replaces_an_earlier_one(file: Path, tmp_path: Path, form: str) -> None:
    for _ in range(2):
        result = run("export", "--db", file, "--out", tmp_path / "out", "--format", form)
        assert (result.exit_code, result.stderr) == (0, "Wrote 5 decisions.\n")


def test_an_exported_file_is_put_in_place_whole(file: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    out.write_text("before")
    result = run("export", "--db", file, "--out", out, "--force")
    assert (result.exit_code, result.stderr) == (0, "Wrote 5 decisions.\n")
    assert len(rows(out.read_text())) == 5
    assert sorted(path.name for path in tmp_path.iterdir() if "out" in path.name) == ["out.jsonl"]


@pytest.mark.parametrize("form", ["jsonl", "parquet"])
def test_an_export_that_fails_leaves_the_file_as_it_was(
    file: Path, tmp_path: Path, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_export, "PAGE", 2)
    out = tmp_path / "out"
    out.write_text("before")
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("UPDATE decisions SET metadata = '{' WHERE id = 'd3'")
    result = run("export", "--db", file, "--out", out, "--format", form, "--force")
    assert result.exit_code == Exit.DOWN
    assert out.read_text() == "before"
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_parquet_holds_what_the_lines_hold(file: Path, tmp_path: Path) -> None:
    import duckdb

    out = tmp_path / "it's [1].parquet"
    assert (run("export", "--db", file, "--format", "parquet", "--out", out, "--payloads")).exit_code == 0
    plain = out.rename(tmp_path / "plain.parquet")
    with duckdb.connect() as database:
        columns = "id, decisions.at, task, message, cost, attempts[1].verdicts[1].score, payloads"
        query = f"SELECT {columns} FROM read_parquet(?) AS decisions"
        found = database.execute(query, [str(plain)]).fetchall()
    assert [row[0] for row in found] == [f"d{number}" for number in range(5)]
    assert found[0][1:6] == (NOON.replace(tzinfo=None), "=cmd()", "\x1b[31m", Decimal("0.0022"), 0.5)
    assert json.loads(found[0][6]) == {"input": "TEXT"}


def test_parquet_without_duckdb_says_how_to_get_it(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "duckdb", None)
    result = run("export", "--db", file, "--format", "parquet", "--out", tmp_path / "x.parquet")
    assert result.exit_code == Exit.USAGE
    assert "pip install duckdb" in one_line_error(result)
    assert "name a file" in one_line_error(run("export", "--db", file, "--format", "parquet"))
