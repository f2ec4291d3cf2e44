"""The log, as the learner keeps it: of each pipeline how often its efficiency answers escalated, the last ones most.

A cell is one (task, efficiency model, fingerprint of the pipeline), perhaps of one band of the regression's
predictions. Each outcome counts 1 and weighs .99 of that after each further one, so that a cell holds about the last
hundred. Cells are pooled: a cell is believed as if ten outcomes at its parent's rate had come before its own, the
parent being the task's cell, and that one's the cell of all tasks, before which stands the prior (routing.md A5).

**Evidence.** The 10 % quantile of a belief is wrong one time in ten when it is looked at once; looked at before every
request it is wrong, sooner or later, most of the time, and then stays so, because a request that goes straight to
performance shows nothing. So a cell also bets. Against "P(escalate) is at the break-even or below" a purse stakes on
each outcome half of what it can lose, at fair odds:

    growth = 1 + (escalated - f*) / (2 f*)

and a share 1/(n(n+1)) of the first money is held back for a bet that begins at the n-th outcome, so that a change that
comes late is still found. By Ville's inequality the purse ever holds 10 times the first money with probability 1/10 at
most, at any look, however often the break-even moves. Few are needed where the loss is large: 40 escalations in a row
at f* = .87 are enough.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from qualityroute.complexity.beta import Belief

FORGETTING = 0.99
POOLING = 10.0
"""Outcomes at the parent's rate that a cell begins with; also what a new pipeline keeps of the one before it."""
PRIOR_RATE = 0.20
PRIOR_MASS = 10.0
FEWEST = 30
"""Outcomes of a cell before it decides anything."""
NEEDED = 10.0
"""Of a purse that began with 1: the evidence for going straight to performance."""
BANDS = 5
WHOLE = -1
"""In place of a band: the cell of all of them."""
SMALLEST_BREAK_EVEN = 0.05


@dataclass(frozen=True, slots=True)
class CellKey:
    """Whose outcomes a cell holds. Empty model and fingerprint: of the whole task; an empty task: of all tasks."""

    task: str = ""
    model: str = ""
    """`provider/model` of the efficiency tier."""
    fingerprint: str = ""
    """Of prompt, schema, rubric, judge and models; see `pipelines`."""
    band: int = WHOLE


@dataclass(frozen=True, slots=True)
class Cell:
    """Outcomes of the gate, as a store adds them up."""

    key: CellKey = CellKey()
    passes: float = 0.0
    escalations: float = 0.0
    observed: int = 0
    """How many there were, forgotten ones too."""
    purse: float = 0.0
    """What bets that have begun hold."""

    @property
    def needed(self) -> float:
        """The evidence for going straight to performance; bands share the doubt of one pipeline."""
        return needed(self.key.band)

    @property
    def evidence(self) -> float:
        """The purse, with what waits for later bets; 1 in the beginning."""
        return self.purse + 1 / (self.observed + 1)

    def after(self, escalated: bool, growth: float) -> Cell:
        """The cell with one more outcome; what a store does in SQL."""
        number = self.observed + 1
        return Cell(
            self.key,
            self.passes * FORGETTING + (not escalated),
            self.escalations * FORGETTING + escalated,
            number,
            min(self.needed, (self.purse + held_back(number)) * growth),
        )

    def believed(self, parent: float) -> Belief:
        """With the parent's rate before its own outcomes."""
        return Belief(POOLING * parent + self.escalations, POOLING * (1 - parent) + self.passes)


def needed(band: int) -> float:
    """Also the most that a purse holds: with more it would take longer to lose once the model has become better.

    So one explored answer that passes halves it, and the next requests go through the cascade until it is earned anew.
    """
    return NEEDED if band == WHOLE else NEEDED * BANDS


def held_back(number: int) -> float:
    """The share of the first money that bets from the n-th outcome on."""
    return 1 / (number * (number + 1))


def growth(escalated: bool, break_even: float | None) -> float:
    """What an outcome makes of the purse; without a break-even nothing is bet."""
    if break_even is None:
        return 1.0
    odds = max(break_even, SMALLEST_BREAK_EVEN)
    return max(0.0, 1 + (escalated - odds) / (2 * odds))


@dataclass(frozen=True)
class History:
    """What the log says of one pipeline."""

    everything: Cell = Cell()
    task: Cell = Cell()
    own: Cell = Cell()
    bands: dict[int, Cell] = field(default_factory=dict)

    @classmethod
    def of(cls, cells: Iterable[Cell]) -> History:
        """From the cells that a store gives for a pipeline, its parents among them; those that are missing are new."""
        found = cls()
        everything, task, own, bands = found.everything, found.task, found.own, dict[int, Cell]()
        for cell in cells:
            if cell.key.band != WHOLE:
                bands[cell.key.band] = cell
            elif not cell.key.task:
                everything = cell
            elif not cell.key.fingerprint:
                task = cell
            else:
                own = cell
        return cls(everything, task, own, bands)

    def believed(self) -> Belief:
        """Of any request of the pipeline."""
        prior = PRIOR_MASS * PRIOR_RATE
        rate = Belief(prior + self.everything.escalations, PRIOR_MASS - prior + self.everything.passes).mean
        return self.own.believed(self.task.believed(rate).mean)

    def band(self, number: int) -> Cell:
        return self.bands.get(number, Cell())


def band_of(chance: float) -> int:
    """Which fifth a prediction lies in."""
    return min(BANDS - 1, max(0, int(chance * BANDS)))


def lineage(key: CellKey) -> tuple[CellKey, ...]:
    """The cells that an outcome of a pipeline goes into, the narrowest first; `key` may have a band."""
    whole = CellKey(key.task, key.model, key.fingerprint)
    own = (key, whole) if key.band != WHOLE else (whole,)
    return (*own, CellKey(key.task), CellKey())
