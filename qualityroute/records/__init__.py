"""What happened, as frozen values: the words of the product and nothing else.

Everything above imports these; they import nothing of ours. Unknown is `None`, never 0.
"""

from qualityroute.records.calls import Completion, ModelCall, ToolCall, Usage
from qualityroute.records.decisions import Answer, Attempt, Decision, Verdict, total_cost
from qualityroute.records.messages import Json, Message, has_images, source_text
from qualityroute.records.words import JudgeTrouble, Outcome, PinEffect, Reason, ReasonKind, Role, Route, Ruling, Tier

__all__ = [
    "Answer",
    "Attempt",
    "Completion",
    "Decision",
    "Json",
    "JudgeTrouble",
    "Message",
    "ModelCall",
    "Outcome",
    "PinEffect",
    "Reason",
    "ReasonKind",
    "Role",
    "Route",
    "Ruling",
    "Tier",
    "ToolCall",
    "Usage",
    "Verdict",
    "has_images",
    "source_text",
    "total_cost",
]
