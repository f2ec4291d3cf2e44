"""A budget in USD: what is surely paid for is asked, and nothing else."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import anyio
import pytest
from conftest import config_with
from hypothesis import given
from hypothesis import strategies as st

from qualityroute.commands.purse import Purse, check_priced
from qualityroute.errors import ConfigError
from qualityroute.lanes import work_through

pytestmark = pytest.mark.anyio


async def asked(
    limit: Decimal | None, costs: list[Decimal | None], concurrency: int = 4
) -> tuple[list[Decimal | None], int]:
    """What was asked of these costs, and the most that were under way before one was paid."""
    purse, waiting, done = Purse(limit), iter(costs), list[Decimal | None]()
    first = 0

    async def draw() -> tuple[Decimal | None] | None:
        cost = next(waiting, "none")
        return (cost,) if not isinstance(cost, str) and await purse.room() else None

    async def work(item: tuple[Decimal | None]) -> None:
        nonlocal first
        await anyio.sleep(0.002)  # so that others draw meanwhile, in whatever order they are woken
        if not done:
            first = max(first, purse.under_way)
        done.append(item[0])
        purse.pay(item[0])

    await work_through(draw, work, session_of=lambda _: None, concurrency=concurrency)
    assert purse.under_way == 0
    return done, first


async def test_asking_stops_before_the_dearest_so_far_would_pass_the_budget(anyio_backend: str) -> None:
    done, _ = await asked(Decimal("1"), [Decimal("0.3")] * 10)
    assert len(done) == 3


async def test_until_one_cost_is_known_one_request_is_under_way(anyio_backend: str) -> None:
    _, first = await asked(Decimal("10"), [Decimal("0.3")] * 10)
    assert first == 1
    _, first = await asked(None, [Decimal("0.3")] * 10)
    assert first > 1


async def test_an_unknown_cost_counts_as_the_dearest(anyio_backend: str) -> None:
    done, _ = await asked(Decimal("1"), [Decimal("0.3"), None, Decimal("0.3"), Decimal("0.3")], concurrency=1)
    assert done == [Decimal("0.3"), None, Decimal("0.3")]


async def test_where_no_cost_is_known_nothing_more_is_asked(anyio_backend: str) -> None:
    done, _ = await asked(Decimal("100"), [None] * 5)
    assert done == [None]


async def test_without_a_budget_everything_is_asked(anyio_backend: str) -> None:
    done, _ = await asked(None, [None, Decimal(5)] * 4)
    assert len(done) == 8


@given(st.decimals("0.01", 5, places=2), st.decimals("0.01", 1, places=2), st.integers(1, 20), st.integers(1, 6))
def test_equal_costs_never_pass_the_budget_but_for_the_first_and_leave_less_than_one(
    limit: Decimal, cost: Decimal, count: int, concurrency: int
) -> None:
    done, _ = anyio.run(asked, limit, [cost] * count, concurrency)
    assert len(done) == max(1, min(count, int(limit / cost)))


def test_a_model_without_a_price_refuses_a_budget_by_its_missing_row() -> None:
    config = config_with(prices=[])
    with pytest.raises(ConfigError, match=r'add \[\[prices\]\] with model = "practice/careful", input and output'):
        check_priced(config, ["practice/careful"], date(2026, 11, 23))


def test_a_price_that_is_not_in_force_yet_is_none() -> None:
    with pytest.raises(ConfigError, match="practice/small"):
        check_priced(config_with(), ["practice/small"], date(2025, 12, 31))
    check_priced(config_with(), ["practice/small"], date(2026, 1, 1))
