"""Every threat in the documents has a guard, and every guard that is named is a test."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
PAGE = (TESTS.parent / "docs" / "threat-model.md").read_text(encoding="utf-8")
THREATS = re.sub(r"^## What fuzzing found\n.*?(?=^## )", "", PAGE, flags=re.DOTALL | re.MULTILINE)
ROWS = [line for line in THREATS.splitlines() if line.startswith("| ") and not line.startswith("| what could happen")]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[2:50])
def test_a_threat_is_met_by_tests_that_exist(row: str) -> None:
    _, met, guards = row.strip("| ").split(" | ")
    named = re.findall(r"`(test_\w+\.py)::(test_\w+)`", guards)
    assert met
    assert named
    assert guards.count("`") == 2 * len(named), "a guard is written `test_file.py::test_name`"
    for file, name in named:
        assert name in names_in(file), f"{file} has no {name}"


def names_in(file: str) -> set[str]:
    tree = ast.parse((TESTS / file).read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def test_every_part_of_the_model_says_something() -> None:
    parts = re.findall(r"^## (.+)$", PAGE, re.MULTILINE)
    assert len(parts) == len(set(parts)) >= 6
    assert len(ROWS) >= 30
