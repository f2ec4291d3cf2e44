"""What happened, as frozen values: the words of the product and nothing else.

Everything above imports these; they import nothing of ours. Unknown is `None`, never 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any, TypeAlias

Json: TypeAlias = Any
"""A value as `json.loads` gives it."""

Message: TypeAlias = Mapping[str, Any]
"""One OpenAI chat message: `role` and `content` (text, or a list of text and image parts)."""


class Tier(StrEnum):
    """How much a model costs, and how far it is trusted."""

    EFFICIENCY = "efficiency"
    PERFORMANCE = "performance"


class Ruling(StrEnum):
    """What a check says of an answer. "Could not judge" is not "failed"."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    UNDECIDED = "undecided"


class ReasonKind(StrEnum):
    QUALITY = "quality"
    """Falls back, counts in the fallback rate, pins."""
    FORM = "form"
    """Form and suspicion: falls back and counts, but never pins."""
    AVAILABILITY = "availability"
    """Fails over; never in the rate, never pins."""
    TROUBLE = "trouble"
    """A check could not be made (judge or user code in trouble); never in the rate, never pins."""
    LIMIT = "limit"
    """The request was broken off: cancelled, out of time or of money, or by an error nobody foresaw."""
    HAND = "hand"
    """Somebody said so."""


class Reason(StrEnum):
    """Why an answer was not served, a request failed, or a session is pinned."""

    EMPTY = "empty"
    NOT_JSON = "not_json"
    SCHEMA = "schema"
    CHECK = "check"
    UNGROUNDED = "ungrounded"
    DISAGREEMENT = "disagreement"
    JUDGED = "judged"
    TRUNCATED = "truncated"
    REFUSED = "refused"
    FILTERED = "filtered"
    INJECTION = "injection"
    PROVIDER_ERROR = "provider_error"
    TIMEOUT = "timeout"
    RATE_LIMITED = "rate_limited"
    CONTEXT_OVERFLOW = "context_overflow"
    JUDGE_ERROR = "judge_error"
    CHECK_ERROR = "check_error"
    DEADLINE = "deadline"
    BUDGET = "budget"
    """The next call did not fit into a budget."""
    CANCELLED = "cancelled"
    INTERNAL = "internal"
    """Something broke that nobody foresaw; the caller got its exception."""
    MANUAL = "manual"

    @property
    def kind(self) -> ReasonKind:
        return _KINDS[self]

    @property
    def pins(self) -> bool:
        return self.kind is ReasonKind.QUALITY

    @property
    def counts(self) -> bool:
        """Is an attempt that ended so a fallback in the fallback rate?"""
        return self.kind in (ReasonKind.QUALITY, ReasonKind.FORM)


_KINDS: dict[Reason, ReasonKind] = {
    Reason.EMPTY: ReasonKind.QUALITY,
    Reason.NOT_JSON: ReasonKind.QUALITY,
    Reason.SCHEMA: ReasonKind.QUALITY,
    Reason.CHECK: ReasonKind.QUALITY,
    Reason.UNGROUNDED: ReasonKind.QUALITY,
    Reason.DISAGREEMENT: ReasonKind.QUALITY,
    Reason.JUDGED: ReasonKind.QUALITY,
    Reason.TRUNCATED: ReasonKind.FORM,
    Reason.REFUSED: ReasonKind.FORM,
    Reason.FILTERED: ReasonKind.FORM,
    Reason.INJECTION: ReasonKind.FORM,
    Reason.PROVIDER_ERROR: ReasonKind.AVAILABILITY,
    Reason.TIMEOUT: ReasonKind.AVAILABILITY,
    Reason.RATE_LIMITED: ReasonKind.AVAILABILITY,
    Reason.CONTEXT_OVERFLOW: ReasonKind.AVAILABILITY,
    Reason.JUDGE_ERROR: ReasonKind.TROUBLE,
    Reason.CHECK_ERROR: ReasonKind.TROUBLE,
    Reason.DEADLINE: ReasonKind.LIMIT,
    Reason.BUDGET: ReasonKind.LIMIT,
    Reason.CANCELLED: ReasonKind.LIMIT,
    Reason.INTERNAL: ReasonKind.LIMIT,
    Reason.MANUAL: ReasonKind.HAND,
}


class JudgeTrouble(StrEnum):
    """Why a judge could not judge; the cause beside `judge_error`."""

    TIMEOUT = "timeout"
    TRUNCATED = "truncated"
    PARSE = "parse"
    REFUSAL = "refusal"
    OPEN = "open"


class Outcome(StrEnum):
    """What the caller got."""

    ACCEPTED = "accepted"
    """The efficiency answer passed its gate and was served."""
    FALLBACK = "fallback"
    """The gate rejected the efficiency answer; performance was served."""
    PINNED = "pinned"
    """The session was held on performance."""
    FAILOVER = "failover"
    """Efficiency or its judge was in trouble; performance was served. No verdict on quality."""
    PERFORMANCE = "performance"
    """The task, or the caller, asked for performance."""
    CACHED = "cached"
    """An earlier answer to the same question was served, and no model was asked."""
    UNPROVEN = "unproven"
    """A budget or the time was used up, and by `on_exhausted` or `on_deadline = "serve_best"` an answer was served that
    passed every free check and that its gate had not accepted."""
    REJECTED = "rejected"
    """No tier gave an answer that passed the free checks; the caller got `AnswerRejected`."""
    FAILED = "failed"
    """No endpoint answered, or time or money ran out; the caller got an error."""
    CANCELLED = "cancelled"
    """The caller went away; what was spent is written down."""


class Route(StrEnum):
    """Why a request started on the tier it started on."""

    CASCADE = "cascade"
    PINNED = "pinned"
    PROBE = "probe"
    """A pinned session's half-open try of the efficiency tier."""
    TASK = "task"
    """The task's tier is performance."""
    ASKED = "asked"
    """The caller named a tier."""
    EXPLORE = "explore"
    """A try of the efficiency tier beside a performance answer that was already served; nobody waits for it."""
    BASELINE = "baseline"
    """To performance, recorded as reference: by `[routing] mode = "baseline"`, or by `baseline run`."""
    COMPARE = "compare"
    """An efficiency answer held against a reference by `baseline compare`; nobody is served."""
    AUDIT = "audit"
    """The performance tier's answer to a request whose accepted answer was served; nobody waits for it."""
    UNCERTIFIED = "uncertified"
    """Straight to performance: the task accepts nothing without a certificate, and none is in force."""
    HARD_LIMIT = "hard_limit"
    """Straight to performance: no model of the efficiency tier can answer (`tier = "auto"`)."""
    LEARNED = "learned"
    """Straight to performance: the log proves that trying efficiency first does not pay (`tier = "auto"`)."""
    UNJUDGED = "unjudged"
    """Efficiency first, without the judge, who costs more than he prevents (`tier = "auto"`). In no fallback rate."""
    CACHED = "cached"
    """To no tier: an earlier answer to the same question was served."""

    @property
    def measures(self) -> bool:
        """Made to measure a task and not to serve anybody: no request in any rate, its cost the measuring's."""
        return self in (Route.AUDIT, Route.COMPARE)

    @property
    def served(self) -> bool:
        """Was somebody waiting for the answer?"""
        return self is not Route.EXPLORE and not self.measures


class Role(StrEnum):
    """What a model call was for."""

    ANSWER = "answer"
    JUDGE = "judge"
    PEER = "peer"
    AUDIT = "audit"
    EMBEDDING = "embedding"
    """The vector of a question, by which the cache likens it to others."""


class PinEffect(StrEnum):
    """What a decision did to its session's pin, as the ledger keeps it."""

    WATCHED = "watched"
    CREATED = "created"
    HELD = "held"
    PROBE_PASSED = "probe_passed"
    PROBE_FAILED = "probe_failed"
    PROBE_VOID = "probe_void"
    RELEASED = "released"
    CLEARED = "cleared"
    """The strikes of a session that was only watched."""


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


@dataclass(frozen=True, slots=True)
class Verdict:
    """One check's word on one answer."""

    check: str
    ruling: Ruling
    reason: Reason | None = None
    message: str = ""
    score: float | None = None
    calls: tuple[ModelCall, ...] = ()
    """Model calls this check made."""
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def cost(self) -> Decimal | None:
        return total_cost(call.cost for call in self.calls)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One answer asked of one tier: its calls, its verdicts, and what became of it."""

    tier: Tier
    ruling: Ruling
    reason: Reason | None
    calls: tuple[ModelCall, ...] = ()
    """Answer calls in the order made; the last one answered, unless all failed."""
    verdicts: tuple[Verdict, ...] = ()
    completion: Completion | None = None
    output: Any = None
    """The parsed answer; what `Answer.output` will be if this attempt is kept."""
    message: str = ""
    repaired: bool = False
    """The JSON stood in a code fence, which was taken off."""
    latency: timedelta = timedelta(0)
    early: bool = False
    """Begun while the attempt before it was still being proved."""

    @property
    def accepted(self) -> bool:
        return self.ruling is Ruling.ACCEPTED

    @property
    def all_calls(self) -> tuple[ModelCall, ...]:
        return self.calls + tuple(call for verdict in self.verdicts for call in verdict.calls)

    @property
    def answer_call(self) -> ModelCall | None:
        """The call that answered; the last one tried when none did."""
        answered = (call for call in reversed(self.calls) if call.error is None)
        return next(answered, self.calls[-1] if self.calls else None)

    @property
    def model(self) -> str | None:
        """`provider/model` that answered, or was tried last; a peer, where peers' votes put its answer in the place."""
        served = next((v.details["served"] for v in self.verdicts if "served" in v.details), None)
        if served is not None:
            return str(served)
        return self.answer_call.name if self.answer_call else None

    @property
    def usage(self) -> Usage:
        return self.answer_call.usage if self.answer_call else Usage()

    @property
    def cost(self) -> Decimal | None:
        return total_cost(call.cost for call in self.all_calls)

    @property
    def failed_verdict(self) -> Verdict | None:
        return next((v for v in self.verdicts if v.ruling is not Ruling.ACCEPTED), None)


@dataclass(frozen=True, slots=True)
class Decision:
    """The whole story of one request: route, attempts, verdicts, outcome, cost."""

    id: str
    at: datetime
    tenant: str
    session: str | None
    task: str
    route: Route
    outcome: Outcome
    reason: Reason | None = None
    """Why the request left the efficiency tier, or why it failed."""
    message: str = ""
    tier: Tier | None = None
    """The tier that answered."""
    model: str | None = None
    """`provider/model` that answered."""
    attempts: tuple[Attempt, ...] = ()
    cost: Decimal | None = None
    latency: timedelta = timedelta(0)
    fingerprint: str = ""
    """The configuration's."""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    pin: PinEffect | None = None
    """What it did to its session's pin."""
    spare: Attempt | None = None
    """A performance answer that was begun early, and not needed; none of `attempts`."""
    likening: Attempt | None = None
    """What it took to look for an earlier answer to a question like it, and what came of that; none of `attempts`."""
    recorded: bool = True
    """False where the store could not write it; its caller then got `StoreError`, or a warning was logged."""

    @property
    def all_attempts(self) -> tuple[Attempt, ...]:
        """With those that served nobody: whatever was paid for."""
        beside = tuple(attempt for attempt in (self.spare, self.likening) if attempt is not None)
        return (*self.attempts, *beside) if beside else self.attempts

    @property
    def failed(self) -> bool | None:
        """Was the unpinned efficiency attempt rejected? `None` where nobody could say, or there was none.

        What the fallback rate counts: its denominator are those that are true or false.
        """
        first = self.attempts[0] if self.attempts else None
        if self.route not in (Route.CASCADE, Route.EXPLORE) or first is None or first.tier is not Tier.EFFICIENCY:
            return None
        if first.ruling is Ruling.ACCEPTED:
            return False
        return True if first.ruling is Ruling.REJECTED and first.reason is not None and first.reason.counts else None


@dataclass(frozen=True, slots=True)
class Answer:
    """What the caller gets."""

    output: Any
    """A pydantic object, parsed JSON, or text, as the task says."""
    decision: Decision
    completion: Completion | None = None
    """The model's own words behind `output`."""


def total_cost(costs: Iterable[Decimal | None]) -> Decimal | None:
    """The sum in USD; unknown as soon as one part is unknown."""
    total = Decimal(0)
    for cost in costs:
        if cost is None:
            return None
        total += cost
    return total


def source_text(messages: Sequence[Message]) -> str:
    """The user's own words and documents: every text of every message not from the assistant."""
    texts: list[str] = []
    for message in messages:
        if message.get("role") != "assistant":
            texts.extend(_texts(message.get("content")))
    return "\n\n".join(texts)


def _texts(content: Any) -> list[str]:
    if isinstance(content, str):
        return [content]
    if isinstance(content, Sequence):
        return [part["text"] for part in content if isinstance(part, Mapping) and part.get("type") == "text"]
    return []


def has_images(messages: Sequence[Message]) -> bool:
    return any(
        isinstance(part, Mapping) and part.get("type") == "image_url"
        for message in messages
        if isinstance(message.get("content"), Sequence) and not isinstance(message.get("content"), str)
        for part in message["content"]
    )
