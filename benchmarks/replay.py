"""Recorded answers of real models, replayed over loopback HTTP through the real engine.

    python benchmarks/replay.py [--data FOLDER] [--quick] [--json FILE]

An answer is right when its source says so. First, function calls of BFCL: each case is a task with its own schema, for
every pair of an efficiency and a performance model that the data holds. Then GSM8K, whose gate is a user's code check.
Last, certificates made from random halves. What was tried and what it bought: docs/replay.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from replay_frontier import Row, area_of, frontier
from replay_gsm8k import GSM8K_POLICIES
from replay_policies import bfcl_policies
from replay_records import (
    GPT4,
    GPT4_TURBO,
    GPT35,
    HAIKU,
    MINI,
    MIXTRAL,
    NEMO,
    NEMO_PROMPTED,
    PAIR,
    SONNET,
    VARIABLE,
    Case,
    Pair,
    Prices,
    Records,
    add_data,
    read_bfcl,
    read_gsm8k,
    read_prices,
)
from replay_splits import DELTA, SPLITS, Splits, certificates
from replay_table import LEGEND, anchor_table, frontier_table, splits_table
from results import Row as Figure
from results import begin, command

PAIRS = tuple(Pair(low, high) for high in (SONNET, GPT4) for low in (MINI, GPT35, NEMO_PROMPTED))
QUICK = 10
"""Every so many cases, and of the splits."""


def main() -> None:
    parser = command(__doc__, quick=f"one pair, every {QUICK}th case, a {QUICK}th of the splits")
    add_data(parser)
    run = begin("replay", parser)
    options = run.options
    if options.data is None:
        print(f"not measured: no recorded answers; --data FOLDER or {VARIABLE} names them")
        return
    step = QUICK if options.quick else 1
    prices = read_prices(options.data)
    calls = read_bfcl(options.data)[::step]
    print(LEGEND)
    rows: list[Row] = []
    for part in _frontiers(calls, read_gsm8k(options.data)[::step], prices, (PAIR,) if options.quick else PAIRS):
        print(f"\n{frontier_table(part)}", flush=True)
        rows += part
    print(f"\n{anchor_table([row for row in rows if row.pair == PAIR])}")
    records = Records(calls, prices, PAIR)
    areas = {signal: area_of(records, signal) for signal in (f"agreement:{HAIKU}", f"agreement:{NEMO}")}
    print(
        "\nAPGR (a coin flip has .50): " + ", ".join(f"{signal} {area:.2f}" for signal, area in areas.items() if area)
    )
    splits = certificates(records, options.data, splits=SPLITS // step)
    print(f"\ncertificates from half of the cases, {SPLITS // step} random splits, delta {DELTA:.2f}")
    print(splits_table(splits))
    run.write([*_figures(rows), *_split_figures(splits)])


def _frontiers(
    calls: Sequence[Case], sums: Sequence[Case], prices: Prices, pairs: Sequence[Pair]
) -> Iterator[list[Row]]:
    for pair in pairs:
        records = Records(calls, prices, pair)
        yield frontier(records, bfcl_policies(records), flags=pair == PAIR)
    yield frontier(Records(sums, prices, Pair(MIXTRAL, GPT4_TURBO)), GSM8K_POLICIES)


def _figures(rows: Sequence[Row]) -> Iterator[Figure]:
    """What nothing else that was run here does as well for less: its answers, and its cost."""
    for row in rows:
        if row.how == "engine" and row.undominated:
            name = f"{row.pair.efficiency} -> {row.pair.performance}, {row.policy}"
            yield Figure(f"{name}: right", 100 * row.taken, "%")
            yield Figure(f"{name}: cost", 100 * row.cost, "%", ratio_to="all performance")


def _split_figures(splits: Sequence[Splits]) -> Iterator[Figure]:
    for row in splits:
        if row.proven:
            what = f"certificates by {row.score}, bad if {row.label}, alpha {row.alpha}: hold on the other half"
            yield Figure(what, 100 * row.holds / row.splits, "%").at_least(100 * (1 - DELTA))


if __name__ == "__main__":
    main()
