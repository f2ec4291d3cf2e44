"""The words of the product: what can happen, and why."""

from __future__ import annotations

from enum import StrEnum


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
