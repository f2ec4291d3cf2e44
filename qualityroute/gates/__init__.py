"""The checks of an answer, from free to cheap."""

from qualityroute.gates.gate import Gate, Gated, gate_for
from qualityroute.gates.judge import Breaker
from qualityroute.gates.schema import ToolsCheck

__all__ = ["Breaker", "Gate", "Gated", "ToolsCheck", "gate_for"]
