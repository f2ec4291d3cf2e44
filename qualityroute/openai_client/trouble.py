"""Why no answer came, as a value: what the wire or the provider told us, before anybody raises it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from qualityroute.errors import ProviderError
from qualityroute.records import Reason, Usage

REPEATED_STATUSES = frozenset({408, 409, 429})
"""Worth asking again, as are those from 500 up."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back over HTTP, read but not yet understood."""

    status: int
    content: bytes
    retry_after: str | None = None
    """The header of that name."""
    location: str | None = None
    """Where a redirect points."""

    @property
    def good(self) -> bool:
        """By its status; the body may say otherwise."""
        return 200 <= self.status < 300


@dataclass(frozen=True, slots=True)
class Trouble:
    message: str
    reason: Reason = Reason.PROVIDER_ERROR
    status: int | None = None
    """The provider's HTTP status, or the one named inside its body; `None` when nothing came back."""
    retryable: bool = True
    """Could the same call work later?"""
    retry_after: timedelta | None = None
    sent: bool = True
    """Did the request leave? One that never did cannot have cost anything."""
    words: str = ""
    """All that the provider said about it, in lower case, for the dialects to read."""
    usage: Usage = field(default_factory=Usage)
    """Tokens that the provider counted all the same."""
    asked: bool = True
    """`False`: nothing was sent, since the endpoint is cooling or a limit of ours is reached."""

    @property
    def worth_repeating(self) -> bool:
        """Should this same call try again now? An attempt that used up its time, or a bad 200, should not."""
        if not self.retryable:
            return False
        if self.status is None:
            return self.reason is not Reason.TIMEOUT
        return self.status in REPEATED_STATUSES or self.status >= 500

    @property
    def may_be_billed(self) -> bool:
        """Nobody bills an error status; a connection that broke, or a 200 that makes no sense, may be paid work."""
        return self.sent and (self.status is None or self.status < 300)

    @property
    def is_of_the_endpoint(self) -> bool:
        """Does it speak against the endpoint, rather than against this one request?"""
        if self.status is None:
            return self.sent or self.retryable
        return self.status in REPEATED_STATUSES or self.status >= 500 or self.status < 300

    def error(self, *, retries: int = 0, usage: Usage = Usage(), may_be_billed: bool = False) -> ProviderError:
        """To raise; `usage` and `may_be_billed` tell of the tries before."""
        return ProviderError(
            self.message,
            reason=self.reason,
            retryable=self.retryable,
            retry_after=self.retry_after,
            status=self.status,
            retries=retries,
            may_be_billed=self.may_be_billed or may_be_billed,
            usage=usage,
            asked=self.asked,
        )
