"""Certificates keep their promise, in small; benchmarks/calibration.py has it in full."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from math import isclose
from pathlib import Path
from types import ModuleType

import pytest

BENCHMARK = Path(__file__).parent.parent / "benchmarks" / "calibration.py"


@pytest.fixture(scope="module")
def simulation() -> Iterator[ModuleType]:
    spec = importlib.util.spec_from_file_location("calibration_benchmark", BENCHMARK)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # A dataclass looks its own module up while it is made.
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


def test_the_shortcuts_of_the_simulation_agree_with_the_package(simulation: ModuleType) -> None:
    simulation.check_shortcuts(simulation.np.random.default_rng(2))


def test_the_true_risk_of_the_border_judges_is_exactly_alpha(simulation: ModuleType) -> None:
    border, late, ties, *_ = simulation.judges(0.05)
    assert isclose(border.risks(0.3), 0.05) and isclose(border.risks(1.0), 0.05)
    assert late.risks(0.5) == 0.0 and isclose(late.risks(0.8), 0.05) and isclose(late.risks(1.0), 0.05)
    assert isclose(ties.risks(0.6), 0.05) and ties.risks(0.8) > 0.05


def test_certificates_keep_their_promise_where_any_passing_threshold_breaks_it(
    simulation: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(simulation, "CASES", {0.10: 250})
    rows = list(simulation.calibrations(1000, simulation.np.random.default_rng(3)))
    assert len(rows) == 16
    assert simulation.broken_promises(rows, "exceeded", 1000) == []
    assert len(simulation.broken_promises(rows, "any passing", 1000)) >= 2
    assert {row["judge"]: row["certified"] for row in rows}["perfect"] == 1.0


def test_peeking_breaks_the_one_look_test_and_not_the_one_made_for_it(
    simulation: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(simulation, "PEEKED", ("border",))
    monkeypatch.setattr(simulation, "PEEKED_AT", ((0.05, 0.10),))
    [row] = simulation.peeking(200, simulation.np.random.default_rng(3))
    assert row["one look"] > 0.2 > 0.1 > row["anytime"]
