"""What routing before the call is worth, on recorded answers of real models and on seeded streams.

    python benchmarks/routing.py [--data FOLDER] [--quick] [--json FILE]

Recorded: BFCL and GSM8K, for each pair of an efficiency and a performance model; a judge is simulated (he catches 80 %
of the errors that the schema misses, with 5 % false alarms, at .3 of a cheap call), everything else is as recorded.
Seeded: a cheap model that becomes better, and tasks at the border; this alone where there is no data. What came of it:
docs/routing.md.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from replay_records import add_data
from results import Row, begin, command
from routing_changes import BY_REQUESTS, PROMISED, UNEXPLORED, improvements
from routing_recorded import recorded
from routing_streams import Auto, follow, seeded

from qualityroute.complexity import Economics
from qualityroute.quantities import counted

MOST_AFTER, MOST_AT_BORDER = 2.0, 10.0
"""Per cent: cost over the cascade's after a model became better, and streams at the border ever sent straight."""


def main() -> None:
    parser = command(__doc__, quick="one order of the recorded answers, fewer and shorter streams")
    add_data(parser)
    run = begin("routing", parser)
    quick, figures = run.options.quick, []
    if run.options.data is not None:
        figures += recorded_figures(recorded(run.options.data, range(1, 2) if quick else range(1, 6)))
    figures += stream_figures(streams(quick=quick), quick=quick)
    figures += [Row(f"processor time: {name}", value, "us") for name, value in overhead().items()]
    run.tell(figures)


def recorded_figures(found: dict[str, Any]) -> Iterator[Row]:
    """Over all pairs of models: the median, the least and the most."""
    for data, policy in dict.fromkeys((row.data, row.policy) for row in found["rows"] if row.policy != "coin flip"):
        costs = [row.cost for row in found["rows"] if (row.data, row.policy) == (data, policy) and row.cost is not None]
        yield across(f"{data}: cost of {policy} at performance's accuracy", costs, "%", "all performance")
    for policy in ("unjudged", "rule"):
        for cost in dict.fromkeys(row["cost_of_error"] for row in found["judge"]):
            ratios = [row[policy] / row["judged"] for row in found["judge"] if row["cost_of_error"] == cost]
            yield across(f"an error costs {cost:.0f} cheap calls: {policy}", ratios, "x", "the judged cascade")
    for name in ("weak evidence", "task's rate", "regression"):
        areas = [areas[name] for areas in found["auroc"].values() if areas[name] is not None]
        yield across(f"AUROC for P(escalate): {name}", areas, "")


def across(what: str, values: Sequence[float], unit: str, ratio_to: str | None = None) -> Row:
    pairs = counted(len(values), "pair")
    return replace(Row.of(f"{what}, {pairs}", values, unit, ratio_to=ratio_to), rounds=None)


def stream_figures(found: dict[str, Any], *, quick: bool) -> Iterator[Row]:
    """What is promised is promised of as many streams as the whole run has, in their full length."""

    def held(row: Row, most: float) -> Row:
        return row if quick else row.at_most(most)

    for row in found["improvement"]:
        who = f"{row['case']}, 1:{row['ratio']:.0f}: cost of {row['learner']} over the cascade's"
        before, after, later = (Row(f"{who}, {when}", percent(excess), "%") for when, excess in timed(row["excess"]))
        if row["learner"] == PROMISED:
            yield from (before, held(after, MOST_AFTER), held(later, MOST_AFTER))
        elif row["learner"] in (BY_REQUESTS, UNEXPLORED):
            yield after
    for row in found["border"]:
        if row["bets"]:
            below = row["break_even"] - row["below"]
            what = f"streams ever sent straight, P {below:.3f} and f* {row['break_even']:.3f}"
            yield held(Row(what, 100 * row["ever"], "%"), MOST_AT_BORDER)


def percent(share: float) -> float:
    """To a hundredth; a sum of floats that is next to nothing is nothing."""
    return round(100 * share, 2) + 0.0


def timed(excess: Sequence[float]) -> Iterator[tuple[str, float]]:
    whens = ("before the model became better", "just after", "long after")
    return zip(whens, excess, strict=True)


def streams(*, quick: bool) -> dict[str, Any]:
    changes = improvements(quick=quick)
    looks, seeds = (300, range(20)) if quick else (2000, range(200))
    print(f"\nStreams of {looks:,} requests at the border: share of them ever sent straight, share of requests")
    borders = []
    for at in (0.567, 0.74, 0.87, 0.935):
        for below in (0.0, 0.03):
            for bets in (True, False):
                row = border(at, below, looks, seeds if bets else seeds[: len(seeds) // 4], bets=bets)
                borders.append(row)
                name = "auto" if bets else "the 10 % bound alone"
                print(f"  f* {at:.3f}, P {at - below:.3f}  {name:22} {row['ever']:6.1%}  {row['share']:6.1%}")
    return {"improvement": changes, "border": borders}


def border(break_even: float, below: float, count: int, seeds: range, *, bets: bool) -> dict[str, Any]:
    """Streams whose P(escalate) is at the break-even or a little below: how many are ever sent straight on."""
    ratio = 1.3 / (1 - break_even)
    ever = shares = 0.0
    for seed in seeds:
        auto = Auto(Economics(1.0, 0.3, ratio), bets=bets, by_cost=bets, chance=random.Random(1000 + seed))
        stream = seeded(random.Random(seed), (break_even - below,), count, ratio)
        spent = follow(stream, auto.choice)
        ever += spent.straight > 0
        shares += spent.straight / spent.requests
    return {
        "break_even": break_even, "below": below, "bets": bets,
        "ever": ever / len(seeds), "share": shares / len(seeds),
    }  # fmt: skip


def overhead() -> dict[str, float]:
    """Microseconds that a forecast takes, on a store with a log; and what is counted in a prompt."""
    from routing_overhead import forecast_microseconds  # noqa: PLC0415  (the engine, which only this needs)

    return forecast_microseconds()


if __name__ == "__main__":
    main()
