"""Old decisions go, whole and a few at a time; what is said of them stays."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import anyio
import pytest
from command_line import call, one_line_error
from conftest import config_with
from test_store import KEY, NOON, REJECTED, Clock, attempt, decision, entry
from worlds import TEXT, client_with

from qualityroute import Engine, retention
from qualityroute.budgets import Pot, Reservation, Scope
from qualityroute.complexity import CellKey, Choice, Forecast
from qualityroute.config import Pins
from qualityroute.errors import ConfigError, StoreError
from qualityroute.labels import Audit, Label, Origin, Reference
from qualityroute.pins import Accepted, PinKey
from qualityroute.records import Outcome, Reason, Tier
from qualityroute.retention import prune
from qualityroute.store import Entry, Pruned, SessionStore, open_store

pytestmark = pytest.mark.anyio

LONG_AGO = NOON - timedelta(days=100)
BEFORE = NOON - timedelta(days=90)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def store(store_url: str, clock: Clock) -> AsyncIterator[SessionStore]:
    opened = open_store(store_url, folder=Path(), now=clock)
    await opened.open()
    yield opened
    await opened.aclose()


def whole(number: int | str, at: datetime, task: str = "invoice") -> Entry:
    """A fallback with everything that a decision can have."""
    told = decision(
        number, attempt(reason=Reason.JUDGED, judge=True), attempt(Tier.PERFORMANCE), at=at, task=task,
        outcome=Outcome.FALLBACK, session=f"s{number}",
    )  # fmt: skip
    cell = CellKey(task, "openai/nano", "f1", 0)
    forecast = Forecast(cell, 0.5, None, 0.4, Choice.CASCADE, Choice.CASCADE, 1.0, features=(1.0,))
    return Entry(told, payloads={"input": "TEXT", "answer.1.efficiency": "{}"}, forecast=forecast)


def label(number: int | str, origin: Origin = Origin.PERFORMANCE) -> Label:
    return Label(f"d{number}", "invoice", LONG_AGO, "p1", 0.9, True, True, origin, differences=("total: 1, not 2",))


async def rows_of(store: SessionStore, decision_id: str) -> dict[str, int]:
    """How many rows each table has of a decision."""
    tables = ("decisions", "attempts", "calls", "verdicts", "payloads")

    def count(connection: Any) -> dict[str, int]:
        found = {}
        for table in tables:
            column = "id" if table == "decisions" else "decision_id"
            query = f"SELECT COUNT(*) FROM {table} WHERE {column} = ?"
            (found[table],) = connection.execute(query, (decision_id,)).fetchone()
        return found

    return await store._read("count", count)  # type: ignore[attr-defined, no-any-return]


async def test_an_old_decision_goes_with_all_its_rows_and_a_younger_one_keeps_all_of_its(store: SessionStore) -> None:
    await store.record(whole("old", LONG_AGO))
    await store.record(whole("new", NOON))
    assert min((await rows_of(store, "dold")).values()) > 0
    assert await prune(store, BEFORE) == 1
    assert set((await rows_of(store, "dold")).values()) == {0}
    assert min((await rows_of(store, "dnew")).values()) > 0


async def test_counters_say_after_pruning_what_they_said_before(store: SessionStore) -> None:
    for number in range(3):
        await store.record(whole(number, LONG_AGO + timedelta(hours=number)))
    await store.record(whole("new", NOON))
    told, days = await store.summaries(), await store.spending_by_day()
    assert await prune(store, BEFORE) == 3
    assert await store.summaries() == told
    assert await store.spending_by_day() == days


async def test_counting_the_ledger_anew_leaves_the_hours_that_were_pruned(store: SessionStore) -> None:
    await store.record(whole("old", LONG_AGO))
    await store.record(whole("other", LONG_AGO, task="summary"))
    await store.record(whole("new", NOON))
    told = await store.summaries()
    await prune(store, BEFORE, task="invoice")
    assert await store.rebuild() == 2
    assert await store.summaries() == told


async def test_only_whole_hours_are_pruned(store: SessionStore) -> None:
    await store.record(whole("earlier", NOON - timedelta(minutes=1)))
    await store.record(whole("same", NOON + timedelta(minutes=10)))
    assert await store.prunable(NOON + timedelta(minutes=30)) == 1
    assert await prune(store, NOON + timedelta(minutes=30)) == 1
    assert await store.decision("dsame") is not None


async def test_one_task_can_be_pruned_alone(store: SessionStore) -> None:
    await store.record(whole("a", LONG_AGO))
    await store.record(whole("b", LONG_AGO, task="summary"))
    assert await store.prunable(BEFORE, task="summary") == 1
    assert await prune(store, BEFORE, task="summary") == 1
    assert (await store.decision("da"), await store.decision("db")) != (None, None)
    assert await store.horizons() == {"summary": BEFORE}


async def test_pins_stay_and_the_decision_of_one_in_force_stays_with_it(store: SessionStore, clock: Clock) -> None:
    clock.time = LONG_AGO
    policy = Pins(max_age=timedelta(days=365), idle_ttl=timedelta(days=365))
    await store.record(entry("pin", REJECTED, at=LONG_AGO, policy=policy))
    await store.record(entry("more", Accepted(), key=PinKey("default", "other"), at=LONG_AGO))
    clock.time = NOON
    active = await store.pins_active(NOON)
    assert active == {"invoice": 1}
    assert await prune(store, BEFORE) == 1
    assert await store.pins_active(NOON) == active
    assert await store.decision("dpin") is not None
    clock.forward(days=366)
    assert await prune(store, BEFORE) == 1
    assert await store.pin(KEY) is not None


async def test_what_calibration_needs_stays_with_whose_sessions_it_is_of(store: SessionStore) -> None:
    await store.record(whole("old", LONG_AGO))
    reference = Reference("invoice", "i1", Origin.PERFORMANCE, LONG_AGO, {"total": 1}, "k", "dold")
    audit = Audit("dold", "daudit", "invoice", LONG_AGO, True, None, "c1")
    await store.add_facts([reference, label("old"), replace(label("old"), origin=Origin.PERSON), audit])
    before = (await store.references("invoice"), await store.labels("invoice"), await store.audits("invoice"))
    assert before[1][0].session == "default\x00sold"
    await prune(store, BEFORE)
    assert await store.decision("dold") is None
    assert (await store.references("invoice"), await store.labels("invoice"), await store.audits("invoice")) == before


async def test_what_a_session_spent_of_its_budget_and_what_is_reserved_stays(store: SessionStore) -> None:
    pot = Pot(Scope.SESSION, Decimal(1), "default", "sold")
    await store.record(whole("old", LONG_AGO))
    held = Reservation("r1", (pot,), Decimal("0.25"), NOON, NOON + timedelta(minutes=2))
    await store.reserve(held)
    before = await store.fillings([pot], NOON)
    await prune(store, BEFORE)
    assert await store.fillings([pot], NOON) == before


async def test_what_the_router_learned_stays(store: SessionStore) -> None:
    await store.record(whole("old", LONG_AGO))
    key = CellKey("invoice", "openai/nano", "f1", 0)
    before = (await store.cells(key), await store.forecasts("invoice", most=9))
    assert all(before)
    await prune(store, BEFORE)
    assert (await store.cells(key), await store.forecasts("invoice", most=9)) == before


async def test_each_step_takes_a_few_and_says_where_the_next_goes_on(store: SessionStore) -> None:
    for number in range(5):
        await store.record(whole(number, LONG_AGO))
    first = await store.prune(BEFORE, most=3)
    assert first.decisions == 3
    assert await store.prune(BEFORE, after=first.rest, most=3) == Pruned(2, None)


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "BATCH", 4)


@pytest.mark.usefixtures("small_batches")
async def test_more_than_one_step_is_taken_until_all_are_gone(store: SessionStore) -> None:
    for number in range(9):
        await store.record(entry(number, at=LONG_AGO))
    steps: list[int] = []
    assert await prune(store, BEFORE, pause=0, told=steps.append) == 9
    assert steps == [4, 4, 1]


async def test_decisions_are_recorded_while_others_are_pruned(store: SessionStore) -> None:
    for number in range(12):
        await store.record(whole(f"old{number}", LONG_AGO))

    async def remove() -> None:
        after = None
        while (step := await store.prune(BEFORE, after=after, most=3)).rest is not None:
            after = step.rest

    async with anyio.create_task_group() as group:
        group.start_soon(remove)
        for number in range(12):
            group.start_soon(store.record, whole(f"new{number}", NOON))
    assert await store.prunable(BEFORE) == 0
    assert await store.prunable(NOON + timedelta(hours=1)) == 12
    assert await store.rebuild() == 12


async def test_of_those_who_want_a_turn_one_gets_it_and_the_next_when_it_is_over(
    store: SessionStore, clock: Clock
) -> None:
    ends = NOON + timedelta(hours=1)
    assert await store.take_turn("prune", until=ends)
    assert not await store.take_turn("prune", until=ends)
    assert await store.take_turn("something else", until=ends)
    clock.time = ends
    assert await store.take_turn("prune", until=ends + timedelta(hours=1))


# --- a running engine --------------------------------------------------------------------------------------------


async def until_pruned(engine: Engine) -> None:
    with anyio.fail_after(30):
        while not await engine.store.horizons():
            await anyio.sleep(0.005)


async def engine_with(keep: str | None, url: str, clock: Clock) -> Engine:
    config = config_with(store={"url": url, **({} if keep is None else {"keep": keep})})
    return Engine(config, client=client_with(), now=clock)


async def test_an_engine_removes_what_is_older_than_its_store_keeps(store: SessionStore, store_url: str) -> None:
    await store.record(whole("old", LONG_AGO))
    await store.record(whole("new", NOON))
    async with await engine_with("90d", store_url, Clock()) as engine:
        await until_pruned(engine)
        assert await store.decision("dold") is None
        assert await store.decision("dnew") is not None


async def test_an_engine_keeps_everything_unless_told(store: SessionStore, store_url: str) -> None:
    await store.record(whole("old", LONG_AGO))
    async with await engine_with(None, store_url, Clock()) as engine:
        await engine.run("invoice", TEXT, session="s")
        assert await store.decision("dold") is not None
        assert not await store.horizons()


async def test_a_second_engine_within_the_hour_leaves_it_to_the_first(store: SessionStore, store_url: str) -> None:
    assert await store.take_turn("prune", until=NOON + timedelta(hours=1))
    await store.record(whole("old", LONG_AGO))
    async with await engine_with("90d", store_url, Clock()) as engine:
        await engine.run("invoice", TEXT, session="s")
        await anyio.sleep(0.02)
        assert await store.decision("dold") is not None


@pytest.mark.usefixtures("small_batches")
async def test_an_engine_that_closes_meanwhile_leaves_whole_decisions(store: SessionStore, store_url: str) -> None:
    for number in range(10):
        await store.record(whole(number, LONG_AGO))
    async with await engine_with("90d", store_url, Clock()) as engine:
        await until_pruned(engine)
    assert await store.prunable(BEFORE) in (0, 2, 6)
    for number in range(10):
        rows = await rows_of(store, f"d{number}")
        assert min(rows.values()) > 0 or max(rows.values()) == 0


async def test_an_engine_that_cannot_prune_says_so_and_answers(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = await engine_with("90d", f"sqlite:///{tmp_path}/q.db", Clock())

    async def fails(work: str, *, until: datetime) -> bool:
        raise StoreError("the disk is full")

    monkeypatch.setattr(engine.store, "take_turn", fails)
    with caplog.at_level(logging.WARNING, "qualityroute"):
        async with engine:
            answer = await engine.run("invoice", TEXT)
            await anyio.sleep(0.01)
    assert answer.decision.outcome is Outcome.ACCEPTED
    assert "old decisions are still there: the disk is full" in caplog.text


async def test_explaining_a_pruned_decision_says_that_it_was_pruned(store: SessionStore, store_url: str) -> None:
    pruned, unknown = (f"{int(at.timestamp() * 1000):012x}" + "0" * 12 for at in (LONG_AGO, NOON))
    await prune(store, BEFORE)
    async with await engine_with(None, store_url, Clock()) as engine:
        with pytest.raises(ConfigError, match="decisions from before 2026-08-25 12:00 UTC were pruned"):
            await engine.explain(pruned)
        with pytest.raises(ConfigError, match=f"no decision '{unknown}' in the store; each line"):
            await engine.explain(unknown)


# --- the command -------------------------------------------------------------------------------------------------


@pytest.fixture
async def file(tmp_path: Path) -> Path:
    """A store with one decision of long ago and one of an hour ahead of this test."""
    path = tmp_path / "q.db"
    store = open_store(str(path), folder=Path())
    await store.open()
    await store.record(whole("old", LONG_AGO))
    await store.record(whole("new", datetime.now(UTC) + timedelta(hours=1)))
    await store.aclose()
    return path


def ids(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return [row[0] for row in connection.execute("SELECT id FROM decisions ORDER BY id")]


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_the_command_prunes_and_says_how_many(file: Path, anyio_backend: str) -> None:
    counted = await anyio.to_thread.run_sync(lambda: call("store", "prune", "--keep", "1d", "--dry-run", "--db", file))
    assert "Would prune 1 decision from before" in counted.output
    assert ids(file) == ["dnew", "dold"]
    done = await anyio.to_thread.run_sync(lambda: call("store", "prune", "--keep", "1d", "--db", file))
    assert done.exit_code == 0
    assert "Pruned 1 decision from before" in done.stdout
    assert "`store vacuum`" in done.stderr
    assert ids(file) == ["dnew"]
    told = await anyio.to_thread.run_sync(lambda: call("explain", "dold", "--db", file))
    assert told.exit_code == 2
    assert "were pruned" in one_line_error(told)
