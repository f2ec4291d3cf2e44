"""Refusals and failures as OpenAI's clients know them: a status, and `{"error": {...}}`."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from qualityroute.errors import (
    AnswerRejected,
    BudgetExceeded,
    ConfigError,
    DeadlineExceeded,
    ProviderError,
    QualityRouteError,
    StoreError,
)
from qualityroute.gateway.answers import decision_headers
from qualityroute.records import Attempt, Decision, Reason, Verdict

INVALID = "invalid_request_error"
SERVER = "server_error"
_PARAMS = {
    "response_format": "response_format.json_schema.schema",
    "tool ": "tools",
    "tool_choice": "tool_choice",
    "input": "messages",
    "metadata": "metadata",
}
"""How the engine begins its word on a part of a request, and what that part is called in OpenAI's."""


@dataclass(eq=False)  # not frozen: raising an exception writes its traceback
class Refusal(Exception):
    """Why a request gets no answer."""

    status: int
    message: str
    type: str = INVALID
    param: str | None = None
    code: str | None = None
    retry: bool = False
    """Could the same request work later? Clients read it from `x-should-retry`."""
    retry_after: int | None = None
    """Seconds."""
    allow: str | None = None
    """The method that would be right."""
    closes: bool = False
    """Is the connection of no more use, since what was sent on it was not read to its end?"""
    details: Mapping[str, Any] = field(default_factory=dict)
    """Further fields of the error."""
    decision: Decision | None = None
    """The recorded story of the request, where there is one."""

    @property
    def body(self) -> bytes:
        error = {"message": self.message, "type": self.type, "param": self.param, "code": self.code, **self.details}
        return json.dumps({"error": error}).encode()

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        headers = [(b"x-should-retry", b"true" if self.retry else b"false")]
        if self.retry_after is not None:
            headers.append((b"retry-after", b"%d" % self.retry_after))
        if self.allow is not None:
            headers.append((b"allow", self.allow.encode("ascii")))
        if self.closes:
            headers.append((b"connection", b"close"))
        return [*headers, *decision_headers(self.decision)]


def invalid(message: str, param: str | None = None, code: str | None = None) -> Refusal:
    """A mistake in the request's fields."""
    return Refusal(400, message, param=param, code=code)


def unforeseen() -> Refusal:
    """A bug of ours; what it was stands in the log under the request's id."""
    return Refusal(500, "something broke here that nobody foresaw; the log tells more", SERVER, code="internal_error")


def refusal_of(error: QualityRouteError, payloads: str) -> Refusal:
    """What the caller is told of an engine's error; `payloads`: what the store may keep, and so what may be quoted."""
    refusal = _refusal(error, payloads)
    refusal.decision = error.decision
    return refusal


def _refusal(error: QualityRouteError, payloads: str) -> Refusal:
    match error:
        case ConfigError():
            return invalid(str(error), _param_of(str(error)))
        case AnswerRejected():
            return _rejected(error, quotes=payloads != "none")
        case BudgetExceeded():
            # OpenAI's own form, whose clients know the code; trying again spends nothing and helps nobody.
            return Refusal(429, str(error), "insufficient_quota", code="insufficient_quota")
        case ProviderError():
            return _unavailable(error)
        case StoreError():
            # Its message names files and servers, which are the operator's to read.
            return Refusal(503, "the session store cannot be used", SERVER, code="store_error", retry=True)
        case DeadlineExceeded():
            return Refusal(504, str(error), SERVER, code="deadline_exceeded", retry=error.retryable)
        case _:
            return unforeseen()


def _param_of(message: str) -> str | None:
    return next((param for start, param in _PARAMS.items() if message.startswith(start)), None)


def _rejected(error: AnswerRejected, *, quotes: bool) -> Refusal:
    told = str(error) if quotes else "no answer passed its checks: " + ", ".join(map(_in_short, error.attempts))
    verdicts = [_verdict(verdict, quotes=quotes) for verdict in error.verdicts]
    decision = error.decision.id if error.decision is not None else None
    details = {"decision": decision, "verdicts": verdicts}
    return Refusal(422, told, "answer_rejected", code="answer_rejected", details=details)


def _in_short(attempt: Attempt) -> str:
    return f"{attempt.tier} ({attempt.reason})"


def _verdict(verdict: Verdict, *, quotes: bool) -> dict[str, Any]:
    return {
        "check": verdict.check,
        "ruling": verdict.ruling,
        "reason": verdict.reason,
        "message": verdict.message if quotes else "",
    }


def _unavailable(error: ProviderError) -> Refusal:
    if error.reason is Reason.CONTEXT_OVERFLOW:
        return invalid(str(error), "messages", "context_length_exceeded")
    wait = None if error.retry_after is None else max(1, math.ceil(error.retry_after.total_seconds()))
    if error.reason is Reason.RATE_LIMITED and _all_limited(error.attempts):
        code = "rate_limit_exceeded"
        return Refusal(429, str(error), "rate_limit_error", code=code, retry=True, retry_after=wait or 1)
    code = "provider_timeout" if error.reason is Reason.TIMEOUT else "provider_error"
    return Refusal(502, str(error), SERVER, code=code, retry=error.retryable, retry_after=wait)


def _all_limited(attempts: Sequence[Attempt]) -> bool:
    calls = attempts[-1].calls if attempts else ()
    return all(call.error is Reason.RATE_LIMITED for call in calls)
