"""How long to wait before asking again; pure, so that no test has to sleep."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from qualityroute.openai_client.trouble import Trouble

FIRST_WAIT = 0.5
LONGEST_WAIT = 8.0
_LONGEST_ASKED = timedelta(days=365)


def wait_before_repeat(
    trouble: Trouble, *, repeats: int, allowed: int, remaining: float, chance: float
) -> float | None:
    """Seconds until the next try, or `None` when there should be none or it would come too late.

    `chance` is in [0, 1): the jitter, so that calls which failed together do not return together.
    """
    if repeats >= allowed or not trouble.worth_repeating:
        return None
    backoff = min(LONGEST_WAIT, FIRST_WAIT * 2**repeats)
    wait = backoff * (1 + chance) / 2
    if trouble.retry_after is not None:
        wait = trouble.retry_after.total_seconds() + chance * FIRST_WAIT
    return wait if wait < remaining else None


def parse_retry_after(header: str | None, now: datetime) -> timedelta | None:
    """The wait a `Retry-After` header asks for, in seconds or as an HTTP date; `None` if it says nothing."""
    if header is None:
        return None
    try:
        seconds = float(header)
    except ValueError:
        return _until(header, now)
    if math.isnan(seconds):
        return None
    return timedelta(seconds=min(max(seconds, 0.0), _LONGEST_ASKED.total_seconds()))


def _until(date: str, now: datetime) -> timedelta | None:
    try:
        moment = parsedate_to_datetime(date)
    except (ValueError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return min(max(moment - now, timedelta(0)), _LONGEST_ASKED)
