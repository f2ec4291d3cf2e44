"""What is predicted of one request before anything is asked, and what is done about it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from qualityroute.complexity.beta import Belief
from qualityroute.complexity.cells import WHOLE, Cell, CellKey, History, band_of
from qualityroute.complexity.regression import Regression
from qualityroute.complexity.rule import Choice, Economics, choose, head_start_pays, share_explored, taken


@dataclass(frozen=True, slots=True)
class Forecast:
    """A prediction, with the choice that was made by it; written down with the decision."""

    key: CellKey
    """The cells that the outcome goes into; with the band of the regression's prediction, if there was one."""
    by_cells: float
    """P(escalate), as the log of the pipeline has it."""
    by_regression: float | None = None
    """As the regression has it; `None` while there is none."""
    break_even: float | None = None
    wanted: Choice = Choice.CASCADE
    """What the rule says."""
    taken: Choice = Choice.CASCADE
    """What was done: the cascade, where the coin fell on exploring."""
    propensity: float = 1.0
    """The probability with which that was done."""
    in_use: bool = False
    """Did the regression decide?"""
    features: tuple[float, ...] = ()
    """What the regression predicts by; empty where it is not kept."""
    early: bool = field(default=False, compare=False)
    """Is performance to be begun at the same time, if the cascade is taken? Kept with the attempts, not here."""

    @property
    def probability(self) -> float:
        return self.by_regression if self.in_use and self.by_regression is not None else self.by_cells


@dataclass(frozen=True, slots=True)
class Foretold:
    """A forecast, and what came of it."""

    forecast: Forecast
    at: datetime
    escalated: bool | None
    """`None`: nobody can say, since the whole gate was not asked or could not judge."""


@dataclass(frozen=True, slots=True)
class Known:
    """What the log says of one request."""

    belief: Belief
    cell: Cell
    """The outcomes that the belief rests on."""
    by_cells: float
    by_regression: float | None = None
    band: int = WHOLE
    in_use: bool = False


def known_of(history: History, regression: Regression | None, found: Sequence[float]) -> Known:
    """By the regression if it is in use: it sorts requests into bands, and the bands' own outcomes are believed."""
    whole = history.believed()
    if regression is None or not found:
        return Known(whole, history.own, whole.mean)
    chance = regression.predict(found)
    band = band_of(chance)
    if not regression.in_use:
        return Known(whole, history.own, whole.mean, chance, band)
    cell = history.band(band)
    return Known(cell.believed(chance), cell, whole.mean, chance, band, in_use=True)


def forecast(
    key: CellKey, known: Known, economics: Economics, found: Sequence[float], *, coin: float, explore: float
) -> Forecast:
    """The prediction and the choice; `coin` is uniform in [0, 1), `explore` as in `share_explored`."""
    wanted = choose(known.belief, known.cell, economics)
    done, propensity = taken(wanted, coin, share_explored(wanted, economics.break_even, explore))
    return Forecast(
        key=replace(key, band=known.band),
        by_cells=known.by_cells,
        by_regression=known.by_regression,
        break_even=economics.break_even,
        wanted=wanted,
        taken=done,
        propensity=propensity,
        in_use=known.in_use,
        features=tuple(found),
        early=head_start_pays(known.belief, known.cell, economics),
    )
