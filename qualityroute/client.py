"""The door to the models, as the engine sees it: one method, one call, one model."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol, TypeAlias

from qualityroute.memo import kept
from qualityroute.records import Completion, Message, Role, Tier, Usage

Hear: TypeAlias = Callable[[Mapping[str, Any]], Awaitable[None]]
"""Awaited with each piece of an answer while the model still writes it, in order: an OpenAI `delta` with those of
`content`, `refusal` and `tool_calls` that came, without the model's thoughts. A slow listener slows the reading."""


@dataclass(slots=True)
class Progress:
    """How far a call has come, for the books of a caller who goes away in the middle of it."""

    sent: int | None = None
    """Requests that left for the provider; `None` from a client that does not say."""
    spent: Usage = field(default_factory=Usage)
    """Tokens so far: counted by the provider, or estimated from what has come in."""
    counted: bool = False
    """Does `spent` hold the call that was under way as well?"""
    heard: bool = False
    """Has the caller heard the beginning of an answer, so that no other can take its place?"""


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
    """JSON Schema the answer should follow; the provider is asked to help, we check. What is made of it is kept with
    the object, so it must not be changed afterwards."""
    tools: tuple[Mapping[str, Any], ...] = ()
    max_output_tokens: int | None = None
    temperature: float | None = None
    top_logprobs: int | None = None
    """Ask for the log probability of each token, with so many alternatives; not every endpoint gives them."""
    questions: tuple[Question, ...] = ()
    """Where there are any, decisions are asked for and no words: the completion's `raw` then holds `answers`, one
    for each question in order, each with the question's `name`, as the reply of OpenAI's `/decisions` does."""
    embeds: bool = False
    """The vector of the only message's text is asked for, and no words: the completion's `raw` then holds `embedding`,
    a list of numbers, and its `usage` the tokens that the model read, as far as the endpoint counts them."""
    timeout: timedelta | None = None
    """How long this one call may take, retries included; the request's deadline stands above it."""
    waits: bool = True
    """Wait for an endpoint that is cooling, when that fits the time left; otherwise fail at once, unasked."""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    """Further fields of the request body, passed through as they are."""
    progress: Progress = field(default_factory=Progress, compare=False, repr=False)
    """Written by the client while the call is under way."""
    hear: Hear | None = field(default=None, compare=False, repr=False)
    """Who hears the answer while it comes in; a client that does not stream leaves it unheard."""

    @property
    def name(self) -> str:
        return f"{self.provider}/{self.model}"


def delta_of(completion: Completion) -> dict[str, Any]:
    """A whole answer as one delta for who hears it; `{}` where there is nothing to hear."""
    calls = [
        {
            "index": index,
            "id": call.id,
            "type": "function",
            "function": {"name": call.name, "arguments": call.arguments},
        }
        for index, call in enumerate(completion.tool_calls)
    ]
    told = {"content": completion.content, "refusal": completion.refusal, "tool_calls": calls}
    return {name: value for name, value in told.items() if value}


def schema_instruction(schema: Mapping[str, Any]) -> str:
    """The schema in words, for a prompt."""
    return "Answer with one JSON value that follows this JSON Schema, and with nothing else:\n" + schema_text(schema)


def schema_text(schema: Mapping[str, Any]) -> str:
    """The schema as JSON; kept with the object, which must not be changed afterwards."""
    return _schema_text(_Same(schema))


class _Same:
    """A schema as a key: this very object, whatever it holds."""

    __slots__ = ("schema",)

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self.schema = schema

    def __hash__(self) -> int:
        return id(self.schema)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other.schema is self.schema


@kept
def _schema_text(same: _Same) -> str:
    return json.dumps(same.schema, ensure_ascii=False, default=dict)


@dataclass(frozen=True, slots=True)
class Capability:
    """One thing that a model's endpoint was found to do or to refuse. Never anything of a request's contents."""

    provider: str
    base_url: str
    model: str
    name: str
    value: str
    at: datetime
    """When it was found; what is old is found out anew, since endpoints improve."""


class Memory(Protocol):
    """Keeps capabilities longer than a client lives. Both raise `StoreError`."""

    async def capabilities(self, base_url: str, model: str) -> list[Capability]: ...

    async def learn(self, capability: Capability) -> None:
        """In place of what was known under its name."""


class BreakerState(StrEnum):
    """Of an endpoint that is left alone after failures, or after it asked for that."""

    CLOSED = "closed"
    """It may be asked."""
    OPEN = "open"
    """It rests."""
    HALF_OPEN = "half_open"
    """Its rest is over, and one request finds out whether it answers again."""


@dataclass(frozen=True, slots=True)
class EndpointHealth:
    """How one model at one provider fares now, in one process."""

    provider: str
    model: str
    state: BreakerState
    waiting: int
    """Calls that wait for their turn to be sent: for the endpoint's rest, our own limits, or a free connection."""
    in_flight: int
    """Requests sent and not back."""


class Client(Protocol):
    """Asks one model one thing.

    `complete` returns what the model said, whatever that is worth, or raises `ProviderError` with
    its reason when no answer came. It retries what is worth retrying; it never asks another model.
    Where it streams, it awaits `request.hear` with each delta and sets `request.progress.heard` before the first;
    from then on nothing is tried again. What `hear` raises is let through.
    """

    async def complete(self, request: CompletionRequest) -> Completion: ...

    async def aclose(self) -> None: ...
