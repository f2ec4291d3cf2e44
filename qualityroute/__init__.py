"""Quality-gated fallback: the cheap model answers first, and each answer is proved before it is served.

from qualityroute import Engine

async with Engine.from_file("qualityroute.toml") as engine:
    answer = await engine.run("invoice", text, session="user-42")
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from qualityroute.analysis import analyze_complexity
    from qualityroute.budgets import Allowance
    from qualityroute.client import Client, CompletionRequest
    from qualityroute.complexity import Complexity
    from qualityroute.config import Config, Task
    from qualityroute.engine import Engine
    from qualityroute.errors import (
        AnswerRejected,
        BudgetExceeded,
        ConfigError,
        DeadlineExceeded,
        ProviderError,
        QualityRouteError,
        StoreError,
    )
    from qualityroute.gates.judge_own import OwnJudge
    from qualityroute.gates.judge_verdict import Judgement
    from qualityroute.mapping import Mapped
    from qualityroute.pins import Pin
    from qualityroute.records import (
        Answer,
        Attempt,
        Completion,
        Decision,
        ModelCall,
        Outcome,
        Reason,
        Route,
        Ruling,
        Tier,
        Usage,
        Verdict,
    )
    from qualityroute.report import Report
    from qualityroute.rubrics import Criterion, FieldRule, Rubric

__version__ = "0.1.0"

__all__ = [
    "Allowance",
    "Answer",
    "AnswerRejected",
    "Attempt",
    "BudgetExceeded",
    "Client",
    "Completion",
    "CompletionRequest",
    "Complexity",
    "Config",
    "ConfigError",
    "Criterion",
    "DeadlineExceeded",
    "Decision",
    "Engine",
    "FieldRule",
    "Judgement",
    "Mapped",
    "ModelCall",
    "Outcome",
    "OwnJudge",
    "Pin",
    "ProviderError",
    "QualityRouteError",
    "Reason",
    "Report",
    "Route",
    "Rubric",
    "Ruling",
    "StoreError",
    "Task",
    "Tier",
    "Usage",
    "Verdict",
    "analyze_complexity",
]

# Where each public name lives. They are imported when first used: `qualityroute --help`, and those who want
# one pure module, do not wait for the engine.
_HOMES = {
    "Allowance": "budgets",
    "Answer": "records",
    "AnswerRejected": "errors",
    "Attempt": "records",
    "BudgetExceeded": "errors",
    "Client": "client",
    "Completion": "records",
    "CompletionRequest": "client",
    "Complexity": "complexity",
    "Config": "config",
    "ConfigError": "errors",
    "Criterion": "rubrics",
    "DeadlineExceeded": "errors",
    "Decision": "records",
    "Engine": "engine",
    "FieldRule": "rubrics",
    "Judgement": "gates.judge_verdict",
    "Mapped": "mapping",
    "ModelCall": "records",
    "Outcome": "records",
    "OwnJudge": "gates.judge_own",
    "Pin": "pins",
    "ProviderError": "errors",
    "QualityRouteError": "errors",
    "Reason": "records",
    "Report": "report",
    "Route": "records",
    "Rubric": "rubrics",
    "Ruling": "records",
    "StoreError": "errors",
    "Task": "config",
    "Tier": "records",
    "Usage": "records",
    "Verdict": "records",
    "analyze_complexity": "analysis",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'qualityroute' has no '{name}'")
    value = getattr(importlib.import_module(f"qualityroute.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
