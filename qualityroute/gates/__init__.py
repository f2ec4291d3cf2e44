"""The checks of an answer, from free to cheap."""

from qualityroute.gates.gate import Gate, Gated, gate_for
from qualityroute.gates.judge import Breaker, JudgeCheck, backend_for
from qualityroute.gates.judge_own import OwnJudge
from qualityroute.gates.schema import JsonSchemaCheck, ToolsCheck, requires_call, schema_of_request

__all__ = [
    "Breaker",
    "Gate",
    "Gated",
    "JsonSchemaCheck",
    "JudgeCheck",
    "OwnJudge",
    "ToolsCheck",
    "backend_for",
    "gate_for",
    "requires_call",
    "schema_of_request",
]
