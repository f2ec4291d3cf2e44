"""What a call cost."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qualityroute.prices import Price, PriceBook
from qualityroute.records import Usage, total_cost

TODAY = date(2026, 11, 23)
OLD = Price("openai/nano", date(2026, 1, 1), Decimal("0.10"), Decimal("0.40"))
NEW = Price("openai/nano", date(2026, 10, 1), Decimal("0.05"), Decimal("0.40"), Decimal("0.005"))
FUTURE = Price("openai/nano", date(2027, 1, 1), Decimal("9"), Decimal("9"))
BOOK = PriceBook([NEW, FUTURE, OLD])


def test_the_newest_price_that_is_not_in_the_future_applies() -> None:
    assert BOOK.price("openai/nano", TODAY) == NEW
    assert BOOK.price("openai/nano", date(2026, 9, 30)) == OLD
    assert BOOK.price("openai/nano", date(2025, 1, 1)) is None
    assert BOOK.price("openai/other", TODAY) is None


def test_cached_tokens_have_their_own_price() -> None:
    cost = BOOK.cost("openai/nano", Usage(1_000_000, 400_000, 1_000_000), TODAY)
    assert cost == Decimal("0.6") * Decimal("0.05") + Decimal("0.4") * Decimal("0.005") + Decimal("0.40")


def test_without_a_cached_price_cached_tokens_cost_what_others_cost() -> None:
    assert BOOK.cost("openai/nano", Usage(1_000_000, 400_000, 0), date(2026, 5, 1)) == Decimal("0.10")


@pytest.mark.parametrize("usage", [Usage(), Usage(10), Usage(None, None, 10)])
def test_unknown_tokens_make_the_cost_unknown(usage: Usage) -> None:
    assert BOOK.cost("openai/nano", usage, TODAY) is None


def test_an_unknown_price_is_unknown_and_not_free() -> None:
    assert BOOK.cost("openai/other", Usage(10, 0, 10), TODAY) is None


tokens = st.integers(0, 10_000_000)


@given(st.lists(st.tuples(tokens, tokens, tokens), min_size=1, max_size=8))
def test_costs_add_up(calls: list[tuple[int, int, int]]) -> None:
    usages = [Usage(read, min(cached, read), written) for read, cached, written in calls]
    together = Usage(
        *(sum(part) for part in zip(*((u.input_tokens, u.cached_tokens, u.output_tokens) for u in usages), strict=True))
    )  # type: ignore[arg-type, misc]
    assert total_cost(BOOK.cost("openai/nano", usage, TODAY) for usage in usages) == BOOK.cost(
        "openai/nano", together, TODAY
    )


@given(st.lists(st.one_of(st.none(), st.decimals(0, 100, places=6)), max_size=8))
def test_a_sum_with_an_unknown_part_is_unknown(costs: list[Decimal | None]) -> None:
    total = total_cost(costs)
    assert (total is None) == (None in costs)
    if total is not None:
        assert total == sum((cost for cost in costs if cost is not None), Decimal(0))
