"""From the log to a prediction, and from it to what is done and written down."""

from __future__ import annotations

import random
from dataclasses import replace
from math import exp

import pytest

from qualityroute import Task, Tier
from qualityroute.complexity import (
    Cell,
    CellKey,
    Choice,
    Circumstances,
    Economics,
    History,
    Known,
    Regression,
    Source,
    analyse,
    features,
    forecast,
    known_of,
    shape_of,
)
from qualityroute.complexity.beta import Belief
from qualityroute.complexity.cells import BANDS, WHOLE
from qualityroute.complexity.heuristic import MOST
from qualityroute.complexity.regression import FARTHEST, PENALTY, fit
from qualityroute.complexity.rule import choose, head_start_pays, share_explored, taken

pytest.importorskip("numpy")

KEY = CellKey("invoice", "practice/small", "f1")
COSTS = Economics(efficiency=1.0, judge=0.3, performance=10.0)


def rows(count: int, seed: int = 5) -> tuple[list[list[float]], list[bool]]:
    """A feature that tells, one that misleads a little, one that never changes, and one with a far outlier."""
    chance = random.Random(seed)
    found = [[chance.gauss(0, 2), chance.uniform(5, 9), 3.0, chance.gauss(0, 1)] for _ in range(count)]
    found[0][3] = 1e6
    return found, [chance.random() < 1 / (1 + exp(-row[0])) for row in found]


def test_a_fit_is_where_the_penalised_likelihood_has_its_top() -> None:
    found, escalated = rows(300)
    fitted = fit(found, escalated, 300)
    assert fitted is not None and fitted.outcomes == 300 and not fitted.in_use
    assert fitted.means[1] == pytest.approx(sum(row[1] for row in found) / 300)
    assert fitted.scales[2] == 1.0  # what never changes is divided by nothing
    surplus = [fitted.predict(row) - happened for row, happened in zip(found, escalated, strict=True)]
    assert sum(surplus) == pytest.approx(0, abs=1e-3)
    for place, (weight, mean, scale) in enumerate(zip(fitted.weights, fitted.means, fitted.scales, strict=True)):
        moved = [max(-FARTHEST, min(FARTHEST, (row[place] - mean) / scale)) for row in found]
        slope = sum(value * more for value, more in zip(moved, surplus, strict=True))
        assert slope + PENALTY * weight == pytest.approx(0, abs=1e-3)
    assert fitted.weights[0] > 1


def test_a_prediction_is_the_logistic_of_the_weighted_sum_of_features_as_far_as_they_go() -> None:
    line = Regression(0.5, (2.0, -1.0), (1.0, 0.0), (2.0, 1.0), 0)
    assert line.predict((2.0, 0.25)) == pytest.approx(1 / (1 + exp(-(0.5 + 2 * 0.5 - 0.25))))
    assert line.predict((1e9, 0.0)) == pytest.approx(1 / (1 + exp(-(0.5 + 2 * FARTHEST))))
    assert line.predict((1.0, -1e9)) == pytest.approx(1 / (1 + exp(-(0.5 + FARTHEST))))
    assert Regression(-1e4, (), (), (), 0).predict(()) == 0.0
    with pytest.raises(ValueError, match="longer"):
        line.predict((1.0,))


def log(band: int | None = None) -> History:
    own = Cell(KEY, escalations=30.0, passes=70.0, observed=100)
    bands = {} if band is None else {band: Cell(KEY, escalations=45.0, passes=5.0, observed=50)}
    return History(own=own, bands=bands)


def test_without_a_regression_the_pipelines_own_outcomes_are_believed() -> None:
    history = log()
    for regression, found in ((None, (1.0,)), (Regression(0.0, (), (), (), 0, in_use=True), ())):
        known = known_of(history, regression, found)
        assert (known.belief, known.cell, known.by_cells) == (
            history.believed(), history.own, history.believed().mean
        )  # fmt: skip
        assert (known.by_regression, known.band, known.in_use) == (None, WHOLE, False)


def test_a_regression_that_has_not_won_yet_is_written_down_and_not_believed() -> None:
    history, shadow = log(), Regression(2.0, (0.0,), (0.0,), (1.0,), 100)
    known = known_of(history, shadow, (1.0,))
    assert (known.belief, known.cell, known.in_use) == (history.believed(), history.own, False)
    assert known.by_regression == pytest.approx(1 / (1 + exp(-2.0)))
    assert (known.band, known.by_cells) == (BANDS - 1, history.believed().mean)


def test_one_in_use_is_believed_as_far_as_its_bands_outcomes_bear_it_out() -> None:
    history, used = log(BANDS - 1), Regression(2.0, (0.0,), (0.0,), (1.0,), 100, in_use=True)
    known = known_of(history, used, (1.0,))
    assert known.in_use and known.band == BANDS - 1
    assert known.cell == history.bands[BANDS - 1]
    assert known.belief == known.cell.believed(1 / (1 + exp(-2.0)))
    assert known.by_cells == history.believed().mean


@pytest.mark.parametrize("coin", [0.0, 0.01, 0.999])
def test_a_forecast_says_what_was_known_wanted_and_done(coin: float) -> None:
    known = known_of(log(BANDS - 1), Regression(2.0, (0.0,), (0.0,), (1.0,), 100, in_use=True), (1.0,))
    made = forecast(KEY, known, COSTS, [1.0], coin=coin, explore=0.02)
    wanted = choose(known.belief, known.cell, COSTS)
    share = share_explored(wanted, COSTS.break_even, 0.02)
    assert (made.taken, made.propensity) == taken(wanted, coin, share)
    assert (made.key, made.wanted, made.features) == (replace(KEY, band=BANDS - 1), wanted, (1.0,))
    assert (made.by_cells, made.by_regression, made.in_use) == (known.by_cells, known.by_regression, True)
    assert made.break_even == COSTS.break_even
    assert made.early == head_start_pays(known.belief, known.cell, COSTS)
    assert made.probability == known.by_regression
    assert made.taken in (Choice.CASCADE, wanted)


def about(**told: object) -> Circumstances:
    return Circumstances(**({"task": "invoice", "settings": Task(tier="auto"), **told}))  # type: ignore[arg-type]


ORDINARY = features([{"role": "user", "content": "Invoice 17. " * 30}], shape_of(None))
HOPELESS = Known(Belief(99, 1), Cell(KEY, passes=1, escalations=99, observed=100, purse=1e6), 0.99)
UNPROVEN = Known(Belief(50, 50), Cell(KEY, passes=50, escalations=50, observed=100), 0.5)
BREAK_EVEN = "87 %"


@pytest.mark.parametrize(
    ("circumstances", "tier", "source", "reasons"),
    [
        (about(limit="too long for practice/small", known=HOPELESS), Tier.PERFORMANCE, Source.HARD_LIMIT,
         ("too long for practice/small",)),
        (about(settings=Task(tier="performance")), Tier.PERFORMANCE, Source.TASK, ("the task's tier is performance",)),
        (about(settings=Task(tier="efficiency"), known=HOPELESS), Tier.EFFICIENCY, Source.TASK,
         ("the task's tier is efficiency",)),
        (about(pinned=True, known=HOPELESS), Tier.PERFORMANCE, Source.PIN, ("the session is pinned to performance",)),
        (about(), Tier.EFFICIENCY, Source.PRIOR,
         ("no outcome of this task's pipeline yet, and it takes 30: efficiency first, and the gate decides",)),
        (about(known=HOPELESS, economics=COSTS), Tier.PERFORMANCE, Source.LOG,
         ("of 100 requests of this task's pipeline about 99 % escalated lately",
          f"that is above the break-even of {BREAK_EVEN}, proven at every look: straight to performance")),
        (about(known=UNPROVEN, economics=COSTS), Tier.EFFICIENCY, Source.LOG,
         ("of 100 requests of this task's pipeline about 50 % escalated lately",
          f"that is not proven to be above the break-even of {BREAK_EVEN}: efficiency first, and the gate decides")),
        (about(known=replace(UNPROVEN, in_use=True)), Tier.EFFICIENCY, Source.LOG,
         ("of 100 requests like it, by the regression, about 50 % escalated lately",
          "the break-even is unknown, because costs are: efficiency first, and the gate decides")),
    ],
)  # fmt: skip
def test_an_analysis_says_where_a_request_goes_by_what_and_why(
    circumstances: Circumstances, tier: Tier, source: Source, reasons: tuple[str, ...]
) -> None:
    found = analyse(circumstances, ORDINARY)
    assert (found.task, found.tier, found.source, found.reasons) == ("invoice", tier, source, reasons)
    assert found.break_even == circumstances.economics.break_even
    assert found.observed == (0 if circumstances.known is None else 100)
    assert found.judged
    if source is Source.HARD_LIMIT:
        assert (found.low, found.probability, found.high) == (1.0, 1.0, 1.0)
    elif circumstances.known is not None:
        belief = circumstances.known.belief
        assert found.probability == belief.mean
        assert belief.chance_below(found.low) == pytest.approx(1 - belief.chance_below(found.high), abs=1e-6)
        assert found.low < found.probability < found.high


def test_a_cold_start_is_moved_by_weak_evidence_and_keeps_its_doubt() -> None:
    short = features([{"role": "user", "content": "Hi"}], shape_of(None))
    cold, prior = analyse(about(), short), History().believed()
    assert cold.probability == pytest.approx(prior.mean / MOST**0.5)
    assert cold.reasons[1:] == ("short input (weak evidence)",)
    assert cold.low < cold.probability < cold.high
