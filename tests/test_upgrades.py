"""Stores that earlier versions wrote, kept under `tests/stores/`, as this version opens them."""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, TypeAlias

import anyio
import pytest
from stores.make import CONFIG, STARTS
from worlds import TEXT, client_with

from qualityroute import Config, Engine
from qualityroute.errors import StoreError
from qualityroute.records import Outcome, PinEffect
from qualityroute.retention import prune
from qualityroute.store import Checked, open_store, schema

pytestmark = pytest.mark.anyio

STORES = Path(__file__).parent / "stores"
FILES, DATABASES = (sorted((STORES / kind).glob("*.sql")) for kind in ("sqlite", "postgres"))
NEWEST = schema.MIGRATIONS[-1].__name__
Tables: TypeAlias = Mapping[str, list[dict[str, Any]]]


def load_file(dump: Path, folder: Path) -> str:
    with closing(sqlite3.connect(folder / "q.db")) as connection:
        connection.executescript(dump.read_text(encoding="utf-8"))
    return f"sqlite:///{folder}/q.db"


def load_database(dump: Path, name: str, postgres: Any) -> str:
    import psycopg

    url = str(postgres.make(name))
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(dump.read_text(encoding="utf-8").encode())
    return url


@pytest.fixture(params=[*FILES, *DATABASES], ids=lambda dump: f"{dump.parent.name}-{dump.stem}")
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A store as it was then."""
    if request.param in FILES:
        yield load_file(request.param, tmp_path)
        return
    postgres = request.getfixturevalue("postgres")
    name = f"upgrade_{request.param.stem}_{os.environ.get('PYTEST_XDIST_WORKER', 'alone')}"
    yield load_database(request.param, name, postgres)
    postgres.run("postgres", f'DROP DATABASE "{name}" WITH (FORCE)')


def tables_of(url: str) -> Tables:
    """Every row of every table, by the names of its columns."""
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
            names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
            return {name: _rows(connection.execute(f'SELECT * FROM "{name}"')) for (name,) in names}
    import psycopg

    with psycopg.connect(url) as connection:
        names = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        return {name: _rows(connection.execute(f'SELECT * FROM "{name}"'.encode())) for (name,) in names}


def _rows(cursor: Any) -> list[dict[str, Any]]:
    columns = [column[0] for column in cursor.description]
    return [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]


async def opened_once(url: str) -> Checked:
    store = open_store(url, folder=Path())
    await store.open()
    await store.aclose()
    return await store.check()


def test_a_store_of_each_earlier_version_loses_nothing_and_is_whole(url: str) -> None:
    before = tables_of(url)
    assert len(before["decisions"]) == 5
    checked = anyio.run(opened_once, url)
    after = tables_of(url)
    for table, old in before.items():
        kept = [{column: row[column] for column in old[0]} for row in after[table]] if old else []
        assert all(row in kept for row in old), table
    assert (checked.problems, checked.decisions, checked.version) == ((), 5, len(schema.MIGRATIONS))


async def test_a_store_of_each_earlier_version_is_reported_explained_and_written_on(url: str) -> None:
    config = Config.model_validate(CONFIG)
    async with Engine(config, client=client_with(), store=url, now=lambda: STARTS) as engine:
        report = (await engine.report()).tasks["invoice"]
        assert (report.attempts, report.accepted, report.fallbacks) == (4, 2, 2)
        [pin] = await engine.pins.list(session="hard")
        decision = await engine.explain(pin.decision_id)
        assert (decision.outcome, decision.pin) == (Outcome.FALLBACK, PinEffect.CREATED)
        assert decision.cost == sum(attempt.cost or 0 for attempt in decision.attempts) > 0
        assert "input" in await engine.store.payloads(decision.id)
        answer = await engine.run("invoice", TEXT, session="hard")
        assert answer.decision.outcome is Outcome.PINNED
        assert await prune(engine.store, STARTS) == 0
        assert await engine.store.rebuild() == 6


def test_a_new_migration_comes_with_a_stored_file_of_its_version() -> None:
    for kind in ("sqlite", "postgres"):
        stored = [re.sub(r"^\d+_", "", dump.stem) for dump in (STORES / kind).glob("*.sql")]
        assert NEWEST in stored, "run tests/stores/make.py, and once more with --postgres"


async def test_a_store_of_a_newer_version_is_told_and_left_as_it_is(tmp_path: Path) -> None:
    url = load_file(FILES[-1], tmp_path)
    with closing(sqlite3.connect(tmp_path / "q.db")) as connection, connection:
        connection.execute("UPDATE _sqlite_migrations SET name = 'of_tomorrow' WHERE name = 'first_tables'")
    before = (tmp_path / "q.db").read_bytes()
    store = open_store(url, folder=Path())
    for step in (store.open, store.check):
        with pytest.raises(StoreError, match=f"it has 'of_tomorrow', and this one knows its tables up to '{NEWEST}'"):
            await step()
    assert (tmp_path / "q.db").read_bytes() == before
