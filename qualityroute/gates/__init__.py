"""The checks of an answer, from free to cheap."""

from qualityroute.gates.gate import Gate, Gated, gate_for
from qualityroute.gates.judge import Breaker

__all__ = ["Breaker", "Gate", "Gated", "gate_for"]
