"""The ledger counted from its raw rows, by other means than the product's: what a report is held against."""

from __future__ import annotations

import sqlite3
from collections import Counter, defaultdict
from decimal import Decimal
from pathlib import Path
from typing import Any

NEVER_COUNTED = ("provider_error", "timeout", "rate_limited", "context_overflow", "judge_error", "check_error")


def recount(path: Path) -> dict[str, dict[str, Any]]:
    file = sqlite3.connect(path)
    file.row_factory = sqlite3.Row
    tasks: dict[str, dict[str, Any]] = {}
    decisions = file.execute("select * from decisions").fetchall()
    attempts = defaultdict(list)
    for row in file.execute("select * from attempts order by decision_id, attempt"):
        attempts[row["decision_id"]].append(row)
    for decision in decisions:
        task = tasks.setdefault(decision["task"], {"requests": 0, "attempts": 0, "fallbacks": 0, "outcomes": Counter()})
        task["requests"] += 1
        task["outcomes"][decision["outcome"]] += 1
        first = attempts[decision["id"]][0] if attempts[decision["id"]] else None
        if decision["route"] != "cascade" or first is None or first["tier"] != "efficiency":
            continue
        if first["ruling"] == "undecided":
            continue
        task["attempts"] += 1
        task["fallbacks"] += first["ruling"] == "rejected"
    for name, task in tasks.items():
        costs = file.execute(
            "select calls.cost from calls join decisions on decisions.id = decision_id where task = ?", (name,)
        ).fetchall()
        task["cost"] = sum((round(Decimal(repr(row[0])), 12) for row in costs if row[0] is not None), Decimal(0))
    file.close()
    return tasks
