"""A cheap model that becomes better: how soon the learner comes back to it, and what it pays until then."""

from __future__ import annotations

import random
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from routing_streams import Auto, Request, Spent, follow, seeded

from qualityroute.complexity import Economics

CATCHES, ALARMS, JUDGE = 0.8, 0.05, 0.3
PROMISED, BY_REQUESTS, UNEXPLORED = "auto", "auto, 2 % of requests explored", "auto without exploration"
RENAMED = "auto, the model renamed"
"""What is better has a name of its own, as in a configuration that was changed: a new pipeline."""
LEARNERS: dict[str, dict[str, Any]] = {
    PROMISED: {},
    RENAMED: {},
    BY_REQUESTS: {"by_cost": False},
    UNEXPLORED: {"explore": 0.0},
    "the 10 % bound alone": {"bets": False, "by_cost": False},
    "the bound alone, no exploration": {"bets": False, "explore": 0.0},
}


@dataclass(frozen=True)
class Kind:
    """One of BFCL's categories, which are the tasks of the stream."""

    name: str
    cases: int
    worse: int
    """Cases that Llama 3 8B has wrong, by the leaderboard's own score files of 2024-08-11."""
    better: int
    """Those that 4o-mini has wrong, by function calling."""


BFCL = (
    Kind("simple", 400, 140, 34),
    Kind("java", 100, 49, 55),
    Kind("javascript", 50, 36, 31),
    Kind("multiple", 200, 60, 16),
    Kind("parallel", 200, 80, 21),
    Kind("parallel multiple", 200, 78, 34),
)
"""The 1,150 prompts of the specification's table (routing.md A5)."""
SCHEMA_SEES = {"worse": 0.64, "better": 0.41}
"""The share of wrong answers that the schema check sees (routing.md B)."""
HARD_KIND = ((0.72, 0.45, 0.25), (0.15, 0.12, 0.10))
HOPELESS = ((0.95,), (0.15,))
Stream: TypeAlias = Callable[[random.Random, int, float, bool], Sequence[Request]]
"""By chance, how many requests, the price ratio, and whether the model is the better one."""


def of_bfcl(chance: random.Random, count: int, ratio: float, better: bool) -> list[Request]:
    """As often as needed through all prompts, each time in another order."""
    found: list[Request] = []
    while len(found) < count:
        once = [_request(kind, number, chance, ratio, better=better) for kind in BFCL for number in range(kind.cases)]
        chance.shuffle(once)
        found += once
    return found[:count]


def _request(kind: Kind, number: int, chance: random.Random, ratio: float, *, better: bool) -> Request:
    which = "better" if better else "worse"
    wrong = number < getattr(kind, which)
    form = not (wrong and chance.random() < SCHEMA_SEES[which])
    rejected = chance.random() < (CATCHES if wrong else ALARMS)
    return Request(kind.name, 1.0, JUDGE if form else 0.0, ratio, not form or rejected, not wrong, form=form)


def of_rates(before: Sequence[float], after: Sequence[float]) -> Stream:
    return lambda chance, count, ratio, better: seeded(chance, after if better else before, count, ratio)


STREAMS: dict[str, Stream] = {
    "BFCL, as specified": of_bfcl,
    "a hard kind among others": of_rates(*HARD_KIND),
    "all of it hopeless": of_rates(*HOPELESS),
}


def improvements(*, quick: bool) -> list[dict[str, Any]]:
    few, many, count = (4, 4, 400) if quick else (20, 100, 1150)
    print(f"\nA model that becomes better after {count:,} requests: cost over the cascade's (share straight)")
    found = []
    for name, stream in STREAMS.items():
        for ratio in (3.0, 5.0):
            for learner in LEARNERS:
                seeds = range(many if learner in (PROMISED, BY_REQUESTS) else few)
                row = improvement(stream, ratio, count, seeds, learner)
                found.append({"case": name, "ratio": ratio, "learner": learner, **row})
                told = "  ".join(
                    f"{100 * excess:+6.1f}% ({100 * straight:3.0f}%)"
                    for excess, straight in zip(row["excess"], row["straight"], strict=True)
                )
                print(f"  {name:26} 1:{ratio:.0f}  {learner:34} {told}")
    print("    in the columns: before, just after, and the four times as many requests after those")
    return found


def improvement(stream: Stream, ratio: float, count: int, seeds: range, learner: str) -> dict[str, list[float]]:
    """A bad model for `count` requests, then a good one: cost over the cascade's, in each half and long after."""
    parts: list[list[Spent]] = []
    for seed in seeds:
        chance = random.Random(seed)
        auto = Auto(Economics(1.0, JUDGE, ratio), chance=random.Random(1000 + seed), **LEARNERS[learner])
        spent = [follow(stream(chance, count, ratio, False), auto.choice)]
        auto.model = "better" if learner == RENAMED else auto.model
        spent += [follow(stream(chance, many, ratio, True), auto.choice) for many in (count, 4 * count)]
        parts.append(spent)
    excess = [
        sum(part[half].cost for part in parts) / sum(part[half].cascade for part in parts) - 1 for half in range(3)
    ]
    straight = [statistics.mean(part[half].straight / part[half].requests for part in parts) for half in range(3)]
    return {"excess": excess, "straight": straight}
