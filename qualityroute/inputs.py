"""What callers hand in, checked before any model is asked."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, TypeAlias

from qualityroute.budgets import Allowance
from qualityroute.client import Hear
from qualityroute.config import parse_duration
from qualityroute.errors import ConfigError, QualityRouteError
from qualityroute.records import Message, Tier, has_images, source_text

Input: TypeAlias = str | Sequence[Message]

LONGEST_NAME = 256
ROLES = ("system", "developer", "user", "assistant", "tool", "function")


def as_messages(value: Input, most: int) -> tuple[Message, ...]:
    """Text, or OpenAI chat messages, as messages. Raises `ConfigError` that says what is wrong.

    Args:
        most: characters of text allowed.
    """
    if isinstance(value, bytes):
        raise ConfigError("input is bytes; decode it to text first")
    messages = ({"role": "user", "content": value},) if isinstance(value, str) else _checked(value)
    text = source_text(messages)
    if not text.strip() and not has_images(messages):
        raise ConfigError("input is empty; give text, or chat messages with text or images")
    if len(text) > most:
        raise ConfigError(f"input has {len(text):,} characters; max_input allows {most:,}")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise ConfigError("input holds lone surrogates and cannot be sent as UTF-8 text") from None
    return messages


def _checked(value: Any) -> tuple[Message, ...]:
    if not isinstance(value, Sequence) or not value:
        raise ConfigError("input must be text or a list of chat messages such as {'role': 'user', 'content': '...'}")
    for position, message in enumerate(value):
        if not isinstance(message, Mapping) or message.get("role") not in ROLES:
            raise ConfigError(f"input message {position} has no valid 'role'; use one of {', '.join(ROLES)}")
        _check_content(position, message.get("content"))
    return tuple(value)


def _check_content(position: int, content: Any) -> None:
    where = f"input message {position}"
    if isinstance(content, bytes) or not isinstance(content, str | Sequence | None):
        raise ConfigError(f"{where}: 'content' must be text or a list of parts")
    for part in () if isinstance(content, str | None) else content:
        if not isinstance(part, Mapping) or not isinstance(part.get("type"), str):
            raise ConfigError(f"{where}: a part needs a 'type', such as 'text' or 'image_url'")
        if part["type"] == "text" and not isinstance(part.get("text"), str):
            raise ConfigError(f"{where}: a part of type 'text' needs its 'text'")


def checked_name(value: str | None, what: str) -> str | None:
    """A session or tenant id that can be stored, shown and logged. Raises `ConfigError`."""
    if value is None:
        return None
    if not isinstance(value, str):
        raise ConfigError(f"{what} must be text, not {type(value).__name__}")
    if not value.strip():
        raise ConfigError(f"{what} is empty; leave it out or give it a name")
    if len(value) > LONGEST_NAME:
        raise ConfigError(f"{what} has {len(value):,} characters; at most {LONGEST_NAME} are allowed")
    if any(unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") for char in value):
        raise ConfigError(f"{what} {value[:40]!r} holds control characters")
    return value


def checked_allowance(allowance: Allowance | None, unpriced: Sequence[str]) -> Allowance | None:
    """Raises `ConfigError` for one that cannot be kept.

    Args:
        unpriced: models without a price, which would take from it for free.
    """
    if allowance is None:
        return None
    name, per_day = checked_name(allowance.name, "the allowance's name"), allowance.per_day
    if not isinstance(per_day, Decimal) or not per_day.is_finite() or per_day < 0:
        raise ConfigError(f"the allowance of '{name}' is {per_day!r}; right is a Decimal of USD, 0 or more")
    if unpriced:
        models = ", ".join(f"'{model}'" for model in unpriced)
        raise ConfigError(
            f"'{name}' has a budget, and there is no [[prices]] row for {models}, so what is spent would be unknown; "
            "add the rows, or ask without a budget"
        )
    return allowance


def checked_metadata(metadata: Any) -> Mapping[str, Any]:
    """The caller's own notes, which must fit into a row. Raises `ConfigError` before any money is spent."""
    if metadata is None:
        return {}
    if not isinstance(metadata, Mapping) or not all(isinstance(key, str) for key in metadata):
        raise ConfigError("metadata must be a mapping with text keys")
    try:
        json.dumps(metadata, default=str)
    except (TypeError, ValueError, RecursionError) as error:
        raise ConfigError(f"metadata cannot be written as JSON: {error}") from None
    return metadata


def checked_tier(tier: Tier | str | None) -> Tier | None:
    """Raises `ConfigError` for a tier that is none."""
    if tier is None:
        return None
    try:
        return Tier(tier)
    except ValueError:
        raise ConfigError(f"no tier '{tier}'; there are: {', '.join(Tier)}") from None


def as_listener(hear: Hear) -> Hear:
    """The caller's own, whose failure ends the request and speaks against no endpoint."""

    async def heard(delta: Mapping[str, Any]) -> None:
        try:
            await hear(delta)
        except Exception as error:
            raise QualityRouteError(f"the listener failed: {type(error).__name__}: {error}") from error

    return heard


def moment(since: datetime | timedelta | str | None, now: datetime) -> datetime | None:
    """A date to count from: a date, a time before `now`, or the text of either. Raises `ConfigError`."""
    found = _read_moment(since) if isinstance(since, str) else since
    if isinstance(found, timedelta):
        try:
            return now - found
        except OverflowError:
            raise ConfigError(f"{since!s:.40} ago is before all time") from None
    if found is not None and not isinstance(found, datetime):
        raise ConfigError(f"a time to count from is a datetime, a timedelta or text, not {type(found).__name__}")
    return found.replace(tzinfo=UTC) if found is not None and found.tzinfo is None else found


def _read_moment(text: str) -> datetime | timedelta:
    try:
        return parse_duration(text)
    except ValueError:
        pass
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise ConfigError(f"'{text}' is neither a date such as '2026-11-01' nor a time such as '7d'") from None
