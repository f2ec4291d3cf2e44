"""A task on `tier = "auto"`: what is read, learned, done and reported, through the engine."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from conftest import INVOICE_SCHEMA, RUBRIC, config_with
from worlds import BAD, BETTER, GOOD, TEXT, World, client_with

from qualityroute import Config, ConfigError, Outcome, Route, StoreError
from qualityroute.complexity import CellKey, Choice, Forecast, Foretold
from qualityroute.complexity.features import NAMES
from qualityroute.complexity.regression import EVERY, FEWEST
from qualityroute.learning import coin_of
from qualityroute.report.learning import learning_report
from qualityroute.report.money import Means

pytestmark = pytest.mark.anyio

PRICES = [
    {"model": "practice/small", "effective_from": "2026-01-01", "input": "1", "output": "1"},
    {"model": "practice/careful", "effective_from": "2026-01-01", "input": "3", "output": "3"},
    {"model": "practice/checker", "effective_from": "2026-01-01", "input": "0.1", "output": "0.1"},
]
"""Near to each other, so that a break-even is soon proven to be passed."""
AUTO = {"tier": "auto", "schema": INVOICE_SCHEMA, "rubric": RUBRIC, "gate": ["judge"]}


def auto(task: dict[str, Any] | None = None, **sections: Any) -> Config:
    return config_with({**AUTO, **(task or {})}, **{"prices": PRICES, "routing": {"explore": 0.0}, **sections})


async def ask(world: World, count: int, **options: Any) -> list[Any]:
    return [(await world.run(session=None, **options)).decision for _ in range(count)]


def reads_of_the_log(world: World, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is asked of the store about what was learned."""
    asked: list[str] = []
    for name in ("cells", "forecasts", "forecast", "regression", "keep_regression", "summaries"):
        kept = getattr(world.engine._store, name)

        async def spied(*arguments: Any, name: str = name, kept: Any = kept, **options: Any) -> Any:
            asked.append(name)
            return await kept(*arguments, **options)

        monkeypatch.setattr(world.engine._store, name, spied)
    return asked


@pytest.mark.parametrize("tier", ["efficiency", "performance"])
async def test_of_a_task_on_another_tier_nothing_is_read_and_nothing_is_learned(
    world: Any, tier: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = await world(config=auto({"tier": tier}))
    asked = reads_of_the_log(there, monkeypatch)
    await ask(there, 3)
    assert asked == []
    assert there.rows("SELECT COUNT(*) FROM cells") == there.rows("SELECT COUNT(*) FROM forecasts") == [(0,)]


async def test_a_request_that_was_decided_before_asks_the_log_nothing(world: Any) -> None:
    there = await world(client_with(efficiency=BAD), auto())
    await there.run(session="user-42")
    assert (await there.run(session="user-42")).decision.route is Route.PINNED
    await there.run(session=None, tier="performance")
    assert there.rows("SELECT COUNT(*) FROM forecasts") == [(1,)]


async def test_an_outcome_is_in_its_cells_with_its_decision(world: Any) -> None:
    there = await world(client_with(efficiency=[BAD, GOOD]), auto())
    await ask(there, 2)
    rows = there.rows("SELECT task, model, passes, escalations, observed FROM cells ORDER BY task, model")
    assert rows == [
        ("", "", 1.0, 0.99, 2), ("invoice", "", 1.0, 0.99, 2), ("invoice", "practice/small", 1.0, 0.99, 2)
    ]  # fmt: skip
    first, second = there.rows("SELECT by_cells, escalated FROM forecasts ORDER BY at, decision_id")
    assert first == (pytest.approx(0.2), 1)
    assert second[0] > 0.2
    assert second[1] == 0


async def test_a_hopeless_task_goes_straight_to_performance_once_it_is_proven(world: Any) -> None:
    there = await world(client_with(efficiency=BAD), auto())
    decisions = await ask(there, 45)
    routes = [decision.route for decision in decisions]
    assert set(routes[:30]) == {Route.CASCADE}
    assert routes[-1] is Route.LEARNED
    assert decisions[-1].outcome is Outcome.PERFORMANCE
    assert len(decisions[-1].attempts) == 1
    told = await there.engine._store.forecast(decisions[-1].id)
    assert told.forecast.wanted is told.forecast.taken is Choice.PERFORMANCE
    assert (told.forecast.propensity, told.escalated) == (1.0, None)


async def test_a_task_that_mostly_passes_stays_with_the_cascade(world: Any) -> None:
    there = await world(client_with(efficiency=[BAD, *[GOOD] * 9] * 8), auto())
    assert {decision.route for decision in await ask(there, 60)} == {Route.CASCADE}


async def test_the_explored_share_tries_efficiency_and_is_written_down_with_its_probability(world: Any) -> None:
    there = await world(client_with(efficiency=BAD), auto(routing={"explore": 0.12}))
    decisions = (await ask(there, 100))[50:]
    asked = "SELECT decision_id, propensity, break_even FROM forecasts WHERE wanted = 'performance'"
    rows = {name: (propensity, 0.12 / (1 - at)) for name, propensity, at in there.rows(asked)}
    explored = {one.id for one in decisions if one.route is Route.CASCADE and one.id in rows}
    straight = {one.id for one in decisions if one.route is Route.LEARNED}
    assert len(explored) > 8
    assert len(straight) > 8
    for name in explored:
        propensity, share = rows[name]
        assert coin_of(name) < share == pytest.approx(propensity)
    for name in straight:
        propensity, share = rows[name]
        assert coin_of(name) >= share == pytest.approx(1 - propensity)


async def test_a_model_that_has_become_better_is_found_by_the_explored_share(world: Any) -> None:
    there = await world(client_with(efficiency=[*[BAD] * 40, GOOD]), auto(routing={"explore": 0.3}))
    await ask(there, 45)
    assert await ask(there, 1, metadata={})  # whichever way its coin fell
    decisions = await ask(there, 80)
    assert {decision.route for decision in decisions[-10:]} == {Route.CASCADE}


async def test_a_new_pipeline_keeps_ten_outcomes_of_the_one_before_and_no_evidence(world: Any) -> None:
    there = await world(client_with(efficiency=BAD), auto())
    await ask(there, 40)
    changed = auto({"instructions": "Another prompt."})
    other = await world(client_with(efficiency=BAD), changed)
    await ask(other, 1)
    (row,) = other.rows(
        "SELECT passes + escalations, observed, purse FROM cells WHERE fingerprint <> '' ORDER BY observed LIMIT 1"
    )
    assert row[0] == pytest.approx(10 * 0.99 + 1)
    assert row[1] == 1
    assert row[2] < 1


async def test_the_answer_of_another_model_says_nothing_of_the_first(world: Any) -> None:
    failing = client_with(efficiency=[TimeoutError("gone"), GOOD])
    config = auto(tiers={"efficiency": {"models": ["practice/small", "practice/spare"]},
                         "performance": {"models": ["practice/careful"]}})  # fmt: skip
    there = await world(failing, config)
    assert (await ask(there, 1))[0].model == "practice/spare"
    assert there.rows("SELECT COUNT(*) FROM cells") == [(0,)]


async def test_an_endpoint_in_trouble_is_no_outcome(world: Any) -> None:
    there = await world(client_with(efficiency=TimeoutError("gone")), auto())
    await ask(there, 1)
    assert there.rows("SELECT escalated FROM forecasts") == [(None,)]
    assert there.rows("SELECT COUNT(*) FROM cells") == [(0,)]


UNJUDGED = {"accept": {"audit": 1.0}}


async def test_the_judge_is_left_out_where_errors_cost_less_than_he_does_and_audits_go_on(world: Any) -> None:
    config = auto(UNJUDGED, routing={"explore": 0.0, "cost_of_error": 0.000001})
    there = await world(client_with(performance=GOOD), config)
    decisions = await ask(there, 45)
    assert decisions[-1].route is Route.UNJUDGED
    assert decisions[-1].outcome is Outcome.ACCEPTED
    assert {verdict.check for verdict in decisions[-1].attempts[0].verdicts} == {"form", "schema"}
    await there.engine._sideline.drain()
    unjudged = {name for (name,) in there.rows("SELECT id FROM decisions WHERE route = 'unjudged'")}
    assert {name for (name,) in there.rows("SELECT decision_id FROM audits")} >= unjudged
    # What was accepted without the judge proves nothing of his threshold.
    assert unjudged.isdisjoint(name for (name,) in there.rows("SELECT decision_id FROM labels"))
    report = (await there.engine.report()).tasks["invoice"]
    assert report.attempts == 45 - len(unjudged)


@pytest.mark.parametrize(
    ("task", "cost"),
    [({}, "0.000001"), ({"accept": {"audit": 1.0}}, "0"), ({"accept": {"audit": 1.0}}, "1")],
    ids=["no audits", "errors without a price", "dear errors"],
)
async def test_the_judge_stays(world: Any, task: dict[str, Any], cost: str) -> None:
    there = await world(client_with(performance=GOOD), auto(task, routing={"explore": 0.0, "cost_of_error": cost}))
    assert {decision.route for decision in await ask(there, 45)} == {Route.CASCADE}


async def test_an_unjudged_answer_still_has_to_pass_the_free_checks(world: Any) -> None:
    config = auto(UNJUDGED, routing={"explore": 0.0, "cost_of_error": 0.000001})
    there = await world(client_with(efficiency=[*[GOOD] * 60, BAD], performance=BETTER), config)
    await ask(there, 60)
    (last,) = await ask(there, 1)
    assert (last.route, last.outcome) == (Route.UNJUDGED, Outcome.FALLBACK)


PICTURE = [
    {"role": "user", "content": [{"type": "text", "text": TEXT},
                                 {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}]}
]  # fmt: skip


async def test_a_hard_limit_sends_a_request_to_who_can_answer_it_and_says_why(world: Any) -> None:
    there = await world(config=auto(models={"practice/careful": {"images": True}}))
    decision = (await there.engine.run("invoice", PICTURE, session="user-42")).decision
    assert decision.route is Route.HARD_LIMIT
    assert "not marked as seeing pictures" in decision.message
    assert there.used() == {"performance": 1}
    assert there.rows("SELECT COUNT(*) FROM pins") == [(0,)]
    assert (await there.run(session="user-42")).decision.route is Route.CASCADE


async def test_without_a_price_the_rule_decides_nothing(world: Any) -> None:
    there = await world(client_with(efficiency=BAD), auto(prices=[]))
    assert {decision.route for decision in await ask(there, 60)} == {Route.CASCADE}
    assert there.rows("SELECT DISTINCT break_even FROM forecasts") == [(None,)]


async def test_a_log_that_cannot_be_read_costs_nobody_an_answer(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    there = await world(config=auto())

    async def broken(key: CellKey) -> Any:
        raise StoreError("disk on fire")

    monkeypatch.setattr(there.engine._store, "cells", broken)
    assert (await ask(there, 1))[0].outcome is Outcome.ACCEPTED


async def test_the_engine_analyses_by_its_log_and_by_the_sessions_pin(world: Any) -> None:
    there = await world(client_with(efficiency=BAD), auto())
    cold = await there.engine.analyze_complexity("invoice", TEXT)
    assert (cold.source, cold.tier, cold.observed) == ("prior", "efficiency", 0)
    await there.run(session="user-42")
    assert (await there.engine.analyze_complexity("invoice", TEXT, session="user-42")).source == "pin"
    await ask(there, 45)
    calls = there.client.calls
    found = await there.engine.analyze_complexity("invoice", TEXT)
    assert (found.source, found.tier) == ("log", "performance")
    assert found.low > found.break_even
    assert there.client.calls == calls
    with pytest.raises(ConfigError, match="no task 'invioce'"):
        await there.engine.analyze_complexity("invioce", TEXT)


async def test_a_regression_is_fitted_in_the_background_and_predicts_from_then_on(world: Any) -> None:
    there = await world(client_with(efficiency=[GOOD, BAD] * 200), auto())
    await ask(there, FEWEST + 2)
    await settled(there)
    key = CellKey("invoice", "practice/small", there.engine._setup.pipelines["invoice"])
    fitted = await there.engine._store.regression(key)
    assert fitted is not None
    assert fitted.outcomes >= FEWEST
    assert len(fitted.weights) == len(NAMES)
    await ask(there, EVERY)
    told = await there.engine._store.forecasts("invoice", key=key, most=3)
    assert all(row.forecast.by_regression is not None for row in told)
    assert not any(row.forecast.in_use for row in told)


async def settled(world: World) -> None:
    """Until what was started beside the requests is over."""
    import anyio

    while world.engine._learner._fitting:
        await anyio.sleep(0.001)


async def test_the_report_says_how_well_auto_predicts_and_to_turn_it_off_where_that_earns_nothing(world: Any) -> None:
    rng = random.Random(1)
    answers = [BAD if rng.random() < 0.2 else GOOD for _ in range(160)]
    there = await world(client_with(efficiency=answers), auto())
    await ask(there, 100)
    early = (await there.engine.report()).tasks["invoice"].learning
    assert early.worth_it is None
    assert "turn it off" not in early.sentence
    await ask(there, 55)
    found = await there.engine.report()
    learning = found.tasks["invoice"].learning
    assert (learning.forecasts, learning.by_log.outcomes, learning.straight) == (155, 155, 0)
    assert learning.saved == 0
    assert learning.worth_it is False
    assert 'turn it off with tier = "efficiency"' in learning.sentence
    told = found.to_json()["tasks"]["invoice"]["learning"]
    assert told["by_log"]["auroc"] == learning.by_log.auroc
    assert told["saved_against_cascade"] == "0"


async def test_the_report_counts_what_straight_requests_saved(world: Any) -> None:
    there = await world(client_with(efficiency=BAD), auto())
    await ask(there, 200)
    learning = (await there.engine.report()).tasks["invoice"].learning
    assert learning.straight > 150
    assert learning.saved > 0
    assert learning.worth_it is True
    assert "turn it off" not in learning.sentence


def test_an_explored_request_stands_for_as_many_as_its_probability_says() -> None:
    """Of 30 at .1 all escalated, of 30 at .5 none: those stand for 300 requests, these for 60."""

    def told(taken: Choice, propensity: float = 1.0, escalated: bool | None = None) -> Foretold:
        wanted = Choice.PERFORMANCE
        forecast = Forecast(CellKey("a"), 0.9, wanted=wanted, taken=taken, propensity=propensity)
        return Foretold(forecast, datetime(2026, 11, 26, tzinfo=UTC), escalated)

    rows = [told(Choice.CASCADE, 0.1, True)] * 30 + [told(Choice.CASCADE, 0.5, False)] * 30
    means = Means(efficiency=Decimal(1), judge=Decimal(0), performance=Decimal(3))
    found = learning_report([*rows, told(Choice.PERFORMANCE)], means, by_judge=0.0, total=None)
    assert found is not None
    assert float(found.saved or 0) == pytest.approx(1 + 3 * (300 / 360 - 1))


async def test_of_a_task_that_is_not_on_auto_the_report_says_nothing_of_it(world: Any) -> None:
    there = await world(config=auto({"tier": "efficiency"}))
    await ask(there, 1)
    found = await there.engine.report()
    assert found.tasks["invoice"].learning is None
    assert found.to_json()["tasks"]["invoice"]["learning"] is None


def test_a_forecast_is_a_plain_value() -> None:
    told = Forecast(CellKey("a", "b", "c"), 0.2, 0.4, in_use=True)
    assert told.probability == 0.4
    assert Forecast(CellKey("a", "b", "c"), 0.2, 0.4).probability == 0.2


async def test_a_decisions_story_tells_what_was_predicted_and_how_the_coin_could_fall(world: Any) -> None:
    from rich.console import Console

    from qualityroute.render import decision_json, story_of

    there = await world(client_with(efficiency=BAD), auto(routing={"explore": 0.2}))
    decisions = await ask(there, 70)
    last = next(one for one in reversed(decisions) if one.route is Route.LEARNED)
    foretold = await there.engine._store.forecast(last.id)
    console = Console(width=200)
    with console.capture() as shown:
        console.print(story_of(last, None, foretold))
    told = shown.get()
    assert "by the log; break-even" in told
    assert 0 < foretold.forecast.propensity < 0.8
    assert f"performance was wanted, done with probability {foretold.forecast.propensity:.2f}" in told
    found = decision_json(last, None, foretold)["forecast"]
    assert (found["taken"], found["escalated"]) == ("performance", None)
    assert found["propensity"] == foretold.forecast.propensity
    assert decision_json(last)["forecast"] is None
