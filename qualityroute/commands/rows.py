"""The lines that `run` writes: one for each input, in one write call, and read again to resume."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any, Protocol

from pydantic import BaseModel

from qualityroute.commands.given import Given
from qualityroute.errors import QualityRouteError, StoreError
from qualityroute.records import Answer, Decision, Outcome
from qualityroute.render.json_lines import json_line, money_text

UNFINISHED = frozenset({None, Outcome.FAILED, Outcome.CANCELLED})
"""Outcomes that `--resume` tries again: nothing was answered."""


class Rows(Protocol):
    """Where rows go."""

    def write(self, row: Mapping[str, Any]) -> None: ...

    def close(self) -> None: ...


def answer_row(task: str, given: Given, answer: Answer) -> dict[str, Any]:
    output = answer.output
    plain = output.model_dump(mode="json") if isinstance(output, BaseModel) else output
    return {**_place(task, given), **_told(answer.decision), "output": plain}


def error_row(task: str, given: Given, error: Exception) -> dict[str, Any]:
    """A decision that was not written down is not named: nobody would find it."""
    decision = getattr(error, "decision", None) if not isinstance(error, StoreError) else None
    message = str(error) if isinstance(error, QualityRouteError) else f"{type(error).__name__}: {error}"
    return {**_place(task, given), **_told(decision), "error": message}


def _place(task: str, given: Given) -> dict[str, Any]:
    """With what `--resume` knows a row by: its task, and the key of its input."""
    file = {} if given.file is None else {"file": given.file}
    return {"id": given.id, "index": given.index, **file, "task": task, "input_key": given.key}


def _told(decision: Decision | None) -> dict[str, Any]:
    if decision is None:
        return dict.fromkeys(("outcome", "reason", "tier", "model", "cost", "decision"))
    return {
        "outcome": decision.outcome.value,
        "reason": decision.reason,
        "tier": decision.tier,
        "model": decision.model,
        "cost": money_text(decision.cost),
        "decision": decision.id,
    }


class PrintedRows:
    """Rows on standard output, each flushed."""

    def write(self, row: Mapping[str, Any]) -> None:
        sys.stdout.buffer.write(row_line(row))
        sys.stdout.buffer.flush()

    def close(self) -> None:
        """Standard output is not ours to close."""


def row_line(row: Mapping[str, Any]) -> bytes:
    return (json_line(row) + "\n").encode()
