"""What is believed of a request before it is asked, and when that is enough to take another way than the cascade."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from conftest import config_with
from hypothesis import given
from hypothesis import strategies as st

from qualityroute import ConfigError, Task, Tier, analyze_complexity
from qualityroute.complexity import (
    Cell,
    CellKey,
    Choice,
    Circumstances,
    Economics,
    Forecast,
    Foretold,
    History,
    Known,
    Regression,
    Source,
    analyse,
    features,
    forecast,
    hard_limit,
    known_of,
    score,
    shape_of,
)
from qualityroute.complexity.beta import Belief, beta_cdf
from qualityroute.complexity.cells import (
    BANDS,
    FEWEST,
    NEEDED,
    band_of,
    growth,
    held_back,
    lineage,
)
from qualityroute.complexity.features import NAMES
from qualityroute.complexity.heuristic import MOST, weak_evidence
from qualityroute.complexity.regression import fit
from qualityroute.complexity.rule import choose, share_explored, taken
from qualityroute.complexity.scoring import auroc
from qualityroute.learning import coin_of, fitted_on, has_won

KEY = CellKey("invoice", "practice/small", "f1")
COSTS = Economics(efficiency=1.0, judge=0.3, performance=10.0)
shares = st.floats(0.01, 0.99)


# --- the Beta distribution


@given(shares, st.integers(1, 40), st.integers(1, 40))
def test_the_beta_distribution_is_the_binomials_tail(x: float, a: int, b: int) -> None:
    from math import comb

    n = a + b - 1
    tail = sum(comb(n, k) * x**k * (1 - x) ** (n - k) for k in range(a, n + 1))
    assert beta_cdf(x, a, b) == pytest.approx(tail, abs=1e-9)


@given(st.floats(1, 500), st.floats(1, 500), shares)
def test_a_quantile_is_where_its_share_lies_below(a: float, b: float, chance: float) -> None:
    belief = Belief(a, b)
    at = belief.quantile(chance)
    assert 0 <= at <= 1
    if 1e-9 < at < 1 - 1e-9:
        assert belief.chance_below(at) == pytest.approx(chance, abs=1e-6)


# --- cells


def cell_of(outcomes: str, at: float | None = None) -> Cell:
    """`x` escalated, `.` passed."""
    cell = Cell(KEY)
    for outcome in outcomes:
        cell = cell.after(outcome == "x", growth(outcome == "x", at))
    return cell


def test_without_a_log_one_in_five_is_believed_to_escalate() -> None:
    assert History().believed().mean == pytest.approx(0.20)


@given(st.lists(st.booleans(), max_size=300))
def test_a_belief_lies_between_its_parent_and_its_own_outcomes(outcomes: list[bool]) -> None:
    cell = Cell()
    for escalated in outcomes:
        cell = cell.after(escalated, 1.0)
    believed = cell.believed(0.3)
    own = cell.escalations / (cell.escalations + cell.passes) if outcomes else 0.3
    assert min(0.3, own) - 1e-9 <= believed.mean <= max(0.3, own) + 1e-9
    assert cell.observed == len(outcomes)
    assert cell.escalations + cell.passes <= 100


def test_the_last_hundred_outcomes_say_more_than_the_thousand_before() -> None:
    assert cell_of("x" * 1000 + "." * 150).believed(0.2).mean < 0.25


def test_a_new_pipeline_is_believed_to_be_as_its_task() -> None:
    hard = replace(cell_of("x" * 100), key=CellKey("invoice"))
    assert History(task=hard).believed().mean > 0.8
    assert History.of([hard]) == History(task=hard)


def test_an_outcome_goes_into_its_band_its_pipeline_its_task_and_all_tasks() -> None:
    assert lineage(replace(KEY, band=3)) == (replace(KEY, band=3), KEY, CellKey("invoice"), CellKey())
    assert lineage(KEY) == (KEY, CellKey("invoice"), CellKey())


@given(st.floats(0, 1))
def test_every_prediction_lies_in_one_band(chance: float) -> None:
    assert 0 <= band_of(chance) < BANDS


# --- evidence


@given(st.floats(0.06, 0.99))
def test_a_bet_at_the_border_is_fair(at: float) -> None:
    assert at * growth(True, at) + (1 - at) * growth(False, at) == pytest.approx(1)


@given(st.floats(-2, 0.05))
def test_no_bet_can_lose_more_than_there_is(at: float) -> None:
    assert growth(False, at) >= 0


def test_the_money_is_held_back_for_bets_to_come_and_never_more_than_there_was() -> None:
    assert sum(held_back(number) for number in range(1, 500)) + 1 / 500 == pytest.approx(1)
    assert Cell().evidence == 1


def test_without_a_known_break_even_nothing_is_proven() -> None:
    assert cell_of("x" * 500).evidence == pytest.approx(1)


@given(st.text("x.", max_size=400), st.floats(0.1, 0.95))
def test_a_purse_never_holds_more_than_is_needed(outcomes: str, at: float) -> None:
    cell = cell_of(outcomes, at)
    assert 0 <= cell.purse <= NEEDED == cell.needed


def escalations(rng: random.Random, rate: float, count: int) -> list[bool]:
    return [rng.random() < rate for _ in range(count)]


def ever_straight(outcomes: list[bool], at: float) -> bool:
    """Is a stream of one pipeline ever sent straight to performance? Nothing is seen after that, so it ends there."""
    own = everything = Cell()
    costs = Economics(efficiency=1.0, judge=0.3, performance=1.3 / (1 - at))
    for escalated in outcomes:
        if choose(History(everything, everything, own).believed(), own, costs) is Choice.PERFORMANCE:
            return True
        own, everything = own.after(escalated, growth(escalated, at)), everything.after(escalated, 1.0)
    return False


@pytest.mark.parametrize("at", [0.567, 0.87])
def test_at_the_border_at_most_one_stream_in_ten_is_ever_sent_straight_to_performance(at: float) -> None:
    """Looked at before each of 400 requests. At 10 %, 15 or more of 60 have a chance below .001."""
    rng = random.Random(8)
    assert sum(ever_straight(escalations(rng, at, 400), at) for _ in range(60)) < 15


def test_one_explored_answer_that_passes_sends_the_next_requests_through_the_cascade() -> None:
    hopeless = cell_of("x" * 200, 0.74)
    costs = Economics(efficiency=1.0, judge=0.3, performance=5.0)
    after = hopeless.after(False, growth(False, 0.74))
    assert choose(hopeless.believed(0.2), hopeless, costs) is Choice.PERFORMANCE
    assert choose(after.believed(0.2), after, costs) is Choice.CASCADE


def test_a_hopeless_task_is_sent_straight_to_performance_within_a_few_dozen_requests() -> None:
    rng = random.Random(8)
    streams = [escalations(rng, 0.98, 120) for _ in range(20)]
    assert sum(ever_straight(stream, 0.74) for stream in streams) == 20
    assert not ever_straight([True] * (FEWEST - 1), 0.74)


# --- the rule


def test_the_break_even_is_one_less_what_trying_costs() -> None:
    assert COSTS.break_even == pytest.approx(0.87)


def test_what_is_not_proven_goes_through_the_cascade() -> None:
    sure = Belief(99, 1)
    assert choose(sure, cell_of("x" * (FEWEST - 1), 0.87), COSTS) is Choice.CASCADE  # too few
    assert choose(sure, cell_of("x" * 100), COSTS) is Choice.CASCADE  # no evidence
    assert choose(Belief(90, 10), cell_of("x" * 100, 0.87), COSTS) is Choice.CASCADE  # the bound is below
    assert choose(sure, cell_of("x" * 100, 0.87), Economics()) is Choice.CASCADE  # unknown costs
    assert choose(sure, cell_of("x" * 100, 0.87), COSTS) is Choice.PERFORMANCE


def test_where_trying_costs_more_than_performance_nothing_has_to_be_proven_but_the_costs() -> None:
    dear = Economics(efficiency=9.0, judge=2.0, performance=10.0)
    assert choose(Belief(2, 8), cell_of("." * FEWEST), dear) is Choice.PERFORMANCE


def test_a_dearer_second_lowers_the_break_even() -> None:
    with_latency = Economics(efficiency=1 + 0.8, judge=0.3 + 0.5, performance=10 + 1.5)
    assert with_latency.break_even is not None
    assert COSTS.break_even is not None
    assert with_latency.break_even < COSTS.break_even


JUDGED = replace(COSTS, judge=0.5, may_skip_judge=True)


def test_the_judge_stays_where_nobody_says_what_an_error_costs() -> None:
    assert JUDGED.worth_of_judge(0.5) is None
    assert choose(Belief(0.1, 200), cell_of("." * 200), JUDGED) is Choice.CASCADE


def test_the_judge_is_left_out_only_where_he_is_worth_less_than_he_costs_at_both_ends() -> None:
    cheap_errors = replace(JUDGED, cost_of_error=11.0)
    safe, open_ = Belief(1, 200), Belief(60, 60)
    assert choose(safe, cell_of("." * 200), cheap_errors) is Choice.UNJUDGED
    assert choose(safe, cell_of("." * 200), replace(cheap_errors, cost_of_error=1000.0)) is Choice.CASCADE
    assert choose(open_, cell_of("." * 200), cheap_errors) is Choice.CASCADE
    assert choose(safe, cell_of("." * 200), replace(cheap_errors, may_skip_judge=False)) is Choice.CASCADE


def test_a_judge_who_mostly_raises_false_alarms_is_worth_less_the_more_he_rejects() -> None:
    alarmist = replace(JUDGED, cost_of_error=20.0, repaired=0.2)
    few, many = alarmist.worth_of_judge(0.1), alarmist.worth_of_judge(0.5)
    assert few is not None
    assert many is not None
    assert many < few < 0


@given(shares, shares, shares, st.floats(1, 100), st.floats(1, 2000), shares, shares, shares)
def test_the_judges_worth_is_the_difference_of_the_research_formulas(
    p: float, s: float, d: float, u2: float, error: float, f: float, q: float, qf: float
) -> None:
    """routing.md A4, "cheap+schema" less "cascade", with uJ spent on the answers that reach the judge."""
    u1, judge = 1.0, 0.3
    caught = s + (1 - s) * d
    escalate = p * caught + (1 - p) * f
    schema = u1 + p * s * u2 + error * p * ((1 - s) + s * (1 - qf))
    wrong = p * (1 - caught) + p * caught * (1 - qf) + (1 - p) * f * (1 - q)
    cascade = u1 + judge * (1 - p * s) + escalate * u2 + error * wrong
    rejected = p * (1 - s) * d + (1 - p) * f
    repaired = (p * (1 - s) * d * qf - (1 - p) * f * (1 - q)) / rejected
    ours = Economics(
        efficiency=u1, judge=judge * (1 - p * s), performance=u2, cost_of_error=error,
        by_judge=rejected / escalate, repaired=repaired,
    )  # fmt: skip
    assert ours.worth_of_judge(escalate) == pytest.approx(schema - cascade, rel=1e-6, abs=1e-6)


@given(st.sampled_from([Choice.PERFORMANCE, Choice.UNJUDGED]), st.floats(0, 0.999), shares)
def test_what_is_done_is_written_down_with_its_probability(wanted: Choice, coin: float, explore: float) -> None:
    done, propensity = taken(wanted, coin, explore)
    assert (done is Choice.CASCADE) == (coin < explore)
    assert propensity == (explore if coin < explore else 1 - explore)
    assert taken(Choice.CASCADE, coin, explore) == (Choice.CASCADE, 1.0)


def test_the_coin_of_a_decision_falls_the_same_way_whenever_it_is_looked_at() -> None:
    coins = [coin_of(f"decision-{number}") for number in range(2000)]
    assert coins == [coin_of(f"decision-{number}") for number in range(2000)]
    assert all(0 <= coin < 1 for coin in coins)
    assert 0.46 < sum(coins) / len(coins) < 0.54


@given(st.floats(0.01, 5), st.floats(0, 1), st.floats(0.1, 100), st.floats(0.001, 1))
def test_exploring_spends_its_share_of_what_performance_costs_on_efficiency(
    efficiency: float, judge: float, performance: float, explore: float
) -> None:
    at = Economics(efficiency, judge, performance).break_even
    share = share_explored(Choice.PERFORMANCE, at, explore)
    assert explore <= share <= 1
    if explore < share < 1:
        assert share * (efficiency + judge) == pytest.approx(explore * performance)


def test_exploring_costs_a_share_of_requests_where_prices_say_nothing() -> None:
    assert share_explored(Choice.PERFORMANCE, 0.87, 0.0) == 0.0
    assert share_explored(Choice.PERFORMANCE, None, 0.02) == 0.02
    assert share_explored(Choice.PERFORMANCE, 1.0, 0.02) == 0.02  # efficiency is free
    assert share_explored(Choice.PERFORMANCE, -0.5, 0.02) == 0.02  # performance is cheaper
    assert share_explored(Choice.UNJUDGED, 0.87, 0.02) == 0.02


def straight_after_improvement(share: float) -> float:
    """Of 150 requests after a hopeless model became a good one, how many still go straight: a mean of 300 streams."""
    costs, at = Economics(efficiency=1.0, judge=0.3, performance=5.0), 0.74
    rng, straight = random.Random(3), 0
    for _ in range(300):
        own = everything = cell_of("x" * 100, at)
        for escalated in escalations(rng, 0.15, 150):
            wanted = choose(History(everything, everything, own).believed(), own, costs)
            done, _ = taken(wanted, rng.random(), share)
            straight += done is Choice.PERFORMANCE
            if done is Choice.CASCADE:
                own, everything = own.after(escalated, growth(escalated, at)), everything.after(escalated, 1.0)
    return straight / 300


def test_a_model_that_has_become_better_is_found_within_two_per_cent_of_what_the_cascade_costs() -> None:
    """Of 1,150 requests, at prices of 1:5; each that goes straight costs 5 where the cascade costs 1.3 + .15 x 5."""
    cascade = 1.3 + 0.15 * 5
    most = 0.02 * 1150 * cascade / (5 - cascade)
    assert straight_after_improvement(share_explored(Choice.PERFORMANCE, 0.74, 0.02)) < most
    assert straight_after_improvement(0.02) > 1.5 * most  # of requests, whatever they cost
    assert straight_after_improvement(0.0) == 150


# --- the regression


def hard_rows(rng: random.Random, count: int) -> tuple[list[tuple[float, ...]], list[bool]]:
    """Long requests escalate, short ones do not."""
    rows = [tuple(rng.gauss(0, 1) for _ in NAMES) for _ in range(count)]
    return rows, [row[0] + 0.3 * rng.gauss(0, 1) > 0 for row in rows]


def test_a_regression_finds_the_feature_that_matters() -> None:
    rows, escalated = hard_rows(random.Random(1), 400)
    fitted = fit(rows[:200], escalated[:200], 200)
    assert fitted is not None
    predictions = [fitted.predict(row) for row in rows[200:]]
    found = auroc(predictions, escalated[200:])
    assert found is not None
    assert found > 0.9
    assert all(0 <= prediction <= 1 for prediction in predictions)


def test_too_few_outcomes_or_all_alike_give_no_regression() -> None:
    rows, escalated = hard_rows(random.Random(1), 200)
    assert fit(rows[:149], escalated[:149], 149) is None
    assert fit(rows, [False] * 200, 200) is None


def test_without_numpy_there_is_no_regression(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "numpy", None)
    rows, escalated = hard_rows(random.Random(1), 200)
    assert fit(rows, escalated, 200) is None


def foretold(by_cells: float, by_regression: float | None, escalated: bool | None) -> Foretold:
    told = Forecast(KEY, by_cells, by_regression, features=(0.0,) * len(NAMES))
    return Foretold(told, datetime(2026, 11, 23, tzinfo=UTC), escalated)


def test_a_regression_is_used_once_its_earlier_predictions_were_better_than_the_cells() -> None:
    good = [foretold(0.5, 0.9 if escalated else 0.1, escalated) for escalated in (True, False) * 50]
    bad = [foretold(0.5, 0.1 if escalated else 0.9, escalated) for escalated in (True, False) * 50]
    assert has_won(good)
    assert not has_won(bad)
    assert not has_won(good[:99])
    assert not has_won([foretold(0.5, None, True)] * 300)


def test_what_is_fitted_remembers_how_many_outcomes_there_were() -> None:
    rows, escalated = hard_rows(random.Random(1), 200)
    told = [
        replace(foretold(0.5, None, happened), forecast=Forecast(KEY, 0.5, features=row))
        for row, happened in zip(rows, escalated, strict=True)
    ]
    fitted = fitted_on(told, 250)
    assert fitted is not None
    assert fitted.outcomes == 250
    assert not fitted.in_use


def test_the_regression_only_sorts_and_its_bands_are_counted() -> None:
    flat = Regression(3.0, (0.0,) * len(NAMES), (0.0,) * len(NAMES), (1.0,) * len(NAMES), 150, in_use=True)
    band = band_of(flat.predict((0.0,) * len(NAMES)))
    seen = Cell(replace(KEY, band=band), passes=90.0, escalations=5.0, observed=95)
    known = known_of(History(own=cell_of("x" * 100), bands={band: seen}), flat, (0.0,) * len(NAMES))
    assert known.by_regression is not None
    assert known.by_regression > 0.9
    assert known.belief.mean < 0.2
    assert known.cell is seen
    shadow = known_of(History(own=seen), replace(flat, in_use=False), (0.0,) * len(NAMES))
    assert (shadow.cell, shadow.band, shadow.in_use) == (seen, band, False)


def test_a_forecast_holds_what_was_predicted_wanted_and_done() -> None:
    known = Known(Belief(99, 1), cell_of("x" * 100, 0.87), 0.99, None)
    explored = forecast(KEY, known, COSTS, (1.0,), coin=0.09, explore=0.013)
    assert (explored.wanted, explored.taken) == (Choice.PERFORMANCE, Choice.CASCADE)
    assert explored.propensity == pytest.approx(0.1)
    straight = forecast(KEY, known, COSTS, (), coin=0.11, explore=0.013)
    assert straight.taken is Choice.PERFORMANCE
    assert straight.propensity == pytest.approx(0.9)
    assert straight.break_even == pytest.approx(0.87)


# --- scores


def test_a_perfect_order_has_area_one_and_ties_count_half() -> None:
    assert auroc([0.1, 0.2, 0.8], [False, False, True]) == 1
    assert auroc([0.5, 0.5], [False, True]) == 0.5
    assert auroc([0.5, 0.6], [True, True]) is None


@given(st.lists(st.tuples(shares, st.booleans()), min_size=1, max_size=60))
def test_turning_the_predictions_round_turns_the_area_round(rows: list[tuple[float, bool]]) -> None:
    predictions, escalated = [row[0] for row in rows], [row[1] for row in rows]
    # By their negatives: 1 - value would round two predictions next to each other to one.
    area, other = auroc(predictions, escalated), auroc([-value for value in predictions], escalated)
    assert (area is None) == (other is None)
    if area is not None and other is not None:
        assert area + other == pytest.approx(1)


def test_calibration_is_how_far_shares_are_from_what_was_predicted() -> None:
    found = score([0.75] * 4, [True, True, True, False])
    assert found.calibration_error == pytest.approx(0)
    assert score([0.95] * 4, [False] * 4).calibration_error == pytest.approx(0.95)
    assert score([], []).log_loss is None


# --- features and weak evidence


def user(text: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": text}]


@given(st.text(max_size=200))
def test_there_is_one_finite_number_for_each_feature(text: str) -> None:
    found = features(user(text), shape_of(None))
    assert len(found) == len(NAMES)
    assert all(abs(value) < 1e6 for value in found)


@given(st.text(max_size=300))
def test_weak_evidence_moves_the_prior_by_half_at_most(text: str) -> None:
    factor, reasons = weak_evidence(features(user(text), shape_of(None)))
    assert 1 / MOST - 1e-9 <= factor <= MOST + 1e-9
    assert all("weak evidence" in reason for reason in reasons)


def test_a_schema_is_counted_however_deep_it_is() -> None:
    schema: dict[str, object] = {"type": "string"}
    for _ in range(500):
        schema = {"type": "object", "properties": {"next": schema}}
    assert len(shape_of(schema)) == 8
    tool = {"type": "function", "function": {"name": "f", "parameters": {"properties": {"a": {"type": "number"}}}}}
    assert shape_of(None, [tool])[0] > 0


# --- hard limits


def limited(config: object, messages: object, **options: object) -> str | None:
    told = {"tools": False, "room": None, "learned": {}, **options}
    return hard_limit(config, messages, **told)  # type: ignore[arg-type]


def test_what_cannot_fit_into_the_window_goes_to_who_can_read_it() -> None:
    small = {"practice/small": {"context_window": 1000}, "practice/careful": {"context_window": 100_000}}
    config = config_with(models=small)
    reason = limited(config, user("word " * 4000))
    assert reason is not None
    assert "practice/small reads 1,000 tokens" in reason
    assert limited(config, user("word " * 400)) is None
    assert limited(config, user("word"), room=1001) is not None
    # Where nobody can read it, the models themselves are left to say so.
    assert limited(config, user("word " * 400_000)) is None
    assert limited(config_with(), user("word " * 400_000)) is None


def test_pictures_go_to_a_model_that_is_marked_as_seeing_them() -> None:
    picture = [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}]}]
    sees = {"practice/careful": {"images": True}}
    assert limited(config_with(models=sees), picture) is not None
    assert limited(config_with(models={**sees, "practice/small": {"images": True}}), picture) is None
    assert limited(config_with(), picture) is None  # nobody is marked, so nothing is known


def test_tools_go_where_the_endpoint_was_not_found_to_refuse_them() -> None:
    refuses = {"practice/small": {"probe: tools": "refused: tools are not supported"}}
    assert limited(config_with(), user("hello"), tools=True, learned=refuses) is not None
    assert limited(config_with(), user("hello"), tools=False, learned=refuses) is None
    both = {**refuses, "practice/careful": {"probe: tools": "refused"}}
    assert limited(config_with(), user("hello"), tools=True, learned=both) is None


def test_what_is_told_of_a_model_that_nobody_asks_is_a_mistake() -> None:
    with pytest.raises(ConfigError, match=r"models\.practice/smal: no tier, judge or peer is .* did you mean"):
        config_with(models={"practice/smal": {"images": True}})


# --- the analysis


def about(**options: object) -> Circumstances:
    told: dict[str, object] = {"task": "invoice", "settings": Task(tier="auto"), **options}
    return Circumstances(**told)  # type: ignore[arg-type]


def shown() -> tuple[float, ...]:
    return features(user("Invoice 17, total 12.50"), shape_of(None))


def test_the_first_that_has_a_say_is_the_source() -> None:
    hopeless = Known(Belief(99, 1), cell_of("x" * 100, 0.87), 0.99)
    everything = about(limit="too long", settings=Task(tier="performance"), pinned=True, known=hopeless)
    assert analyse(everything, shown()).source is Source.HARD_LIMIT
    assert analyse(replace(everything, limit=None), shown()).source is Source.TASK
    auto = replace(everything, limit=None, settings=Task(tier="auto"))
    assert analyse(auto, shown()).source is Source.PIN
    assert analyse(replace(auto, pinned=False), shown()).source is Source.LOG
    assert analyse(replace(auto, pinned=False, known=None), shown()).source is Source.PRIOR


def test_a_cold_start_is_the_cascade_with_weak_evidence_called_so() -> None:
    found = analyse(about(), features(user("Compute 1 + 2 * 3 = ?"), shape_of(None)))
    assert (found.source, found.tier) == (Source.PRIOR, Tier.EFFICIENCY)
    assert 0.2 / 1.5 <= found.probability <= 0.2 * 1.5
    assert found.low < found.probability < found.high
    assert any("weak evidence" in reason for reason in found.reasons)


def test_only_what_is_proven_starts_on_performance() -> None:
    hopeless = Known(Belief(99, 1), cell_of("x" * 100, 0.87), 0.99)
    found = analyse(about(known=hopeless, economics=COSTS), shown())
    assert (found.source, found.tier, found.observed) == (Source.LOG, Tier.PERFORMANCE, 100)
    assert "break-even of 87 %" in found.reasons[1]
    unproven = Known(Belief(88, 12), cell_of("x" * 88 + "." * 12, 0.87), 0.88)
    assert analyse(about(known=unproven, economics=COSTS), shown()).tier is Tier.EFFICIENCY


def test_a_request_can_be_analysed_without_an_engine() -> None:
    assert analyze_complexity(Task(tier="performance"), "Hello").tier is Tier.PERFORMANCE
    assert analyze_complexity(Task(), "Hello").source is Source.TASK
    config = config_with({"tier": "auto"}, models={"practice/small": {"context_window": 10}, "practice/careful": {}})
    found = analyze_complexity("invoice", "word " * 100, config=config)
    assert (found.source, found.probability, found.low) == (Source.HARD_LIMIT, 1.0, 1.0)
    with pytest.raises(ConfigError, match="there are: invoice"):
        analyze_complexity("invioce", "Hello", config=config)
    with pytest.raises(ConfigError, match="hand in its configuration"):
        analyze_complexity("invoice", "Hello")
