"""Money in the store: what every session store must do, and what holds between processes and after a crash."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import anyio
import pytest
from budget_race import LIMIT, race
from conftest import PRICES, config_with
from test_store import decision
from worlds import GOOD, client_with

from qualityroute import BudgetExceeded, Config, Engine
from qualityroute.budgets import Filling, Owed, Pot, Reservation, Scope
from qualityroute.store import Entry, SessionStore, open_store
from qualityroute.store.columns import from_units
from qualityroute.store.spending import LARGEST, in_units
from qualityroute.wallet import EXPIRY_MARGIN

pytestmark = pytest.mark.anyio
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
DAY = Pot(Scope.DAY, Decimal(1), day=date(2026, 11, 23))
TASK = Pot(Scope.TASK, Decimal("0.5"), name="invoice", day=date(2026, 11, 23))
SESSION = Pot(Scope.SESSION, Decimal(1), tenant="default", name="user-42")


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[SessionStore]:
    opened = open_store(store_url, folder=Path(), now=lambda: NOON)
    await opened.open()
    yield opened
    await opened.aclose()


def reservation(name: str, amount: str, *pots: Pot, at: datetime = NOON) -> Reservation:
    return Reservation(name, pots or (DAY,), Decimal(amount), at, at + timedelta(minutes=2))


async def filling(store: SessionStore, pot: Pot = DAY, now: datetime = NOON) -> tuple[Decimal, Decimal]:
    (found,) = await store.fillings([pot], now)
    assert found.pot == pot
    return found.spent, found.reserved


async def test_money_is_reserved_until_it_is_spent(store: SessionStore) -> None:
    one = reservation("one", "0.6")
    assert await filling(store) == (0, 0)
    assert await store.reserve(one) is None
    assert await filling(store) == (0, Decimal("0.6"))
    await store.settle(one, Decimal("0.123456789012"))
    assert await filling(store) == (Decimal("0.123456789012"), 0)


async def test_what_is_owed_is_counted_with_a_decision_and_only_if_it_was_not_counted(store: SessionStore) -> None:
    counted, owed = reservation("one", "0.3"), reservation("two", "0.4", DAY, TASK)
    assert [await store.reserve(one) for one in (counted, owed)] == [None, None]
    await store.settle(counted, Decimal("0.1"))
    debts = (Owed(counted, Decimal("0.1")), Owed(owed, Decimal("0.2")))
    await store.record(Entry(decision("a"), owed=debts))
    await store.record(Entry(decision("b"), owed=debts))
    assert await filling(store) == (Decimal("0.3"), 0)
    assert await filling(store, TASK) == (Decimal("0.2"), 0)


async def test_what_does_not_fit_says_how_much_is_gone(store: SessionStore) -> None:
    await store.reserve(reservation("one", "0.6"))
    short = await store.reserve(reservation("two", "0.5"))
    assert short is not None
    assert (short.filling, short.needed) == (Filling(DAY, Decimal(0), Decimal("0.6")), Decimal("0.5"))
    assert await store.reserve(reservation("three", "0.4")) is None


async def test_money_is_set_aside_in_every_pot_or_in_none(store: SessionStore) -> None:
    short = await store.reserve(reservation("one", "0.6", SESSION, TASK, DAY))
    assert short is not None and short.filling.pot == TASK
    assert [await filling(store, pot) for pot in (SESSION, TASK, DAY)] == [(0, 0)] * 3
    assert await store.reserve(reservation("two", "0.4", SESSION, TASK, DAY)) is None
    assert [await filling(store, pot) for pot in (SESSION, TASK, DAY)] == [(0, Decimal("0.4"))] * 3


async def test_each_session_tenant_task_and_day_has_its_own_money(store: SessionStore) -> None:
    pots = (
        SESSION, replace(SESSION, tenant="acme"), replace(SESSION, name="user-43"), TASK, replace(TASK, name="receipt"),
        DAY, replace(DAY, day=date(2026, 11, 24)),
    )  # fmt: skip
    for number, pot in enumerate(pots):
        assert await store.reserve(reservation(f"r{number}", "0.5", pot)) is None
    assert [await filling(store, pot) for pot in pots] == [(0, Decimal("0.5"))] * len(pots)


async def test_a_name_that_looks_like_sql_is_a_name(store: SessionStore) -> None:
    odd = replace(SESSION, name="x' OR 1=1 --")
    await store.reserve(reservation("one", "0.9"))
    assert await store.reserve(reservation("two", "0.9", odd)) is None
    assert await filling(store, odd) == (0, Decimal("0.9"))


async def test_a_reservation_comes_back_when_it_expires_and_not_before(store: SessionStore) -> None:
    await store.reserve(reservation("crashed", "0.9"))
    later = NOON + timedelta(minutes=2)
    just_before = later - timedelta(microseconds=1)
    assert await store.reserve(reservation("early", "0.2", at=just_before)) is not None
    assert await filling(store, now=later) == (0, 0)
    assert await store.reserve(reservation("next", "0.9", at=later)) is None


async def test_what_was_only_slow_is_counted_even_after_its_reservation_expired(store: SessionStore) -> None:
    slow = reservation("slow", "0.9")
    await store.reserve(slow)
    later = NOON + timedelta(hours=1)
    await store.reserve(reservation("next", "0.5", at=later))
    await store.settle(slow, Decimal("0.7"))
    assert await filling(store, now=later) == (Decimal("0.7"), Decimal("0.5"))


async def test_a_limit_that_was_lowered_holds_at_once(store: SessionStore) -> None:
    await store.reserve(reservation("one", "0.5"))
    lower = replace(DAY, limit=Decimal("0.5"))
    assert await store.reserve(reservation("two", "0.1", lower)) is not None
    assert await store.reserve(reservation("three", "0.1")) is None


async def test_of_two_hundred_at_once_as_many_fit_as_there_is_money_for(store: SessionStore) -> None:
    fitted: list[str] = []

    async def try_it(name: str) -> None:
        if await store.reserve(reservation(name, "0.03")) is None:
            fitted.append(name)

    async with anyio.create_task_group() as group:
        for number in range(200):
            group.start_soon(try_it, f"r{number}")
    assert len(fitted) == 33
    assert await filling(store) == (0, Decimal("0.99"))


@pytest.mark.parametrize("amount", ["0.0000000000001", "1e-30"])
def test_a_part_of_the_smallest_unit_counts_as_one(amount: str) -> None:
    assert in_units(Decimal(amount)) == 1


async def test_an_absurd_price_fills_the_budget_and_breaks_nothing(store: SessionStore) -> None:
    for number in range(3):
        dear = reservation(f"r{number}", "0")
        await store.reserve(dear)
        await store.settle(dear, Decimal("1e30"))
    assert (await filling(store))[0] == 3 * from_units(LARGEST)
    assert await store.reserve(reservation("next", "0.01")) is not None


# Between processes, and after a crash


def test_two_processes_never_go_beyond_a_budget_together(tmp_path: Path) -> None:
    found = race(tmp_path / "q.db", processes=2, requests=100, seed=3)
    assert found.refused > 0 and found.served > 0
    assert LIMIT / 2 < found.paid <= LIMIT
    assert found.most <= LIMIT
    assert (found.paid, found.reserved) == (found.spent, 0)


HANGING = """
import sys, anyio
sys.path.insert(0, sys.argv[2])
from test_spending import hanging
anyio.run(hanging, sys.argv[1])
"""


async def hanging(path: str) -> None:
    """One request whose model never answers; says when it is asked."""

    async def hang(messages: object) -> str:
        print("asked", flush=True)
        await anyio.sleep_forever()
        return ""

    async with Engine(tight(), client=client_with(hang), store=f"sqlite:///{path}") as engine:
        await engine.run("invoice", "Invoice A-1", session="user-42")


def kill_while_it_asks(path: Path) -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", HANGING, str(path), str(Path(__file__).parent)], stdout=subprocess.PIPE, text=True
    )
    with child:
        assert child.stdout is not None
        assert child.stdout.readline() == "asked\n"
        child.send_signal(signal.SIGKILL)


def tight() -> Config:
    """A budget into which one call fits, and no second beside it."""
    return config_with({"max_output_tokens": 1000, "deadline": "60s"}, budget={"per_day": "0.0006"}, prices=PRICES)


async def test_what_a_killed_process_reserved_comes_back_when_it_expires(tmp_path: Path) -> None:
    path = tmp_path / "q.db"
    kill_while_it_asks(path)
    killed_at = datetime.now(UTC)
    times = [killed_at, killed_at + timedelta(seconds=60) + EXPIRY_MARGIN]
    async with Engine(tight(), client=client_with(GOOD), store=f"sqlite:///{path}", now=lambda: times[0]) as engine:
        with pytest.raises(BudgetExceeded) as caught:
            await engine.run("invoice", "Invoice A-1")
        assert (caught.value.spent, caught.value.retryable) == (0, True)
        times.pop(0)
        await engine.run("invoice", "Invoice A-1")
    connection = sqlite3.connect(path)
    assert connection.execute("SELECT COUNT(*) FROM reservations").fetchone() == (0,)
    connection.close()
