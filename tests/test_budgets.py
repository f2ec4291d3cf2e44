"""Whether one more call fits, and what it may cost, before anything is asked."""

from __future__ import annotations

import json
import time
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from conftest import PRICES, config_with
from hypothesis import given
from hypothesis import strategies as st

from qualityroute import CompletionRequest, ConfigError, Usage
from qualityroute.budgets import Filling, Pot, Scope, day_pots, exceeded, session_pots, shortage
from qualityroute.config import Budget, Task
from qualityroute.estimates import (
    BYTES_PER_TOKEN,
    DEFAULT_OUTPUT,
    TOKENS_PER_IMAGE,
    Lengths,
    input_tokens,
    largest_cost,
    output_tokens,
)
from qualityroute.prices import Price, PriceBook
from qualityroute.records import Attempt, Reason, Role, Ruling, Tier
from qualityroute.setup import build_setup

DAY = date(2026, 11, 23)
POT = Pot(Scope.DAY, Decimal(1), day=DAY)
PRICE = Price("practice/small", date.min, Decimal("0.10"), Decimal("0.40"), Decimal("0.01"))
money = st.decimals(0, 5, places=6)


def asked(*contents: Any, **more: Any) -> CompletionRequest:
    messages = tuple({"role": "user", "content": content} for content in contents)
    return CompletionRequest(Role.ANSWER, Tier.EFFICIENCY, "practice", "small", messages, **more)


# Fitting


@given(money, st.lists(money, max_size=30))
def test_what_is_spent_and_reserved_never_goes_beyond_the_limit(limit: Decimal, amounts: list[Decimal]) -> None:
    pot, reserved = Pot(Scope.DAY, limit), Decimal(0)
    for amount in amounts:
        if shortage([Filling(pot, Decimal(0), reserved)], amount) is None:
            reserved += amount
        assert reserved <= limit


@given(st.lists(st.tuples(money, money, money), min_size=1, max_size=4), money)
def test_a_call_fits_only_where_it_fits_into_every_budget(
    budgets: list[tuple[Decimal, Decimal, Decimal]], needed: Decimal
) -> None:
    fillings = [Filling(Pot(Scope.TASK, limit), spent, reserved) for limit, spent, reserved in budgets]
    each = [shortage([filling], needed) for filling in fillings]
    assert (shortage(fillings, needed) is None) == (each == [None] * len(each))


def test_the_last_cent_can_be_spent_and_not_more() -> None:
    filling = Filling(POT, Decimal("0.70"), Decimal("0.20"))
    assert shortage([filling], Decimal("0.10")) is None
    assert shortage([filling], Decimal("0.100000000001")) is not None


def test_a_call_that_costs_nothing_fits_however_much_is_spent() -> None:
    assert shortage([Filling(POT, Decimal(7))], Decimal(0)) is None


def test_what_is_kept_for_others_does_not_fit() -> None:
    measuring = Pot(Scope.DAY, Decimal(1), day=DAY, kept=Decimal("0.1"))
    assert shortage([Filling(measuring, Decimal("0.8"))], Decimal("0.1")) is None
    assert shortage([Filling(measuring, Decimal("0.85"))], Decimal("0.1")) is not None


def test_a_request_draws_on_the_budgets_that_are_set_for_it() -> None:
    budget = Budget(per_request="0.05", per_session=1, per_day=50)
    assert day_pots(budget, [("invoice", Task(budget_per_day=5)), ("receipt", Task())], DAY) == (
        Pot(Scope.TASK, Decimal(5), name="invoice", day=DAY),
        Pot(Scope.DAY, Decimal(50), day=DAY),
    )
    assert session_pots(budget, "acme", "user-42") == (Pot(Scope.SESSION, Decimal(1), "acme", "user-42"),)
    assert session_pots(budget, "acme", None) == ()
    assert day_pots(Budget(), [("invoice", Task())], DAY) == ()


def test_the_error_says_which_budget_how_much_and_when_there_is_more() -> None:
    short = shortage([Filling(POT, Decimal("0.98"), Decimal("0.01"))], Decimal("0.05"))
    assert short is not None
    error = exceeded(short, "task 'invoice': ")
    assert (error.scope, error.limit, error.spent) == ("day", Decimal(1), Decimal("0.98"))
    assert error.opens_at == datetime(2026, 11, 24, tzinfo=UTC)
    assert error.retryable
    assert str(error) == (
        "task 'invoice': the budget of $1 for the day is used up: $0.98 spent, $0.01 reserved for calls under way, "
        "and the next call may cost $0.05; it opens again at 2026-11-24 00:00 UTC"
    )


def test_a_session_that_has_spent_its_budget_need_not_try_again() -> None:
    spent = shortage([Filling(Pot(Scope.SESSION, Decimal(1)), Decimal(1))], Decimal("0.01"))
    held = shortage([Filling(Pot(Scope.SESSION, Decimal(1)), Decimal(0), Decimal(1))], Decimal("0.01"))
    assert spent is not None and held is not None
    assert (exceeded(spent).retryable, exceeded(spent).opens_at) == (False, None)
    assert exceeded(held).retryable


# Estimating


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(json_values, st.text())
def test_the_input_counts_every_byte_of_what_is_sent_as_a_third_of_a_token(schema: Any, text: str) -> None:
    request = asked(text, response_schema={"properties": schema}, tools=({"function": schema},))
    sent = [schema, schema, text]
    size = sum(len(json.dumps(part, ensure_ascii=False, separators=(",", ":")).encode()) for part in sent)
    escapes = sum(json.dumps(part, ensure_ascii=False).count("\\") * 6 for part in sent)
    assert input_tokens(request) * BYTES_PER_TOKEN >= size - escapes


def test_a_picture_counts_flat_however_long_its_address() -> None:
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 400_000}}
    told = input_tokens(asked([{"type": "text", "text": "Read this."}, picture]))
    assert TOKENS_PER_IMAGE < told < TOKENS_PER_IMAGE + 100


def test_letters_of_several_bytes_count_more() -> None:
    assert input_tokens(asked("発票" * 300)) > 2 * input_tokens(asked("ab" * 300))


@pytest.mark.parametrize(
    ("more", "tokens"),
    [
        ({}, 5_000),
        ({"max_output_tokens": 100}, 100),
        ({"max_output_tokens": 100, "parameters": {"max_tokens": 900}}, 900),
        ({"parameters": {"max_completion_tokens": 300, "n": 3}}, 900),
        ({"max_output_tokens": 100, "parameters": {"max_tokens": "many", "n": True}}, 100),
    ],
)
def test_the_output_is_the_limit_that_is_sent_or_else_the_longest_seen(more: dict[str, Any], tokens: int) -> None:
    assert output_tokens(asked("x", **more), 5_000) == tokens


def test_a_longer_answer_is_learned_of_its_kind_and_a_shorter_one_is_not() -> None:
    lengths = Lengths()
    for seen in (DEFAULT_OUTPUT + 500, 3, None):
        lengths.learn("answers", Usage(output_tokens=seen))
    assert lengths.longest("answers") == DEFAULT_OUTPUT + 500
    assert lengths.longest("verdicts") == DEFAULT_OUTPUT


@given(st.integers(0, 1000), st.integers(0, 1000), st.integers(0, 500), st.text(max_size=3000))
def test_no_answer_within_its_limit_costs_more_than_was_estimated(
    used: int, cached: int, wrote: int, text: str
) -> None:
    request = asked(text, max_output_tokens=500)
    usage = Usage(min(used, input_tokens(request)), cached, wrote)
    cost = PriceBook([PRICE]).cost("practice/small", usage, DAY)
    assert cost is not None and cost <= largest_cost(request, PRICE, 0)


def test_cached_input_that_is_dearer_than_other_is_reckoned_with() -> None:
    odd = Price("practice/small", date.min, Decimal(1), Decimal(1), cached_input=Decimal(2))
    plain = Price("practice/small", date.min, Decimal(1), Decimal(1))
    assert largest_cost(asked("x" * 900), odd, 10) > largest_cost(asked("x" * 900), plain, 10)


# Loading


@pytest.mark.parametrize(
    ("key", "sections"),
    [
        ("budget.per_request", {"budget": {"per_request": 1}}),
        ("budget.per_session", {"budget": {"per_session": 1}}),
        ("budget.per_day", {"budget": {"per_day": 1}}),
        ("tasks.invoice.budget_per_day", {"task": {"budget_per_day": 1}}),
    ],
)
def test_a_budget_with_a_model_of_unknown_price_is_refused_and_the_models_are_named(
    key: str, sections: dict[str, Any]
) -> None:
    with pytest.raises(ConfigError, match=rf"{key}: there is no \[\[prices\]\] row for 'practice/careful'.*checker"):
        build_setup(config_with(**sections, prices=PRICES[:1]), time.monotonic)
    with pytest.raises(ConfigError, match=rf"{key}: there is no"):
        config_with(**sections, prices=[])
    build_setup(config_with(**sections), time.monotonic)


def test_without_a_budget_prices_may_be_unknown() -> None:
    config_with(prices=[], budget={"on_exhausted": "serve_best"})


@pytest.mark.parametrize("limit", [-1, 1_000_001, "inf", "NaN"])
def test_a_budget_is_an_amount_that_can_be_counted(limit: Any) -> None:
    with pytest.raises(ConfigError, match=r"budget\.per_day"):
        config_with(budget={"per_day": limit})


@pytest.mark.parametrize(
    ("pot", "whose"),
    [
        (Pot(Scope.REQUEST, Decimal(1)), "for one request"),
        (Pot(Scope.SESSION, Decimal(1), "default", "user-42"), "for the session"),
        (Pot(Scope.TASK, Decimal(1), name="invoice", day=DAY), "for the task's day"),
        (Pot(Scope.KEY, Decimal(1), name="shop", day=DAY), "for the day of key 'shop'"),
        (POT, "for the day"),
    ],
)
def test_a_shortage_says_whose_money_is_used_up(pot: Pot, whose: str) -> None:
    short = shortage([Filling(pot, Decimal(1))], Decimal("0.5"))
    assert short is not None
    assert short.message.startswith(f"the budget of $1 {whose} is used up: $1 spent, and the next call may cost $0.5")


def test_a_caller_gets_what_was_tried_before_the_money_was_used_up() -> None:
    short = shortage([Filling(POT, Decimal(1))], Decimal("0.5"))
    assert short is not None
    tried = (Attempt(Tier.EFFICIENCY, Ruling.REJECTED, Reason.SCHEMA),)
    assert str(exceeded(short)) == short.message
    assert exceeded(short, "tasks.invoice: ", tried).attempts == tried
