"""Do the tests of the pure modules see when a line of them is changed? Mutants by mutmut, part by part.

    python tests/mutants.py [PART …]            # default: all parts; each takes minutes

Run by `make mutants`, which makes the environment (group `mutants`). Everything happens in a temporary copy. At the end
stands, for each part, how many mutants were made and killed, and above that the change of each one that survived.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
MUTMUT = Path(sys.executable).with_name("mutmut")
COPIED = ("qualityroute", "rubrics", "tests", "benchmarks", "README.md", "LICENSE")

PARTS: dict[str, tuple[str, ...]] = {
    "routing": ("test_routing.py",),
    "fallback": ("test_fallback.py",),
    "pins": ("test_pins.py",),
    "budgets": ("test_budgets.py", "test_allowances.py"),
    "keys": ("test_keys.py",),
    "signal": ("test_signal.py",),
    "calibration": ("test_calibration.py",),
    "comparison": ("test_comparison.py", "test_differences.py"),
    "complexity": (
        "test_complexity.py",
        "test_features.py",
        "test_forecast.py",
        "test_exploring.py",
        "test_classify.py",
    ),
}
"""Each pure module or package, and the tests that belong to it."""

LEFT_OUT = "postgres or linear_time or thousands or cost_no_more or costs_no_more or standard_library"
"""Words in the names of tests that take too long for each mutant, or that see mutmut's own imports."""

SETTINGS = """
[tool.mutmut]
source_paths = ["qualityroute"]
only_mutate = ["{pattern}"]
also_copy = ["rubrics", "benchmarks"]
timeout_multiplier = 5
pytest_add_cli_args = ["-q", "-n0", "-p", "no:cacheprovider", "-k", "not ({left_out})", "--hypothesis-profile=mutants"]
pytest_add_cli_args_test_selection = [{tests}]
"""


def tried(part: str, folder: Path) -> tuple[int, int, list[str]]:
    """How many mutants were made and killed, and the changes that nothing saw."""
    for name in COPIED:
        source = ROOT / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, folder / name)
    pattern = f"qualityroute/{part}/*" if (ROOT / "qualityroute" / part).is_dir() else f"qualityroute/{part}.py"
    tests = ", ".join(f'"tests/{name}"' for name in PARTS[part])
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    (folder / "pyproject.toml").write_text(
        project + SETTINGS.format(pattern=pattern, tests=tests, left_out=LEFT_OUT), encoding="utf-8"
    )
    asked(folder, "run", "--max-children", str(os.cpu_count() or 1))
    asked(folder, "export-cicd-stats")
    counts = json.loads((folder / "mutants" / "mutmut-cicd-stats.json").read_text(encoding="utf-8"))
    alive = re.findall(r"^\s*(\S+): (?:survived|no tests)$", asked(folder, "results"), re.MULTILINE)
    changes = [asked(folder, "show", name) for name in alive]
    return counts["total"], counts["killed"] + counts["timeout"], changes


def asked(folder: Path, *arguments: str) -> str:
    done = subprocess.run([MUTMUT, *arguments], cwd=folder, capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"mutmut {arguments[0]} failed:\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
    return done.stdout


def main() -> None:
    parser = argparse.ArgumentParser(description="Mutate the pure modules and see whether their tests notice.")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"one of {', '.join(PARTS)}")
    parts = parser.parse_args().parts or list(PARTS)
    unknown = set(parts) - set(PARTS)
    if unknown:
        parser.error(f"no part '{min(unknown)}'; there are: {', '.join(PARTS)}")
    rows = []
    for part in parts:
        with tempfile.TemporaryDirectory() as name:
            made, killed, changes = tried(part, Path(name))
        for change in changes:
            print(change, flush=True)
        rows.append(f"{part:12} {killed:5} of {made:5} killed ({killed / made:.1%})")
        print(rows[-1], flush=True)
    print("", *rows, sep="\n")


if __name__ == "__main__":
    main()
