"""The kinds of value a configuration is made of: durations, model names, money."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, StringConstraints

_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION = re.compile(r"^(\d{1,9}(?:\.\d{1,6})?)\s*(ms|s|m|h|d)$", re.ASCII)
_LONGEST = timedelta(days=30 * 365)
"""Added to any date of ours it makes another one."""


def parse_duration(value: object) -> timedelta:
    """`"20s"`, `"30m"`, `"24h"`, `"7d"`, `"250ms"`, or a `timedelta`. Raises `ValueError`."""
    if isinstance(value, timedelta):
        return value
    match = _DURATION.match(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise ValueError(f"{value!r} is not a duration; write a number and a unit, such as '20s', '30m' or '24h'")
    return timedelta(seconds=float(match[1]) * _UNITS[match[2]])


def format_duration(value: timedelta) -> str:
    """Exactly, in seconds, as `parse_duration` reads it."""
    seconds, rest = divmod(value, timedelta(seconds=1))
    return f"{seconds}.{rest.microseconds:06}".rstrip("0").rstrip(".") + "s"


def _usable(value: timedelta) -> timedelta:
    if value <= timedelta(0):
        raise ValueError("must be longer than nothing")
    if value > _LONGEST:
        raise ValueError("is longer than thirty years")
    return value


Duration = Annotated[
    timedelta,
    BeforeValidator(parse_duration),
    AfterValidator(_usable),
    PlainSerializer(format_duration, return_type=str),
]


def check_keep(keep: timedelta) -> timedelta:
    """Counters are by the hour, and a decision that is under way must not be removed. Raises `ValueError`."""
    if keep < timedelta(hours=1):
        raise ValueError("must be at least '1h'")
    if keep > timedelta(days=36_500):
        raise ValueError("must be at most '36500d'; what is left out is kept for ever")
    return keep


Keep = Annotated[Duration, AfterValidator(check_keep)]
"""How long something is kept."""


def _exact(value: Any) -> Any:
    # A float from Python means the digits it prints, not its binary neighbour.
    return Decimal(str(value)) if isinstance(value, float) else value


_SIZE_UNITS = {"": 1, "B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "kB": 10**3, "MB": 10**6, "GB": 10**9}
_SIZE = re.compile(r"(\d{1,15})\s*([A-Za-z]*)", re.ASCII)


def parse_size(value: object) -> int:
    """Bytes: `"32MiB"`, `"500kB"`, or a whole number. Raises `ValueError`."""
    match = _SIZE.fullmatch(str(value).strip()) if isinstance(value, int | str) else None
    if isinstance(value, bool) or match is None or match[2] not in _SIZE_UNITS:
        raise ValueError(f"{value!r} is not a size; write a number of bytes, or a number and a unit, such as '32MiB'")
    return int(match[1]) * _SIZE_UNITS[match[2]]


Size = Annotated[int, BeforeValidator(parse_size), Field(ge=1)]
"""Bytes."""

Dollars = Annotated[Decimal, BeforeValidator(_exact), Field(ge=0, allow_inf_nan=False)]
BudgetDollars = Annotated[Dollars, Field(le=1_000_000)]
"""No more than a store can count to the last digit."""
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


def _name(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", value):
        raise ValueError(
            f"{value[:64]!r} is no name; right is a letter or digit, then also '_', '.' or '-', 64 in all at most"
        )
    return value


Name = Annotated[str, AfterValidator(_name)]


def _address(value: str) -> str:
    if not re.fullmatch(r"https?://\S+", value):
        raise ValueError(f"{value[:200]!r} is no address; right is one such as 'http://127.0.0.1:8000/v1'")
    return value


Address = Annotated[str, AfterValidator(_address)]
"""Of a server."""


def _model_name(value: str) -> str:
    provider, slash, model = value.partition("/")
    if not (provider and slash and model):
        raise ValueError(f"{value!r} names no model; write 'provider/model', such as 'openai/gpt-5-nano'")
    return value


ModelName = Annotated[str, StringConstraints(strip_whitespace=True, max_length=256), AfterValidator(_model_name)]


def split_model(name: str) -> tuple[str, str]:
    """`provider/model`, split at the first slash."""
    provider, _, model = name.partition("/")
    return provider, model
