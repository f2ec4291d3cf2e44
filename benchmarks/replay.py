"""Recorded answers of real models, replayed over loopback HTTP through the real engine.

    python benchmarks/replay.py --data FOLDER [--quick] [--json FILE]

An answer is right when its source says so. First, function calls of BFCL: each case is a task with its own schema, for
every pair of an efficiency and a performance model that the data holds. Then GSM8K, whose gate is a user's code check.
Last, certificates made from random halves. What was tried and what it bought: docs/replay.md.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

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
    Case,
    Pair,
    Prices,
    Records,
    read_bfcl,
    read_gsm8k,
    read_prices,
)
from replay_splits import DELTA, SPLITS, certificates
from replay_table import LEGEND, anchor_table, frontier_table, splits_table

PAIRS = tuple(Pair(low, high) for high in (SONNET, GPT4) for low in (MINI, GPT35, NEMO_PROMPTED))
QUICK = 10
"""Every so many cases, and of the splits."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="the folder of recorded answers")
    parser.add_argument(
        "--quick", action="store_true", help=f"one pair, every {QUICK}th case, a {QUICK}th of the splits"
    )
    parser.add_argument("--json", type=Path, help="also write the rows to this file")
    options = parser.parse_args()
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
    if options.json is not None:
        _write(options.json, {"rows": rows, "splits": splits}, areas)


def _frontiers(
    calls: Sequence[Case], sums: Sequence[Case], prices: Prices, pairs: Sequence[Pair]
) -> Iterator[list[Row]]:
    for pair in pairs:
        records = Records(calls, prices, pair)
        yield frontier(records, bfcl_policies(records), flags=pair == PAIR)
    yield frontier(Records(sums, prices, Pair(MIXTRAL, GPT4_TURBO)), GSM8K_POLICIES)


def _write(path: Path, parts: dict[str, Sequence[Any]], areas: dict[str, float | None]) -> None:
    rows = {name: [asdict(row) for row in part] for name, part in parts.items()}
    path.write_text(json.dumps({**rows, "apgr": areas}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
