"""How our values stand in columns: names, texts, money, times, durations and JSON, each way."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Set
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any

PER_DOLLAR = 10**12
"""Money is exact to this part of a dollar, and is added up in these units."""

_MILLISECOND = timedelta(milliseconds=1)
# The one thing SQLite cannot bind is half a surrogate pair; the one thing PostgreSQL cannot keep is NUL.
_UNKEEPABLE = re.compile("[\x00\ud800-\udfff]")


def name(value: str) -> str:
    """A name as it is. One that cannot be kept is refused: two sessions must never become one."""
    if value.isascii() and "\x00" not in value:  # asked here too, as of a text
        return value
    if not _keepable(value):
        raise ValueError(f"the name {value[:40]!r} holds a NUL or half a surrogate pair")
    return value


def text(value: str) -> str:
    """A text; what no database keeps becomes U+FFFD, because the row matters more than the character."""
    # Asked here too, since there are twenty texts in a decision.
    if value.isascii() and "\x00" not in value:
        return value
    return value if _keepable(value) else _UNKEEPABLE.sub("\N{REPLACEMENT CHARACTER}", value)


def _keepable(value: str) -> bool:
    if "\x00" in value:
        return False
    if value.isascii():  # which nearly all are
        return True
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def dollars(cost: Decimal | None) -> float | None:
    return None if cost is None else float(cost)


def from_dollars(stored: float | None) -> Decimal | None:
    return None if stored is None else from_units(round(stored * PER_DOLLAR))


def from_units(units: int) -> Decimal:
    return Decimal(units) / PER_DOLLAR


def moment(at: datetime) -> str:
    """ISO 8601 in UTC, of one length, so that texts sort as times do."""
    if at.tzinfo is not UTC:  # which nearly all are
        if at.utcoffset() is None:
            raise ValueError(f"the time {at.isoformat()} has no time zone")
        at = at.astimezone(UTC)
    # A quarter of `isoformat`'s time, and five times a request.
    second = _second(at.year, at.month, at.day, at.hour, at.minute, at.second)
    return f"{second}.{str(at.microsecond).zfill(6)}+00:00"


@lru_cache(10)  # most moments are of the last few seconds
def _second(year: int, month: int, day: int, hour: int, minute: int, second: int) -> str:
    return f"{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}"


def milliseconds(duration: timedelta) -> float:
    return duration / _MILLISECOND


def from_milliseconds(stored: float) -> timedelta:
    return timedelta(microseconds=round(stored * 1000))


def to_json(value: Any) -> str:
    """JSON that any reader takes: no NaN, readable letters; what JSON does not know becomes text."""
    if value == {}:  # which nearly all are
        return "{}"
    try:
        written = _ENCODER.encode(value)
    except ValueError:  # NaN or Infinity somewhere inside
        written = _ENCODER.encode(_finite(value))
    return written if _keepable(written) else json.dumps(json.loads(written))


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    return sorted(value, key=repr) if isinstance(value, Set) else text(str(value))


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, Mapping):
        return {key: _finite(part) for key, part in value.items()}
    return [_finite(part) for part in value] if isinstance(value, list | tuple) else value


_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, default=_plain)
