"""One call of a model, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from qualityroute.records.words import Reason, Role, Tier


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one call, as the provider counted them; `None` where it did not say."""

    input_tokens: int | None = None
    cached_tokens: int | None = None
    """The part of `input_tokens` read from the provider's prompt cache."""
    output_tokens: int | None = None
    reasoning_tokens: int | None = None
    """The part of `output_tokens` spent on reasoning."""
    estimated: bool = False


@dataclass(frozen=True, slots=True)
class ModelCall:
    """One call that was made of one model, good or not, with what it cost."""

    role: Role
    tier: Tier | None
    provider: str
    model: str
    """The model asked for, without its provider."""
    usage: Usage = Usage()
    cost: Decimal | None = None
    """USD; `None` when the price or the tokens are unknown."""
    latency: timedelta = timedelta(0)
    error: Reason | None = None
    message: str = ""
    """What went wrong, in words."""
    served_model: str = ""
    """The model the provider said had answered."""
    retries: int = 0
    """Earlier tries of this same call that failed and cost nothing we know of."""
    at: datetime | None = field(default=None, compare=False)
    """When it began; known in the process that made it, and not kept in the ledger."""

    @property
    def name(self) -> str:
        return f"{self.provider}/{self.model}"


@dataclass(frozen=True, slots=True)
class ToolCall:
    id: str
    name: str
    arguments: str
    """JSON as the model wrote it."""


@dataclass(frozen=True, slots=True)
class Completion:
    """What a model answered, before anybody looked at it."""

    content: str | None
    finish_reason: str = "stop"
    refusal: str | None = None
    tool_calls: tuple[ToolCall, ...] = ()
    usage: Usage = Usage()
    model: str = ""
    cost: Decimal | None = None
    """USD, when the provider says it itself."""
    retries: int = 0
    raw: Mapping[str, Any] | None = None
