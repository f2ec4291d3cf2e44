"""The fuzzer's targets do read their seeds, and what fuzzing once found stays mended."""

from __future__ import annotations

import pytest
from fuzz.targets import TARGETS

SEEDS = [(name, seed) for name, target in TARGETS.items() for seed in (*target.seeds, b"", b"\x00", b"\xff\xfe{")]


@pytest.mark.parametrize(("name", "seed"), SEEDS)
def test_a_target_reads_its_seeds_whole_and_cut_short(name: str, seed: bytes) -> None:
    read = TARGETS[name].read
    for end in {len(seed), len(seed) // 2, len(seed) - 1} - {-1}:
        read(seed[:end])
