"""Where a request starts."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from conftest import NOW
from test_pins import pinned

from qualityroute.complexity import Choice, Forecast
from qualityroute.complexity.cells import CellKey
from qualityroute.config import Pins, Task
from qualityroute.pins import Pin
from qualityroute.records import Route, Tier
from qualityroute.routing import Plan, held, route

TASK = Task()


def plan(task: Task = TASK, pin: Pin | None = None, asked: Tier | None = None, **options: object) -> Plan:
    return route(task, pin, asked, policy=Pins(), now=NOW, **options)  # type: ignore[arg-type]


def test_without_a_pin_the_cheap_model_goes_first_and_is_judged() -> None:
    assert plan() == Plan(Route.CASCADE, Tier.EFFICIENCY, judged=True, falls_back=True)


def test_a_pinned_session_goes_straight_to_performance() -> None:
    assert plan(pin=pinned()) == Plan(Route.PINNED, Tier.PERFORMANCE, judged=False, falls_back=False)


def test_a_half_open_pin_may_be_probed_by_who_gets_the_lease() -> None:
    probe = plan(pin=replace(pinned(), remaining=0))
    assert probe == Plan(Route.PROBE, Tier.EFFICIENCY, judged=True, falls_back=True)
    assert held(probe) == plan(pin=pinned())


@pytest.mark.parametrize("pin", [replace(pinned(), until=NOW - timedelta(seconds=1)), replace(pinned(), held=False)])
def test_a_pin_past_its_date_or_only_watched_holds_nobody(pin: Pin) -> None:
    assert plan(pin=pin).route is Route.CASCADE


def test_the_callers_word_wins_over_everything_and_nothing_is_judged() -> None:
    for tier in Tier:
        assert plan(Task(tier="performance"), pinned(), tier, mode="baseline") == Plan(
            Route.ASKED, tier, judged=False, falls_back=False
        )


def test_the_baseline_mode_and_the_tasks_own_tier_come_before_the_pin() -> None:
    assert plan(pin=pinned(), mode="baseline").route is Route.BASELINE
    assert plan(Task(tier="performance"), pinned()).route is Route.TASK


def test_auto_is_the_cascade_for_now() -> None:
    assert plan(Task(tier="auto")).route is Route.CASCADE


def test_a_task_that_accepts_nothing_uncertified_goes_to_performance_until_a_certificate_is_in_force() -> None:
    strict = Task.model_validate({"accept": {"on_uncertified": "fallback"}})
    assert plan(strict).route is Route.UNCERTIFIED
    assert plan(strict, certified=True).route is Route.CASCADE
    assert plan(TASK, certified=False).route is Route.CASCADE


def test_what_is_learned_decides_where_nothing_else_does() -> None:
    def learned(choice: Choice) -> Route:
        return plan(forecast=Forecast(CellKey("invoice"), 0.5, taken=choice)).route

    assert [learned(choice) for choice in (Choice.CASCADE, Choice.PERFORMANCE, Choice.UNJUDGED)] == [
        Route.CASCADE,
        Route.LEARNED,
        Route.UNJUDGED,
    ]


def test_a_pin_waits_for_its_session_to_rest_where_the_policy_says_so() -> None:
    resting = Pins(probe="idle")
    waiting = route(TASK, pinned(resting), None, policy=resting, now=NOW)
    rested = route(TASK, pinned(resting), None, policy=resting, now=NOW + resting.idle_ttl)
    assert (waiting.route, rested.route) == (Route.PINNED, Route.PROBE)


@pytest.mark.parametrize("choice", Choice)
def test_performance_is_begun_early_in_a_cascade_alone(choice: Choice) -> None:
    key = CellKey("invoice")
    plans = [plan(forecast=Forecast(key, 0.5, taken=choice, early=early)) for early in (True, False)]
    assert [made.early for made in plans] == [choice is Choice.CASCADE, False]
