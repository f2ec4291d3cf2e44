"""Policies of `tier = "auto"` on streams of requests, recorded or seeded: what each request costs and is worth."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from qualityroute.complexity import Cell, CellKey, Choice, Economics, Forecast, Foretold, History, Regression, known_of
from qualityroute.complexity.cells import growth, lineage
from qualityroute.complexity.regression import EVERY, FEWEST, MOST
from qualityroute.complexity.rule import choose, share_explored, taken
from qualityroute.learning import fitted_on


@dataclass(frozen=True)
class Request:
    """One request with everything that would come of it."""

    task: str
    cheap: float
    """Cost of the efficiency answer."""
    judge: float
    strong: float
    escalates: bool
    cheap_right: bool = True
    strong_right: bool = True
    features: tuple[float, ...] = ()
    form: bool = True
    """Does the efficiency answer pass the free checks?"""

    @property
    def cascade(self) -> float:
        return self.cheap + self.judge + self.strong * self.escalates


@dataclass
class Spent:
    requests: int = 0
    cost: float = 0.0
    right: int = 0
    straight: int = 0
    unjudged: int = 0
    cascade: float = 0.0
    """What the cascade would have cost."""

    def add(self, request: Request, choice: Choice) -> None:
        straight = choice is Choice.PERFORMANCE
        self.requests += 1
        unjudged = choice is Choice.UNJUDGED
        self.straight += straight
        self.unjudged += unjudged
        up = straight or (not request.form if unjudged else request.escalates)
        self.cost += (0 if straight else request.cheap) + (0 if straight or unjudged else request.judge)
        self.cost += request.strong if up else 0
        self.cascade += request.cascade
        self.right += request.strong_right if up else request.cheap_right

    def total(self, cost_of_error: float) -> float:
        """Per request, errors priced in."""
        return (self.cost + cost_of_error * (self.requests - self.right)) / self.requests

    @property
    def excess(self) -> float:
        return self.cost / self.cascade - 1


@dataclass
class Auto:
    """The product's learner, without its store: the same pure functions on the same cells."""

    economics: Economics
    explore: float = 0.02
    by_cost: bool = True
    """Without: `explore` is the share of requests, whatever they cost, as the research has it."""
    bets: bool = True
    """Without: the 10 % bound alone, as the research has it."""
    regress: bool = False
    chance: random.Random = field(default_factory=lambda: random.Random(1))
    model: str = "m"
    """Of the efficiency tier; another one begins anew."""
    cells: dict[CellKey, Cell] = field(default_factory=dict)
    log: dict[str, list[Foretold]] = field(default_factory=dict)
    fitted: dict[str, Regression] = field(default_factory=dict)

    def choice(self, request: Request) -> Choice:
        key = CellKey(request.task, self.model, "f")
        history = History.of(
            cell
            for cell in self.cells.values()
            if cell.key.task in ("", request.task) and cell.key.model in ("", self.model)
        )
        found = request.features if self.regress else ()
        known = known_of(history, self.fitted.get(request.task), found)
        cell = known.cell if self.bets else replace(known.cell, purse=1e9)
        wanted = choose(known.belief, cell, self.economics)
        at = self.economics.break_even
        share = share_explored(wanted, at, self.explore) if self.by_cost else self.explore
        done, propensity = taken(wanted, self.chance.random(), share)
        if done is Choice.CASCADE:
            told = Forecast(
                replace(key, band=known.band), known.by_cells, known.by_regression, at,
                wanted, done, propensity, known.in_use, found,
            )  # fmt: skip
            self._learn(request, told, history.own.observed + 1)
        return done

    def _learn(self, request: Request, told: Forecast, observed: int) -> None:
        for key in lineage(told.key):
            bet = growth(request.escalates, told.break_even) if key.fingerprint else 1.0
            self.cells[key] = self.cells.get(key, Cell(key)).after(request.escalates, bet)
        if self.regress:
            rows = self.log.setdefault(request.task, [])
            rows.append(Foretold(told, None, request.escalates))  # type: ignore[arg-type]
            if observed >= FEWEST and observed % EVERY == 0:
                fitted = fitted_on(rows[-MOST:], observed)
                if fitted is not None:
                    self.fitted[request.task] = fitted


def follow(requests: Iterable[Request], policy: Callable[[Request], Choice]) -> Spent:
    spent = Spent()
    for request in requests:
        spent.add(request, policy(request))
    return spent


def seeded(chance: random.Random, rates: Sequence[float], count: int, ratio: float) -> list[Request]:
    """Requests of as many tasks as there are rates, in any order; a cheap call costs 1, its judge .3."""
    return [
        Request(f"task {task}", 1.0, 0.3, ratio, chance.random() < rates[task])
        for task in (chance.randrange(len(rates)) for _ in range(count))
    ]
