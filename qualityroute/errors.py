"""The errors a caller can catch.

QualityRouteError
├── ConfigError         a mistake in the configuration, a rubric, a schema, or the call itself
├── ProviderError       every endpoint of a tier failed; `attempts`, `retryable`, `reason`
├── AnswerRejected      no tier gave an answer that passes the free checks; `attempts`, `verdicts`
├── DeadlineExceeded    the request's time ran out; `attempts`
├── BudgetExceeded      a call would go beyond a budget; `scope`, `limit`, `spent`, `opens_at`, `attempts`
└── StoreError          the session store cannot be read or written
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from qualityroute.records import Attempt, Decision, Reason, Usage, Verdict


class QualityRouteError(Exception):
    """Anything this package raises on purpose. `retryable`: could the same call work later?"""

    retryable: bool = False
    decision: Decision | None = None
    """The recorded story of the request, where there is one."""


class ConfigError(QualityRouteError, ValueError):
    """A mistake that is found before any model is asked."""


class ProviderError(QualityRouteError):
    """An endpoint, or all of a tier's endpoints, did not give an answer.

    `reason` is `provider_error`, `timeout`, `rate_limited` or `context_overflow`;
    `retry_after` is what the provider asked for. `may_be_billed`: could the model have worked all the
    same, so that the call's cost is unknown and not zero? By default only after a timeout. `usage`: tokens that
    the provider counted although it gave no answer. `asked`: false where nothing was sent at all, because the
    endpoint is cooling after failures or a limit of your own is reached; `retry_after` then says for how long.
    """

    def __init__(
        self,
        message: str,
        *,
        reason: Reason = Reason.PROVIDER_ERROR,
        retryable: bool = True,
        retry_after: timedelta | None = None,
        status: int | None = None,
        retries: int = 0,
        may_be_billed: bool | None = None,
        usage: Usage = Usage(),
        asked: bool = True,
        attempts: Sequence[Attempt] = (),
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.retryable = retryable
        self.retry_after = retry_after
        self.status = status
        self.retries = retries
        self.may_be_billed = reason is Reason.TIMEOUT if may_be_billed is None else may_be_billed
        self.usage = usage
        self.asked = asked
        self.attempts = tuple(attempts)


class AnswerRejected(QualityRouteError):
    """Every tier answered, and no answer passed its checks. `attempts` has every one of them."""

    def __init__(self, message: str, *, attempts: Sequence[Attempt] = ()) -> None:
        super().__init__(message)
        self.attempts = tuple(attempts)

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        return tuple(verdict for attempt in self.attempts for verdict in attempt.verdicts)


class DeadlineExceeded(QualityRouteError, TimeoutError):
    """The request's deadline passed. `attempts` has what was finished before."""

    retryable = True

    def __init__(self, message: str, *, attempts: Sequence[Attempt] = ()) -> None:
        super().__init__(message)
        self.attempts = tuple(attempts)


class BudgetExceeded(QualityRouteError):
    """The next call of a model may cost more than is left of a budget, and no answer could be served without it.

    Args:
        scope: `request`, `session`, `task` or `key` (each for a day), or `day`.
        limit: USD, as is `spent`.
        opens_at: when the budget begins anew; `None`: never.
        attempts: what was finished before.
    """

    def __init__(
        self,
        message: str,
        *,
        scope: str | None = None,
        limit: Decimal | None = None,
        spent: Decimal | None = None,
        opens_at: datetime | None = None,
        attempts: Sequence[Attempt] = (),
    ) -> None:
        super().__init__(message)
        self.scope = scope
        self.limit = limit
        self.spent = spent
        self.opens_at = opens_at
        self.attempts = tuple(attempts)


class StoreError(QualityRouteError):
    """The store cannot be opened, read or written; nothing is half-written."""
