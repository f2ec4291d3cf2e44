"""What every check is given, and what it gives back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from qualityroute.metering import Meter
from qualityroute.records import Completion, Json, Message, Verdict


@dataclass(frozen=True, slots=True)
class Candidate:
    """An answer that has a proper form, with what it was made from."""

    messages: tuple[Message, ...]
    source: str
    """The caller's own text, which a good answer rests on."""
    completion: Completion
    text: str
    """The answer as text: JSON when the task has a schema."""
    value: Json
    """The answer as JSON holds it; the text itself where no JSON is wanted."""
    output: Any
    """What the caller gets: `value`, or the pydantic object made from it."""
    accept_at: float | None = None
    """The judge's score that is good enough, where a certificate proves one; else the rubric's threshold."""


class Check(Protocol):
    """One verification of an answer. It gives a verdict; it never raises for what an answer holds."""

    @property
    def name(self) -> str: ...

    async def check(self, candidate: Candidate, meter: Meter) -> Verdict: ...
