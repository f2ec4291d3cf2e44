"""The door to the models, as the engine sees it: one method, one call, one model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Protocol

from qualityroute.records import Completion, Message, Role, Tier


@dataclass(frozen=True, slots=True)
class Question:
    """A yes/no question about a request's messages, answered by the probability of yes."""

    name: str
    ask: str


@dataclass(frozen=True, slots=True)
class CompletionRequest:
    """What to ask of one model."""

    role: Role
    tier: Tier | None
    """The tier asked; `None` for a judge."""
    provider: str
    model: str
    """As the provider names it."""
    messages: tuple[Message, ...]
    response_schema: Mapping[str, Any] | None = None
    """JSON Schema the answer should follow; the provider is asked to help, we check."""
    tools: tuple[Mapping[str, Any], ...] = ()
    max_output_tokens: int | None = None
    temperature: float | None = None
    top_logprobs: int | None = None
    """Ask for the log probability of each token, with so many alternatives; not every endpoint gives them."""
    questions: tuple[Question, ...] = ()
    """Where there are any, decisions are asked for and no words: the completion's `raw` then holds `answers`, one
    for each question in order, each with the question's `name`, as the reply of OpenAI's `/decisions` does."""
    timeout: timedelta | None = None
    """How long this one call may take, retries included; the request's deadline stands above it."""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    """Further fields of the request body, passed through as they are."""

    @property
    def name(self) -> str:
        return f"{self.provider}/{self.model}"


class Client(Protocol):
    """Asks one model one thing.

    `complete` returns what the model said, whatever that is worth, or raises `ProviderError` with
    its reason when no answer came. It retries what is worth retrying; it never asks another model.
    """

    async def complete(self, request: CompletionRequest) -> Completion: ...

    async def aclose(self) -> None: ...
