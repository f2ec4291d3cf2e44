"""The promised error rates of `qualityroute.signal`, in small; benchmarks/signal_errors.py has them in full."""

from __future__ import annotations

import importlib.util
import random
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from qualityroute.signal import SessionCounts, find_changes

BENCHMARK = Path(__file__).parent.parent / "benchmarks" / "signal_errors.py"


@pytest.fixture(scope="module")
def simulation() -> Iterator[ModuleType]:
    spec = importlib.util.spec_from_file_location("signal_errors", BENCHMARK)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # A dataclass looks its own module up while it is made.
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


@pytest.mark.parametrize(
    ("failures", "kind"),
    [
        ([False], (1, 0)),
        ([True, True], (1, 1)),
        ([False, True], (2, 1)),
        ([False] * 9, (4, 0)),
        ([False] * 4 + [True], (4, 0)),
    ],
)
def test_a_session_counts_up_to_its_first_failure_and_four_attempts(
    simulation: ModuleType, failures: list[bool], kind: tuple[int, int]
) -> None:
    assert simulation.session_kind(failures) == kind


def test_the_shortcuts_of_the_simulation_agree_with_the_package(simulation: ModuleType) -> None:
    simulation.check_shortcuts(random.Random(2))


@pytest.mark.parametrize(("difficulty", "correlation"), [(0.3, 0.0), (0.3, 0.3), (0.8, 0.3)])
def test_looking_after_every_session_at_the_border_seldom_misleads(
    simulation: ModuleType, difficulty: float, correlation: float
) -> None:
    chance = random.Random(11)
    setting = simulation.Setting(difficulty, correlation, 6)
    results = [simulation.play(setting, 300, chance) for _ in range(150)]
    # 150 runs at the promised .025 give more than 10 once in 1,000 times.
    assert sum(result.misclassified for result in results) <= 10
    assert sum(result.healthy for result in results) <= 10
    assert sum(result.naive_above or result.naive_below for result in results) >= 45


def test_the_border_of_the_simulation_loses_and_saves_nothing(simulation: ModuleType) -> None:
    chance = random.Random(5)
    setting = simulation.Setting(0.3, 0.3, 6)
    counts = SessionCounts.of((*simulation.session_kind(setting.session(chance)), 1) for _ in range(20_000))
    assert counts.rate == pytest.approx(setting.border, abs=0.01)


def test_a_steady_rate_seldom_raises_a_change_alarm(simulation: ModuleType) -> None:
    chance = random.Random(13)
    # 20 streams at the promised .04 have more than 4 alarms once in 1,000 times.
    assert sum(bool(find_changes(simulation.stream(0.1, 20_000, chance))) for _ in range(20)) <= 4


def test_a_doubled_rate_is_found_within_three_hundred_attempts(simulation: ModuleType) -> None:
    found = simulation.delay(0.1, 0.2, 60, random.Random(17))
    assert found["median_delay"] <= 300
    assert found["found"] > 0.95
