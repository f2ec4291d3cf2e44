"""What holds for requests of every task."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import (
    Field,
    model_validator,
)

from qualityroute.config.fields import BudgetDollars, Dollars, Duration, Keep, ModelName, Share, Size
from qualityroute.config.section import Section
from qualityroute.config.task_section import OnDeadline, Speculate


class Routing(Section):
    mode: Literal["cascade", "baseline"] = "cascade"
    """cascade: each task as its tier says; baseline: everything to performance, recorded as reference."""
    explore: Share = 0.02
    """With `tier = "auto"`: the share of requests that the log would not send through the whole cascade, and that go
    through it all the same. Of those on their way straight to performance it is more: as many as bring the cost of
    their efficiency answers and judges to this share of what performance costs. Without it what was learned once would
    stay for ever (routing.md A5)."""
    value_of_second: Dollars = Decimal(0)
    """USD that a second less of waiting is worth; 0: `auto` looks at cost alone."""
    cost_of_error: Dollars = Decimal(0)
    """USD that a wrong answer costs; 0: unknown, and `auto` never leaves out the judge."""
    speculate: Speculate = "off"
    """auto: with `tier = "auto"`, begin the performance answer while efficiency's is still being proved, for requests
    whose P(escalate) makes the seconds that this saves worth more than the call where it is not needed."""
    deadline: Duration | None = None
    """The same as the top-level `deadline`, which in TOML must stand above every table."""
    on_deadline: OnDeadline = "error"
    """What to do when the deadline comes.

    error: `DeadlineExceeded`.
    serve_best: an answer that was accepted, or one that passed every free check of the gate, and that only the judge or
    peers did not accept or had no time for, is served; its decision's outcome is then `unproven`.
    """


class Cache(Section):
    """Answers that are served again, where a task says so."""

    scope: Literal["session", "tenant"] = "tenant"
    """Who shares an answer; requests without a session are not cached under "session"."""
    ttl: Annotated[Duration, Field(le=timedelta(days=3650))] = timedelta(hours=24)
    """How long an answer is served after it was given."""
    embeddings: ModelName | None = None
    """For "semantic": the model that likens questions, at an endpoint with OpenAI's `/embeddings`."""
    window: int | None = Field(default=None, ge=8)
    """For "semantic": tokens that this model reads; what is longer it cuts off, and is not compared."""
    threshold: Share = 0.7
    """For "semantic": how alike the vectors of two questions must be to be looked at, as the cosine of their angle. No
    threshold tells a paraphrase from the same question about another number; that is what the guards are for."""
    false_hits: float = Field(default=0.01, gt=0, lt=1)
    """For "semantic": the judge is asked of each answer in question until it is shown, with confidence 0.95, that at
    most this share of them is wrong: some 3/`false_hits` of them, if none is."""
    recheck: float = Field(default=0.05, gt=0, le=1)
    """For "semantic": the share of answers that the judge is asked of after that."""


class Budget(Section):
    """What may be spent, in USD.

    Before each model call what it may cost is reserved, so that others cannot spend it; a call that does not fit into
    each of its budgets is not made. See `estimates` for when a call may cost more than was reserved.
    """

    per_request: BudgetDollars | None = None
    """All calls of one request together."""
    per_session: BudgetDollars | None = None
    """Of a tenant, for as long as there are requests of it."""
    per_day: BudgetDollars | None = None
    """In UTC, for everything that uses the store."""
    on_exhausted: Literal["error", "efficiency_only", "serve_best"] = "error"
    """What to do when a call does not fit.

    error: `BudgetExceeded`, unless an answer was accepted before.
    efficiency_only: where performance was to answer because of a pin or the task's tier, efficiency does, with its
    whole gate; what the gate does not accept ends in `BudgetExceeded`.
    serve_best: the same, but an answer that passed every free check of the gate, and that only the judge or peers did
    not accept or could not be paid to judge, is served; its decision's outcome is then `unproven`.
    """


class Pins(Section):
    scope: Literal["session", "task"] = "session"
    """Is a session held for all its tasks, or for the one whose answer failed?"""
    after: int = Field(default=1, ge=1, le=100)
    """Rejected answers in a row before a pin."""
    first: int = Field(default=2, ge=0, le=10_000)
    """Requests held before a half-open probe; doubles on each failed probe."""
    cap: int = Field(default=64, ge=1, le=1_000_000)
    """Requests held at most between two probes."""
    probe: Literal["requests", "idle", "never"] = "requests"
    """When efficiency is tried again: after so many requests, after so long a rest, or never."""
    idle_ttl: Duration = timedelta(minutes=30)
    """A pin ends when its session has rested so long."""
    max_age: Duration = timedelta(hours=24)
    """A pin ends at the latest so long after it was made."""

    @model_validator(mode="after")
    def _cap_is_not_below_first(self) -> Self:
        if self.cap < self.first:
            raise ValueError(f"cap ({self.cap}) is below first ({self.first})")
        return self


class Store(Section):
    url: str = Field(default="sqlite:///qualityroute.db", repr=False)
    """A file, or a PostgreSQL database; not shown, since it can hold a password."""
    payloads: Literal["none", "rejected", "all"] = "rejected"
    """Whose prompts and answers are kept."""
    on_store_error: Literal["raise", "warn"] = "raise"
    """Whether a request fails when its decision cannot be written."""
    keep: Keep | None = None
    """How long decisions are kept, such as `"90d"`; a running engine removes older ones. `None`: for ever."""


class Gateway(Section):
    """Limits of `qualityroute serve`. `max_concurrent` and `header_timeout` hold from start to end of the process."""

    max_body: Size = 32 * 2**20
    """Of one request; images come in it. `"32MiB"`, or a number of bytes."""
    max_concurrent: int = Field(default=256, ge=1, le=100_000)
    """Requests that each worker answers at once; more are refused with status 503."""
    header_timeout: Duration = timedelta(seconds=10)
    """For the head of a request, from its first byte or from the connection's."""
    body_timeout: Duration = timedelta(seconds=30)
    """For a request's body, from the end of its head."""
    first_keep_alive: Duration = timedelta(seconds=2)
    """When a stream begins at the latest. What fails before that gets an HTTP status, and what fails after an event."""
    keep_alive: Duration = timedelta(seconds=10)
    """Between comments in a stream while its answer is still being proved."""
    shutdown_grace: Duration = timedelta(seconds=30)
    """How long a server that is told to end waits for what is under way."""


class PriceRow(Section):
    """USD per 1M tokens of a model, from a date on."""

    model: ModelName
    """`provider/model`."""
    effective_from: date = date.min
    """The first day of the price; of several the newest that is not in the future holds."""
    input: Dollars
    """USD per 1M tokens read."""
    output: Dollars
    """USD per 1M tokens written."""
    cached_input: Dollars | None = None
    """USD per 1M tokens read from the provider's cache; left out: as `input`."""
