"""A caller's own budget, as the gateway's keys have: one more that each call has to fit into."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import anyio
import pytest
from conftest import INVOICE_SCHEMA, NOW, PRICES, RUBRIC, config_with
from worlds import GOOD, TEXT, World, Worlds, client_with

from qualityroute import BudgetExceeded, Completion, Config, ConfigError, Reason
from qualityroute.budgets import Allowance, Pot, Reservation, Scope, allowance_pots
from qualityroute.keys import Key, digest_of, token_of
from qualityroute.store import open_store

pytestmark = pytest.mark.anyio
JUDGED: dict[str, Any] = {"schema": INVOICE_SCHEMA, "rubric": RUBRIC, "gate": ["judge"]}
CI = Allowance("ci", Decimal(1))
DAY = date(2026, 11, 23)
FREE_CHECKS: dict[str, Any] = {"schema": INVOICE_SCHEMA, "gate": []}


def costing(text: str, cost: str) -> Completion:
    return Completion(text, cost=Decimal(cost))


def dear(cost: str = "0.25") -> Any:
    return client_with(costing(GOOD, cost), judge=costing("{}", "0"))


def spent(w: World, scope: str = "key") -> dict[str, Decimal]:
    rows = w.rows(f"SELECT name, spent FROM spending WHERE scope = '{scope}'")
    return {str(name): Decimal(units) / 10**12 for name, units in rows}


async def refused(w: World, **options: Any) -> BudgetExceeded:
    with pytest.raises(BudgetExceeded) as caught:
        await w.run(**options)
    assert caught.value.decision is not None and caught.value.decision.reason is Reason.BUDGET
    return caught.value


def test_an_allowance_is_a_budget_of_its_name_and_day() -> None:
    assert allowance_pots(None, DAY) == ()
    assert allowance_pots(CI, DAY) == (Pot(Scope.KEY, Decimal(1), name="ci", day=DAY),)


async def test_what_a_key_spends_is_counted_beside_every_other_budget(world: Worlds) -> None:
    w = await world(dear(), config_with(FREE_CHECKS, budget={"per_day": 5, "per_session": 2}))
    await w.run(allowance=CI)
    await w.run()
    assert spent(w) == {"ci": Decimal("0.25")}
    assert spent(w, "day") == {"": Decimal("0.5")}
    assert spent(w, "session") == {"user-42": Decimal("0.5")}


async def test_a_key_without_money_is_refused_by_its_name_until_the_next_day(world: Worlds) -> None:
    w = await world(dear("0.6"), config_with(FREE_CHECKS))
    await w.run(allowance=CI)
    await w.run(allowance=CI)  # the estimate of the second still fits; what it costs is beyond
    error = await refused(w, allowance=CI)
    assert (error.scope, error.limit, error.spent) == ("key", Decimal(1), Decimal("1.2"))
    assert "the budget of $1 for the day of key 'ci' is used up: $1.2 spent" in str(error)
    assert "2026-11-24 00:00 UTC" in str(error) and error.retryable
    await w.run(allowance=Allowance("other", Decimal(1)))
    await w.run()
    w.clock.advance(days=1)
    await w.run(allowance=CI)


async def test_a_key_made_anew_by_the_same_name_does_not_get_its_money_twice(world: Worlds) -> None:
    w = await world(dear("0.6"), config_with(FREE_CHECKS))
    token = token_of(bytes(32))
    old = Key("k1", "ci", "acme", digest_of(token), token[-4:], w.clock(), budget_per_day=Decimal("0.6"))
    new = replace(old, id="k2", digest=digest_of("other"))
    await w.run(allowance=old.allowance)
    error = await refused(w, allowance=new.allowance)
    for secret in (token, token[3:], old.digest, new.digest):
        assert secret not in str(error) and secret not in repr(error.decision)


async def test_a_call_that_does_not_fit_into_one_budget_takes_from_none(world: Worlds) -> None:
    w = await world(dear("0.6"), config_with(FREE_CHECKS, budget={"per_day": "0.0000001"}))
    assert (await refused(w, allowance=CI)).scope == "day"
    assert w.rows("SELECT COUNT(*) FROM reservations") == [(0,)]
    assert spent(w) == {}


@pytest.mark.parametrize("on_exhausted", ["efficiency_only", "serve_best"])
async def test_a_key_that_is_short_is_served_as_the_configuration_says(world: Worlds, on_exhausted: str) -> None:
    config = config_with(JUDGED, budget={"on_exhausted": on_exhausted})
    w = await world(config=config)
    await w.engine.pins.add("user-42")
    answer = await w.run(allowance=Allowance("ci", Decimal("0.01")))
    assert w.used() == {"efficiency": 1, "judge": 1}
    assert answer.output == {"number": "A-1", "total": 12.5}


async def test_an_audit_draws_on_the_budget_of_the_key_it_is_made_for(world: Worlds) -> None:
    w = await world(config=config_with({**JUDGED, "accept": {"audit": 1.0}}))
    answer = await w.run(allowance=CI)
    await w.engine.aclose()
    assert w.used() == {"efficiency": 1, "judge": 1, "performance": 1}
    assert spent(w)["ci"] > answer.decision.cost


@pytest.mark.parametrize("missing", ["practice/small", "practice/careful", "practice/checker"])
async def test_without_a_price_a_key_with_a_budget_is_refused_before_anything_is_asked(
    world: Worlds, missing: str
) -> None:
    prices = [row for row in PRICES if row["model"] != missing]
    w = await world(config=config_with(JUDGED, prices=prices))
    with pytest.raises(ConfigError, match=rf"'ci' has a budget, and there is no \[\[prices\]\] row for '{missing}'"):
        await w.run(allowance=CI)
    assert w.used() == {}
    await w.run()


@pytest.mark.parametrize(
    ("allowance", "told"),
    [
        (Allowance("a\nb", Decimal(1)), "holds control characters"),
        (Allowance("", Decimal(1)), "is empty"),
        (Allowance("ci", Decimal("NaN")), "right is a Decimal of USD, 0 or more"),
        (Allowance("ci", Decimal("-0.01")), "right is a Decimal of USD, 0 or more"),
        (Allowance("ci", 1.0), "right is a Decimal of USD, 0 or more"),  # type: ignore[arg-type]
    ],
)
async def test_an_allowance_that_cannot_be_kept_is_refused(world: Worlds, allowance: Allowance, told: str) -> None:
    w = await world()
    with pytest.raises(ConfigError, match=told):
        await w.run(allowance=allowance)
    assert w.used() == {}


async def test_an_allowance_of_nothing_lets_no_call_through(world: Worlds) -> None:
    w = await world()
    await refused(w, allowance=Allowance("ci", Decimal(0)))
    assert w.used() == {}


# At once


def tight() -> Config:
    return config_with({**FREE_CHECKS, "max_output_tokens": 1000})


async def test_a_hundred_requests_at_once_do_not_go_beyond_a_keys_budget(world: Worlds) -> None:
    """Each costs what it is estimated at; about a third of them fit."""
    limit, told = Decimal("0.015"), Counter[str]()

    async def slow(messages: object) -> Completion:
        await anyio.sleep(0)
        return costing(GOOD, "0.0004")

    w = await world(client_with(slow), tight())

    async def one(number: int) -> None:
        try:
            await w.engine.run("invoice", TEXT, allowance=Allowance("ci", limit))
            told["served"] += 1
        except BudgetExceeded:
            told["refused"] += 1

    async with anyio.create_task_group() as group:
        for number in range(100):
            group.start_soon(one, number)
    assert told.total() == 100
    assert 20 < told["served"] < 40
    assert spent(w)["ci"] == told["served"] * Decimal("0.0004") <= limit


async def test_a_hundred_reservations_by_two_processes_overshoot_by_no_estimate(store_url: str) -> None:
    estimate, pot, at = Decimal("0.03"), Pot(Scope.KEY, Decimal(1), name="ci", day=DAY), NOW
    stores = [open_store(store_url, folder=Path()) for _ in range(2)]
    fitted = list[str]()

    async def take(number: int) -> None:
        store = stores[number % 2]
        reservation = Reservation(f"r{number}", (pot,), estimate, at, at + timedelta(minutes=2))
        if await store.reserve(reservation) is None:
            fitted.append(reservation.id)
            await store.settle(reservation, estimate)

    for store in stores:
        await store.open()
    async with anyio.create_task_group() as group:
        for number in range(100):
            group.start_soon(take, number)
    (filling,) = await stores[0].fillings([pot], NOW)
    for store in stores:
        await store.aclose()
    assert (len(fitted), filling.spent, filling.reserved) == (33, 33 * estimate, 0)
