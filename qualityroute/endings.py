"""How a request ends: what the caller gets, or which error, and what is kept of its contents. Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, Literal

from qualityroute.budgets import Shortage, exceeded
from qualityroute.errors import AnswerRejected, DeadlineExceeded, ProviderError, QualityRouteError
from qualityroute.fallback import is_unavailable
from qualityroute.records import Attempt, Decision, Message, Reason, Ruling, Verdict

_QUOTING = frozenset({"evidence", "not_found", "differences"})
"""Details of verdicts that hold words of the document."""


def output_of(kept: Attempt) -> Any:
    """The gate's output; of a refusal that the task wants returned, its words."""
    completion = kept.completion
    if kept.reason is Reason.REFUSED and completion is not None:
        return completion.refusal or completion.content
    return kept.output


def error_of(
    decision: Decision,
    limit: Reason | None,
    deadline: timedelta,
    failures: Sequence[ProviderError],
    short: Shortage | None = None,
) -> QualityRouteError:
    """Why there is no answer, with the recorded decision."""
    error: QualityRouteError
    attempts = decision.attempts
    last = attempts[-1] if attempts else None
    if limit is not None:
        within = f"no answer within its deadline of {deadline.total_seconds():g} s"
        error = DeadlineExceeded(f"task '{decision.task}': {within}", attempts=attempts)
    elif decision.reason is Reason.BUDGET and short is not None:
        error = exceeded(short, f"task '{decision.task}': ", attempts)
    elif last is not None and is_unavailable(last):
        error = ProviderError(
            f"task '{decision.task}': no endpoint of tier '{last.tier}' answered: {last.message}",
            reason=last.reason or Reason.PROVIDER_ERROR,
            retryable=any(failure.retryable for failure in failures),
            retry_after=failures[-1].retry_after,
            attempts=attempts,
        )
    else:
        told = "; ".join(f"{attempt.tier} ({attempt.reason}): {attempt.message}" for attempt in attempts)
        error = AnswerRejected(f"task '{decision.task}': no answer passed its checks: {told}", attempts=attempts)
    error.decision = decision
    return error


def payloads_of(
    wanted: Literal["none", "rejected", "all"], messages: Sequence[Message], attempts: Sequence[Attempt]
) -> dict[str, str]:
    """Prompt and answers to keep, by kind."""
    rejected = any(attempt.ruling is Ruling.REJECTED for attempt in attempts)
    if wanted == "none" or (wanted == "rejected" and not rejected):
        return {}
    payloads = {"input": json.dumps(messages, ensure_ascii=False, default=str)}
    for number, attempt in enumerate(attempts, 1):
        if attempt.completion is not None:
            payloads[f"answer.{number}.{attempt.tier}"] = attempt.completion.content or ""
    return payloads


def without_quotes(verdict: Verdict) -> Verdict:
    if _QUOTING.isdisjoint(verdict.details):
        return verdict
    return replace(verdict, details={key: value for key, value in verdict.details.items() if key not in _QUOTING})
